"""What an indexing run did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retriever.packs.entry import Quarantined


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The outcome of one run.

    Attributes:
        library: the library folder.
        source: the pack that was read; empty for a rebuild.
        index: the name of the index in use afterwards.
        encoders: names of the encoders; empty for a lexical-only library.
        total: stickers in the library now, of all sources.
        added, changed, unchanged, removed: what became of this source's stickers.
        encoded: vectors computed in this run.
        quarantined: what could not be used, and why.
        exact_duplicates: groups of ids whose images have the same bytes.
        near_duplicates: groups of ids whose images look the same (dHash and thumbnail).
        notices: what was put right in rows that are used all the same, such as an unknown emotion left out.
        ignored: files of the pack that are no images and do not claim to be, counted by suffix.
        up_to_date: nothing had changed, so the index was left as it was.
        seconds: by stage: ``read``, ``encode``, ``index``.
    """

    library: str
    source: str
    index: str
    encoders: tuple[str, ...]
    total: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    encoded: int = 0
    quarantined: tuple[Quarantined, ...] = ()
    exact_duplicates: tuple[tuple[str, ...], ...] = ()
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    notices: tuple[str, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    up_to_date: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def reasons(self) -> Counter[str]:
        """How many were quarantined, by reason."""
        return Counter(item.reason for item in self.quarantined)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        from dataclasses import asdict

        return asdict(self)
