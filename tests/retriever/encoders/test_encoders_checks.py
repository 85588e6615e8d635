import numpy as np
import pytest
from PIL import Image

from retriever.encoders.base import EncoderSpec
from retriever.encoders.checks import checked_frames, checked_texts, unit_rows
from retriever.encoders.frames import mean_of_frames
from retriever.errors import InputError, ModelError

SPEC = EncoderSpec(name="t", model_id="t", dimension=2, sticker_side="image")


def test_one_string_is_not_a_list_of_texts() -> None:
    with pytest.raises(InputError, match=r"got one string \('hello'\)"):
        checked_texts("hello")


@pytest.mark.parametrize("item", [None, 3, b"bytes", ["nested"]])
def test_items_must_be_strings(item: object) -> None:
    with pytest.raises(InputError, match=f"text 1 is a {type(item).__name__}"):
        checked_texts(["fine", item])  # type: ignore[list-item]


def test_lone_surrogates_become_question_marks_and_pairs_stay() -> None:
    assert checked_texts(["a\ud83db", "😀", ""]) == ["a?b", "😀", ""]


def test_unit_rows_by_hand() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [-2.0, 0.0]]), 2, 2, "m")
    np.testing.assert_array_equal(rows, np.array([[0.6, 0.8], [-1.0, 0.0]], np.float32))
    assert rows.dtype == np.float32


def test_unit_rows_of_nothing() -> None:
    assert unit_rows(np.empty((0, 5), np.float32), 0, 5, "m").shape == (0, 5)


def test_unit_rows_keep_tiny_and_huge_vectors() -> None:
    rows = unit_rows(np.array([[1e-30, 0], [3e38, 3e38]], np.float32), 2, 2, "m")
    np.testing.assert_allclose(rows, [[1, 0], [0.5**0.5, 0.5**0.5]], rtol=1e-6)


@pytest.mark.parametrize(
    ("row", "what"),
    [([np.nan, 1], "NaN or infinite"), ([np.inf, 1], "NaN or infinite"), ([0, 0], "length zero")],
)
def test_unusable_rows_are_named(row: list[float], what: str) -> None:
    with pytest.raises(ModelError, match=rf"m gave .*{what}.* for 1 of 2 inputs \(first: input 1\)"):
        unit_rows(np.array([[1, 0], row]), 2, 2, "m")


@pytest.mark.parametrize("shape", [(2, 3), (1, 2), (2,), (2, 2, 1)])
def test_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"expected \(2, 2\)"):
        unit_rows(np.ones(shape), 2, 2, "m")


def test_frames_must_be_rgb() -> None:
    fine = Image.new("RGB", (2, 2))
    assert checked_frames([[fine], [fine, fine]]) == [[fine], [fine, fine]]
    with pytest.raises(
        InputError, match="a frame of sticker 1 is RGBA, expected RGB: paste it on white first"
    ):
        checked_frames([[fine], [Image.new("RGBA", (2, 2))]])
    with pytest.raises(InputError, match="sticker 0 has no frames"):
        checked_frames([[]])
    with pytest.raises(InputError, match="sticker 0 is a Image, expected a list of its frames"):
        checked_frames([fine])  # type: ignore[list-item]


def test_mean_of_frames_by_hand() -> None:
    # first sticker: (2, 0) and (0, 7) -> (1, 0) and (0, 1) -> (1, 1) / sqrt 2; second: one frame, (0, -3)
    rows = np.array([[2, 0], [0, 7], [0, -3]], np.float32)
    got = mean_of_frames(rows, [2, 1], SPEC)
    np.testing.assert_allclose(got, [[0.5**0.5, 0.5**0.5], [0, -1]], rtol=1e-6)
    assert rows[0, 0] == 2


def test_mean_of_no_frames() -> None:
    assert mean_of_frames(np.empty((0, 2), np.float32), [], SPEC).shape == (0, 2)


def test_frames_that_cancel_out_are_an_error() -> None:
    with pytest.raises(ModelError, match="length zero"):
        mean_of_frames(np.array([[1, 0], [-1, 0]], np.float32), [2], SPEC)


def test_fingerprint_ignores_the_name_only() -> None:
    def spec(**changes: object) -> EncoderSpec:
        fields = {"name": "a", "model_id": "m", "dimension": 2, "sticker_side": "image"} | changes
        return EncoderSpec(**fields)  # type: ignore[arg-type]

    assert spec(name="b").fingerprint == spec().fingerprint
    for field in ({"model_id": "x"}, {"dimension": 3}, {"sticker_side": "document"}, {"preprocessing": "p"}):
        assert spec(**field).fingerprint != spec().fingerprint
