"""Every drawing is a sticker: transparent around, substantial inside, and what its spec says it is."""

from dataclasses import replace

import numpy as np
import pytest

from retriever.starter.catalogue import catalogue
from retriever.starter.draw.characters import CHARACTERS
from retriever.starter.draw.effects import EFFECTS
from retriever.starter.draw.expressions import EXPRESSIONS
from retriever.starter.draw.figure import draw, draw_frames
from retriever.starter.draw.gestures import GESTURES
from retriever.starter.draw.postures import POSTURES
from retriever.starter.draw.raster import paint, paint_frames
from retriever.starter.draw.spec import Look, StickerSpec

PLAIN = StickerSpec("plain", "momo", "neutral", "neutral", "smiling")
TABLES = (
    [("expression", key) for key in EXPRESSIONS]
    + [("gesture", key) for key in GESTURES if key != "none"]
    + [("posture", key) for key in POSTURES if key != "standing"]
    + [("effects", (key,)) for key in EFFECTS]
)


def pixels(spec: StickerSpec, size: int = 64) -> np.ndarray:
    return np.asarray(paint(draw(spec), size, 2))


@pytest.mark.parametrize("spec", catalogue(), ids=lambda spec: f"{spec.character}/{spec.slug}")
def test_every_idea_draws_a_sticker(spec) -> None:
    image = pixels(spec)
    alpha = image[..., 3]
    assert image.shape == (64, 64, 4)
    assert max(alpha[0, 0], alpha[0, -1], alpha[-1, 0], alpha[-1, -1]) == 0
    assert 0.2 < (alpha > 128).mean() < 0.9
    assert len(np.unique(image[alpha > 250][:, :3], axis=0)) > 20


@pytest.mark.parametrize("spec", catalogue(), ids=lambda spec: f"{spec.character}/{spec.slug}")
def test_nothing_is_cut_off_at_the_edge(spec) -> None:
    alpha = pixels(spec, 128)[..., 3]
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert border.max() == 0


@pytest.mark.parametrize("character", CHARACTERS)
def test_every_word_changes_the_picture(character) -> None:
    base = replace(PLAIN, character=character)
    plain = pixels(base, 48)
    alike = [
        (what, key) for what, key in TABLES if np.array_equal(plain, pixels(replace(base, **{what: key}), 48))
    ]
    assert alike == [("expression", PLAIN.expression)]


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_caption_changes_the_picture_and_its_words_matter(character) -> None:
    base = replace(PLAIN, character=character)
    seen = [pixels(replace(base, caption=caption)).tobytes() for caption in ("", "OK!", "谢谢", "谢了")]
    assert len(set(seen)) == 4


def test_a_caption_on_a_sign_is_on_the_sign() -> None:
    blank, written = (draw(replace(PLAIN, gesture="sign", caption=text)).bounds() for text in ("", "OK"))
    assert blank == written


def test_characters_have_silhouettes_of_their_own() -> None:
    masks = [pixels(replace(PLAIN, character=key))[..., 3] > 128 for key in CHARACTERS]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert (one != other).mean() > 0.02


def test_drawing_is_deterministic() -> None:
    spec = next(spec for spec in catalogue() if spec.effects and spec.caption)
    assert np.array_equal(pixels(spec), pixels(spec))


def test_a_look_recolours_the_coat_and_leaves_the_contour() -> None:
    base, turned = draw(PLAIN), draw(replace(PLAIN, look=Look(hue=0.5)))
    assert base.ink == turned.ink
    assert {op.colour for op in base.ops} != {op.colour for op in turned.ops}


def test_frames_share_one_fit_and_differ() -> None:
    spec = replace(PLAIN, motion="bounce", caption="OK!")
    frames = [np.asarray(frame) for frame in paint_frames(draw_frames(spec), 96, 2)]
    assert len({frame.tobytes() for frame in frames}) >= 5
    caption_rows = [frame[84:] for frame in frames]  # the caption stands still while the figure jumps
    assert all(np.abs(rows.astype(int) - caption_rows[0]).mean() < 8 for rows in caption_rows)
