import numpy as np
from PIL import Image

from retriever.packs.frames import on_white, sample_indices, upright


def test_samples_are_spread_from_first_to_last() -> None:
    # m = 4: i * (n - 1) / 3 for i = 0..3
    assert sample_indices(10, 4) == (0, 3, 6, 9)
    assert sample_indices(8, 4) == (0, 2, 5, 7)  # 7/3 = 2.33, 14/3 = 4.67
    assert sample_indices(6, 3) == (0, 3, 5)  # 2.5 rounds up
    assert sample_indices(1000, 2) == (0, 999)


def test_few_frames_are_all_taken_and_one_is_the_middle() -> None:
    assert sample_indices(1, 4) == (0,)
    assert sample_indices(4, 4) == (0, 1, 2, 3)
    assert sample_indices(9, 1) == (4,)


def test_indices_never_repeat_nor_leave_the_animation() -> None:
    for n in range(1, 60):
        for m in range(1, 12):
            indices = sample_indices(n, m)
            assert len(set(indices)) == len(indices) == min(n, m)
            assert min(indices) >= 0 and max(indices) < n


def test_transparency_is_white_in_every_mode() -> None:
    rgba = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    rgba.putpixel((1, 0), (200, 0, 0, 255))
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.putpixel((1, 0), 1)
    palette.info["transparency"] = 0
    keyed = Image.new("RGB", (2, 1), (0, 0, 0))
    keyed.putpixel((1, 0), (200, 0, 0))
    keyed.info["transparency"] = (0, 0, 0)
    for image in (rgba, palette, keyed):
        seen = on_white(image, (2, 1))
        assert seen.mode == "RGB"
        assert [seen.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 0, 0)]
    assert on_white(Image.new("LA", (1, 1), (0, 0)), (1, 1)).getpixel((0, 0)) == (255, 255, 255)


def test_half_transparent_black_is_half_grey() -> None:
    assert on_white(Image.new("RGBA", (1, 1), (0, 0, 0, 128)), (1, 1)).getpixel((0, 0)) == (127, 127, 127)


def test_sixteen_bit_grey_keeps_its_range() -> None:
    image = Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16))
    seen = on_white(image, (3, 1))
    assert [seen.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]


def test_a_smaller_frame_lies_on_the_whole_canvas() -> None:
    seen = on_white(Image.new("RGB", (1, 1), (9, 9, 9)), (2, 2))
    assert seen.size == (2, 2)
    assert seen.getpixel((0, 0)) == (9, 9, 9)
    assert seen.getpixel((1, 1)) == (255, 255, 255)


def test_upright_without_orientation_is_the_same_object() -> None:
    image = Image.new("RGB", (2, 1))
    assert upright(image) is image
