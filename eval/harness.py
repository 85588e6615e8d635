"""A dataset through systems: note the queries, ask one system after the other, judge, report."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from eval.costs import Price, read_cost
from eval.datasets import Dataset, open_dataset
from eval.dialogue_groups import Resample, dialogue_groups, unit_of
from eval.facts import FactFinder, Sentiment
from eval.fingerprint import library_ids, resolved_config
from eval.labels import LabelField, check_label_field, pick_label_field
from eval.protocol_names import DEFAULT, make_protocols
from eval.protocols import EvalProtocol, LibrarySticker
from eval.queries import Noted, Plan, note_queries
from eval.references import MOST_FREQUENT, make_references
from eval.results import Cost, Report
from eval.run_folder import RunFolder, read_records
from eval.scoring import score_system
from eval.significance import RESAMPLES
from eval.systems import TOGETHER, Systems, SystemSpec, check_names, together
from eval.tally import CHANCE, Tally
from eval.training_split import count_training
from retriever.errors import InputError

__all__ = ["evaluate"]

TieRule = Literal["expected", "optimistic", "pessimistic"]

_PROBE = 100


def evaluate(
    dataset: Dataset | str | Path,
    stickers: Sequence[LibrarySticker],
    systems: Systems | Sequence[SystemSpec],
    *,
    split: str | None = None,
    label: LabelField | None = None,
    protocols: Sequence[EvalProtocol | str] | None = None,
    references: Sequence[str] | None = None,
    baseline: str | None = None,
    ties: TieRule = "expected",
    limit: int | None = None,
    out: str | Path | None = None,
    config: Mapping[str, Any] | None = None,
    sentiment: Sentiment | None = None,
    price: Price | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    resample: Resample = "auto",
    strict: bool = False,
    batch: int | None = None,
    show_progress: bool | None = None,
) -> Report:
    """Measure systems on a dataset, beside chance and, with a train split, beside the most frequent label.

    Systems are asked one after the other, each about all queries, and opened only where something of theirs
    is missing: one that comes later costs what it costs alone.

    Args:
        dataset: a `Dataset`, or where it is (`eval.datasets.open_dataset`).
        stickers: the library, in the row order that the systems score.
        systems: what is measured; a function conversation -> {system name: scores ``(len(stickers),)``} is
            several at once.
        split: of a dataset given by its place; None means valid.
        label: what decides relevance over the library; None takes what the dataset has.
        protocols: how queries are judged: objects, or names (`eval.protocol_names.PROTOCOLS`); None means the
            candidates, and the whole library by sticker and by label.
        references: further systems, made of the train split (`eval.references.REFERENCES`); None takes the
            most frequent label where it can be known.
        baseline: the system to compare the others with; None means the most frequent label, if there.
        ties: how equal scores are judged.
        limit: only the first so many samples.
        out: a folder for records, run files and the report (`eval.run_folder`). A run that was killed goes
            on from there, and its result is that of a run which was not; systems that were evaluated into
            it earlier are reported along.
        config: what else decides the results, as JSON values; compared when a run goes on.
        sentiment: of a conversation, for the records.
        price: of a model's tokens.
        resamples, seed: of the bootstrap.
        resample: what it draws, and what the tests turn: whole dialogues, or single queries; ``auto`` takes
            dialogues where one has several queries (`eval.dialogue_groups`).
        strict: raise at the first bad row instead of counting it.
        batch: ask a system about no more conversations at once than this; None leaves it to the system, and
            with 1 times are those of single picks.
        show_progress: bars on stderr; None shows them on a terminal.

    Raises:
        InputError: no such dataset, no query that can be judged (says why), an empty library, an unknown
            protocol or baseline, two systems of one name, or an `out` that belongs to something else.
        ConversationError: a bad row, where `strict`.
        ModelError: a system does not answer, or gave scores that cannot be used.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; expected at least 1")
    if resample not in get_args(Resample):
        raise InputError(f"resample is {resample!r}; expected one of {', '.join(get_args(Resample))}")
    if batch is not None and batch < 1:
        raise InputError(f"batch is {batch}; expected at least 1")
    if ties not in get_args(TieRule):
        raise InputError(f"ties is {ties!r}; expected one of {', '.join(get_args(TieRule))}")
    ids = library_ids(stickers)
    source = dataset if isinstance(dataset, Dataset) else open_dataset(dataset, split)
    field = check_label_field(label) if label else pick_label_field(islice(source.samples(), _PROBE))
    chosen = _protocols(protocols, stickers, field)
    training = count_training(source, field)
    known = make_references(references, stickers, training, field)
    several = [together(systems, config)] if callable(systems) else list(systems)
    specs = [*known, *several]
    check_names([*(spec.name for spec in specs), CHANCE])
    resolved = resolved_config(source, stickers, field, chosen, ties, None if callable(systems) else config)
    plan = Plan(source, chosen, ids, ties, limit, strict)
    facts = FactFinder(stickers, field, None if training is None else training.golds, sentiment)
    with ExitStack() as stack:
        place = out if out is not None else stack.enter_context(TemporaryDirectory(prefix="sticker-eval-"))
        folder = stack.enter_context(RunFolder(Path(place), resolved, durable=out is not None))
        folder.keep_stickers(stickers)
        noted = note_queries(plan, folder, facts, show_progress)
        for spec in specs:
            _check_scope(spec, noted, chosen)
            folder.enter(spec)
        _check_baseline(baseline, folder.names)
        for spec in specs:
            score_system(spec, folder, plan, noted.n_rows, {*folder.names, CHANCE}, show_progress, batch)
        report = _report(plan, folder, noted, field, baseline, resamples, seed, resample, price)
        if out is not None:
            from eval.exports import write_outputs

            write_outputs(folder.path, report)
    return report


