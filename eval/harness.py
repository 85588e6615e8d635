"""A dataset through systems: score, judge, record, report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from eval.datasets import Dataset, Sample, count_lines, open_dataset
from eval.fingerprint import library_ids, resolved_config
from eval.labels import LABEL_FIELDS, LabelField, check_label_field, pick_label_field
from eval.most_frequent import MOST_FREQUENT, count_labels, most_frequent_scores
from eval.protocols import Candidates, EvalProtocol, Library, LibrarySticker, Task
from eval.records import Query, Record, make_records
from eval.results import ProtocolResult, Report
from eval.run_folder import RunFolder
from eval.significance import RESAMPLES
from eval.systems import Systems, checked, with_fixed
from eval.tally import CHANCE, Tally
from retriever.errors import InputError
from retriever.progress import bar

__all__ = ["evaluate"]

TieRule = Literal["expected", "optimistic", "pessimistic"]

_BLOCK = 64
_PROBE = 100
_SHOWN_PROBLEMS = 5


def evaluate(
    dataset: Dataset | str | Path,
    stickers: Sequence[LibrarySticker],
    systems: Systems,
    *,
    split: str | None = None,
    label: LabelField | None = None,
    protocols: Sequence[EvalProtocol] | None = None,
    baseline: str | None = None,
    ties: TieRule = "expected",
    limit: int | None = None,
    out: str | Path | None = None,
    config: Mapping[str, Any] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    strict: bool = False,
    show_progress: bool | None = None,
) -> Report:
    """Measure systems on a dataset, beside chance and, with a train split, beside the most frequent label.

    Args:
        dataset: a `Dataset`, or where it is (`eval.datasets.open_dataset`).
        stickers: the library, in the row order that `systems` scores.
        systems: conversation -> {system name: scores ``(len(stickers),)``}.
        split: of a dataset given by its place; None means valid.
        label: what decides relevance over the library; None takes what the dataset has.
        protocols: how queries are judged; None means `Candidates` and `Library`.
        baseline: the system to compare the others with; None means the most frequent label, if there.
        ties: how equal scores are judged.
        limit: only the first so many samples.
        out: a folder for records, run files and the report. A run that was killed goes on from
            there, and its result is that of a run which was not.
        config: what else decides the results (encoder, fusion, ...), as JSON values; kept in `out` and
            compared when a run goes on.
        resamples, seed: of the bootstrap.
        strict: raise at the first bad row instead of counting it.
        show_progress: a bar on stderr; None shows it on a terminal.

    Raises:
        InputError: no such dataset, no query that can be judged (says why), an empty library, an unknown
            baseline, or an `out` that belongs to something else.
        ConversationError: a bad row, where `strict`.
        ModelError: a system gave scores that cannot be used.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; expected at least 1")
    ids = library_ids(stickers)
    source = dataset if isinstance(dataset, Dataset) else open_dataset(dataset, split)
    field = check_label_field(label) if label else pick_label_field(islice(source.samples(), _PROBE))
    chosen = protocols if protocols is not None else _default_protocols(stickers, field)
    if source.train_path is not None and field is not None:
        counts = count_labels(source.train_path, field)
        systems = with_fixed(systems, {MOST_FREQUENT: most_frequent_scores(stickers, counts, field)})
        baseline = baseline or MOST_FREQUENT

    run = _Run(chosen, systems, ids, ties)
    reader = source.samples(strict)
    with ExitStack() as stack:
        folder = None
        if out is not None:
            resolved = resolved_config(source, stickers, field, chosen, ties, config)
            folder = stack.enter_context(RunFolder(Path(out), resolved))
        total = count_lines(source.path)
        advance = stack.enter_context(
            bar("Evaluating", min(total, limit or total), show_progress, unit="conversations")
        )
        n_rows = 0
        for block in _blocks(islice(reader, limit)):
            run.do(block, folder)
            n_rows += len(block)
            advance(len(block))
        report = Report(
            dataset=source.name,
            split=source.split,
            n_rows=n_rows,
            n_bad_rows=len(reader.problems),
            problems=tuple(str(problem) for problem in reader.problems[:_SHOWN_PROBLEMS]),
            label=field,
            ties=ties,
            baseline=baseline,
            resamples=resamples,
            seed=seed,
            protocols=run.results(baseline, resamples, seed),
        )
        _refuse_nothing(report, baseline)
        if folder is not None:
            from eval.exports import write_outputs

            write_outputs(folder.path, report)
    return report


