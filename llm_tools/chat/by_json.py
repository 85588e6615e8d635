"""Chat without tool calls: every answer is one JSON object, and a sticker is picked by what it asks for.

For servers whose model has no tool-call parser, and for models that handle tools badly: one call a turn.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from llm_tools.ask import Outcome, ask
from llm_tools.backends.base import Backend, Message
from llm_tools.blocking import run_blocking
from llm_tools.budget import Budget, Meter
from llm_tools.chat.turn import Turn
from llm_tools.data_block import plain
from llm_tools.prompts import load_prompt
from llm_tools.schema import text_pattern
from llm_tools.task import Task
from retriever.chain import StickerRetriever
from retriever.errors import ModelError, StickerError
from retriever.types import Conversation, Pick

__all__ = ["JsonEngine"]


def _one_line(value: Any) -> Any:
    return value.strip().replace('"', "'").replace("\\", "/") if isinstance(value, str) else value


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    say: Annotated[str, Field(pattern=text_pattern(240, 0)), BeforeValidator(_one_line)]
    send_sticker: bool
    query: Annotated[str, Field(pattern=text_pattern(100, 0)), BeforeValidator(_one_line)]


class JsonEngine:
    """Answers by one JSON object a turn: ``{"say": str, "send_sticker": bool, "query": str}``.

    Args:
        retriever: picks the sticker.
        backend: the model.
        language: of the prompt, ``en`` or ``zh``.
        temperature: of the answers.
        history: turns that the model is reminded of.
        extra: further fields of the request body.
    """

    def __init__(
        self,
        retriever: StickerRetriever,
        backend: Backend,
        *,
        language: str = "en",
        temperature: float = 0.0,
        history: int = 20,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self._retriever = retriever
        self._backend = backend
        self._history = history
        self._prompt = load_prompt("chat", language)
        self._task = Task(
            "chat",
            _Answer,
            self._prompt.hash,
            reask=self._prompt.reask,
            max_tokens=640,
            temperature=temperature,
            extra=dict(extra or {}),
        )
        self._checked = False

    def respond(self, past: Sequence[Turn], text: str) -> Turn:
        """One call, or more when an answer cannot be used; see `Engine.respond`."""
        outcome = run_blocking(self._ask(past, text))
        if outcome.answer is None:
            failure = outcome.failure
            if failure is None or failure.reason in ("transport", "refused"):
                raise ModelError(failure.message if failure else "the model does not answer")
            return Turn(text, "", "json", note=f"the model's answer cannot be used ({failure.message})")
        said = outcome.answer
        if not said["send_sticker"]:
            return Turn(text, said["say"], "json")
        try:
            pick = self._pick(past, text, said["query"])
        except StickerError as error:
            return Turn(text, said["say"], "json", query=said["query"], note=f"no sticker: {error}")
        return Turn(text, said["say"], "json", pick.sticker, dict(pick.scores), said["query"])

    def close(self) -> None:
        """Close the connections."""
        run_blocking(self._backend.aclose())

    def _pick(self, past: Sequence[Turn], text: str, query: str) -> Pick:
        """The best sticker for the model's words, or for the chat where it gave none."""
        if query:
            return self._retriever.pick(query, 1)[0]
        texts = [said for turn in past[-3:] for said in (turn.heard, turn.say or "…")]
        return self._retriever.pick(Conversation.from_texts(*texts, text), 1)[0]

    async def _ask(self, past: Sequence[Turn], text: str) -> Outcome:
        if not self._checked:
            await self._backend.check()
            self._checked = True
        messages = [Message("system", (self._prompt.system,))]
        for turn in past[-self._history :]:
            messages.append(Message("user", (plain(turn.heard),)))
            said = {"say": turn.say, "send_sticker": turn.sticker is not None, "query": turn.query}
            messages.append(Message("assistant", (json.dumps(said, ensure_ascii=False),)))
        messages.append(Message("user", (plain(text), self._prompt.question)))
        return await ask(self._backend, self._task, messages, "chat", Meter(Budget()))
