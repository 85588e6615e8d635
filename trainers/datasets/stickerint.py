"""StickerInt for training: pixels and candidates (`eval.datasets.stickerint` reads its files)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from eval.datasets.choices import draw_among
from eval.datasets.reader import SampleReader
from eval.datasets.stickerint import (
    IntPolicy,
    contexts_file,
    pack_of,
    read_labels,
    read_pools,
    sticker_entries,
)
from eval.datasets.stickerint_rows import rows
from retriever.errors import InputError
from retriever.rankers.parts.config import Fit
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.datasets.some import require_some
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import entry_source

__all__ = ["IntStickers", "load_stickerint", "open_stickerint"]


@dataclass(frozen=True, slots=True)
class IntStickers:
    """The stickers of all splits that are there.

    Attributes:
        images: ids are those of the data; a sticker's pack is its id up to the last ``_``.
        pools: the ids of each split.
        labels: intentions by what a row may say: English name, Chinese name, number; empty without the list.
        problems: id to reason, for what could not be used.
    """

    images: StickerImages
    pools: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    problems: Mapping[str, str]


def open_stickerint(
    root: Path, cache: Path, side: int = 224, fit: Fit = "pad", show_progress: bool | None = None
) -> IntStickers:
    """The stickers; see `eval.datasets.stickerint.sticker_entries`.

    Raises:
        InputError: no ``*_imgs.tsv``, or a line that is none; names file and line.
    """
    sources = [entry_source(entry) for entry in sticker_entries(root)]
    images, problems = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    pools = read_pools(root)
    kept = {split: tuple(id_ for id_ in ids if id_ in images) for split, ids in pools.items()}
    return IntStickers(images, kept, read_labels(root), problems)


def load_stickerint(
    root: Path,
    split: Literal["train", "valid", "test"],
    stickers: IntStickers,
    policy: IntPolicy = "all",
    negatives: int = 9,
    seed: int = 42,
    limit: int | None = None,
    strict: bool = False,
) -> RankingData:
    """One split: a sample for each image of a row. Its ``comet`` goes into the conversation's inferences.

    Left out and counted in `notes`: samples with a sticker whose image cannot be used, bad rows (`strict`
    raises them instead).

    Args:
        limit: the first so many rows.

    Raises:
        InputError: no such file, or not one usable sample.
        ConversationError: a bad row, where `strict`; names file, line, field.
    """
    path = root / contexts_file(split)
    if not path.is_file():
        raise InputError(f"{root} has no {path.name}; give the folder that StickerInt was unpacked to")
    reader = SampleReader(path, strict, partial(rows, split=split, labels=stickers.labels, limit=limit))
    notes: Counter[str] = Counter()
    samples: list[RankingSample] = []
    for sample in reader:
        if sample.gold is None or sample.gold not in stickers.images:
            notes["sticker_without_image"] += 1
            continue
        talk, pack = sample.conversation, pack_of(sample.gold)
        samples.append(RankingSample(talk.id, talk, sample.gold, pack, intention=sample.intention))
    notes += reader.notes
    require_some(samples, reader, notes)
    if policy == "random":
        pool = stickers.pools.get(split) or stickers.images.ids
        drawn = draw_among(samples, pool, negatives, seed)
        return RankingData(samples, stickers.images, drawn, policy=policy, notes=dict(notes))
    pool = stickers.images.ids if policy == "all" else stickers.pools.get(split, ())
    place = {id_: at for at, id_ in enumerate(pool)}
    outside = [sample for sample in samples if sample.sticker not in place]
    if outside:
        raise InputError(
            f"{path}: sticker {outside[0].sticker!r} is sent, but is not in {split}_imgs.tsv; use "
            "the policy all"
        )
    ready = [sample.with_candidates(pool, place[sample.sticker]) for sample in samples]
    return RankingData(ready, stickers.images, policy=policy, notes=dict(notes))
