"""Each sticker on its own: the probability that the model says yes to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict

from llm_tools.backends.base import Request
from llm_tools.data_block import block, conversation_block, sticker_line
from llm_tools.scoring.asker import Asker, Unusable, all_at_once
from llm_tools.scoring.candidates import Candidate
from llm_tools.scoring.yes_no import NO, YES, log_odds, probability
from llm_tools.task import Task, result_key
from retriever.errors import InputError, StickerError
from retriever.types import Conversation, Utterance

__all__ = ["Pointwise"]

CONTENT_FREE = Conversation((Utterance("A", "N/A"),), reply_speaker="B")
"""A conversation that says nothing: what a sticker scores here it owes to itself alone."""


class _Word(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    answer: Annotated[Literal["yes", "no"], BeforeValidator(lambda word: str(word).strip().lower())]


@dataclass(frozen=True)
class Pointwise:
    """One call a sticker, all at once: P(yes) / (P(yes) + P(no)) of the first token of the answer.

    Models that think before they answer have to be told not to (``extra={"chat_template_kwargs":
    {"enable_thinking": False}}``), or every sticker is asked about twice.

    Attributes:
        calibrate: take from each sticker the log odds it has in a conversation that says nothing (contextual
            calibration, Zhao et al. 2021): a sticker that suits anything gains less. One more call a sticker,
            remembered for all conversations.
        temperature: divides the log odds; above 1 flattens.
        top_logprobs: alternatives asked for; servers allow some 20.
        yes, no: the words that count for each.
        max_tries: how often a plain word is asked for where log probabilities say nothing.
    """

    calibrate: bool = False
    temperature: float = 1.0
    top_logprobs: int = 20
    yes: frozenset[str] = YES
    no: frozenset[str] = NO
    max_tries: int = 2

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature}; expected a number above 0")
        if not (self.yes and self.no) or self.yes & self.no:
            raise InputError("yes and no words must be there and differ")

    @property
    def prompt(self) -> str:
        return "score_pointwise"

    async def scores(
        self, asker: Asker, conversation: Conversation, candidates: Sequence[Candidate]
    ) -> NDArray[np.float64]:
        """Calibrated probabilities, (len(candidates),); see `Method.scores`."""
        found = await all_at_once(self._score(asker, conversation, candidate) for candidate in candidates)
        answered = [score for score in found if score is not None]
        if candidates and not answered:
            raise Unusable(
                f"{asker.backend.model} said nothing usable about any of {len(candidates)} stickers "
                f"({asker.last_problem})"
            )
        asker.stats.unanswered += len(found) - len(answered)
        middle = float(np.median(answered)) if answered else 0.5
        return np.asarray([middle if score is None else score for score in found], dtype=np.float64)

    async def _score(self, asker: Asker, conversation: Conversation, candidate: Candidate) -> float | None:
        said = await self._evidence(asker, conversation, candidate)
        if said is None:
            return None
        if "word" in said:
            return 1.0 if said["word"] == "yes" else 0.0
        baseline = 0.0
        if self.calibrate:
            free = await self._evidence(asker, CONTENT_FREE, candidate)
            baseline = (free or {}).get("log_odds", 0.0)
        return probability(said["log_odds"], baseline, self.temperature)

    async def _evidence(
        self, asker: Asker, conversation: Conversation, candidate: Candidate
    ) -> dict[str, Any] | None:
        """``{"log_odds": x}``, or ``{"word": "yes"}`` where only a word was to be had, or None."""
        task = self._task(asker)
        shown = conversation_block(conversation, asker.history)
        about = sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()
        key = result_key(about, asker.backend.model, task, candidate.identity)
        known: dict[str, Any] | None = asker.cache.get(key)
        if known is not None:
            asker.stats.cached += 1
            return known
        data = (shown, block("stickers", [sticker_line(1, candidate.text)]))
        try:
            images = await asker.pictures(candidate)
        except (OSError, StickerError) as error:
            asker.note(f"{candidate.sticker.id} cannot be shown: {error}")
            return None
        said = await self._by_logprobs(asker, asker.messages(data, images, asker.prompt.question), key)
        if said is None:
            question = asker.prompt.questions["word"]
            said = await self._by_word(asker, task, asker.messages(data, images, question), key, candidate)
        if said is not None:
            asker.cache.put(key, said)
        return said

    def _task(self, asker: Asker) -> Task:
        options = {"yes": sorted(self.yes), "no": sorted(self.no), "top": self.top_logprobs}
        return Task(
            "score_pointwise",
            _Word,
            asker.prompt.hash,
            reask=asker.prompt.reask,
            max_tokens=24,
            max_tries=self.max_tries,
            options=options | asker.view.options,
            extra=asker.extra,
        )

    async def _by_logprobs(self, asker: Asker, messages: Any, key: str) -> dict[str, Any] | None:
        request = Request(messages, max_tokens=1, logprobs=self.top_logprobs, key=key, extra=asker.extra)
        reply = await asker.complete(request)
        if reply.error is not None or not reply.logprobs:
            return None
        odds = log_odds(reply.logprobs[0], self.yes, self.no)
        if odds is None:
            return None
        asker.stats.one_sided += odds.one_sided
        return {"log_odds": odds.log_odds}

    async def _by_word(
        self, asker: Asker, task: Task, messages: Any, key: str, candidate: Candidate
    ) -> dict[str, Any] | None:
        outcome = await asker.ask(task, messages, key)
        if outcome.answer is None:
            reason = outcome.failure.message if outcome.failure else "no answer"
            asker.note(f"no opinion on {candidate.sticker.id}: {reason}")
            return None
        asker.stats.by_word += 1
        return {"word": outcome.answer["answer"]}
