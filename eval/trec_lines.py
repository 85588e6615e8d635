"""Lines of TREC files from any tool: plain or gzip, with or without a byte order mark, either line end."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from retriever.errors import InputError

__all__ = ["QRELS_FORM", "RUN_FORM", "lines", "refuse_columns", "told"]

RUN_FORM = "query Q0 document rank score tag"
QRELS_FORM = "query 0 document relevance"

_GZIP = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a file with their numbers, from 1; a byte order mark is taken off. Nothing is decoded.

    Raises:
        InputError: no such file, one that cannot be read, gzip data that end early, or UTF-16.
    """
    number = 0
    try:
        with path.open("rb") as plain:
            start = plain.read(3)
            plain.seek(0)
            if start.startswith(_UTF16_MARKS):
                raise InputError(f"{path} is UTF-16; expected UTF-8: save it again")
            with gzip.open(plain) if start.startswith(_GZIP) else plain as file:
                for number, line in enumerate(file, start=1):
                    yield number, line.removeprefix(_UTF8_MARK) if number == 1 else line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}, after line {number}: damaged gzip data ({error}); get the file again"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def refuse_columns(path: Path, number: int, columns: list[bytes], form: str) -> NoReturn:
    """Raise for a line with a wrong number of columns; says what stands there."""
    found = told(b" ".join(columns))
    raise InputError(
        f"{path}, line {number}: {len(columns)} columns ({found}); expected {len(form.split())}: {form!r}"
    )


def told(word: bytes) -> str:
    """A word of a file as it is shown in messages and tables: UTF-8, else escapes; long ones shortened."""
    text = word.decode("utf-8", "backslashreplace")
    return text if len(text) <= 60 else text[:57] + "..."
