import io
import threading
from pathlib import Path

import pytest
from PIL import Image
from sample_stickers import drawn, saved

from llm_tools.images import PictureCache, pictures, shrink
from retriever.errors import BadImage, InputError


def opened(picture):
    return Image.open(io.BytesIO(picture.data))


@pytest.mark.parametrize(
    ("size", "max_pixels", "wanted"),
    [
        ((512, 512), 256 * 256, (256, 256)),
        ((1000, 250), 250 * 250, (500, 125)),  # half of each side is a quarter of the pixels
        ((100, 60), 256 * 256, (100, 60)),  # never enlarged
        ((256, 256), 256 * 256, (256, 256)),
    ],
)
def test_a_picture_keeps_its_shape_and_never_grows(size, max_pixels, wanted):
    assert shrink(Image.new("RGB", size), max_pixels).size == wanted


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((1, 1), (28, 28)), ((10, 400), (28, 400)), ((640, 3), (640, 40)), ((28, 28), (28, 28))],
)
def test_what_is_too_thin_is_laid_on_white(size, wanted):
    image = shrink(Image.new("RGB", size, "black"), 10**6)
    assert image.size == wanted
    if size != wanted:
        assert image.getpixel((0, 0)) == (255, 255, 255)
        assert image.getpixel(((wanted[0] - 1) // 2, (wanted[1] - 1) // 2)) == (0, 0, 0)


def test_a_still_sticker_is_one_small_jpeg_on_white():
    out = io.BytesIO()
    drawn(1, 512).save(out, "PNG")
    (picture,) = pictures(out.getvalue())
    image = opened(picture)
    assert (image.format, image.size, picture.mime) == ("JPEG", (256, 256), "image/jpeg")
    assert min(image.getpixel((0, 0))) > 250  # the corner was transparent
    assert (
        picture.tokens == 10 * 10 + 2
    )  # 256 / 28 = 9.1, so ten patches a side, and the two marks around them


@pytest.mark.parametrize(("frames", "asked", "sent"), [(1, 4, 1), (3, 4, 3), (9, 4, 4), (9, 2, 2), (9, 1, 1)])
def test_an_animation_is_several_pictures(tmp_path, frames, asked, sent):
    sticker = saved(tmp_path, 1, frames=frames)
    found = pictures(Path(sticker.path).read_bytes(), frames=asked)
    assert len(found) == sent and len({picture.data for picture in found}) == sent


def test_what_is_no_image_or_no_number_is_refused():
    with pytest.raises(BadImage):
        pictures(b"<html>")
    with pytest.raises(InputError, match="frames is 0"):
        pictures(b"", frames=0)


def test_a_sticker_asked_for_by_many_at_once_is_made_once():
    cache, made, start = PictureCache(), [], threading.Barrier(8)

    def make():
        made.append(1)
        return ()

    def ask():
        start.wait()
        cache.get("a", make)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_the_cache_forgets_the_oldest_and_remembers_failures():
    cache, made = PictureCache(size=2), []

    def make(name):
        made.append(name)
        if name == "bad":
            raise BadImage("empty", "0 bytes")
        return ()

    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, lambda name=name: make(name))
    assert made == ["a", "b", "c", "b"]  # c pushed b out, not a
    for _ in range(2):
        with pytest.raises(BadImage):
            cache.get("bad", lambda: make("bad"))
    assert made.count("bad") == 1
