"""What a ranker is trained on, whatever the format on disk: samples, stickers by row, what a teacher says."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eval.datasets.choices import Draw
from retriever.errors import InputError
from retriever.packs.entry import Annotations
from retriever.types import Conversation

__all__ = ["BLANK", "RankingData", "RankingSample", "StickerImages", "TeacherOutputs", "spread_rows"]

Rows = NDArray[np.int64]

BLANK = -1
"""The row of an empty slot: a policy found fewer stickers than it wanted."""


@dataclass(frozen=True, slots=True)
class RankingSample:
    """One conversation, the sticker that was sent and the stickers it is ranked among.

    Attributes:
        id: unique in its split.
        candidates: sticker ids, the gold's at `gold`; empty where they are drawn anew each epoch
            (see `RankingData.draw`). None is an empty slot; policy ``pbr_released`` may name the gold twice.
        gold: the place of the sent sticker among `candidates`.
        sticker: the id of the sent sticker, also where there are no candidates yet.
        pack: the sent sticker's pack (the papers' topic).
        emotion: a label of the sample, one of `retriever.labels.EMOTIONS`, or None.
        intention: likewise, one of `retriever.labels.INTENTIONS`.
        emoji: likewise, without a variation selector; any.
    """

    id: str
    conversation: Conversation
    sticker: str
    pack: str
    candidates: tuple[str | None, ...] = ()
    gold: int = 0
    emotion: str | None = None
    intention: str | None = None
    emoji: str | None = None

    def with_candidates(self, candidates: Sequence[str | None], gold: int) -> "RankingSample":
        """The same sample among other candidates.

        Raises:
            InputError: the gold is not at the place `gold`.
        """
        if not 0 <= gold < len(candidates) or candidates[gold] != self.sticker:
            raise InputError(
                f"sample {self.id}: {self.sticker!r} was sent, but is not at place {gold} of its candidates"
            )
        return replace(self, candidates=tuple(candidates), gold=gold)


@dataclass(frozen=True)
class StickerImages:
    """Stickers by row: pixels out of a memory-mapped cache, topic and emotion.

    Attributes:
        ids: one a row, no two equal.
        images: (m, side, side, 3) uint8 RGB, usually a memory map; equal bytes share an image.
        image_of: (n,) int64, which of `images` each row has.
        topic: (n,) int64: which pack, numbered by first appearance.
        emotion: (n,) int64: index into `retriever.labels.EMOTIONS`, or -1 where unknown.
        sha256: of each row's image bytes, what caches are keyed by.
        blank: grey value of an empty slot's picture: PBR's code pads with 127, SRS's with 0.
        said: what each row's pack says about it in words; empty where no pack says anything.
    """

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    image_of: Rows
    topic: Rows
    emotion: Rows
    sha256: tuple[str, ...]
    blank: int = 127
    said: tuple[Annotations, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def side(self) -> int:
        """Pixels along an edge of the cached images."""
        return int(self.images.shape[1])

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}

    def row(self, sticker: str | None) -> int:
        """The row of a sticker; `BLANK` for None.

        Raises:
            InputError: no such sticker.
        """
        if sticker is None:
            return BLANK
        try:
            return self._row_of[sticker]
        except KeyError:
            raise InputError(f"there is no sticker {sticker!r} among the {len(self)} stickers") from None

    def __contains__(self, sticker: object) -> bool:
        return sticker in self._row_of

    def rows(self, stickers: Sequence[str | None]) -> Rows:
        """(k,) int64: the rows of several stickers; `BLANK` for None."""
        return np.fromiter((self.row(sticker) for sticker in stickers), np.int64, len(stickers))

    def pixels(self, rows: Rows) -> NDArray[np.uint8]:
        """(k, side, side, 3) uint8 RGB; a `BLANK` row is plain grey."""
        found = rows >= 0
        taken = np.empty((len(rows), *self.images.shape[1:]), np.uint8)
        taken[found] = self.images[self.image_of[rows[found]]]
        taken[~found] = self.blank
        return taken

    def topics(self, rows: Rows) -> Rows:
        """(k,) int64; -1 for `BLANK`."""
        return np.where(rows >= 0, self.topic[rows], -1)

    def emotions(self, rows: Rows) -> Rows:
        """(k,) int64; -1 for `BLANK` and where nobody knows."""
        return np.where(rows >= 0, self.emotion[rows], -1)


@dataclass(frozen=True, slots=True)
class TeacherOutputs:
    """What an emotion teacher says of every sticker, in the rows of `StickerImages`.

    Attributes:
        anchors: (n, 7M) float32: dot products f E^T of the teacher's feature with the M anchors of each
            emotion, in the order of `retriever.labels.EMOTIONS`; EKD's soft labels are their softmax.
        logits: (n, 7) float32: the teacher's own class scores (logit distillation, PBR table 5).
        features: (n, f) float32: the pooled features (feature distillation).
    """

    anchors: NDArray[np.float32]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]

    @property
    def clusters(self) -> int:
        """M: anchors an emotion."""
        return int(self.anchors.shape[1]) // 7

    def of(self, rows: Rows) -> "TeacherOutputs":
        """The outputs of some rows; zeros (softmax: uniform) for `BLANK`."""
        found = (rows >= 0)[:, None]
        return TeacherOutputs(
            *(
                np.where(found, np.asarray(values[rows]), np.float32(0)).astype(np.float32, copy=False)
                for values in (self.anchors, self.logits, self.features)
            )
        )


@dataclass(frozen=True, slots=True)
class RankingData:
    """One split, ready for training or validation.

    Attributes:
        samples: every one has candidates, or `drawn` gives them.
        drawn: candidates of samples that have none; depends on the seed it was made with, the sample and
            the epoch alone.
        teacher: where distillation or teacher-led mining wants it.
        policy: how negatives were chosen, for reports.
        notes: counts to report beside every score (left out, duplicate golds, padded slots), by name.
    """

    samples: Sequence[RankingSample]
    stickers: StickerImages
    drawn: Draw | None = None
    teacher: TeacherOutputs | None = None
    policy: str = "given"
    notes: dict[str, int] = field(default_factory=dict)

    def draw(self, index: int, epoch: int = 0) -> RankingSample:
        """Sample `index` with its candidates in `epoch` (given ones are the same in every epoch).

        Raises:
            InputError: the sample has no candidates, and no policy to draw them.
        """
        sample = self.samples[index]
        if sample.candidates:
            return sample
        if self.drawn is None:
            raise InputError(f"sample {sample.id} has no candidates; name a policy of negatives to draw them")
        return sample.with_candidates(*self.drawn(index, epoch))

    def spread(self, limit: int) -> "RankingData":
        """`limit` samples spread evenly over the split, in its order; all where there are no more."""
        rows = spread_rows(len(self.samples), limit)
        whole = self.drawn
        drawn: Draw | None = (lambda index, epoch: whole(rows[index], epoch)) if whole else None
        return replace(self, samples=[self.samples[row] for row in rows], drawn=drawn)


def spread_rows(n: int, limit: int) -> list[int]:
    """`limit` of `n` rows at even distances, ascending and distinct; all where there are no more.

    >>> spread_rows(10, 4)
    [0, 2, 5, 7]
    """
    return [number * n // limit for number in range(limit)] if limit < n else list(range(n))
