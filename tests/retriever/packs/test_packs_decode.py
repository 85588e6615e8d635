import copy
import random
import sys
import warnings
from io import BytesIO

import packs_samples as make
import pytest
from PIL import Image

from retriever.errors import BadImage
from retriever.packs import Limits, decode, probe
from retriever.packs.quarantine import REASONS

RED_DISC = (200, 60, 60)


def reason_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(BadImage) as caught:
        decode(data, limits or Limits())
    assert caught.value.reason in REASONS
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("name", ["png", "webp", "webp lossless", "gif"])
def test_still_images_lie_on_white(name: str) -> None:
    image = decode(make.samples()[name])
    assert (image.width, image.height, image.n_frames, image.duration_ms) == (*make.SIZE, 1, 0)
    (only,) = image.frames
    assert only.mode == "RGB" and only.size == make.SIZE
    assert only.getpixel((0, 0)) == (255, 255, 255)
    assert all(abs(a - b) < 16 for a, b in zip(only.getpixel((20, 25)), RED_DISC, strict=True))


@pytest.mark.parametrize("name", ["apng", "webp animated", "gif animated", "webm"])
def test_animations_give_frames_from_first_to_last(name: str) -> None:
    image = decode(make.samples()[name])
    assert (image.width, image.height, image.n_frames, image.duration_ms) == (*make.SIZE, 8, 400)
    assert len(image.frames) == 4
    for index, seen in zip((0, 2, 5, 7), image.frames, strict=True):
        middle = (20 + 8 * index, 25)
        assert all(abs(a - b) < 24 for a, b in zip(seen.getpixel(middle), RED_DISC, strict=True)), (
            index,
            seen,
        )
        assert all(level > 240 for level in seen.getpixel((90, 70)))


def test_probe_says_the_same_without_pixels() -> None:
    for name, data in make.samples().items():
        image, info = decode(data), probe(data)
        assert (info.kind, info.width, info.height) == (image.kind, image.width, image.height), name
        assert (info.n_frames, info.duration_ms) == (image.n_frames, image.duration_ms), name


@pytest.mark.parametrize("name", make.samples())
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_noticed(name: str, part: float) -> None:
    data = make.samples()[name]
    assert reason_of(data[: int(len(data) * part)]) in ("truncated", "not_an_image")


@pytest.mark.parametrize("name", make.samples())
def test_one_missing_byte_is_noticed(name: str) -> None:
    assert reason_of(make.samples()[name][:-1]) == "truncated"


def test_half_an_animated_png_is_not_its_first_frame() -> None:
    data = make.samples()["apng"]
    cut = data.rindex(b"fcTL") - 4  # the last frame's chunks left out, the end put back
    assert reason_of(data[:cut] + make.chunk(b"IEND", b"")) == "corrupt"


def test_what_is_no_image() -> None:
    assert reason_of(b"") == "empty"
    assert reason_of(b"x") == "not_an_image"
    assert reason_of(b"hello") == "not_an_image"
    assert reason_of(b"<!DOCTYPE html><html></html>") == "not_an_image"
    assert reason_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "unsupported_kind"


def test_a_bomb_is_refused_by_its_header() -> None:
    assert reason_of(make.png_claiming(60_000, 60_000)) == "too_many_pixels"
    assert reason_of(make.png_claiming(2**31 - 1, 2**31 - 1)) == "too_many_pixels"
    assert reason_of(make.png_claiming(0, 7)) == "corrupt"
    assert reason_of(make.png_claiming(1000, 1000)) in ("truncated", "corrupt")  # a lie within the limits


def test_a_small_gif_screen_with_a_huge_image_is_refused() -> None:
    data = bytearray(make.samples()["gif"])
    at = data.index(b"\x2c", 13 + 3 * (2 << (data[10] & 7)))
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    assert reason_of(bytes(data)) == "too_many_pixels"


def test_limits_are_kept() -> None:
    still, moving = make.samples()["png"], make.samples()["gif animated"]
    assert reason_of(still, Limits(max_file_bytes=len(still) - 1)) == "too_large_file"
    assert reason_of(still, Limits(max_pixels=96 * 80 - 1)) == "too_many_pixels"
    assert reason_of(moving, Limits(max_frames=7)) == "too_many_frames"
    assert reason_of(moving, Limits(max_animation_pixels=96 * 80 * 8 - 1)) == "too_many_pixels"
    exact = Limits(
        max_file_bytes=len(moving), max_pixels=96 * 80, max_frames=8, max_animation_pixels=96 * 80 * 8
    )
    assert decode(moving, exact).n_frames == 8
    assert len(decode(moving, Limits(max_sampled_frames=1)).frames) == 1


def test_many_frames_are_refused_before_they_are_decoded() -> None:
    buffer = BytesIO()
    frames = [Image.new("P", (4, 4), index % 255) for index in range(1, 5000)]
    Image.new("P", (4, 4)).save(buffer, "GIF", save_all=True, append_images=frames, optimize=False)
    assert reason_of(buffer.getvalue()) == "too_many_frames"


def test_a_lying_riff_length() -> None:
    data = bytearray(make.samples()["webp"])
    longer = bytes(data[:4]) + (10**6).to_bytes(4, "little") + bytes(data[8:])
    assert reason_of(longer) == "truncated"
    shorter = bytes(data[:4]) + (20).to_bytes(4, "little") + bytes(data[8:])
    assert reason_of(shorter) in ("truncated", "corrupt")
    assert decode(bytes(data) + b"trailing").n_frames == 1


