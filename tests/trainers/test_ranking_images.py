import numpy as np
import pytest
from PIL import Image
from ranking_worlds import write_pack, write_picture

from eval.datasets.arrays import picture_of_array
from retriever.errors import BadImage, InputError
from retriever.rankers.parts.pixels import square
from trainers.datasets.ranking import BLANK, StickerImages
from trainers.datasets.stickers import load_stickers
from trainers.images import array_source, cache_images, file_source, pack_sources


def npy(values):
    from io import BytesIO

    file = BytesIO()
    np.save(file, values)
    return file.getvalue()


def test_a_wide_picture_is_padded_with_white_stretched_or_cropped():
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    padded = square(picture, 8, "pad")
    assert padded.shape == (8, 8, 3) and padded.dtype == np.uint8
    assert (padded[0] == 255).all() and (padded[-1] == 255).all()  # white above and below
    assert (padded[4] == (255, 0, 0)).all()
    assert (square(picture, 8, "stretch") == (255, 0, 0)).all()
    assert (square(picture, 8, "crop") == (255, 0, 0)).all()


def test_transparency_is_white(tmp_path):
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(tmp_path / "a.png")
    cached = cache_images([file_source(tmp_path / "a.png", "a", "p")], tmp_path / "cache", 4)
    assert (cached.images[0] == 255).all()


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 1), (6, 6, 3), (6, 6, 4)])
def test_arrays_of_every_sensible_shape_become_rgb(shape):
    picture = picture_of_array(npy(np.full(shape, 255, np.uint8)))
    assert picture.mode == "RGB" and picture.size == (6, 6)
    assert (np.asarray(picture) == 255).all()


def test_whole_numbers_of_another_type_are_taken_and_others_are_not():
    assert np.asarray(picture_of_array(npy(np.full((2, 2, 3), 7.0))))[0, 0, 0] == 7
    for bad in (
        np.full((2, 2, 3), 0.5),
        np.full((2, 2, 3), 300),
        np.full((2, 2, 3), -1),
        np.zeros((2, 2, 2)),
    ):
        with pytest.raises(BadImage, match="expected"):
            picture_of_array(npy(bad))


def test_an_array_file_that_would_run_code_is_refused():
    with pytest.raises(BadImage):
        picture_of_array(npy(np.array([[{}]], dtype=object)))


def test_the_cache_is_by_content_and_built_once(tmp_path):
    for name in ("a", "b"):
        write_picture(tmp_path / f"{name}.png", 1, 1)  # the same bytes under two names
    write_picture(tmp_path / "c.png", 2, 2)
    sources = [file_source(tmp_path / f"{name}.png", name, "p") for name in "abc"]
    first = cache_images(sources, tmp_path / "cache", 8)
    assert first.images.shape == (2, 8, 8, 3)
    assert first.image_of[0] == first.image_of[1] != first.image_of[2]
    assert first.sha256[0] == first.sha256[1]
    built = sorted((tmp_path / "cache").glob("8-pad-*/pixels.npy"))
    before = [path.stat().st_mtime_ns for path in built]
    again = cache_images(sources[::-1], tmp_path / "cache", 8)
    assert [path.stat().st_mtime_ns for path in built] == before and len(built) == 1
    assert (again.images[again.image_of[2]] == first.images[first.image_of[0]]).all()
    assert not isinstance(first.images, np.ndarray) or isinstance(first.images, np.memmap)


def test_a_changed_file_is_read_again_and_side_and_fit_have_their_own_cache(tmp_path):
    path = tmp_path / "a.png"
    write_picture(path, 1)
    before = cache_images([file_source(path, "a", "p")], tmp_path / "cache", 8)
    write_picture(path, 5, size=(24, 24))
    after = cache_images([file_source(path, "a", "p")], tmp_path / "cache", 8)
    assert before.sha256 != after.sha256
    assert (before.images[0] != after.images[0]).any()
    cache_images([file_source(path, "a", "p")], tmp_path / "cache", 6)
    cache_images([file_source(path, "a", "p")], tmp_path / "cache", 8, "crop")
    assert len(list((tmp_path / "cache").glob("*/pixels.npy"))) == 4


def test_damage_in_the_stamps_costs_a_read_only(tmp_path):
    write_picture(tmp_path / "a.png")
    source = file_source(tmp_path / "a.png", "a", "p")
    whole = cache_images([source], tmp_path / "cache", 8)
    (tmp_path / "cache" / "stamps.jsonl").write_text('["x", "y"]\n{broken')
    assert cache_images([source], tmp_path / "cache", 8).sha256 == whole.sha256


def test_what_cannot_be_decoded_is_told_and_left_out(tmp_path):
    write_picture(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    (tmp_path / "web.npy").write_text("<html>")
    sources = [
        file_source(tmp_path / "bad.png", "bad", "p"),
        file_source(tmp_path / "good.png", "good", "q"),
        array_source(tmp_path / "web.npy", "web", "p"),
        file_source(tmp_path / "gone.png", "gone", "p"),
    ]
    for _ in range(2):  # the second time out of the cache
        stickers, problems = load_stickers(sources, tmp_path / "cache", 8)
        assert stickers.ids == ("good",)
        assert set(problems) == {"bad", "web", "gone"}
        assert "missing_file" in problems["gone"]
    with pytest.raises(InputError, match=r"none of 1 sticker images can be used \(bad: "):
        load_stickers(sources[:1], tmp_path / "cache", 8)


def test_two_packs_may_not_share_an_id(tmp_path):
    write_pack(tmp_path / "a")
    write_pack(tmp_path / "b")
    with pytest.raises(InputError, match=r"both .*a and .*b have a sticker"):
        list(pack_sources([tmp_path / "a", tmp_path / "b"]))


def test_stickers_by_row_and_empty_slots():
    images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    stickers = StickerImages(
        ("a", "b", "c"), images, np.array([1, 0, 1]), np.array([0, 0, 1]), np.array([3, -1, 2]),
        ("h1", "h0", "h1"), blank=9,
    )  # fmt: skip
    rows = stickers.rows(["c", None, "b"])
    assert rows.tolist() == [2, BLANK, 1]
    pixels = stickers.pixels(rows)
    assert (pixels[0] == images[1]).all() and (pixels[1] == 9).all() and (pixels[2] == images[0]).all()
    assert stickers.topics(rows).tolist() == [1, -1, 0]
    assert stickers.emotions(rows).tolist() == [2, -1, -1]
    assert "a" in stickers and "x" not in stickers
    with pytest.raises(InputError, match="no sticker 'x' among the 3"):
        stickers.rows(["a", "x"])
