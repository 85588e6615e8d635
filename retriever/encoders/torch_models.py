"""What the torch-based encoders share: the device, a digest of the weights, a quiet and honest load."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from retriever.errors import InputError, ModelError
from retriever.extras import require

__all__ = ["honest_load", "pick_device", "weights_digest"]

logger = logging.getLogger(__name__)


def pick_device(device: str) -> str:
    """``cpu`` or ``cuda`` for a wish of ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: another wish.
        ModelError: ``cuda`` where torch sees no GPU.
    """
    torch = require("torch", "torch", "this encoder")
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}, expected one of auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device 'cuda': torch {torch.__version__} sees no GPU here; use 'cpu' or 'auto'")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def weights_digest(model: Any) -> str:
    """Twelve hex digits of the SHA-256 of all parameters and buffers, however they were stored."""
    torch = require("torch", "torch", "this encoder")
    digest = sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().to("cpu").contiguous().reshape(-1)
        if flat.numel():
            digest.update(memoryview(flat.view(torch.uint8).numpy()))
    return digest.hexdigest()[:12]


@contextmanager
def honest_load(what: str) -> Iterator[None]:
    """Turns a load that leaves weights random into an error; keeps transformers' reports off the terminal.

    transformers only reports weights that a checkpoint lacks, and fills them with random numbers. A missing
    pooler is harmless here: sentence vectors are pooled from the last layer.

    Raises:
        ModelError: the checkpoint lacks weights other than a pooler's.
    """
    logs = require("transformers.utils.logging", "torch", "this encoder")
    collector = _Collector()
    library, verbosity, bar = (
        logs.get_logger("transformers"),
        logs.get_verbosity(),
        logs.is_progress_bar_enabled(),
    )
    logs.set_verbosity_warning()
    logs.disable_progress_bar()
    logs.disable_default_handler()
    library.addHandler(collector)
    try:
        yield
    finally:
        library.removeHandler(collector)
        logs.enable_default_handler()
        logs.set_verbosity(verbosity)
        if bar:
            logs.enable_progress_bar()
    missing = [key for key in collector.missing() if "pooler" not in key]
    if missing:
        shown = ", ".join(missing[:3])
        raise ModelError(
            f"{what} lacks {len(missing)} weights ({shown}); they would be random: the checkpoint is "
            "incomplete or belongs to another architecture"
        )


class _Collector(logging.Handler):
    """Keeps what the library logs while a model loads."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage())
        self.texts.append(text)
        logger.debug("%s: %s", record.name, text)

    def missing(self) -> list[str]:
        """The keys in rows such as ``encoder.layer.{0, 1}.weight | MISSING |``."""
        rows = (
            re.match(r"(\S.*?)\s*\|\s*MISSING\b", line) for text in self.texts for line in text.splitlines()
        )
        return [row.group(1) for row in rows if row]