def test_png_damage_is_found_by_checksum() -> None:
    data = bytearray(make.samples()["png"])
    data[data.index(b"IDAT") + 30] ^= 0xFF
    assert reason_of(bytes(data)) == "corrupt"


def test_a_foreign_marker_inside_jpeg_data() -> None:
    data = make.samples()["jpeg"]
    middle = data.rindex(b"\xff\xda") + 60
    assert reason_of(data[:middle] + b"\xff\x05" + data[middle + 2 :]) == "corrupt"


def test_exif_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    buffer = BytesIO()
    Image.new("RGB", (40, 20), (10, 20, 30)).save(buffer, "JPEG", exif=exif)
    image = decode(buffer.getvalue())
    assert (image.width, image.height) == image.frames[0].size == (20, 40)


def test_a_default_image_outside_the_animation_is_not_a_frame() -> None:
    buffer = BytesIO()
    Image.new("RGB", (9, 9), (0, 0, 255)).save(
        buffer, "PNG", save_all=True, default_image=True, duration=100,
        append_images=[Image.new("RGB", (9, 9), colour) for colour in ((255, 0, 0), (0, 255, 0))],
    )  # fmt: skip
    image = decode(buffer.getvalue())
    assert (image.n_frames, image.duration_ms) == (2, 200)
    assert [seen.getpixel((4, 4)) for seen in image.frames] == [(255, 0, 0), (0, 255, 0)]


def test_no_warning_leaks() -> None:
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(40))
    data = make.samples()["jpeg"]
    data = data[:2] + b"\xff\xe1" + (len(broken) + 2).to_bytes(2) + broken + data[2:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = warnings.filters[:]
        decode(data)
        assert warnings.filters == before


class TestTgs:
    def test_frames_are_drawn(self) -> None:
        image = decode(make.tgs())
        assert (image.kind, image.width, image.height, image.n_frames) == ("tgs", 512, 512, 60)
        assert image.duration_ms == 1000
        assert image.frames[0].getpixel((256, 256)) == (255, 0, 0)
        assert image.frames[0].getpixel((0, 0)) == (255, 255, 255)

    def test_half_opacity_is_mixed_with_white(self) -> None:
        scene = copy.deepcopy(make.LOTTIE)
        scene["layers"][0]["shapes"][0]["it"][1]["o"]["k"] = 50
        red, green, blue = decode(make.tgs(scene)).frames[0].getpixel((256, 256))
        assert red == 255 and abs(green - 128) <= 1 and abs(blue - 128) <= 1

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"layers": None}, "corrupt"),
            ({"op": 0}, "corrupt"),
            ({"fr": 0}, "corrupt"),
            ({"w": "512"}, "corrupt"),
            ({"w": 99_999, "h": 99_999}, "too_many_pixels"),
            ({"op": 5000}, "too_many_frames"),
            ({"w": 1e300}, "corrupt"),
            ({"fr": float("nan")}, "corrupt"),
        ],
    )
    def test_scenes_that_lie(self, change: dict[str, object], reason: str) -> None:
        assert reason_of(make.tgs({**make.LOTTIE, **change})) == reason

    def test_a_gzip_bomb_stops_at_the_limit(self) -> None:
        bomb = make.tgs({**make.LOTTIE, "nm": "a" * 3_000_000})
        assert len(bomb) < 10_000
        assert reason_of(bomb, Limits(max_unpacked_bytes=1_000_000)) == "too_large_file"

    def test_broken_json(self) -> None:
        assert reason_of(make.tgs({"a": 1})) == "corrupt"
        deep = "{" + '"a":[' * 100_000
        import gzip

        assert reason_of(gzip.compress(deep.encode())) == "corrupt"


@pytest.mark.parametrize(("module", "name"), [("rlottie_python", "tgs"), ("av", "webm")])
def test_a_missing_decoder_is_answered_by_its_install_line(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # what the import system itself does for "not there"
    with pytest.raises(BadImage, match=r"pip install 'sticker-retriever\[animated\]'") as caught:
        decode(make.samples()[name])
    assert caught.value.reason == "needs_extra"


def damaged(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    match rng.randrange(5):
        case 0:
            del out[rng.randrange(len(out)) :]
        case 1:
            for _ in range(rng.randrange(1, 8)):
                out[rng.randrange(len(out))] = rng.randrange(256)
        case 2:
            for _ in range(rng.randrange(1, 4)):
                out[rng.randrange(min(64, len(out)))] = rng.choice((0, 1, 127, 128, 255))
        case 3:
            start, end = sorted((rng.randrange(len(out)), rng.randrange(len(out))))
            del out[start:end]
        case _:
            at = rng.randrange(len(out))
            out[at:at] = rng.randbytes(rng.randrange(1, 40))
    return bytes(out)


@pytest.mark.parametrize("name", make.samples())
def test_damage_is_decoded_or_refused_and_nothing_else(name: str) -> None:
    rng = random.Random(name)
    limits = Limits(max_pixels=1_000_000, max_animation_pixels=4_000_000)  # keeps the unlucky ones quick
    outcomes = set()
    for turn in range(60 if name in ("tgs", "webm") else 250):
        data = damaged(make.samples()[name], rng)
        if name.endswith("png") and turn % 2:
            data = make.with_right_checksums(data)
        try:
            image = decode(data, limits)
        except BadImage as error:
            assert error.reason in REASONS
            outcomes.add("refused")
        else:
            assert image.frames and all(seen.mode == "RGB" for seen in image.frames)
            outcomes.add("decoded")
    assert "refused" in outcomes
