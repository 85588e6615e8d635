"""The image encoder: any timm model, or open_clip's, as a sequence that begins with the whole picture."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retriever.errors import InputError, ModelError
from retriever.extras import require
from retriever.rankers.parts.config import ImageConfig
from retriever.rankers.parts.open_clip_tower import SCHEME, OpenClipTower

__all__ = ["ImageEncoder", "fill_body"]

PURPOSE = "the image encoder"
_PREFIXES = ("module.", "visual_encoder.", "body.", "body.body.")
_HEADS = ("head.", "head_dist.", "fc.", "classifier.", "pre_logits.", "AuxLogits.")


class ImageEncoder(nn.Module):
    """``V = {v_cls, v_1, ...}`` of section 3.1.

    Of a ViT: the last layer's states, class token first. Of a model without one (ResNet, Inception, ...): the
    last feature map as a sequence, and its mean in front.

    Args:
        config: what to build; its weights are read only where `pretrained` names some.

    Raises:
        InputError: no such model in timm, or options it does not take; an open_clip model that will not do.
        ModelError: the weights cannot be had, or do not fit.
        MissingExtra: timm is not installed.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.size = config.size
        self.config = config
        """What builds this encoder anew, without a look at what open_clip knows or has downloaded."""
        self.projection: Tensor | None = None
        """(C, width), of the published weights of an open_clip model, for models that have a common space."""
        if config.model.startswith(SCHEME):
            tower = OpenClipTower(config)
            self.body: Any = tower
            self.projection = tower.projection
            described = {"model": SCHEME + tower.label, "options": tower.architecture}
            self.config = config.model_copy(update=described)
        else:
            self.body = _body(config)
        self.width = int(self.body.num_features)
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None], persistent=False)
        if config.pretrained not in (None, "timm", "open_clip"):
            fill_body(self.body, Path(str(config.pretrained)).expanduser())

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, size, size) in [0, 1] to (n, 1 + regions, width)."""
        features = self.body.forward_features((pixels - self.mean) / self.std)
        if features.ndim == 4:
            if features.shape[1] == self.width:  # most feature maps; some models put channels last
                features = features.permute(0, 2, 3, 1)
            features = features.flatten(1, 2)
        n_prefix = int(getattr(self.body, "num_prefix_tokens", 0))
        if n_prefix:  # the class token; registers after it are no regions
            return torch.cat([features[:, :1], features[:, n_prefix:]], 1)
        return torch.cat([features.mean(1, keepdim=True), features], 1)


def _body(config: ImageConfig) -> Any:
    timm = require("timm", "train", PURPOSE)
    if not timm.is_model(config.model):
        close = timm.list_models(f"*{config.model.split('_')[0]}*")[:5]
        hint = f"; there are {', '.join(close)}, ..." if close else ""
        raise InputError(f"timm has no model {config.model!r}{hint}")
    options: dict[str, Any] = {"num_classes": 0, "pretrained": config.pretrained == "timm", **config.options}
    try:
        try:
            return timm.create_model(config.model, img_size=config.size, **options)
        except TypeError as error:  # convolutional models take any size and no such argument
            if "img_size" not in str(error):
                raise
            return timm.create_model(config.model, **options)
    except (TypeError, ValueError, AssertionError) as error:
        raise InputError(f"timm cannot build {config.model} with {options} ({error})") from error
    except Exception as error:  # of the hub: its client raises anything
        raise ModelError(
            f"timm's weights of {config.model} cannot be had ({' '.join(str(error).split())[:200]}); "
            "give a weights file as pretrained, or null to start from nothing"
        ) from error


def fill_body(body: Any, path: Path) -> None:
    """Fill `body` from a file, whatever prefix its names have; a head it may bring is left out.

    Raises:
        ModelError: no such file, or weights that do not fit.
    """
    if not path.is_file():
        raise ModelError(f"there is no weights file {path}; give a .safetensors or .pth file, or 'timm'")
    own = body.state_dict()
    state = _resized(body, _stripped(_read(path), own))
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(name for name in state.keys() - own.keys() if not name.startswith(_HEADS))
    wrong = sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
    if missing or unexpected or wrong:
        raise ModelError(
            f"{path} does not fit {type(body).__name__}: missing {missing[:3]}, unexpected {unexpected[:3]}, "
            f"of another shape {wrong[:3]} ({len(missing)}, {len(unexpected)}, {len(wrong)} in all)"
        )
    body.load_state_dict({name: value for name, value in state.items() if name in own})


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise a dozen kinds
        raise ModelError(
            f"{path} cannot be read as weights ({' '.join(str(error).split())[:200]})"
        ) from error
    for inner in ("model", "state_dict"):
        if isinstance(state, dict) and isinstance(state.get(inner), dict):
            state = state[inner]
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _stripped(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of a larger model, its image encoder; names as timm has them."""
    for prefix in _PREFIXES:
        inner = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if inner.keys() & own.keys() and not state.keys() & own.keys():
            return inner
    return state


def _resized(body: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    table = state.get("pos_embed")
    own = getattr(body, "pos_embed", None)
    if table is None or own is None or table.shape == own.shape:
        return state
    resample = require("timm.layers", "train", PURPOSE).resample_abs_pos_embed
    grid = body.patch_embed.grid_size
    return {
        **state,
        "pos_embed": resample(table, new_size=list(grid), num_prefix_tokens=body.num_prefix_tokens),
    }
