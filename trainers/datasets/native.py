"""The native format for training: split files beside packs of stickers (`eval.datasets`)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.datasets import Sample, open_dataset
from eval.datasets.same_pack import NativePolicy, draw_negatives
from eval.labels import LabelField, label_of, pick_label_field
from retriever.errors import InputError
from retriever.packs.entry import Quarantined
from retriever.rankers.parts.config import Fit
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import ImageSource, pack_sources

__all__ = ["NativeStickers", "load_native", "open_stickers"]


@dataclass(frozen=True, slots=True)
class NativeStickers:
    """The stickers that a dataset's rows name.

    Attributes:
        images: pixels by row.
        sources: of the rows, in order: packs and labels.
        problems: id to reason, for what could not be used.
    """

    images: StickerImages
    sources: tuple[ImageSource, ...]
    problems: dict[str, str]


def open_stickers(
    packs: Sequence[str | Path],
    cache: Path,
    side: int = 128,
    fit: Fit = "pad",
    show_progress: bool | None = None,
) -> NativeStickers:
    """All stickers of `packs`, decoded.

    Raises:
        InputError: no pack is given, one cannot be opened, or two share an id.
    """
    if not packs:
        raise InputError("no pack of stickers given; name the packs that the dataset's stickers are from")
    problems: dict[str, str] = {}
    sources: list[ImageSource] = []
    for entry in pack_sources(packs):
        if isinstance(entry, Quarantined):
            problems[entry.id] = f"{entry.reason}: {entry.detail}"
        else:
            sources.append(entry)
    images, bad = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    kept = tuple(source for source in sources if source.id in images)
    return NativeStickers(images, kept, {**problems, **bad})


def load_native(
    folder: str | Path,
    split: Literal["train", "valid"],
    stickers: NativeStickers,
    policy: NativePolicy = "random_same_pack",
    negatives: int = 9,
    seed: int = 42,
    limit: int | None = None,
    strict: bool = False,
) -> RankingData:
    """One split; rows without candidates get them by `policy`, anew each epoch.

    A row whose sticker is in no pack is left out and counted in `notes`, as is one without a sticker, with
    candidates that lack it, or that cannot be read. Candidates that are in no pack become empty slots.

    Args:
        negatives: how many to draw beside the gold.
        limit: the first so many rows.
        strict: raise at the first row that cannot be read.

    Raises:
        InputError: no such split, or no row can be used.
        ConversationError: a bad row, where `strict`; names file, line and field.
    """
    reader = open_dataset(folder, split).samples(strict)
    known = {source.id: source for source in stickers.sources}
    notes: Counter[str] = Counter()
    kept: list[Sample] = []
    samples: list[RankingSample] = []
    for number, sample in enumerate(reader):
        if limit is not None and number >= limit:
            break
        made = _made(sample, known, notes)
        if made is not None:
            kept.append(sample)
            samples.append(made)
    if reader.n_problems:
        notes["bad_rows"] = reader.n_problems
    if not samples:
        first = f"; first problem: {reader.problems[0]}" if reader.problems else ""
        counts = ", ".join(f"{count} {reason}" for reason, count in notes.items()) or "it is empty"
        raise InputError(f"no row of {folder} ({split}) can be trained on: {counts}{first}")
    field: LabelField | None = pick_label_field(kept)
    labels = {id_: label_of(source, field) if field else None for id_, source in known.items()}
    packs = {id_: source.pack for id_, source in known.items()}
    drawn = draw_negatives(samples, packs, labels, policy, negatives, seed)
    return RankingData(samples, stickers.images, drawn, policy=policy, notes=dict(notes))


def _made(sample: Sample, known: dict[str, ImageSource], notes: Counter[str]) -> RankingSample | None:
    if sample.gold is None:
        notes["no_sticker"] += 1
        return None
    if sample.gold not in known:
        notes["sticker_in_no_pack"] += 1
        return None
    made = RankingSample(
        sample.conversation.id,
        sample.conversation,
        sample.gold,
        known[sample.gold].pack,
        emotion=label_of(sample, "emotion"),
        intention=label_of(sample, "intention"),
        emoji=label_of(sample, "emoji"),
    )
    if sample.candidates is None:
        return made
    if sample.gold not in sample.candidates:
        notes["gold_not_a_candidate"] += 1
        return None
    candidates = [id_ if id_ in known else None for id_ in sample.candidates]
    notes["padded_slots"] += candidates.count(None)
    return made.with_candidates(candidates, candidates.index(sample.gold))
