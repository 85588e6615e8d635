"""A published GPT-2 as the start of MOD-GPT's decoder."""

from typing import Any

import torch
from torch import Tensor, nn

from retriever.errors import ModelError
from retriever.rankers.parts.pieces import WordPieces
from trainers.parts.filling import fill_parameters
from trainers.parts.from_transformers import load_published
from trainers.parts.published_text import PublishedText

__all__ = ["PublishedGpt2", "read_gpt2"]

_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
_TABLES = {
    "wte.weight": "words.weight",
    "wpe.weight": "positions.weight",
    "ln_f.weight": "norm.weight",
    "ln_f.bias": "norm.bias",
}
_PARTS = {
    "ln_1": "norm1",
    "attn.c_attn": "self_attn.in_proj_",
    "attn.c_proj": "self_attn.out_proj",
    "ln_2": "norm2",
    "mlp.c_fc": "linear1",
    "mlp.c_proj": "linear2",
}
"""Where a block's parts are in a layer of `retriever.rankers.baselines.mod_gpt.Decoder`."""


class PublishedGpt2(PublishedText):
    """A GPT-2, by the decoder's names."""

    def fill_text(self, encoder: nn.Module) -> set[str]:
        """Into a `Decoder`; token types, which a GPT-2 has none of, start at 0 and change nothing yet."""
        types: Any = encoder.types
        with torch.no_grad():
            types.weight.zero_()
        return fill_parameters(encoder, self.state, "text.")


def read_gpt2(source: str) -> PublishedGpt2:
    """Read a GPT-2.

    Args:
        source: a hub id, or a folder, that transformers reads.

    Raises:
        ModelError: it cannot be had, is no GPT-2, or lacks weights or a tokenizer.
        MissingExtra: transformers is not installed.
    """
    loaded = load_published(source, "GPT-2", {"gpt2": "GPT2Model"})
    config = loaded.config
    if config.activation_function not in _ACTIVATIONS:
        raise ModelError(
            f"{source} has the activation {config.activation_function!r}; expected one of "
            f"{', '.join(_ACTIVATIONS)}"
        )
    odd = not config.scale_attn_weights or config.scale_attn_by_inverse_layer_idx
    if odd or abs(config.layer_norm_epsilon - 1e-5) > 1e-9:
        raise ModelError(f"{source} scales its attention or norms otherwise than GPT-2 does")
    return PublishedGpt2(
        _renamed(loaded.model, config.n_layer),
        WordPieces(loaded.tokenizer).with_mask(),
        config.n_layer,
        config.n_embd,
        config.n_head,
        config.n_inner or 4 * config.n_embd,
        config.n_positions,
        _ACTIVATIONS[config.activation_function],
    )


def _renamed(model: Any, layers: int) -> dict[str, Tensor]:
    state = {name: value.detach() for name, value in model.state_dict().items()}
    found = {there: state[here] for here, there in _TABLES.items()}
    for number in range(layers):
        for here, there in _PARTS.items():
            for kind in ("weight", "bias"):
                value = state[f"h.{number}.{here}.{kind}"]
                if value.ndim == 2:  # a GPT-2 keeps its linear layers the other way round
                    value = value.T
                dot = "" if there.endswith("_") else "."
                found[f"layers.{number}.{there}{dot}{kind}"] = value
    return found
