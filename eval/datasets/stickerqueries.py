"""StickerQueries (Chee et al. 2025): what people would search for to find a sticker, English and Chinese.

::

    sticker_queries_en_release.csv  sticker_queries_zh_release.csv    sticker_id, labeled_queries
    stickers/                                                         .gif, .png, .webm

The release's own page calls the files ``stickers_queries_<language>_released.csv``; both names are read.
``sticker_id`` is a file below ``stickers/``, ``labeled_queries`` a list with commas between. There are no
splits; its two languages are taken for them.
"""

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eval.datasets.reader import RawRow, short
from eval.datasets.samples import Sample
from retriever.errors import ConversationError, InputError
from retriever.packs.entry import PackEntry
from retriever.packs.limits import DEFAULT_LIMITS
from retriever.packs.readers.folder import read_file
from retriever.types import Conversation, Utterance

__all__ = ["find_splits", "rows", "sticker_entries"]

PACK = "stickerqueries"
STICKERS = "stickers"

_COLUMNS = ("sticker_id", "labeled_queries")


def find_splits(root: Path) -> dict[str, Path]:
    """The files of the languages that are there."""
    found = {}
    for language in ("en", "zh"):
        files = sorted(root.glob(f"sticker*_queries_{language}_release*.csv"))
        if files:
            found[language] = files[0]
    return found


def rows(path: Path, split: str, limit: int | None = None) -> Iterator[RawRow]:
    """A sample for each query: one utterance of the person who then sends the sticker.

    Args:
        split: begins the samples' ids.
        limit: the first so many rows.

    Raises:
        InputError: no such columns, or not UTF-8 text.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        try:
            names = table.fieldnames or ()
            if not set(_COLUMNS) <= set(names):
                raise InputError(
                    f"{path}, line 1: got {', '.join(names)[:60]!r}; expected {', '.join(_COLUMNS)}"
                )
            for number, row in enumerate(table, start=1):
                if limit is not None and number > limit:
                    return
                yield RawRow(f"line {table.line_num}", partial(_samples, row, f"{split}/{number}"))
        except UnicodeDecodeError:
            raise InputError(f"{path}, after line {table.line_num}: not UTF-8 text") from None
        except csv.Error as error:
            raise InputError(f"{path}, line {table.line_num}: {error}") from None


def sticker_entries(root: Path) -> Iterator[PackEntry]:
    """The stickers that any language's file names, one pack, by their file names.

    Raises:
        InputError: no file of queries, or as `rows`.
    """
    files = find_splits(root)
    if not files:
        raise InputError(f"{root} has no sticker_queries_*_release.csv; give StickerQueries' folder")
    seen: set[str] = set()
    for split, path in files.items():
        for row in rows(path, split):
            try:
                found = row.parse()
            except ConversationError:  # told where the rows are read
                continue
            id_ = found[0].gold
            if id_ is None or id_ in seen:
                continue
            seen.add(id_)
            file = root / STICKERS / id_
            yield PackEntry(
                id_, PACK, str(file), file, partial(read_file, file, DEFAULT_LIMITS.max_file_bytes)
            )


def _samples(row: dict[str | Any, Any], id_: str) -> Sequence[Sample]:
    sticker, listed = row.get("sticker_id"), row.get("labeled_queries")
    if None in row:
        raise ConversationError(f"got {len(row[None])} columns too many; expected {', '.join(_COLUMNS)}")
    if not isinstance(sticker, str) or not sticker.strip():
        raise ConversationError(f"sticker_id: got {short(sticker)}; expected a file name below {STICKERS}/")
    name = sticker.strip().removeprefix("./").removeprefix(f"{STICKERS}/")
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ConversationError(f"sticker_id: got {short(sticker)}; expected a file name below {STICKERS}/")
    queries = [query.strip() for query in listed.split(",")] if isinstance(listed, str) else []
    asked = list(dict.fromkeys(query for query in queries if query))
    if not asked:
        raise ConversationError(f"labeled_queries: got {short(listed)}; expected texts with commas between")
    return [
        Sample(
            Conversation((Utterance("A", query),), "supplement", "A", f"{id_}/{number}"),
            name,
            dialogue=id_,
        )
        for number, query in enumerate(asked, start=1)
    ]
