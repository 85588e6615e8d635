"""CLIP's text encoder (Radford et al. 2021): transformers' module, used as the other encoders are."""

from typing import Any

import torch
from torch import Tensor, nn

from retriever.errors import InputError
from retriever.extras import require
from retriever.rankers.parts.config import TextConfig

__all__ = ["ClipTextEncoder"]

PURPOSE = "CLIP's text encoder"


class ClipTextEncoder(nn.Module):
    """A causal transformer whose last token, the end's, has seen the whole text: ``w_cls`` is its state.

    Args:
        config: sizes.
        vocabulary: entries of the word table.

    Raises:
        InputError: a width that the heads do not divide.
        MissingExtra: transformers is not installed.
    """

    def __init__(self, config: TextConfig, vocabulary: int) -> None:
        super().__init__()
        transformers = require("transformers", "train", PURPOSE)
        width = self.width = config.width
        if width % config.heads:
            raise InputError(f"text.width {width} is not a multiple of text.heads {config.heads}")
        shape = transformers.CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=config.ffn or 4 * width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=config.max_tokens,
            hidden_act="gelu_pytorch_tanh" if config.activation == "gelu_tanh" else config.activation,
            attention_dropout=config.dropout,
            attn_implementation="sdpa",
        )
        self.body: Any = transformers.CLIPTextModel(shape)

    @property
    def words(self) -> nn.Embedding:
        """The word table."""
        table: nn.Embedding = self.body.get_input_embeddings()
        return table

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(n, t) numbers and mask to states (n, t, width) and ``w_cls`` (n, width).

        Padding is on the right, where nothing that counts sees it. The library's own pooling looks for the
        first end token, which a text that begins with padding's number would mislead; the mask does not.
        """
        states = self.body(input_ids=ids).last_hidden_state
        own = torch.arange(len(ids), device=ids.device)
        return states, states[own, mask.sum(1) - 1]
