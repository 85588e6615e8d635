"""CLIP's image encoder through open_clip, as a sequence of states: a timm model's stand-in in `ImageEncoder`.

What follows ``open_clip:`` is spelt as for encoders: see `retriever.encoders.open_clip`.
"""

import logging
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retriever.encoders.hub import load_from_hub
from retriever.encoders.open_clip_load import Source, create_model, find_source, run_for
from retriever.errors import InputError, ModelError
from retriever.extras import require
from retriever.rankers.parts.config import ImageConfig

__all__ = ["SCHEME", "OpenClipTower"]

logger = logging.getLogger(__name__)

SCHEME = "open_clip:"
PURPOSE = "an open_clip image encoder"
_FILE = "open_clip_config.json"
_ENTRIES = ("embed_dim", "vision_cfg", "quick_gelu")
_NEAR = 1e-3
_NO_TEXT = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}


class OpenClipTower(nn.Module):
    """A vision transformer of open_clip without its projection.

    Args:
        config: `model` begins with `SCHEME`. With `pretrained` (``open_clip``) its weights are read; without,
            it starts from nothing, and where `options` hold an architecture nothing is looked up at all.

    Raises:
        InputError: an architecture that is no vision transformer, options that open_clip does not take, or
            that stand beside published weights.
        ModelError: no such model, or weights that cannot be had.
        MissingExtra: open_clip is not installed.
    """

    num_prefix_tokens = 1

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        library = require("open_clip", "train", PURPOSE)
        if config.pretrained not in (None, "open_clip"):
            raise InputError(
                f"image.pretrained is {config.pretrained!r}; an open_clip model takes 'open_clip' (the "
                "weights that its name says), or null to start from nothing"
            )
        if config.pretrained and config.options:
            raise InputError(
                f"image.options stand in the place of the architecture of {config.model}, whose weights they "
                "may not fit; leave them out, or set image.pretrained to null"
            )
        rest = config.model.removeprefix(SCHEME)
        known = config.pretrained is None and "vision_cfg" in config.options
        source = None if known else find_source(rest, library)
        found = dict(config.options) if source is None else _architecture(library, source)
        self.architecture: dict[str, Any] = {name: found[name] for name in _ENTRIES if name in found}
        self.architecture["vision_cfg"] = {**found["vision_cfg"], "image_size": config.size}
        self.label = rest if source is None else source.label
        if source is not None and config.pretrained is not None:
            whole = run_for(
                source, f"open_clip model {rest!r}", lambda: create_model(library, source, config.size)
            )
            self.architecture["quick_gelu"] = _is_quick(library, whole.visual)
            _check_colours(config, whole.visual)
        else:
            whole = _random(library, self.architecture)
        visual = whole.visual
        if not isinstance(visual, library.transformer.VisionTransformer) or visual.attn_pool is not None:
            raise InputError(
                f"{config.model} is no plain vision transformer; take one of open_clip's ViT-..."
            )
        self.projection: Tensor | None = None
        """(C, width) that the weights came with; not in the state, for the ranker has one of its own."""
        if config.pretrained is not None:
            self.projection = visual.proj.detach().T.clone()
        self.num_features = int(visual.proj.shape[0])
        visual.proj = None
        visual.output_tokens = True
        self.visual: Any = visual

    def forward_features(self, pixels: Tensor) -> Tensor:
        """(n, 3, size, size), normalised, to (n, 1 + regions, width): the whole first."""
        whole, regions = self.visual(pixels)
        return torch.cat([whole[:, None], regions], 1)


def _architecture(library: Any, source: Source) -> Mapping[str, Any]:
    """open_clip's model configuration of what `source` names."""
    scheme, _, place = source.model.partition(":")
    if scheme == "local-dir" and place:
        return _read(Path(place) / _FILE)
    if scheme == "hf-hub" and place:
        hub = require("huggingface_hub", "train", PURPOSE)
        what = f"open_clip model {source.model!r}"
        return _read(Path(load_from_hub(what, lambda: hub.hf_hub_download(place, _FILE))))
    found: Mapping[str, Any] = library.get_model_config(source.model)
    return found


def _read(path: Path) -> Mapping[str, Any]:
    import json

    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
        found["vision_cfg"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} says no model_cfg with a vision_cfg ({error})") from error
    return found


def _random(library: Any, architecture: Mapping[str, Any]) -> Any:
    try:
        return library.CLIP(**deepcopy(dict(architecture)), text_cfg=dict(_NO_TEXT))
    except (TypeError, ValueError, KeyError, AssertionError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"open_clip cannot build {dict(architecture)} ({' '.join(str(error).split())[:200]}); give "
            "embed_dim, vision_cfg and, where it is so, quick_gelu as in its own configurations"
        ) from error


def _check_colours(config: ImageConfig, visual: Any) -> None:
    told = getattr(visual, "preprocess_cfg", {})
    for name, ours in (("mean", config.mean), ("std", config.std)):
        theirs = told.get(name, ours)
        if any(abs(a - b) > _NEAR for a, b in zip(ours, theirs, strict=True)):
            logger.warning(
                "%s was trained on pixels with the %s %s; image.%s is %s",
                *(config.model, name, list(theirs), name, list(ours)),
            )


def _is_quick(library: Any, visual: Any) -> bool:
    return any(isinstance(part, library.transformer.QuickGELU) for part in visual.modules())
