"""What is known of every query: what was ranked, what each system got for it, and its best stickers.

`eval.run_folder.read_records` gives one such dictionary a query, in the dataset's order, put together from
the files of a run folder::

    {"id": "q1",
     "facts": {"n_utterances": 4, "mode": "reply", "reply_speaker": "B",
               "said": [["A", "I lost my keys"], ...],
               "dialogue": "d7", "gold": "p/3", "label": "fear",
               "verbal": true, "unseen": false, "sentiment": 0.62},
     "protocols": {
        "candidates": {"n": 10, "relevant": 1, "label": "fear", "gold": ["p/3"], "ids": ["p/7", ...],
                       "values": {"lexical": {"R@1": 0.0, ...}},
                       "rank": {"lexical": 3.0},
                       "top": {"lexical": [["p/9", 3.2], ...]},
                       "scores": {"lexical": [0.1, ...]}},
        "library": {"n": 882, "relevant": 66, "label": "fear", "gold": ["p/3"],
                    "values": {...}, "rank": {...}, "top": {...},
                    "curve": {"lexical": [1.0, 0.8, ...]}},
        "other": {"skipped": "no label"}}}

Facts, each None where it is not known: ``said``, the last four messages, each cut at 300 characters;
``dialogue``, what rows cut out of one longer talk have in common; ``label``, by the dataset's field;
``verbal``, whether the gold has words on it (None where no sticker of the library has); ``unseen``, that no
row of the train split was answered with the gold; ``sentiment``, the positive share of the words that carry
sentiment, 0 to 1, 0.5 where none does.

By protocol: ``label`` is what macro averages are taken over. ``gold`` holds the sticker that was sent, where
it is among those ranked, else nothing. ``rank`` is its rank among the ``n``, 1 the best: the mean rank of the
stickers it is tied with, so it may end in .5; None without a gold. ``top`` holds the ten best ids with their
scores, best first, equal ones in list order. ``ids`` and ``scores`` (in the order of ``ids``) are there where
a query brings its own list. ``curve`` is there where relevance is by label: interpolated precision at recall
0, 0.1, ..., 1, rounded to four digits. A system that cannot be asked about a protocol's lists (an LLM about a
whole library) is missing from its ``values``, ``rank``, ``top``, ``scores`` and ``curve``.

All other numbers come back from JSON to the last bit, so a run that was stopped and resumed gives the same
report.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.datasets import Sample
from eval.protocols import Skipped, Task
from eval.record_file import Line, read_lines
from retriever.errors import InputError

__all__ = ["Record", "merged", "query_line"]

Record = dict[str, Any]


def query_line(
    sample: Sample,
    tasks: Mapping[str, Task | Skipped],
    facts: Mapping[str, Any],
    library_ids: Sequence[str],
) -> Line:
    """What is known of a query before any system is asked: a record without systems."""
    protocols = {name: _pool(task, library_ids) for name, task in tasks.items()}
    return {"id": sample.conversation.id, "facts": dict(facts), "protocols": protocols}


def merged(queries: Path, systems: Sequence[Path], limit: int | None = None) -> Iterator[Record]:
    """Records out of a file of query lines and files of what systems got, line by line.

    Raises:
        InputError: a line is damaged, a file is shorter than that of the queries (or than `limit`), lines do
            not belong together, or two files speak of the same system.
    """
    files = [read_lines(path, limit) for path in systems]
    for number, record in enumerate(read_lines(queries, limit), start=1):
        for path, file in zip(systems, files, strict=True):
            line = next(file, None)
            if line is None or line.get("id") != record["id"]:
                got = "nothing" if line is None else f"query {line.get('id')!r}"
                raise InputError(
                    f"{path}, line {number}: {got}; expected query {record['id']!r}; "
                    "delete that file and evaluate again"
                )
            _add(record, line, path)
        yield record


def _pool(task: Task | Skipped, library_ids: Sequence[str]) -> dict[str, Any]:
    if isinstance(task, Skipped):
        return {"skipped": task.reason}
    ids = library_ids if task.rows is None else [library_ids[row] for row in task.rows]
    pool = {
        "n": len(task.relevant),
        "relevant": int(task.relevant.sum()),
        "label": task.label,
        "gold": [] if task.gold is None else [ids[task.gold]],
    }
    return pool if task.rows is None else pool | {"ids": ids}


def _add(record: Record, line: Line, path: Path) -> None:
    """Put what a file says of its systems into the record."""
    for entry in record["protocols"].values():
        if "skipped" not in entry:
            for part in ("values", "rank", "top"):
                entry.setdefault(part, {})
    for protocol, found in line["protocols"].items():
        entry = record["protocols"][protocol]
        for part, by_system in found.items():
            known = entry.setdefault(part, {})
            if both := known.keys() & by_system.keys():
                raise InputError(
                    f"{path}: two systems have the same name: {', '.join(sorted(both))}; "
                    "evaluate one of them into another folder"
                )
            known.update(by_system)
