"""Many stickers in one call: the model puts their numbers in order."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, create_model

from llm_tools.data_block import block, conversation_block, sticker_line
from llm_tools.repair import BadAnswer, parse_answer
from llm_tools.scoring.asker import Asker, Unusable, all_at_once
from llm_tools.scoring.candidates import Candidate
from llm_tools.scoring.order import places
from llm_tools.task import Task, result_key
from retriever.errors import InputError, StickerError
from retriever.types import Conversation

__all__ = ["Listwise"]

Scores = NDArray[np.float64]
_SALVAGED = 1000


@dataclass(frozen=True)
class _OrderTask(Task):
    """A task whose schema knows how many numbers there are."""

    count: int = 0

    @cached_property
    def schema(self) -> dict[str, Any]:
        numbers = {"type": "integer", "enum": list(range(1, self.count + 1))}
        order = {"type": "array", "items": numbers, "minItems": self.count, "maxItems": self.count}
        return {
            "type": "object",
            "properties": {"order": order},
            "required": ["order"],
            "additionalProperties": False,
        }


@cache
def _order(shortest: int, longest: int) -> type[BaseModel]:
    """The form of an answer with that many numbers."""
    numbers = Annotated[list[int], Field(min_length=shortest, max_length=longest)]
    return create_model("Order", __config__=ConfigDict(extra="ignore"), order=(numbers, ...))


@dataclass(frozen=True)
class Listwise:
    """One call for up to `max_candidates` stickers; a score is the place, from 1 (first) to 0 (last).

    More stickers than that are dealt into even groups, and the best of every group meet in a further call:
    those score in [0.5, 1], the others below in the order of their groups. Numbers are dealt anew for every
    permutation, so that neither place nor number helps anybody, and a caption cannot know its own number.

    Attributes:
        permutations: how many orders of the input are asked for and averaged; each second one is the reverse
            of the one before, so an even number cancels a liking for early or late places.
        max_candidates: stickers in one call, at least 2.
        seed: of the permutations.
        max_tries: how often one call is asked again when its answer is not a list of the right length.
    """

    permutations: int = 1
    max_candidates: int = 20
    seed: int = 0
    max_tries: int = 2

    def __post_init__(self) -> None:
        if self.permutations < 1 or self.max_candidates < 2:
            raise InputError(
                f"permutations is {self.permutations} and max_candidates {self.max_candidates}; "
                "expected at least 1 and 2"
            )

    @property
    def prompt(self) -> str:
        return "score_listwise"

    async def scores(
        self, asker: Asker, conversation: Conversation, candidates: Sequence[Candidate]
    ) -> Scores:
        """Places as scores, averaged over permutations, (len(candidates),); see `Method.scores`."""
        if len(candidates) < 2:
            return np.full(len(candidates), 0.5)
        shown = conversation_block(conversation, asker.history)
        orders = [self._permutation(candidates, number) for number in range(self.permutations)]
        found = await all_at_once(self._round(asker, shown, candidates, order) for order in orders)
        rounds = np.stack(found)  # (permutations, n)
        silent = np.isnan(rounds).all(axis=0)
        if silent.all():
            raise Unusable(
                f"{asker.backend.model} gave no usable order of {len(candidates)} stickers "
                f"({asker.last_problem})"
            )
        asker.stats.unanswered += int(silent.sum())
        rounds[:, silent] = np.nanmedian(rounds)
        return np.asarray(np.nanmean(rounds, axis=0), dtype=np.float64)

    def _permutation(self, candidates: Sequence[Candidate], number: int) -> list[int]:
        """The input order of one permutation; the same for the same stickers, however they are given."""
        order = sorted(
            range(len(candidates)), key=lambda i: (candidates[i].identity, candidates[i].sticker.id)
        )
        random.Random(f"{self.seed}:{number // 2}").shuffle(order)
        return order[::-1] if number % 2 else order

    async def _round(
        self, asker: Asker, shown: str, candidates: Sequence[Candidate], order: Sequence[int]
    ) -> Scores:
        """Scores of those in `order`, (len(candidates),); NaN for others and where no answer came."""
        groups = -(-len(order) // self.max_candidates)
        dealt = [list(order[group::groups]) for group in range(groups)]
        answers = await all_at_once(
            self._group(asker, shown, [candidates[i] for i in group]) for group in dealt
        )
        scores = np.full(len(candidates), np.nan)
        for group, answer in zip(dealt, answers, strict=True):
            if answer is not None:
                scores[group] = answer
        if groups == 1:
            return scores
        through = max(1, self.max_candidates // groups)
        finalists = [
            group[int(row)]
            for group, answer in zip(dealt, answers, strict=True)
            if answer is not None
            for row in np.argsort(-answer, kind="stable")[:through]
        ]
        scores *= 0.5
        if len(finalists) > 1:
            final = await self._round(asker, shown, candidates, finalists)
            scores[finalists] = np.where(
                np.isnan(final[finalists]), scores[finalists], 0.5 + 0.5 * final[finalists]
            )
        return scores

    async def _group(self, asker: Asker, shown: str, group: Sequence[Candidate]) -> Scores | None:
        """The places of one group, (len(group),), or None."""
        if len(group) == 1:
            return np.full(1, 0.5)
        task = self._task(asker, len(group))
        about = sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()
        part = sha256("\n".join(candidate.identity for candidate in group).encode()).hexdigest()
        key = result_key(about, asker.backend.model, task, part)
        order: list[int] | None = asker.cache.get(key)
        if order is not None:
            asker.stats.cached += 1
            return places(order, len(group)).scores
        order = await self._ask(asker, task, shown, group, key)
        if order is None:
            return None
        asker.cache.put(key, order)
        found = places(order, len(group))
        asker.stats.duplicate += found.duplicate
        asker.stats.missing += found.missing
        asker.stats.invented += found.invented
        return found.scores

    def _task(self, asker: Asker, count: int) -> _OrderTask:
        return _OrderTask(
            "score_listwise",
            _order(count, count),
            asker.prompt.hash,
            reask=asker.prompt.reask,
            max_tokens=32 + 8 * count,
            max_tries=self.max_tries,
            options=asker.view.options,
            extra=asker.extra,
            count=count,
        )

    async def _ask(
        self, asker: Asker, task: _OrderTask, shown: str, group: Sequence[Candidate], key: str
    ) -> list[int] | None:
        """The numbers as the model gave them, or None."""
        lines = [sticker_line(number, candidate.text) for number, candidate in enumerate(group, start=1)]
        try:
            images = [picture for candidate in group for picture in await asker.pictures(candidate)]
        except (OSError, StickerError) as error:
            asker.note(f"a sticker cannot be shown: {error}")
            return None
        question = asker.prompt.question.replace("{count}", str(len(group)))
        messages = asker.messages((shown, block("stickers", lines)), images, question)
        outcome = await asker.ask(task, messages, key)
        if outcome.answer is not None:
            return list(outcome.answer["order"])
        raw = outcome.failure.raw if outcome.failure else ""
        try:
            return list(parse_answer(raw, _order(1, _SALVAGED)).model_dump()["order"])
        except BadAnswer as problem:
            reason = outcome.failure.message if outcome.failure and not raw else problem.message
            asker.note(f"no order of {len(group)} stickers: {reason}")
            return None
