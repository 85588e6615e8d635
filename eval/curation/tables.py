"""What was found in a dataset, or written, as tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eval.curation.convert import Converted
from eval.curation.giveaway import GiveAway
from eval.curation.inspect import Inspection
from eval.curation.overlap import Leak

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["to_rich", "written_to_rich"]

_SHOWN = 12
_ROWS = (
    ("rows", "rows"),
    ("bad_rows", "bad rows"),
    ("dialogues", "dialogues"),
    ("utterances", "utterances"),
    ("utterances_per_row", "utterances a row"),
    ("words_per_utterance", "words an utterance"),
    ("characters_per_utterance", "characters an utterance"),
    ("speakers_per_row", "speakers a row"),
    ("rows_with_sticker", "rows with a sticker"),
    ("stickers_sent", "stickers sent"),
    ("rows_with_candidates", "rows with candidates"),
    ("gold_not_a_candidate", "rows whose candidates lack the gold"),
)


def to_rich(found: Inspection) -> "RenderableType":
    """Splits side by side, the stickers, and what splits have in common."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(f"{found.name} ({found.format})", style="bold")]
    splits = {name: counts.as_dict() for name, counts in found.splits.items()}
    if splits:
        parts.append(_side_by_side(splits))
    if found.stickers is not None:
        parts.append(_pairs("stickers", _sticker_lines(found.stickers.as_dict())))
    elif found.no_stickers:
        parts.append(Text(f"no stickers: {found.no_stickers}"))
    lost = found.as_dict()["sent_but_not_there"]
    if lost["stickers"]:
        names = ", ".join(lost["first"])
        parts.append(
            Text(f"{lost['stickers']} stickers were sent in {lost['rows']} rows and are not there: {names}")
        )
    if found.leaks:
        parts.append(_leak_table(found.leaks))
    parts += [
        Text(f"{leak.split} in {leak.within}, for example: {', '.join(leak.examples)}")
        for leak in found.leaks
        if leak.examples
    ]
    parts += [Text(line, style="yellow") for line in _give_away_lines(found.give_aways)]
    problems = [line for counts in splits.values() for line in counts["problems"]]
    problems += found.stickers.problems if found.stickers else ()
    parts += [Text(line, style="yellow") for line in problems]
    return Group(*parts)


def written_to_rich(done: Converted) -> "RenderableType":
    """What went into each split."""
    from rich.console import Group

    tables = [
        _pairs(name, _plain(counts)) for name, counts in done.counts.items() if isinstance(counts, Mapping)
    ]
    rest = {name: value for name, value in done.counts.items() if not isinstance(value, Mapping)}
    return Group(*tables, *([_pairs("all", _plain(rest))] if rest else []))


def _side_by_side(splits: Mapping[str, Mapping[str, Any]]) -> "RenderableType":
    from rich.table import Table

    table = Table(title="splits", title_justify="left")
    table.add_column("")
    for name in splits:
        table.add_column(name, justify="right")
    for key, label in _ROWS:
        values = [counts[key] for counts in splits.values()]
        if any(value is not None for value in values):
            table.add_row(label, *(_number(value) for value in values))
    for key, label in (("modes", ""), ("left_out", "left out: "), ("candidates", "candidates: ")):
        for inner in sorted({name for counts in splits.values() for name in counts[key]}):
            table.add_row(label + inner, *(_number(counts[key].get(inner, 0)) for counts in splits.values()))
    for field in sorted({name for counts in splits.values() for name in counts["labels"]}):
        found = [counts["labels"].get(field, {}) for counts in splits.values()]
        table.add_row(f"different {field}s", *(_number(len(labels)) for labels in found))
        names = list(dict.fromkeys(name for labels in found for name in labels))
        for name in names[:_SHOWN]:
            table.add_row(f"  {name}", *(_number(labels.get(name, 0)) for labels in found))
        if len(names) > _SHOWN:
            table.add_row(f"  ... {len(names) - _SHOWN} more")
    return table


def _sticker_lines(counts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sizes, across = counts["stickers_per_pack"], counts["own_copies_in_splits"]
    yield "stickers", _number(counts["stickers"])
    yield "packs", _number(counts["packs"])
    yield "stickers a pack: least, mean, most", ", ".join(_number(sizes[name]) for name in sizes)
    yield "with text, without", f"{counts['with_text']:,}, {counts['without_text']:,}"
    for field, labels in counts["labels"].items():
        yield f"different {field}s, and stickers with one", f"{len(labels):,}, {sum(labels.values()):,}"
    for reason, n in counts["unusable"].items():
        yield f"cannot be used: {reason}", _number(n)
    if counts["exact_groups"] is not None:
        yield (
            "groups of equal bytes, that look alike",
            f"{counts['exact_groups']:,}, {counts['near_groups']:,}",
        )
        yield "of these, a copy of its own in two splits", f"{across['exact']:,}, {across['near']:,}"
        for group in across["first"]:
            yield "  such as", ", ".join(group[:6]) + (", ..." if len(group) > 6 else "")


def _leak_table(leaks: Sequence[Leak]) -> "RenderableType":
    from rich.table import Table

    table = Table(title="rows of one split that another has too", title_justify="left")
    table.add_column("split", no_wrap=True)
    for name in ("rows", "same words", "shared turns", "same id", "unseen: rows", "stickers", "look seen"):
        table.add_column(name, justify="right")
    for leak in leaks:
        values = (leak.same_conversation, leak.shared_turns, leak.same_id, leak.unseen_rows)
        shares = (f"{value:,} ({value / leak.rows:.0%})" if value else "0" for value in values)
        rest = (_number(leak.unseen_stickers), _number(leak.like_seen))
        table.add_row(f"{leak.split} in {leak.within}", _number(leak.rows), *shares, *rest)
    return table


def _give_away_lines(found: Mapping[str, GiveAway]) -> Iterator[str]:
    """A warning a split whose lists tell more than how often a label is sent."""
    for name, said in found.items():
        if said.suspicious:
            yield (
                f"{name}: lists give their gold away: in {said.alone:.0%} no other candidate has its "
                f"{said.field}; the commonest {said.field} of those that stand once is right in "
                f"{said.ruled_out:.1%} (the commonest of all: {said.common:.1%}). Compare only systems that "
                "score stickers one by one"
            )


def _pairs(title: str, lines: Any) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("")
    table.add_column("")
    for label, value in lines:
        table.add_row(Text(label), Text(value))
    return table


def _plain(counts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in counts.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _plain(value, f"{label}: ")
        elif isinstance(value, list):
            for one in value:
                yield label, str(one)
        else:
            yield label, _number(value)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:,.2f}"
        if isinstance(value, float)
        else str(value)
    )
