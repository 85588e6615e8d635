"""The LangChain retriever: an adapter from `pick` to LangChain's interface, nothing more.

Import it where it is used; it needs ``pip install 'sticker-retriever[langchain]'``::

    stickers = StickerLangChainRetriever(picker=StickerRetriever.open("sticker-library"), k=3)
    stickers.invoke("I passed the exam!")[0].metadata["path"]
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import ConfigDict, Field

from retriever.conversations import parse_conversation
from retriever.documents import document
from retriever.errors import ConversationError
from retriever.extras import require
from retriever.types import Conversation, Pick

require("langchain_core", "langchain", "The LangChain retriever")

from langchain_core.documents import Document  # noqa: E402
from langchain_core.messages import convert_to_messages  # noqa: E402
from langchain_core.retrievers import BaseRetriever  # noqa: E402
from langchain_core.runnables import run_in_executor  # noqa: E402

__all__ = ["StickerLangChainRetriever"]

_ROLES = {"human": "user", "ai": "assistant"}


@runtime_checkable
class Picker(Protocol):
    """What is adapted: `retriever.chain.StickerRetriever`, or anything that picks like it."""

    def pick(
        self, conversation: Conversation | str | Sequence[str], k: int = 3, **filters: Any
    ) -> list[Pick]: ...


class StickerLangChainRetriever(BaseRetriever):
    """Stickers as LangChain Documents, best first; sync and async.

    A query is a text, a `Conversation`, a list of texts (two people taking turns) or a list of LangChain
    messages (what ``convert_to_messages`` takes; system and tool messages are no talk).
    ``invoke(query, k=..., filters=...)`` overrides the fields for one call.

    Args:
        picker: what picks.
        k: how many Documents, at least 1.
        filters: what a sticker must be. (The ``tags`` of a LangChain retriever itself are labels for
            tracing.)

    Raises:
        ValidationError: pydantic's; an argument that does not exist or does not fit.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    picker: Picker
    k: int = Field(default=3, ge=1)
    filters: dict[Literal["packs", "emotions", "intentions", "tags"], tuple[str, ...]] = Field(
        default_factory=dict
    )

    def _get_relevant_documents(
        self, query: Any, *, run_manager: Any, k: int | None = None, filters: Mapping[str, Any] | None = None
    ) -> list[Document]:
        chosen: dict[str, Any] = dict(self.filters) | dict(filters or {})
        picks = self.picker.pick(_talk(query), self.k if k is None else k, **chosen)
        return [_document(pick) for pick in picks]

    async def _aget_relevant_documents(self, query: Any, **options: Any) -> list[Document]:
        return await run_in_executor(None, partial(self._get_relevant_documents, query, **options))


def _talk(query: Any) -> Conversation | str | list[str]:
    """A query as `pick` takes it; LangChain itself lets anything through."""
    if isinstance(query, Conversation | str):
        return query
    if not isinstance(query, list | tuple):
        raise ConversationError(
            f"got {type(query).__name__}; expected a text, a list of texts or of messages"
        )
    if all(isinstance(item, str) for item in query):
        return list(query)
    try:
        messages = convert_to_messages(query)
    except (ValueError, NotImplementedError) as error:
        raise ConversationError(f"the query is no list of messages: {str(error).splitlines()[0]}") from error
    rows = [{"role": _ROLES.get(m.type, m.type), "content": str(m.text), "name": m.name} for m in messages]
    return parse_conversation({"messages": rows})


def _document(pick: Pick) -> Document:
    sticker = pick.sticker
    metadata = {name: getattr(sticker, name) for name in ("id", "pack", "path", "emotion", "intention")}
    metadata |= {"rank": pick.rank, "score": pick.score, "scores": dict(pick.scores)}
    return Document(id=sticker.id, page_content=document(sticker) or sticker.label, metadata=metadata)
