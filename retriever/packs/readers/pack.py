"""A pack that was opened: where it lies, what it is, and its stickers one after another."""

from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Literal

from retriever.packs.entry import PackEntry, Quarantined

PackKind = Literal["native", "native zip", "folder", "zip", "image"]


class Pack:
    """Streams its stickers, holding none; iterate as often as needed.

    Attributes:
        source: absolute path of what was opened.
        kind: ``native`` (stickers.jsonl), ``folder``, ``image`` (a single file), ``zip`` or ``native zip``.
        ignored: files passed over by the last iteration because neither name nor bytes say image, counted by
            suffix (or name, where there is no suffix).
    """

    def __init__(
        self,
        source: str,
        kind: PackKind,
        entries: Callable[[Counter[str]], Iterator[PackEntry | Quarantined]],
        count: Callable[[], int],
        close: Callable[[], None],
    ) -> None:
        self.source = source
        self.kind = kind
        self.ignored: Counter[str] = Counter()
        self._entries = entries
        self._count = count
        self._close = close

    def __iter__(self) -> Iterator[PackEntry | Quarantined]:
        """Stickers and what stands in their place, in a fixed order; ids are unique among the stickers."""
        self.ignored.clear()
        seen: set[str] = set()
        for item in self._entries(self.ignored):
            if isinstance(item, PackEntry):
                if item.id in seen:
                    detail = "an earlier sticker of this pack has this id; the first one is kept"
                    item = Quarantined(item.id, item.origin, "duplicate_id", detail)
                else:
                    seen.add(item.id)
            yield item

    @property
    def count_hint(self) -> int:
        """About how many items iterating gives, for a progress bar; counted by names or lines."""
        return self._count()

    def close(self) -> None:
        """Close the archive; entries of a closed archive cannot be read any more."""
        self._close()

    def __enter__(self) -> "Pack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
