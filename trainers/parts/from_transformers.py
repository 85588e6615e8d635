"""A published model through transformers: from a hub or a folder, of an expected kind, and whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retriever.encoders.hub import load_from_hub, load_local, looks_local
from retriever.encoders.torch_models import honest_load
from retriever.errors import ModelError
from retriever.extras import require
from trainers.parts.published_text import place_of

__all__ = ["Loaded", "Reader", "load_published"]

PURPOSE = "starting from a published model"

Reader = str | Callable[[Any], str]
"""The class of transformers that reads a kind of model, or what chooses it by the model's ``config``."""


@dataclass(frozen=True)
class Loaded:
    """A model in float32 as transformers has it.

    Attributes:
        config: of the model.
        model: with all the weights that its class asks for.
        tokenizer: the text of a ``tokenizer.json``.
    """

    config: Any
    model: Any
    tokenizer: str


def load_published(source: str, what: str, kinds: Mapping[str, Reader], **options: Any) -> Loaded:
    """Read a model and its tokenizer.

    Args:
        source: a hub id, or a folder, that transformers reads.
        what: kind of model, for messages: ``BERT``.
        kinds: by ``model_type``, what reads it.
        options: for the class's ``from_pretrained``.

    Raises:
        ModelError: it cannot be had, is of another kind, or lacks weights or a tokenizer.
        MissingExtra: transformers is not installed.
    """
    called = f"the {what} {source!r}"
    run = load_local if looks_local(source) else load_from_hub
    return run(called, lambda: _read(source, what, called, kinds, options))


def _read(source: str, what: str, called: str, kinds: Mapping[str, Reader], options: Any) -> Loaded:
    transformers = require("transformers", "train", PURPOSE)
    import torch

    name = place_of(source, what)
    config: Any = transformers.AutoConfig.from_pretrained(name)
    if config.model_type not in kinds:
        expected = " or ".join(map(repr, kinds))
        raise ModelError(f"{source} is a {config.model_type!r} model; expected a {what}: {expected}")
    reader = kinds[config.model_type]
    kind: Any = getattr(transformers, reader if isinstance(reader, str) else reader(config))
    with honest_load(called):
        model = kind.from_pretrained(name, dtype=torch.float32, **options)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(name)
    return Loaded(config, model, tokenizer.backend_tokenizer.to_str())
