"""Run and qrels files as columns of numbers: a million rows in seconds and some 30 bytes each.

Ids are kept as the bytes that stand in the file, so percent escapes match where both files have them, as they
do for every other judge.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.trec_lines import QRELS_FORM, RUN_FORM, lines, refuse_columns, told
from retriever.errors import InputError

__all__ = ["Judgements", "RunColumns", "read_judgements", "read_run_columns"]

_DIGITS = 10
"""Of a grade; what is longer is no grade."""

Judgements = Mapping[bytes, Mapping[bytes, int]]
"""query id -> document id -> grade, as bytes."""


@dataclass(frozen=True, slots=True)
class RunColumns:
    """A run, one entry a row of the file, in its order.

    Attributes:
        tag: of the first row, or "".
        queries: ids, in the order in which they first appear.
        query: ``(n,)``, index into `queries`.
        score: ``(n,)``, finite.
        grade: ``(n,)``, what the qrels say of the document; -1 where they say nothing.
        documents: ids, ``n`` of them, where they were asked for.
    """

    tag: str
    queries: tuple[bytes, ...]
    query: NDArray[np.int32]
    score: NDArray[np.float64]
    grade: NDArray[np.int64]
    documents: tuple[bytes, ...] | None


def read_judgements(path: Path) -> dict[bytes, dict[bytes, int]]:
    """Read a qrels file; a grade below 0 counts as 0, not relevant.

    Raises:
        InputError: the file cannot be read or has no row, a line is no qrels line, or a document is judged
            twice for a query; names file and line.
    """
    judged: dict[bytes, dict[bytes, int]] = {}
    for number, line in lines(path):
        columns = line.split()
        if len(columns) != 4:
            if not columns:
                continue
            refuse_columns(path, number, columns, QRELS_FORM)
        query, _, document, text = columns
        if not text.removeprefix(b"-").isdigit() or len(text) > _DIGITS:
            raise InputError(f"{path}, line {number}: relevance is {told(text)!r}; expected a whole number")
        grades = judged.setdefault(query, {})
        if document in grades:
            raise InputError(
                f"{path}, line {number}: {told(document)!r} is judged twice for query {told(query)!r}; "
                "expected one line each"
            )
        grades[document] = max(int(text), 0)
    if not judged:
        raise InputError(f"{path} has no row; expected lines of {QRELS_FORM!r}")
    return judged


def read_run_columns(path: Path, judged: Judgements, *, documents: bool = False) -> RunColumns:
    """Read a run file; the rank column is not looked at.

    Args:
        path: the file.
        judged: qrels.
        documents: keep the documents' ids too.

    Raises:
        InputError: the file cannot be read or has no row, a line is no run line, a score is no finite
            number, or a document stands twice in a query; names file, line, what was found and expected.
    """
    codes: dict[bytes, int] = {}
    query, score, grade, mark = array("i"), array("d"), array("q"), array("q")
    kept: list[bytes] = []
    tag, last, code = b"", b"", -1
    grades: Mapping[bytes, int] = {}
    for number, line in lines(path):
        columns = line.split()
        if len(columns) != 6:
            if not columns:
                continue
            refuse_columns(path, number, columns, RUN_FORM)
        name, _, document, _, text, row_tag = columns
        if name != last or code < 0:
            last, code, grades = name, codes.setdefault(name, len(codes)), judged.get(name, {})
            tag = tag or row_tag
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not isfinite(value) or b"_" in text:
            raise InputError(f"{path}, line {number}: score is {told(text)!r}; expected a finite number")
        query.append(code)
        score.append(value)
        grade.append(grades.get(document, -1))
        mark.append(hash(document))
        if documents:
            kept.append(document)
    if not codes:
        raise InputError(f"{path} has no row; expected lines of {RUN_FORM!r}")
    found = RunColumns(
        told(tag),
        tuple(codes),
        np.frombuffer(query, dtype=np.intc).astype(np.int32, copy=False),
        np.frombuffer(score, dtype=np.float64),
        np.frombuffer(grade, dtype=np.int64),
        tuple(kept) if documents else None,
    )
    _refuse_repeated(path, found, np.frombuffer(mark, dtype=np.int64))
    return found


def _refuse_repeated(path: Path, run: RunColumns, mark: NDArray[np.int64]) -> None:
    """Equal hashes in one query are looked up in the file: nearly always it is the same document."""
    order = np.lexsort((mark, run.query))
    same = (np.diff(run.query[order]) == 0) & (np.diff(mark[order]) == 0)
    if not same.any():
        return
    suspect = {run.queries[run.query[order[at]]] for at in np.flatnonzero(same)}
    first: dict[tuple[bytes, bytes], int] = {}
    for number, line in lines(path):
        columns = line.split()
        if columns and columns[0] in suspect:
            pair = (columns[0], columns[2])
            if pair in first:
                raise InputError(
                    f"{path}, line {number}: {told(pair[1])!r} is ranked twice for query {told(pair[0])!r}, "
                    f"first on line {first[pair]}; expected one line each"
                )
            first[pair] = number
