"""Which arithmetic a run really uses."""

import logging
from typing import Literal

__all__ = ["mixed_precision"]

logger = logging.getLogger(__name__)


def mixed_precision(wanted: Literal["fp32", "bf16"], on_cpu: bool) -> Literal["no", "bf16"]:
    """What accelerate is told, in its words.

    bf16 on a processor without instructions for it is emulated, at a hundredth of float32's speed: such a run
    takes float32 and says so.

    Args:
        wanted: the configuration's ``train.precision``.
        on_cpu: no accelerator takes part.
    """
    if wanted == "fp32":
        return "no"
    if on_cpu and not _processor_has_bf16():
        logger.warning("this processor cannot calculate in bf16: training in float32")
        return "no"
    return "bf16"


def _processor_has_bf16() -> bool:
    import torch

    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported
