from io import BytesIO

import numpy as np
import packs_samples as make
import pytest
from PIL import Image, ImageDraw

from retriever.errors import InputError
from retriever.packs.duplicates import (
    BLANK,
    difference_hash,
    exact_duplicates,
    near_duplicates,
    thumbnail,
)


def slow_groups(hashes: np.ndarray, max_distance: int) -> list[tuple[int, ...]]:
    """Every pair compared, joined by flooding."""
    left, groups = {i for i, value in enumerate(hashes) if value}, []
    while left:
        frontier = {min(left)}
        group = set()
        while frontier:
            at = frontier.pop()
            group.add(at)
            left.discard(at)
            near = [i for i in left if int(hashes[i] ^ hashes[at]).bit_count() <= max_distance]
            frontier.update(near)
        if len(group) > 1:
            groups.append(tuple(sorted(group)))
    return sorted(groups)


def test_the_hash_by_hand() -> None:
    rising = Image.fromarray(
        np.tile(np.arange(0, 90, 10, dtype=np.uint8), (8, 1))
    )  # 9 columns, each 10 brighter
    assert difference_hash(rising) == 2**64 - 1
    assert difference_hash(rising.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0
    step = np.zeros((8, 9), dtype=np.uint8)
    step[0, 5:] = (
        100  # the first row gets brighter from its fifth to its sixth cell: bit 4 of 64 from the left
    )
    assert difference_hash(Image.fromarray(step)) == 1 << (63 - 4)


def test_noise_is_no_difference() -> None:
    flat = np.full((8, 9), 200, dtype=np.uint8)
    flat[:, 1::2] += 2
    assert difference_hash(Image.fromarray(flat)) == BLANK


def test_blank_images_are_nobodys_duplicates() -> None:
    hashes = np.array([BLANK, BLANK, 1, 1], dtype=np.uint64)
    assert near_duplicates(hashes) == [(2, 3)]
    thumbs = np.zeros((4, 16, 16, 3), dtype=np.uint8)
    assert near_duplicates(hashes, thumbs) == [(2, 3)]


@pytest.mark.parametrize("max_distance", [0, 1, 3, 8])
def test_groups_are_those_of_comparing_every_pair(max_distance: int) -> None:
    rng = np.random.default_rng(max_distance)
    hashes = rng.integers(0, 2**63, 300, dtype=np.uint64)
    for copy in range(100, 300):  # each differs from an earlier one in up to 9 bits
        flips = rng.choice(64, rng.integers(0, 10), replace=False).astype(np.uint64)
        hashes[copy] = hashes[rng.integers(copy)] ^ np.bitwise_xor.reduce(
            np.uint64(1) << flips, initial=np.uint64(0)
        )
    hashes[7] = 0
    before = hashes.copy()
    assert near_duplicates(hashes, max_distance=max_distance) == slow_groups(hashes, max_distance)
    assert (hashes == before).all()


def test_crowded_bands_are_split_without_losing_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retriever.packs.duplicates._SPLIT_AGAIN", 8)
    rng = np.random.default_rng(5)
    hashes = rng.integers(0, 2**63, 400, dtype=np.uint64) & np.uint64(0x0000_00FF_0F00_0000)
    for max_distance in (0, 1, 2):
        assert near_duplicates(hashes, max_distance=max_distance) == slow_groups(hashes, max_distance)


def test_a_group_passes_likeness_on() -> None:
    hashes = np.array([0b1, 0b1111, 0b1111111], dtype=np.uint64)  # neighbours 3 bits apart, the ends 6
    assert near_duplicates(hashes) == [(0, 1, 2)]
    assert near_duplicates(hashes, max_distance=2) == []


def face(mouth: str) -> Image.Image:
    image = Image.new("RGB", (128, 128), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 8, 120, 120), fill=(255, 210, 60), outline="black", width=4)
    for x in (40, 76):
        draw.ellipse((x, 40, x + 12, 56), fill="black")
    start, end = (20, 160) if mouth == "smile" else (200, 340)
    draw.arc((40, 70, 88, 100), start, end, fill="black", width=6)
    return image


def recompressed(image: Image.Image) -> Image.Image:
    buffer = BytesIO()
    image.resize((240, 240)).save(buffer, "JPEG", quality=60)
    return Image.open(buffer).convert("RGB")


def test_another_face_is_another_sticker_but_another_compression_is_not() -> None:
    images = [face("smile"), face("frown"), recompressed(face("smile"))]
    hashes = np.array([difference_hash(image) for image in images], dtype=np.uint64)
    assert near_duplicates(hashes, max_distance=8) == [(0, 1, 2)]  # the hash alone cannot tell
    thumbs = np.stack([thumbnail(image) for image in images])
    assert near_duplicates(hashes, thumbs, max_distance=8) == [(0, 2)]


def test_exact_duplicates() -> None:
    assert exact_duplicates(["a", "b", "a", "c", "b", "a"]) == [(0, 2, 5), (1, 4)]
    assert exact_duplicates([]) == []


def test_nothing_and_nonsense() -> None:
    none = np.array([], dtype=np.uint64)
    assert near_duplicates(none) == []
    assert near_duplicates(none, np.zeros((0, 16, 16, 3), dtype=np.uint8)) == []
    assert near_duplicates(np.array([5], dtype=np.uint64)) == []
    with pytest.raises(InputError, match="0 to 8"):
        near_duplicates(none, max_distance=9)
    with pytest.raises(InputError, match="one each"):
        near_duplicates(none, np.zeros((1, 16, 16, 3), dtype=np.uint8))


def test_thumbnail_shape() -> None:
    cells = thumbnail(make.frame().convert("RGB"))
    assert cells.shape == (16, 16, 3) and cells.dtype == np.uint8