def _protocols(
    wanted: Sequence[EvalProtocol | str] | None, stickers: Sequence[LibrarySticker], field: LabelField | None
) -> list[EvalProtocol]:
    names = [one for one in wanted or () if isinstance(one, str)]
    made = [one for one in wanted or () if not isinstance(one, str)]
    if names or not made:
        made = [*made, *make_protocols(stickers, field, DEFAULT if wanted is None else names)]
    return made


def _report(
    plan: Plan,
    folder: RunFolder,
    noted: Noted,
    field: LabelField | None,
    baseline: str | None,
    resamples: int,
    seed: int,
    resample: Resample,
    price: Price | None,
) -> Report:
    """One pass over the records."""
    tallies = [Tally(protocol) for protocol in plan.protocols]
    frozen = sha256()
    ids: list[str] = []
    dialogues: list[str | None] = []
    for record in read_records(folder.path, noted.n_rows):
        ids.append(record["id"])
        dialogues.append(record["facts"].get("dialogue"))
        for tally in tallies:
            tally.add(record)
            pool = record["protocols"][tally.name]
            frozen.update(repr((record["id"], pool.get("gold"), pool.get("ids"))).encode("utf-8", "replace"))
    groups = dialogue_groups(ids, dialogues)
    unit = unit_of(resample, groups)
    names = list(dict.fromkeys(name for tally in tallies for name in tally.systems))
    _check_baseline(baseline, names)
    against = baseline or (MOST_FREQUENT if MOST_FREQUENT in names else None)
    provenance = {
        "config": folder.config,
        "environment": folder.environment,
        "candidates_sha256": frozen.hexdigest(),
    }
    return Report(
        dataset=plan.source.name,
        split=plan.source.split,
        n_rows=noted.n_rows,
        n_bad_rows=noted.n_bad_rows,
        problems=noted.problems,
        label=field,
        ties=plan.ties,
        baseline=against,
        resamples=resamples,
        seed=seed,
        unit=unit,
        protocols=tuple(
            tally.result(names, against, resamples, seed, groups if unit == "dialogue" else None)
            for tally in tallies
        ),
        costs=_costs(folder, names, price),
        provenance=provenance,
    )


def _costs(folder: RunFolder, names: Sequence[str], price: Price | None) -> dict[str, Cost]:
    """By system; those that share their work, under their names together."""
    entered = set(folder.names)
    shared = " + ".join(name for name in names if name not in entered)
    costs = {name: read_cost(folder.costs_of(name), price) for name in names if name in entered}
    if shared and TOGETHER in entered:
        costs[shared] = read_cost(folder.costs_of(TOGETHER), price)
    return costs


def _check_scope(spec: SystemSpec, noted: Noted, protocols: Sequence[EvalProtocol]) -> None:
    if spec.scope == "candidates" and not noted.with_lists:
        names = ", ".join(protocol.name for protocol in protocols)
        raise InputError(
            f"{spec.name} can only be asked about short lists of candidates, so it cannot be judged by "
            f"{names}; add the protocol c10, on a dataset whose rows have candidates"
        )


def _check_baseline(baseline: str | None, names: Collection[str]) -> None:
    if baseline is not None and baseline not in names and TOGETHER not in names:
        raise InputError(
            f"there is no system {baseline!r} to compare with; there are {', '.join(sorted(names))}"
        )
