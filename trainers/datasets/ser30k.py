"""SER30K (`eval.datasets.ser30k`), and packs with emotion labels, for teachers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.datasets.ser30k import annotations_file, read_annotations
from retriever.errors import InputError
from retriever.labels import EMOTIONS
from retriever.packs.entry import Quarantined
from retriever.rankers.parts.config import Fit
from trainers.datasets.ranking import StickerImages
from trainers.datasets.stickers import emotion_index, load_stickers
from trainers.images.sources import ImageSource, entry_source, pack_sources

__all__ = ["LabelledImages", "load_labelled_packs", "load_ser30k"]

_ONE_OF = 10
"""One of so many stickers of a pack is held out, as in SER30K's own validation split."""


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Stickers with one emotion each, split for training and validation.

    Attributes:
        images: every one has an emotion.
        train, valid: rows of `images`.
        notes: what was left out, counted.
    """

    images: StickerImages
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    notes: dict[str, int] = field(default_factory=dict)


def load_ser30k(
    root: Path, cache: Path, side: int = 128, fit: Fit = "stretch", show_progress: bool | None = None
) -> LabelledImages:
    """SER30K's train and validation splits; the test split is not touched.

    Raises:
        InputError: not SER30K's layout, a bad annotation (names file, place, what was found and expected), or
            not one usable image in a split.
    """
    sources: list[ImageSource] = []
    ends = []
    for split in ("train", "val"):
        for entry in read_annotations(annotations_file(root, split), root / "Images", split):
            if not isinstance(entry, Quarantined):
                sources.append(entry_source(entry))
            elif entry.reason == "bad_row":
                raise InputError(f"{entry.origin}, {entry.detail}")
        ends.append(len(sources))
    images, problems = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    split_of = {source.id: at >= ends[0] for at, source in enumerate(sources)}
    held = np.array([split_of[id_] for id_ in images.ids])
    return _split(images, held, Counter({"unusable_images": len(problems)}), str(root))


def load_labelled_packs(
    packs: Sequence[str | Path],
    cache: Path,
    side: int = 128,
    fit: Fit = "pad",
    show_progress: bool | None = None,
) -> LabelledImages:
    """The stickers of packs that carry an emotion; a tenth, chosen by their hash, is for validation.

    Equal bytes always fall on the same side.

    Raises:
        InputError: a pack cannot be opened, or no sticker has one of the seven emotions.
    """
    notes: Counter[str] = Counter()
    sources: list[ImageSource] = []
    for entry in pack_sources(packs):
        if isinstance(entry, Quarantined):
            notes["unusable_images"] += 1
        elif emotion_index(entry.emotion) < 0:
            notes["without_emotion"] += 1
        else:
            sources.append(entry)
    if not sources:
        raise InputError(
            f"no sticker of {', '.join(map(str, packs))} has an emotion; "
            f"expected one of {', '.join(EMOTIONS)}"
        )
    images, problems = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    notes["unusable_images"] += len(problems)
    distinct = sorted(set(images.sha256))
    kept_back = set(distinct[: max(1, len(distinct) // _ONE_OF)])
    held = np.array([digest in kept_back for digest in images.sha256])
    return _split(images, held, notes, ", ".join(map(str, packs)))


def _split(images: StickerImages, held: NDArray[np.bool_], notes: Counter[str], what: str) -> LabelledImages:
    train, valid = np.flatnonzero(~held).astype(np.int64), np.flatnonzero(held).astype(np.int64)
    if not len(train) or not len(valid):
        raise InputError(
            f"{what}: {len(train)} images to train on and {len(valid)} to validate with; both are needed"
        )
    return LabelledImages(images, train, valid, {name: count for name, count in notes.items() if count})
