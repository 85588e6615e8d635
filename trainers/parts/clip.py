"""A published CLIP's text encoder as the start of a ranker's: from transformers' files or open_clip's."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from retriever.encoders.open_clip_load import create_model, find_source, run_for
from retriever.errors import ModelError
from retriever.extras import require
from retriever.rankers.parts.clip_text import ClipTextEncoder
from retriever.rankers.parts.open_clip_tower import SCHEME
from retriever.rankers.parts.pieces import WordPieces
from trainers.parts.filling import fill_parameters
from trainers.parts.from_transformers import load_published
from trainers.parts.published_text import PublishedText

__all__ = ["PublishedClip", "read_clip"]

PURPOSE = "starting from a published CLIP"

_WITH_PROJECTION = "CLIPTextModelWithProjection"
_START, _END = "<|startoftext|>", "<|endoftext|>"
_ACTIVATIONS = {"gelu": "gelu", "quick_gelu": "quick_gelu", "gelu_pytorch_tanh": "gelu_tanh"}

_TABLES = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_PARTS = {
    "ln_1": "layer_norm1",
    "attn.out_proj": "self_attn.out_proj",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
"""Where open_clip's names are in transformers' module; query, key and value are one matrix in the former."""


@dataclass(frozen=True)
class PublishedClip(PublishedText):
    """A CLIP's text encoder, by the names of transformers' ``CLIPTextModel``.

    Attributes:
        projection: (C, width) to the common space, or None where the files have none.
    """

    projection: Tensor | None

    def fill_text(self, encoder: nn.Module) -> set[str]:
        """Into a `ClipTextEncoder`; the [MASK] that CLIP does not know stays as it is."""
        assert isinstance(encoder, ClipTextEncoder)
        return fill_parameters(encoder.body, self.state, "text.body.")


def read_clip(source: str) -> PublishedClip:
    """Read the text encoder of a CLIP.

    Args:
        source: a hub id or folder that transformers reads (a CLIP, or its text half alone), or ``open_clip:``
            and what `retriever.encoders.open_clip` lists.

    Raises:
        ModelError: it cannot be had, is no CLIP, or lacks weights or a tokenizer.
        MissingExtra: transformers or open_clip is not installed.
    """
    if source.startswith(SCHEME):
        return _of_open_clip(source.removeprefix(SCHEME))
    loaded = load_published(source, "CLIP", {"clip": "CLIPModel", "clip_text_model": _text_half})
    # of a whole CLIP all is read: what a smaller class leaves out would be reported at length
    projected = hasattr(loaded.model, "text_projection")
    text = loaded.model.text_model if projected else loaded.model
    config = text.config
    return PublishedClip(
        {key: value.detach() for key, value in text.state_dict().items()},
        WordPieces(loaded.tokenizer).with_mask(),
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        config.max_position_embeddings,
        _activation(config.hidden_act, f"the CLIP {source!r}"),
        loaded.model.text_projection.weight.detach() if projected else None,
    )


def _text_half(config: Any) -> str:
    projected = _WITH_PROJECTION in (config.architectures or ())
    return _WITH_PROJECTION if projected else "CLIPTextModel"


def _activation(name: str, what: str) -> str:
    if name not in _ACTIVATIONS:
        raise ModelError(f"{what} has the activation {name!r}; expected one of {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def _of_open_clip(rest: str) -> PublishedClip:
    library = require("open_clip", "train", PURPOSE)
    source = find_source(rest, library)
    what = f"open_clip model {rest!r}"
    model, tokenizer = run_for(
        source, what, lambda: (create_model(library, source), library.get_tokenizer(source.model))
    )
    tower = getattr(model, "text", model)  # a CLIP with a text tower of its own kind keeps it apart
    blocks = getattr(getattr(tower, "transformer", None), "resblocks", None)
    if blocks is None or tower.attn_mask is None or not isinstance(tokenizer, library.SimpleTokenizer):
        raise ModelError(f"{what} has another text encoder than CLIP's own; take a ViT-B-32, ViT-B-16, ...")
    projection = tower.text_projection
    if isinstance(projection, nn.Linear):
        raise ModelError(f"{what} projects texts with a bias, which CLIP has not")
    first = blocks[0]
    return PublishedClip(
        _renamed(tower),
        _pieces(tokenizer),
        len(blocks),
        int(tower.token_embedding.embedding_dim),
        int(first.attn.num_heads),
        int(first.mlp.c_fc.out_features),
        len(tower.positional_embedding),
        "quick_gelu" if isinstance(first.mlp.gelu, library.transformer.QuickGELU) else "gelu",
        None if projection is None else projection.detach().T.clone(),
    )


def _renamed(tower: Any) -> dict[str, Tensor]:
    state = {name: value.detach() for name, value in tower.state_dict().items()}
    found = {there: state[here] for here, there in _TABLES.items()}
    for number in range(len(tower.transformer.resblocks)):
        here, there = f"transformer.resblocks.{number}.", f"encoder.layers.{number}."
        for kind in ("weight", "bias"):
            parts = state[f"{here}attn.in_proj_{kind}"].chunk(3)
            for letter, part in zip("qkv", parts, strict=True):
                found[f"{there}self_attn.{letter}_proj.{kind}"] = part
            for ours, theirs in _PARTS.items():
                found[f"{there}{theirs}.{kind}"] = state[f"{here}{ours}.{kind}"]
    return found


def _pieces(tokenizer: Any) -> WordPieces:
    """open_clip's byte pairs as transformers spells them: the same numbers, its two markers renamed."""
    transformers = require("transformers", "train", PURPOSE)
    number = dict(tokenizer.encoder)
    for marker, at in ((_START, tokenizer.sot_token_id), (_END, tokenizer.eot_token_id)):
        number.pop(tokenizer.decoder[at])
        number[marker] = at
    ranked = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
    same: Any = transformers.CLIPTokenizer(vocab=number, merges=ranked)
    return WordPieces(same.backend_tokenizer.to_str()).with_mask()
