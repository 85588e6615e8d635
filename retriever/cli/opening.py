"""How the systems of an evaluation are opened: the loading that `retriever.cli.systems` puts off."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eval.systems import System
    from retriever.cli.options import Scoring
    from retriever.store.library import Library

__all__ = ["chance", "checkpoint", "encoder", "fused", "llm", "scorer", "wanted"]


def scorer(library: "Library", named: str, name: str, history: int, device: str) -> "System":
    """One of the library's recallers."""
    from eval.library_systems import RecallerSystem
    from retriever.scorers.of_library import open_scorers

    _forget()
    recallers, _ = open_scorers(library, [named], history=history, device=device, ranker=None)
    return RecallerSystem(name, recallers[0])


def encoder(library: "Library", named: str, name: str, history: int, device: str) -> "System":
    """An encoder that the library was not made with."""
    from eval.library_systems import EncoderSystem
    from retriever.encoders import load_encoder

    _forget()
    return EncoderSystem(name, load_encoder(named, device=device), library, history)


def checkpoint(library: "Library", folder: Path, name: str, device: str) -> "System":
    """A trained ranker of any family."""
    from eval.library_systems import ranker_system
    from retriever.rankers import load_ranker

    _forget()
    return ranker_system(name, load_ranker(folder, device), library)


def chance(library: "Library", name: str, seed: int) -> "System":
    """Another order for each conversation, always the same one."""
    from eval.library_systems import ranker_system
    from retriever.rankers.baselines.plain import PlainRanker

    return ranker_system(name, PlainRanker("random", seed=seed), library)


def fused(library: "Library", scoring: "Scoring", name: str, device: str) -> "System":
    """The library's scorers, fused."""
    from eval.library_systems import FusedSystem

    _forget()
    return FusedSystem(name, scoring.open(library.paths.root, device=device))


def _forget() -> None:
    """Let every system read the conversations for itself: what another one read is not free in its costs."""
    from retriever.encoders.dual.encoder import forget_texts

    forget_texts()


def llm(
    library: "Library", name: str, model: str, url: str, method: str, journal: Path, api_key: str | None
) -> "System":
    """A language model over candidates; what it answers is kept in the journal."""
    from llm_tools.scorer import LlmScorer
    from llm_tools.scoring import AnswerCache
    from llm_tools.systems import LlmScorerSystem

    made = LlmScorer.at(url, model, api_key=api_key, method=method, cache=AnswerCache(journal))
    return LlmScorerSystem(name, made, library.stickers)


def wanted(
    library: "Library",
    name: str,
    model: str,
    url: str,
    with_intention: bool,
    journal: Path,
    api_key: str | None,
    device: str,
) -> "System":
    """Int-RA's baseline; what the model writes is kept in the journal."""
    from llm_tools.baselines import LlmBaseline
    from llm_tools.systems import WantedSystem
    from retriever.encoders import load_encoder

    journal.parent.mkdir(parents=True, exist_ok=True)
    loaded = load_encoder(library.manifest.encoders[0].name, device=device)
    baseline = LlmBaseline.at(
        url, model, loaded, list(library.stickers), journal,
        api_key=api_key, name=name, with_intention=with_intention,
    )  # fmt: skip
    return WantedSystem(name, baseline)
