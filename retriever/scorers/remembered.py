"""What a library knows was inferred of a conversation, for rankers that read it."""

from dataclasses import replace
from pathlib import Path

from retriever.conversations import conversation_hash
from retriever.rankers.base import Knowing, Ranker
from retriever.store.journal import read
from retriever.store.tables import inferences_of, is_inferred, latest
from retriever.types import Conversation, Inferences

__all__ = ["Remembered"]


class Remembered:
    """Gives a conversation the inferences that a journal has of it.

    What a conversation brings along stays. The journal is read when first needed, once.

    Args:
        ranker: for one that does not read inferences nothing is looked up.
        journal: a library's inferences; need not exist.
    """

    def __init__(self, ranker: Ranker, journal: Path) -> None:
        self._journal = journal
        self._known: dict[str, Inferences] | None = None
        if not (isinstance(ranker, Knowing) and ranker.reads_inferences):
            self._known = {}

    def __call__(self, conversation: Conversation) -> Conversation:
        """The same conversation, with inferences where the journal has some.

        Raises:
            LibraryDamaged: a line of the journal is none of its rows.
        """
        if conversation.inferences is not None:
            return conversation
        if self._known is None:
            rows = latest(read(self._journal, is_inferred))
            self._known = {key: inferences_of(row) for key, row in rows.items()}
        found = self._known.get(conversation_hash(conversation)) if self._known else None
        return conversation if found is None else replace(conversation, inferences=found)
