"""The model a run starts with: vocabulary, published weights, word vectors."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from retriever.rankers.parts.config import Shape
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.text import AttentiveEncoder
from retriever.rankers.parts.vision import ImageEncoder
from trainers.parts.clip import PublishedClip
from trainers.parts.published import PublishedBert
from trainers.parts.text_start import start_text

__all__ = ["Start", "start_model"]

ModelT = TypeVar("ModelT", bound=nn.Module)
TokensT = TypeVar("TokensT")
ShapeT = TypeVar("ShapeT", bound=Shape)


@dataclass(frozen=True)
class Start(Generic[ModelT, TokensT]):
    """What training begins with.

    Attributes:
        model: its ``config`` has the sizes that were taken over from published weights.
        tokens: what turns text into the numbers that `model` reads.
        pretrained: names of the model's parameters that come from published weights.
    """

    model: ModelT
    tokens: TokensT
    pretrained: frozenset[str]

    def having(self, names: Iterable[str]) -> "Start[ModelT, TokensT]":
        """The same, with more parameters that come from published weights."""
        return replace(self, pretrained=self.pretrained | frozenset(names))


def start_model(
    config: ShapeT,
    texts: Iterable[str],
    seed: int,
    work: Path | None,
    make: Callable[[ShapeT, Pieces], tuple[ModelT, TokensT]],
) -> tuple[Start[ModelT, TokensT], PublishedBert | None]:
    """Make a model and fill its encoders with the weights that `config` names.

    Of a published BERT, a model whose text encoder is none takes vocabulary and word table alone. A CLIP's
    projections are taken over where the model has some of their shape (`projection` is then CLIP's own).

    Args:
        texts: what the model will read of the training split, read only where a vocabulary has to be learnt.
        seed: of what starts at random.
        work: a folder that keeps a learnt vocabulary, so that a run that goes on has the same one.
        make: builds the model, an image encoder ``image`` and a text encoder ``text`` with a word table
            ``words`` in it, from `config` with the sizes of the published weights, and from the vocabulary.

    Returns:
        the start, and the published BERT for what else it can fill.

    Raises:
        ModelError: published weights cannot be had or do not fit.
        InputError: sizes contradict the published ones or the word vectors.
    """
    text = start_text(config.text, texts, work)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, tokens = make(config.model_copy(update={"text": text.config}), text.pieces)
    made: Any = model
    encoder = made.text
    if isinstance(made.image, ImageEncoder):
        made.config = made.config.model_copy(update={"image": made.image.config})
    taken: set[str] = set()
    published = text.published
    bert = published if isinstance(published, PublishedBert) else None
    if bert is not None and not isinstance(encoder, AttentiveEncoder):
        table = bert.state["embeddings.word_embeddings.weight"]
        with torch.no_grad():
            encoder.words.weight[: len(table)] = table
        taken.add("text.words.weight")
    elif published is not None:
        taken |= published.fill_text(encoder)
    if isinstance(published, PublishedClip):
        taken |= _project(made, "text_projection", published.projection)
    if isinstance(made.image, ImageEncoder):
        taken |= _project(made, "image_projection", made.image.projection)
    if text.fill_words(encoder.words):
        taken.add("text.words.weight")
    if config.image.pretrained is not None:
        taken |= {name for name, _ in model.named_parameters() if name.startswith("image.")}
    return Start(model, tokens, frozenset(taken)), bert


def _project(model: Any, name: str, published: Tensor | None) -> set[str]:
    """Put a published projection (C, width) into the linear layer `name`, where there is one of its shape."""
    own = getattr(model, name, None)
    if published is None or own is None or own.weight.shape != published.shape:
        return set()
    with torch.no_grad():
        own.weight.copy_(published)
        if own.bias is not None:
            own.bias.zero_()
    return {f"{name}.weight"}
