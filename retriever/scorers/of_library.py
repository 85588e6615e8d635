"""The scorers of a library: those its index supports by itself, and trained rankers beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from retriever.checkpoints import STARTER
from retriever.encoders import load_encoder
from retriever.errors import InputError
from retriever.rankers import load_ranker
from retriever.scorers.base import Recaller, Scorer
from retriever.scorers.embedding import EmbeddingScorer
from retriever.scorers.ranker import NAME, DenseRankerScorer, RankerScorer, ranker_scorer
from retriever.store.library import Library

__all__ = ["embedding_names", "library_scorers", "named_rankers", "open_scorers", "recaller_names"]


def embedding_names(library: Library) -> list[str]:
    """The scorer name of each of the library's encoders: ``embedding``, or ``embedding:NAME`` if several."""
    specs = library.manifest.encoders
    return ["embedding"] if len(specs) == 1 else [f"embedding:{spec.name}" for spec in specs]


def recaller_names(library: Library) -> list[str]:
    """The recallers a library supports by itself."""
    return [*embedding_names(library), "lexical"]


def library_scorers(library: Library, ranker: str | Path | None = "auto") -> list[str]:
    """Names of the scorers that `StickerRetriever.open` takes without being told which."""
    starter = any(spec.name == "starter" for spec in library.manifest.encoders)
    trained = ranker is not None and (ranker != "auto" or starter)
    return [*recaller_names(library), *(["ranker"] if trained else [])]


def named_rankers(
    library: Library, checkpoints: Mapping[str, str], device: str = "auto"
) -> list[RankerScorer | DenseRankerScorer]:
    """A scorer for each checkpoint folder, under the name given to it."""
    return [_trained(library, folder, device, name) for name, folder in checkpoints.items()]


def open_scorers(
    library: Library,
    use: Sequence[str] = (),
    *,
    history: int = 3,
    device: str = "auto",
    ranker: str | Path | None = "auto",
) -> tuple[list[Recaller], list[Scorer]]:
    """The recallers wanted, and the ranker where it is too slow to be one.

    Args:
        use: names of `library_scorers`; empty takes all.
        history: how many utterances the recallers read.
        device: for encoders and rankers that can choose.
        ranker: a checkpoint folder; ``auto`` is the ranker that ships, where the library was made with its
            encoder; None leaves it out.

    Raises:
        InputError: a name in `use` that this library does not have.
        MissingExtra, ModelError: a model cannot be loaded here.
    """
    trained = _ranker(library, ranker, device)
    there = [*recaller_names(library), *([] if trained is None else [trained.name])]
    wanted = _chosen(use, there, library)
    recallers: list[Recaller] = []
    for name, spec in zip(embedding_names(library), library.manifest.encoders, strict=True):
        if name in wanted:
            encoder = load_encoder(spec.name, device=device)
            recallers.append(EmbeddingScorer(library, encoder, name, history))
    if "lexical" in wanted:
        recallers.append(library.lexical(history))
    if trained is None or trained.name not in wanted:
        return recallers, []
    if isinstance(trained, DenseRankerScorer):
        return [*recallers, trained], []
    return recallers, [trained]


def _ranker(
    library: Library, ranker: str | Path | None, device: str
) -> RankerScorer | DenseRankerScorer | None:
    """The trained scorer, with the vectors of the library where its text tower made them."""
    if ranker is None or (
        ranker == "auto" and not any(s.name == "starter" for s in library.manifest.encoders)
    ):
        return None
    return _trained(library, STARTER if ranker == "auto" else ranker, device)


def _trained(
    library: Library, checkpoint: str | Path, device: str, name: str = NAME
) -> RankerScorer | DenseRankerScorer:
    opened = load_ranker(checkpoint, device)
    same = [spec for spec in library.manifest.encoders if spec.model_id == opened.model_id]
    return ranker_scorer(library, opened, library.vectors(same[0]) if same else None, name)


def _chosen(use: Sequence[str], there: Sequence[str], library: Library) -> set[str]:
    unknown = [name for name in use if name not in there]
    if unknown:
        raise InputError(f"{library.paths.root} has no scorer {unknown[0]!r}; it has {', '.join(there)}")
    return set(use or there)
