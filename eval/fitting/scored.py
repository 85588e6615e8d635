"""One pass over a dataset: what every scorer says about every conversation, kept so that it is asked once."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import file_digest
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.datasets import Dataset, Sample, count_lines
from eval.fitting.asking import Answers, ask, starts_with, unpacked
from eval.fitting.shards import Shards
from eval.labels import LabelField, label_of, pick_label_field
from eval.protocols import Candidates, Library, Task
from retriever.chain import StickerRetriever
from retriever.errors import InputError
from retriever.progress import bar
from retriever.scorers.identity import identities

__all__ = ["BLOCK", "DatasetScores", "Query", "score_dataset", "scorer_names"]

BLOCK = 256
"""Conversations a shard: what a killed pass loses at most."""

_PROBE = 100
_SCHEMA = 1
_NOT_HELD_OUT = ("test", "train")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """What was said about one conversation; s scorers in the order of the dataset's `scorers`.

    Attributes:
        id: of the conversation.
        dialogue: what it has in common with others of the same talk, where the data say so.
        label: what the sticker has to express, or None.
        gold: the place of the gold among the candidates, or None where they cannot be judged.
        candidates: scores of the row's own candidates, ``(n, s)``; empty without.
        recalled: scores of what a pick chooses among, ``(m, s)``; empty where not asked for.
        right: ``(m,)``, which of these carry the label; empty where that is not known.
        others: ``(m,)``, which of the recalled are no candidates.
        confidence: of each scorer, ``(s,)``, in [0, 1].
        traits: `retriever.fusion.traits`.
    """

    id: str
    dialogue: str | None
    label: str | None
    gold: int | None
    candidates: Floats
    recalled: NDArray[np.float32]
    right: NDArray[np.bool_]
    others: NDArray[np.bool_]
    confidence: Floats
    traits: Floats


@dataclass(frozen=True, slots=True)
class DatasetScores:
    """One dataset, scored.

    Attributes:
        name: of the dataset.
        scorers: names, in the order of every query's columns.
        queries: those that at least one protocol can judge.
        skipped: why candidates could not be judged, and how many.
        n_rows, n_bad: rows read, and rows that were none.
        label: what decides which sticker is right.
        sha256: of the file.
    """

    name: str
    scorers: tuple[str, ...]
    queries: tuple[Query, ...]
    skipped: dict[str, int]
    n_rows: int
    n_bad: int
    label: str | None
    sha256: str
    split: str = ""
    problems: tuple[str, ...] = field(default=())


def scorer_names(retriever: StickerRetriever) -> tuple[str, ...]:
    """Names of a retriever's scorers, in order of name."""
    return tuple(sorted(scorer.name for scorer in (*retriever.recallers, *retriever.scorers)))


def score_dataset(
    source: Dataset,
    retriever: StickerRetriever,
    cache: Path,
    *,
    label: LabelField | None = None,
    picks: bool = True,
    limit: int | None = None,
    show_progress: bool | None = None,
    on_block: Callable[[int], None] | None = None,
) -> DatasetScores:
    """Ask every scorer about every conversation of a validation split; what was asked before is read back.

    Args:
        source: any split but train, which the rankers know by heart, and test, which is for the end.
        retriever: its library and scorers; its own fusion does not matter.
        cache: where answers are kept (`eval.fitting.shards`).
        label: what makes a sticker right; None takes what the dataset has.
        picks: also score what a pick would choose among, which deciding needs.
        limit: only the first so many rows.
        on_block: told the number of each shard that was newly written.

    Raises:
        InputError: a split that is not for fitting, or no row that can be judged.
        ModelError: a scorer failed.
    """
    _refuse_split(source)
    with source.path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    field_ = label or pick_label_field(islice(source.samples(), _PROBE))
    names = scorer_names(retriever)
    config = {
        "schema": _SCHEMA,
        "dataset_sha256": digest,
        "library": retriever.library.content,
        "scorers": identities((*retriever.recallers, *retriever.scorers)),
        "picks": retriever.recall_size if picks else 0,
        "block": BLOCK,
    }
    judge = _Judge(retriever, field_)
    reader = source.samples()
    total = min(count_lines(source.path), limit or 1 << 62)
    queries: list[Query] = []
    skipped: Counter[str] = Counter()
    n_rows = 0
    with (
        Shards(cache, config) as shards,
        bar(f"Scoring {source.name}", total, show_progress, "conversations") as go,
    ):
        for number, block in enumerate(_blocks(islice(reader, limit))):
            arrays = shards.read(number)
            if arrays is None or not starts_with(arrays, block):
                arrays = ask(retriever, block, names, picks, go)
                shards.write(number, arrays)
                if on_block:
                    on_block(number)
            else:
                go(len(block))
            n_rows += len(block)
            for sample, answers in zip(block, unpacked(arrays), strict=False):
                query, reason = judge(sample, answers)
                if reason:
                    skipped[reason] += 1
                if query is not None:
                    queries.append(query)
    if not queries:
        why = ", ".join(f"{reason}: {n}" for reason, n in skipped.items()) or "no rows"
        raise InputError(
            f"none of {n_rows} rows of {source.path} can be judged ({why}); is this the library the dataset "
            "was made with?"
        )
    return DatasetScores(
        source.name,
        names,
        tuple(queries),
        dict(skipped.most_common()),
        n_rows,
        reader.n_problems,
        field_,
        digest,
        source.split,
        tuple(str(problem) for problem in reader.problems[:5]),
    )


def _refuse_split(source: Dataset) -> None:
    name = source.split or source.path.stem
    if name in _NOT_HELD_OUT:
        why = (
            "the rankers were trained on it, so it flatters them"
            if name == "train"
            else "it is for the one measurement at the end"
        )
        raise InputError(f"a fusion is not fitted on the {name} split: {why}; use the validation split")


def _blocks(samples: Iterator[Sample]) -> Iterator[list[Sample]]:
    while block := list(islice(samples, BLOCK)):
        yield block


class _Judge:
    """Scores to queries: what is right is read from the dataset, never kept with the scores."""

    def __init__(self, retriever: StickerRetriever, label: LabelField | None) -> None:
        self._label: LabelField | None = label
        self._candidates = Candidates(retriever.stickers)
        self._library = Library(retriever.stickers, label) if label else None

    def __call__(self, sample: Sample, answers: Answers) -> tuple[Query | None, str | None]:
        """The query, and why its candidates cannot be judged."""
        near = self._candidates.task(sample)
        ranked = near.rows if isinstance(near, Task) else None
        far = self._library.task(sample) if self._library else None
        gold = int(np.argmax(near.relevant)) if isinstance(near, Task) else None
        right = far.relevant[answers.rows] if isinstance(far, Task) else np.zeros(0, dtype=bool)
        reason = None if isinstance(near, Task) else near.reason
        if gold is None and not right.size:
            return None, reason
        return (
            Query(
                sample.conversation.id,
                getattr(sample, "dialogue", None),
                label_of(sample, self._label) if self._label else None,
                gold,
                answers.candidates if gold is not None else answers.candidates[:0],
                answers.recalled,
                right,
                np.isin(answers.rows, [] if ranked is None else ranked, invert=True),
                answers.confidence,
                answers.traits,
            ),
            reason,
        )
