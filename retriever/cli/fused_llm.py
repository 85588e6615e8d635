"""The language model among the scorers that `sticker fuse` fuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from retriever.cli.llm_specs import journal_name, server_of

if TYPE_CHECKING:
    from llm_tools.counted import CountedLlm
    from retriever.fusion.fitted import LanguageModel

__all__ = ["FusedLlm", "open_fused"]


@dataclass(frozen=True, slots=True)
class FusedLlm:
    """A language model as a scorer, and what the fusion file says of it."""

    scorer: "CountedLlm"
    model: "LanguageModel"

    def tell(self) -> None:
        """Say on stderr what was asked, and to what there was no usable answer."""
        stats = self.scorer.scorer.stats
        typer.echo(
            f"{self.model.model}: {stats.calls:,} calls, {stats.cached:,} answers known before, "
            f"{stats.prompt_tokens:,} tokens read, {stats.completion_tokens:,} written",
            err=True,
        )
        for reason, n in self.scorer.unanswered.items():
            typer.echo(f"no usable answer to {n:,} conversations: {reason}", err=True)


def open_fused(specs: Sequence[str], method: str, journals: Path, api_key: str | None) -> FusedLlm:
    """The scorer of the one ``llm:MODEL@URL`` among what is fused; its answers are kept in a journal.

    Raises:
        InputError: several of them, or something else than that.
        ModelError: no server answers there.
    """
    from llm_tools.counted import CountedLlm
    from llm_tools.scorer import LlmScorer
    from llm_tools.scoring import AnswerCache
    from retriever.errors import InputError
    from retriever.fusion.fitted import LanguageModel

    if len(specs) > 1:
        raise InputError(f"got {', '.join(specs)}; a pick asks one language model, so fuse one of them")
    model, url = server_of("llm", specs[0].removeprefix("llm:"), api_key)
    cache = AnswerCache(journals / journal_name(model))
    scorer = LlmScorer.at(url, model, api_key=api_key, method=method, cache=cache)
    return FusedLlm(CountedLlm(scorer), LanguageModel(scorer.name, model, method))
