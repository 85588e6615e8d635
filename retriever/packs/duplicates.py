"""Which stickers are the same image, by their bytes or by their looks.

Looks are compared in two steps. A 64-bit difference hash (N. Krawetz, "Kind of like that", 2013) finds
candidates among many, but cannot tell apart stickers of one character with different faces: of 882 emoji
images 660 pairs lie within 3 bits. So candidates are held against each other as 16 x 16 thumbnails, where a
changed eye is a large difference in some cell and recompression or resizing a small one in all (measured
there: of 1,155 pairs within 4 bits, 4 differ by at most 20 of 255 everywhere, three of them truly the same
drawing; JPEG at quality 60 stays within 20 for more than 95 %).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

Hashes = NDArray[np.uint64]
Thumbnails = NDArray[np.uint8]

BLANK = 0
"""The hash of an image without a left-to-right change, such as a blank one: it says nothing."""

_BITS = 64
_NOISE = 2  # grey levels; flat ground must not turn into random bits after recompression
_SIDE = 16
_SPLIT_AGAIN = 4096
_PROBED_CELLS = 16


def difference_hash(image: "Image") -> int:
    """64 bits: in 8 rows of 9 cells, whether a cell is brighter than its left neighbour by more than noise.

    Args:
        image: RGB on its white ground, as `retriever.packs.decode` gives it; of an animation the first frame.

    Returns:
        0 to 2**64 - 1; `BLANK` where nothing changes.
    """
    from PIL import Image as pil

    grey = np.asarray(image.convert("L").resize((9, 8), pil.Resampling.BOX), dtype=np.int16)
    bits = (grey[:, 1:] - grey[:, :-1]) > _NOISE
    return int.from_bytes(np.packbits(bits).tobytes())


def thumbnail(image: "Image") -> Thumbnails:
    """The image as 16 x 16 mean colours, uint8 of shape ``(16, 16, 3)``."""
    from PIL import Image as pil

    return np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), pil.Resampling.BOX))


def exact_duplicates(sha256s: Sequence[str]) -> list[tuple[int, ...]]:
    """Groups of positions that hold the same hash, each of two or more, in order of their first member."""
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for position, sha256 in enumerate(sha256s):
        positions[sha256].append(position)
    return [tuple(group) for group in positions.values() if len(group) > 1]


def near_duplicates(
    hashes: Hashes, thumbnails: Thumbnails | None = None, max_distance: int = 3, max_difference: int = 20
) -> list[tuple[int, ...]]:
    """Groups of stickers that look alike; being alike is passed on (a like b, b like c: one group).

    By the pigeonhole principle two hashes within d bits agree in at least one of d + 1 bands, so only hashes
    that share a band are compared (and crowded sets are split again).

    Args:
        hashes: ``(n,)`` from `difference_hash`. `BLANK` ones are never compared: they have no content.
        thumbnails: ``(n, 16, 16, 3)`` from `thumbnail`; without them the groups are candidates only.
        max_distance: most bits in which two hashes of a pair differ, 0 to 8.
        max_difference: most by which any cell of two thumbnails may differ, in levels of 255.

    Returns:
        Groups of positions in `hashes`, each increasing and of two or more, in order of their first member.

    Raises:
        InputError: `max_distance` out of range, or another number of thumbnails than of hashes.
    """
    if not 0 <= max_distance <= 8:
        raise InputError(f"max_distance is {max_distance}; expected 0 to 8")
    if thumbnails is not None and len(thumbnails) != len(hashes):
        raise InputError(f"{len(thumbnails)} thumbnails for {len(hashes)} hashes; expected one each")
    if not len(hashes):
        return []
    cells = None if thumbnails is None else np.ascontiguousarray(thumbnails).reshape(len(hashes), -1)
    groups = _Groups(len(hashes))
    positions = _merge_equal(hashes, cells, groups)
    alike = _Alike(hashes, cells, max_distance, max_difference)
    for bucket, seen in _buckets(hashes, positions, max_distance):
        for at, position in enumerate(bucket[:-1]):
            rest = bucket[at + 1 :]
            rest = rest[groups.label[rest] != groups.label[position]]
            if not rest.size and at == 0:
                break
            for other in alike.among(int(position), rest, seen):
                groups.join(int(position), int(other))
    return groups.listed()


class _Groups:
    """Disjoint sets as an array of labels; the smaller side is relabelled, so n joins cost n log n."""

    def __init__(self, n: int) -> None:
        self.label = np.arange(n)
        self._members: dict[int, list[int]] = {}

    def join(self, a: int, b: int) -> None:
        keep, drop = int(self.label[a]), int(self.label[b])
        if keep == drop:
            return
        kept, dropped = self._members.pop(keep, [keep]), self._members.pop(drop, [drop])
        if len(kept) < len(dropped):
            keep, kept, dropped = drop, dropped, kept
        self.label[dropped] = keep
        kept.extend(dropped)
        self._members[keep] = kept

    def listed(self) -> list[tuple[int, ...]]:
        return sorted(tuple(sorted(members)) for members in self._members.values())


class _Alike:
    """Compares one sticker with many: hash, then the cells that vary most, then all cells."""

    def __init__(
        self, hashes: Hashes, cells: Thumbnails | None, max_distance: int, max_difference: int
    ) -> None:
        self._hashes, self._cells = hashes, cells
        self._max_distance, self._max_difference = max_distance, max_difference
        if cells is not None:
            telling = np.argsort(cells[:: max(1, len(cells) // 10_000)].var(axis=0))[-_PROBED_CELLS:]
            self._probe = np.ascontiguousarray(cells[:, telling])

    def among(self, position: int, others: NDArray[np.intp], seen: tuple[np.uint64, ...]) -> NDArray[np.intp]:
        """Those of `others` that are like `position`; pairs that agree in a band of `seen` are left out."""
        differing = self._hashes[others] ^ self._hashes[position]
        wanted = np.bitwise_count(differing) <= self._max_distance
        for band in seen:
            wanted &= (differing & band) != 0
        others = others[wanted]
        if self._cells is not None:
            for table in (self._probe, self._cells):
                if others.size:
                    others = others[self._close(table[others], table[position])]
        return others

    def _close(self, many: Thumbnails, one: Thumbnails) -> NDArray[np.bool_]:
        difference = np.maximum(many, one) - np.minimum(many, one)
        close: NDArray[np.bool_] = difference.max(axis=1) <= self._max_difference
        return close


def _merge_equal(hashes: Hashes, cells: Thumbnails | None, groups: _Groups) -> NDArray[np.intp]:
    """Join stickers of equal signature and return one position for each signature, blank ones left out."""
    first: dict[bytes, int] = {}
    for position in np.flatnonzero(hashes != BLANK).tolist():
        key = hashes[position].tobytes() if cells is None else cells[position].tobytes()
        kept = first.setdefault(key, position)
        if kept != position:
            groups.join(kept, position)
    return np.fromiter(first.values(), dtype=np.intp, count=len(first))


def _buckets(
    hashes: Hashes, positions: NDArray[np.intp], max_distance: int, seen: tuple[np.uint64, ...] = ()
) -> Iterator[tuple[NDArray[np.intp], tuple[np.uint64, ...]]]:
    """Yield sets of positions that agree in a band of bits, and the bands that earlier sets went through.

    Every near pair is in a set; one that agrees in an earlier band has been in another set before.
    """
    for mask in _bands(hashes[positions], max_distance + 1):
        values = hashes[positions] & mask
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.diff(values[order])) + 1
        for bucket in np.split(positions[order], starts):
            if bucket.size > _SPLIT_AGAIN and bucket.size < positions.size:
                yield from _buckets(hashes, bucket, max_distance, seen)
            elif bucket.size > 1:
                yield bucket, seen
        seen = (*seen, mask)


def _bands(hashes: Hashes, n_bands: int) -> list[np.uint64]:
    """Masks that deal the bits in which `hashes` differ into `n_bands`, the telling ones evenly.

    Stickers stand on white ground, so whole corners of bits are the same everywhere; bands of neighbouring
    bits would put everything into one bucket. With fewer differing bits than bands there is one empty band.
    """
    ones = np.array([np.count_nonzero(hashes & (np.uint64(1) << np.uint64(bit))) for bit in range(_BITS)])
    spread = np.minimum(ones, len(hashes) - ones)
    telling = [int(bit) for bit in np.argsort(-spread, kind="stable") if spread[bit]]
    if len(telling) < n_bands:
        return [np.uint64(0)]
    return [np.uint64(sum(1 << bit for bit in telling[band::n_bands])) for band in range(n_bands)]
