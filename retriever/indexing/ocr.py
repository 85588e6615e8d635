"""Between reading and encoding, where asked for: the words in pictures whose pack does not tell them."""

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from retriever.errors import BadImage
from retriever.indexing.state import State
from retriever.packs import Limits, decode
from retriever.packs.ocr import Ocr
from retriever.progress import bar
from retriever.store import journal
from retriever.store.described import is_described
from retriever.store.journal import JournalWriter
from retriever.store.paths import LibraryPaths

FLUSH_EVERY = 64


def read_captions(
    paths: LibraryPaths, state: State, limits: Limits, show_progress: bool | None = None
) -> int:
    """Read the stickers that have no `verbal` text and were not read before; gives how many were read.

    What was found, nothing included, goes to the attributes journal under the image's hash, so no picture is
    read twice. A file that cannot be read, or is another image by now, is left for the next run.

    Raises:
        MissingExtra: the extra ``ocr`` is not installed.
    """
    rows = journal.read(paths.attributes, is_described)
    done = {row["sha256"] for row in rows if row.get("engine") == "ocr"}
    todo: dict[str, str] = {}
    for entry in state.entries.values():
        if entry.sha256 not in done and entry.sha256 not in todo:
            sticker = entry.sticker()
            if not sticker.attributes.verbal:
                todo[entry.sha256] = sticker.path
    if not todo:
        return 0
    reader = Ocr()
    model = f"rapidocr {version('rapidocr')}"
    with (
        JournalWriter(paths.attributes) as writer,
        bar("Reading captions", len(todo), show_progress) as advance,
    ):
        for number, (digest, path) in enumerate(todo.items(), start=1):
            text = _read(reader, digest, path, limits)
            if text is not None:
                writer.append(_row(digest, text, model))
            if number % FLUSH_EVERY == 0:
                writer.flush()
            advance(1)
    return len(todo)


def _read(reader: Ocr, digest: str, path: str, limits: Limits) -> str | None:
    try:
        data = Path(path).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            return None
        return reader.read(decode(data, limits).frames[0])
    except (BadImage, OSError):
        return None


def _row(digest: str, text: str, model: str) -> dict[str, Any]:
    return {
        "sha256": digest,
        "engine": "ocr",
        "model": model,
        "prompt": "",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "attributes": {"verbal": text},
    }