class _Run:
    """The work on one block after the other."""

    def __init__(
        self, protocols: Sequence[EvalProtocol], systems: Systems, library_ids: Sequence[str], ties: TieRule
    ) -> None:
        self._protocols = protocols
        self._systems = systems
        self._library_ids = library_ids
        self._ties = ties
        self._tallies = [Tally(protocol) for protocol in protocols]
        self._names: frozenset[str] | None = None

    def do(self, block: Sequence[Sample], folder: RunFolder | None) -> None:
        """Score what is not done, record it, and count the whole block in."""
        done = {} if folder is None else folder.records
        if self._names is None:
            self._names = _systems_of(done.values())
        todo = [sample for sample in block if sample.conversation.id not in done]
        fresh = self._judge(todo)
        if folder is not None and fresh:
            folder.append(fresh)
        by_id = {record["id"]: record for record in fresh}
        for sample in block:
            record = by_id.get(sample.conversation.id) or done[sample.conversation.id]
            for tally in self._tallies:
                tally.add(record)

    def results(self, baseline: str | None, resamples: int, seed: int) -> tuple[ProtocolResult, ...]:
        """What came out, by protocol."""
        return tuple(tally.result(baseline, resamples, seed) for tally in self._tallies)

    def _judge(self, samples: Sequence[Sample]) -> list[Record]:
        queries: list[Query] = []
        scored = []
        for sample in samples:
            tasks = {protocol.name: protocol.task(sample) for protocol in self._protocols}
            queries.append((sample.conversation.id, tasks))
            # a query that no protocol can judge costs no scoring
            can = any(isinstance(task, Task) for task in tasks.values())
            scores = self._score(sample) if can else {}
            scored.append(scores)
        return make_records(queries, scored, self._protocols, self._library_ids, self._ties)

    def _score(self, sample: Sample) -> dict[str, Any]:
        query = sample.conversation.id
        scores = checked(self._systems(sample.conversation), len(self._library_ids), query)
        if self._names is None:
            if CHANCE in scores or not scores:
                raise InputError(
                    f"the systems are {list(scores)}; expected at least one, and none called {CHANCE!r}"
                )
            self._names = frozenset(scores)
        if self._names != scores.keys():
            raise InputError(
                f"query {query!r} was scored by {', '.join(sorted(scores))}, "
                f"others by {', '.join(sorted(self._names))}; every query needs the same systems"
            )
        return scores


def _systems_of(records: Any) -> frozenset[str] | None:
    """Names of the systems in records made earlier, or None."""
    for record in records:
        for entry in record["protocols"].values():
            if "values" in entry:
                return frozenset(entry["values"])
    return None


def _blocks(samples: Iterator[Sample]) -> Iterator[list[Sample]]:
    while block := list(islice(samples, _BLOCK)):
        yield block


def _default_protocols(stickers: Sequence[LibrarySticker], field: LabelField | None) -> list[EvalProtocol]:
    return [Candidates(stickers), Library(stickers, field or LABEL_FIELDS[0])]


def _refuse_nothing(report: Report, baseline: str | None) -> None:
    if not any(result.n_queries for result in report.protocols):
        reasons = "; ".join(
            f"{result.protocol}: " + ", ".join(f"{reason} ({n})" for reason, n in result.skipped.items())
            for result in report.protocols
        )
        raise InputError(
            f"none of {report.n_rows} queries of {report.dataset} can be judged ({reasons}; "
            f"{report.n_bad_rows} bad rows); is this the library that the dataset was made with?"
        )
    names = {system.name for result in report.protocols for system in result.systems}
    if baseline is not None and baseline not in names:
        raise InputError(
            f"there is no system {baseline!r} to compare with; there are {', '.join(sorted(names))}"
        )
