"""LangChain tools over a sticker library, for any agent.

Import it where it is used; it needs ``pip install 'sticker-retriever[langchain]'``::

    tools = sticker_tools(StickerRetriever.open("sticker-library"))
    agent = create_agent(model, tools)

What a model reads is short text in which captions and descriptions stand as escaped JSON, marked as data;
what a program wants (`Pick` and `Sticker` objects) comes along as the tool message's artifact. A failure is
told to the model as a reason, so that it can do something else; it never ends the conversation.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec

import numpy as np
from pydantic import Field, ValidationError

from llm_tools.data_block import block, quoted
from retriever.chain import StickerRetriever
from retriever.documents import document
from retriever.errors import InputError, StickerError
from retriever.extras import require
from retriever.scorers.base import Scores
from retriever.types import Conversation, Pick, Sticker

require("langchain_core", "langchain", "The sticker tools")

from langchain_core.tools import BaseTool, tool  # noqa: E402

__all__ = ["MAX_ANSWER", "sticker_tools"]

logger = logging.getLogger(__name__)

MAX_ANSWER = 4000
"""Characters of a tool's answer to the model."""

_MAX_RESULTS = 20
_LONGEST_DOCUMENT = 240
_LONGEST_FIELD = 600

Answer = tuple[str, Any]
P = ParamSpec("P")

Messages = Annotated[
    list[str],
    Field(
        description="The last few messages of the chat, oldest first; two people take turns.", min_length=1
    ),
]
Mode = Annotated[
    Literal["reply", "supplement"],
    Field(
        description="reply: the sticker answers the last message; supplement: it follows its sender's own."
    ),
]
StickerId = Annotated[str, Field(description="The sticker's id, as another tool gave it.")]
Count = Annotated[int, Field(description="How many stickers.", ge=1, le=_MAX_RESULTS)]
Emotion = Annotated[str | None, Field(description="Only stickers with this emotion, for example happiness.")]
Pack = Annotated[str | None, Field(description="Only stickers of this pack.")]


def sticker_tools(retriever: StickerRetriever) -> list[BaseTool]:
    """The tools ``search_stickers``, ``describe_sticker``, ``pick_sticker`` and ``explain_pick``.

    Artifacts: a list of `Pick` (search), a `Sticker` (describe), a `Pick` (pick), a mapping of scorer names
        to
    ``{"score", "rank", "of"}`` (explain); None where the tool failed.
    """

    @tool(response_format="content_and_artifact")
    @_reasons
    def search_stickers(query: str, k: Count = 5, emotion: Emotion = None, pack: Pack = None) -> Answer:
        """Find stickers by words: what they show, say or express. Gives ids with short descriptions."""
        picks = retriever.pick(query, _at_most(k, retriever), **_filters(emotion, pack))
        return _listed(picks), picks

    @tool(response_format="content_and_artifact")
    @_reasons
    def describe_sticker(sticker_id: StickerId) -> Answer:
        """Everything known about one sticker."""
        sticker = _sticker(retriever, sticker_id)
        return _bounded(block("sticker", [_line(sticker, full=True)])), sticker

    @tool(response_format="content_and_artifact")
    @_reasons
    def pick_sticker(
        messages: Messages, mode: Mode = "reply", emotion: Emotion = None, pack: Pack = None
    ) -> Answer:
        """Pick the sticker that fits a chat best right now. Gives its id and description."""
        conversation = Conversation.from_texts(*messages, mode=mode)
        pick = retriever.pick(conversation, 1, **_filters(emotion, pack))[0]
        return _listed([pick]), pick

    @tool(response_format="content_and_artifact")
    @_reasons
    def explain_pick(sticker_id: StickerId, messages: Messages, mode: Mode = "reply") -> Answer:
        """Say how well one sticker fits a chat: what every scorer gives it, and its rank among all."""
        sticker = _sticker(retriever, sticker_id)
        found = _explained(retriever, sticker, Conversation.from_texts(*messages, mode=mode))
        lines = [_score_line(name, one) for name, one in found.items()]
        return _bounded(f"How {quoted(sticker.id)} fits:\n" + "\n".join(lines)), found

    tools = [search_stickers, describe_sticker, pick_sticker, explain_pick]
    for one in tools:
        one.handle_validation_error = _bad_arguments
    return tools


def _reasons(function: Callable[P, Answer]) -> Callable[P, Answer]:
    """`function`, with what goes wrong as its answer."""

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Answer:
        try:
            return function(*args, **kwargs)
        except (StickerError, OSError) as error:
            return _bounded(f"That did not work: {error}", 500), None
        except Exception:  # the chat must go on; the fault is in the log
            logger.exception("tool %s failed", function.__name__)
            return f"That did not work: {function.__name__} has a fault; go on without it.", None

    return answer


def _bad_arguments(error: Any) -> str:
    """Wrong arguments in one line."""
    if not isinstance(error, ValidationError):
        return "That did not work: wrong arguments."
    problems = (
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)[:3]
    )
    return _bounded(f"That did not work: {'; '.join(problems)}", 500)


def _at_most(k: int, retriever: StickerRetriever) -> int:
    return min(k, len(retriever.stickers))


def _filters(emotion: str | None, pack: str | None) -> dict[str, Sequence[str]]:
    given = {"emotions": emotion, "packs": pack}
    return {name: [value] for name, value in given.items() if value}


def _sticker(retriever: StickerRetriever, sticker_id: str) -> Sticker:
    row = retriever.library.stickers.row_of(sticker_id)
    if row is None:
        raise InputError(f"there is no sticker {sticker_id[:80]!r}; search for one and use its id")
    return retriever.stickers[int(row)]


def _line(sticker: Sticker, full: bool = False) -> str:
    """One sticker as one JSON object; `full` with its labels."""
    pairs = {"id": sticker.id, "about": document(sticker) or sticker.label}
    if full:
        labels = {"pack": sticker.pack, "emotion": sticker.emotion, "intention": sticker.intention}
        pairs |= {name: value for name, value in labels.items() if value}
    limit = _LONGEST_FIELD if full else _LONGEST_DOCUMENT
    return "{" + ", ".join(f'"{name}": {quoted(value, limit)}' for name, value in pairs.items()) + "}"


def _listed(picks: Sequence[Pick]) -> str:
    kept: list[str] = []
    for pick in picks:
        if sum(map(len, kept)) + len(line := _line(pick.sticker)) > MAX_ANSWER - 100:
            break
        kept.append(line)
    text = block("stickers", kept)
    return text if len(kept) == len(picks) else f"{text}\n({len(picks) - len(kept)} more are not shown)"


def _explained(
    retriever: StickerRetriever, sticker: Sticker, conversation: Conversation
) -> dict[str, dict[str, Any]]:
    """What recallers give the sticker, with its rank among all, and what other scorers give it."""
    row = int(retriever.library.rows_of([sticker])[0])
    found: dict[str, dict[str, Any]] = {}
    for recaller in retriever.recallers:
        scores: Scores = recaller.score_library(conversation)
        rank = 1 + int(np.count_nonzero(scores > scores[row]))
        found[recaller.name] = {"score": float(scores[row]), "rank": rank, "of": len(scores)}
    for scorer in retriever.scorers:
        score = float(scorer.score(conversation, [sticker])[0])
        found[scorer.name] = {"score": score}
    return found


def _score_line(name: str, said: dict[str, Any]) -> str:
    place = f", rank {said['rank']} of {said['of']}" if "rank" in said else ""
    return f"{name}: score {said['score']:.4f}{place}"


def _bounded(text: str, limit: int = MAX_ANSWER) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
