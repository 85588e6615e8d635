"""Between reading and encoding, where asked for: the words in pictures whose pack does not tell them."""

import hashlib
import logging
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

logger = logging.getLogger(__name__)

FLUSH_EVERY = 64


def read_captions(
    paths: LibraryPaths, state: State, limits: Limits, show_progress: bool | None = None
) -> int:
    """Read the stickers that have no `verbal` text and were not read before; gives how many pictures were.

    What was found, nothing included, goes to the attributes journal under the image's hash, so no picture is
    read twice. A file that cannot be read, or is another image by now, is not counted: a warning says how
    many there were, and the next run tries them again.

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
    read = 0
    with (
        JournalWriter(paths.attributes) as writer,
        bar("Reading captions", len(todo), show_progress) as advance,
    ):
        for number, (digest, path) in enumerate(todo.items(), start=1):
            text = _read(reader, digest, path, limits)
            if text is not None:
                writer.append(_row(digest, text, model))
                read += 1
            if number % FLUSH_EVERY == 0:
                writer.flush()
            advance(1)
    if read < len(todo):
        logger.warning(
            "%d of %d pictures were gone, damaged or changed when their words were to be read; "
            "index their pack again",
            len(todo) - read,
            len(todo),
        )
    return read


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
