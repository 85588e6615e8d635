"""Run and qrels files as TREC has them, so that other tools can judge our rankings.

A run line is ``query Q0 document rank score tag``, a qrels line ``query 0 document relevance``, divided by
white space; so white space and percent signs in ids are written as percent escapes (UTF-8) and read back.
Files of other tools may be gzip, have a byte order mark or end lines with CRLF (`eval.trec_lines`).
Scores are written with all their digits. Judges go by the score and leave ties to themselves: the rank column
only repeats the order of the scores, equal ones by id.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from eval.trec_lines import QRELS_FORM, RUN_FORM, lines, refuse_columns, told
from retriever.errors import InputError
from retriever.store.atomic import write_chunks

__all__ = ["Qrels", "Run", "read_qrels", "read_run", "write_atomically", "write_qrels", "write_run"]

Run = Mapping[str, Mapping[str, float]]
"""query id -> document id -> score."""

Qrels = Mapping[str, Mapping[str, int]]
"""query id -> document id -> relevance."""

_TO_ESCAPE = re.compile(r"[%\s\x00-\x1f\x7f]")


def write_run(path: Path, run: Run | Iterable[tuple[str, Mapping[str, float]]], tag: str) -> None:
    """Write a run file, whole or not at all; a stream of (query, scores) is written as it comes.

    Raises:
        InputError: an empty id, or a score that is not finite.
    """
    queries = run.items() if isinstance(run, Mapping) else run
    write_atomically(path, _run_lines(queries, _escape(tag, "tag")))


def write_qrels(path: Path, qrels: Qrels) -> None:
    """Write a qrels file, whole or not at all.

    Raises:
        InputError: an empty id, or a relevance that is not a whole number.
    """
    write_atomically(path, _qrels_lines(qrels))


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Read a run file; the rank column is not looked at.

    Raises:
        InputError: a line that is not a run line, a document twice in a query, or a score that is not finite.
    """
    run: dict[str, dict[str, float]] = {}
    for where, (query, _, document, _, score, _) in _fields(path, RUN_FORM):
        value = _number(score, where)
        if document in run.setdefault(query, {}):
            raise InputError(f"{where}: {document!r} is ranked twice for query {query!r}")
        run[query][document] = value
    return run


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read a qrels file.

    Raises:
        InputError: a line that is not a qrels line, or a document judged twice for a query.
    """
    qrels: dict[str, dict[str, int]] = {}
    for where, (query, _, document, relevance) in _fields(path, QRELS_FORM):
        if not re.fullmatch(r"[+-]?[0-9]+", relevance):
            raise InputError(f"{where}: relevance is {relevance!r}; expected a whole number")
        if document in qrels.setdefault(query, {}):
            raise InputError(f"{where}: {document!r} is judged twice for query {query!r}")
        qrels[query][document] = int(relevance)
    return qrels


def write_atomically(path: Path, lines: Iterable[str]) -> None:
    """Write text beside its place, then rename it there: a reader sees the old file or the new one."""
    write_chunks(path, (line.encode() for line in lines))


def _run_lines(run: Iterable[tuple[str, Mapping[str, float]]], tag: str) -> Iterator[str]:
    for query, scores in run:
        for document, score in scores.items():
            if not math.isfinite(score):
                raise InputError(
                    f"the score of {document!r} for query {query!r} is {score}; expected a finite number"
                )
        ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        for rank, (document, score) in enumerate(ordered, start=1):
            yield f"{_escape(query)} Q0 {_escape(document)} {rank} {float(score)!r} {tag}\n"


def _qrels_lines(qrels: Qrels) -> Iterator[str]:
    for query, judged in qrels.items():
        for document, relevance in judged.items():
            if int(relevance) != relevance:
                raise InputError(
                    f"relevance of {document!r} for query {query!r} is {relevance}, not a whole number"
                )
            yield f"{_escape(query)} 0 {_escape(document)} {int(relevance)}\n"


def _escape(word: str, what: str = "id") -> str:
    if not word:
        raise InputError(f"an empty {what} cannot stand in a run file")
    return _TO_ESCAPE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), word)


def _fields(path: Path, form: str) -> Iterator[tuple[str, list[str]]]:
    """(where, columns with escapes undone) of every line that is not blank."""
    wanted = len(form.split())
    for number, line in lines(path):
        columns = line.split()
        if len(columns) != wanted:
            if not columns:
                continue
            refuse_columns(path, number, columns, form)
        try:
            yield f"{path}, line {number}", [unquote(column.decode()) for column in columns]
        except UnicodeDecodeError:
            raise InputError(f"{path}, line {number}: {told(line)!r} is not UTF-8") from None


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise InputError(f"{where}: score is {text!r}; expected a finite number")
    return value
