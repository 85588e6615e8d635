"""StickerChat for training: pixels, and candidates that are frozen on disk (`eval.datasets.stickerchat`)."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal

from eval.datasets.frozen import freeze
from eval.datasets.reader import SampleReader
from eval.datasets.same_set import SetPolicy, chooser
from eval.datasets.stickerchat import SPLIT_FILES, rows, sticker_entries, sticker_sets
from eval.labels import label_of
from retriever.errors import InputError
from retriever.rankers.parts.config import Fit
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.datasets.some import require_some
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import entry_source

__all__ = ["load_stickerchat", "open_sets"]


def open_sets(
    root: Path,
    cache: Path,
    side: int = 128,
    fit: Fit = "pad",
    blank: int = 127,
    show_progress: bool | None = None,
) -> tuple[StickerImages, dict[str, list[str]], dict[str, str]]:
    """All stickers under ``npy_stickers``: pixels, the mapping of each set, what cannot be used and why.

    Ids are ``set/sticker``. Stickers that a mapping leaves out are loaded too (a gold may be one), and a set
    without a mapping file counts as one with an empty one.

    Raises:
        InputError: no such folder, nothing in it, or a bad mapping file.
    """
    sets = sticker_sets(root)
    sources = [entry_source(entry) for entry in sticker_entries(root, sets)]
    images, problems = load_stickers(sources, cache, side, fit, blank, show_progress)
    return images, {name: list(listed) for name, listed in sets.items()}, problems


def load_stickerchat(
    root: Path,
    split: Literal["train", "valid"],
    images: StickerImages,
    mapping: dict[str, list[str]],
    policy: SetPolicy = "srs_first9",
    negatives: int = 9,
    seed: int = 42,
    frozen: Path | None = None,
    text: Literal["joined", "words"] = "joined",
    limit: int | None = None,
    strict: bool = False,
) -> RankingData:
    """One split with frozen candidates.

    Left out and counted in `notes`: rows whose context has no text, rows whose sticker has no usable image,
    bad rows (`strict` raises them instead). The counts of repeated golds and empty slots are there as well.

    Args:
        images, mapping: of `open_sets`.
        frozen: where candidates are kept; None puts ``candidates-<policy>-<seed>-<split>.jsonl`` into `root`.
        text: see `eval.datasets.stickerchat.rows`.
        limit: the first so many rows.

    Raises:
        InputError: no such file, not one usable row, or frozen candidates of other settings.
        ConversationError: a bad row, where `strict`; names file, line, field.
    """
    path = root / SPLIT_FILES[split]
    if not path.is_file():
        raise InputError(f"{root} has no {path.name}; give the folder that StickerChat was unpacked to")
    reader = SampleReader(path, strict, partial(rows, split=split, text=text, limit=limit))
    notes: Counter[str] = Counter()
    samples: list[RankingSample] = []
    for sample in reader:
        if sample.gold is None or sample.gold not in images:
            notes["sticker_without_image"] += 1
            continue
        talk, pack = sample.conversation, sample.gold.partition("/")[0]
        samples.append(RankingSample(talk.id, talk, sample.gold, pack, emoji=label_of(sample, "emoji")))
    notes += reader.notes
    require_some(samples, reader, notes)
    mapping = {pack: [id_ for id_ in ids if id_ in images] for pack, ids in mapping.items()}
    where = frozen or root / f"candidates-{policy}-{seed}-{split}{f'-{limit}' if limit else ''}.jsonl"
    lists = freeze(where, samples, chooser(policy, mapping, negatives, seed), policy, seed, path)
    ready = [sample.with_candidates(*lists.choices[sample.id]) for sample in samples]
    return RankingData(ready, images, policy=policy, notes={**notes, **lists.counts})
