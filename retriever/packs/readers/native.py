"""The native format: a ``stickers.jsonl`` with one sticker a line, image paths relative to it."""

from collections.abc import Iterator
from json import loads
from typing import IO

from retriever.errors import BadImage
from retriever.packs.entry import PackEntry, Quarantined
from retriever.packs.limits import Limits
from retriever.packs.readers.names import clean_name
from retriever.packs.readers.tree import Tree

INDEX_NAME = "stickers.jsonl"
_BOM = b"\xef\xbb\xbf"


def native_entries(tree: Tree, index: str, limits: Limits) -> Iterator[PackEntry | Quarantined]:
    """The stickers of a ``stickers.jsonl``, streamed in its order; a bad line costs that line only.

    Args:
        tree: the folder or archive the file lies in.
        index: its name there.
        limits: bounds of a line and of the file.
    """
    try:
        with tree.open(index) as stream:
            for number, line in index_lines(stream, limits):
                yield _entry(tree, index, number, line, limits)
    except BadImage as error:  # an archive member that breaks off
        yield Quarantined(index, f"{tree.source}/{index}", error.reason, error.detail)
    except OSError as error:
        yield Quarantined(index, f"{tree.source}/{index}", "unreadable", error.strerror or str(error))


def index_lines(stream: IO[bytes], limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) of lines that are not blank; an overlong one is cut over the limit."""
    number = total = 0
    while line := stream.readline(limits.max_row_bytes + 1):
        number += 1
        total += len(line)
        if total > limits.max_index_bytes:
            raise BadImage(
                "too_large_file", f"more than {limits.max_index_bytes} bytes of rows; the rest is not read"
            )
        if len(line) > limits.max_row_bytes:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(limits.max_row_bytes)
                total += len(rest)
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield number, line


def _entry(tree: Tree, index: str, number: int, line: bytes, limits: Limits) -> PackEntry | Quarantined:
    from retriever.packs.readers.row import parse_row

    where = f"{tree.source}/{index}:{number}"
    complete = False
    try:
        if len(line) > limits.max_row_bytes:
            raise ValueError(f"longer than {limits.max_row_bytes} bytes")
        value = loads(line.decode("utf-8"))
        complete = True
        row = parse_row(value)
    except (ValueError, RecursionError) as error:
        torn = "" if complete or line.endswith(b"\n") else " (the last line, cut off)"
        detail = f"line {number}{torn}: {' '.join(str(error).split())[:300]}"
        return Quarantined(f"{index}:{number}", where, "bad_row", detail)
    identity = clean_name(row.id or row.image)
    try:
        file = tree.find(row.image)
    except BadImage as error:
        return Quarantined(identity, where, error.reason, f"line {number}: {error.detail}")
    annotations, notices = row.annotations()
    pack = clean_name(row.pack or tree.name)
    return PackEntry(identity, pack, file.origin, file.path, file.read, annotations, notices)


def count_rows(tree: Tree, index: str) -> int:
    """How many lines the index has; 0 where it cannot be read."""
    try:
        with tree.open(index) as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(2**20), b""))
    except (BadImage, OSError):
        return 0
