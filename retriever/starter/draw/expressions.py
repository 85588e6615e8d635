"""Facial expressions: which eyes, brows and mouth, and the words for them."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from dataclasses import dataclass

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.eyes import draw_brows, draw_eyes
from retriever.starter.draw.geometry import Points, ellipse, move, quadratic
from retriever.starter.draw.mouths import draw_mouth
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Rig

__all__ = ["EXPRESSIONS", "Expression", "draw_face"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A face.

    Attributes:
        phrase: what it looks like, in plain English: the sticker's `facial_expression`.
        blush: 0 none, 1 soft, 2 glowing with small strokes.
        tint: ``""``, ``"gloom"`` (blue forehead), ``"red"`` or ``"green"`` face.
        moods: the (emotion, intention) pairs it can stand for; the generator draws from them.
    """

    phrase: str
    eyes: str
    mouth: str
    brows: str = ""
    blush: int = 1
    tint: str = ""
    moods: tuple[tuple[str, str], ...] = (("neutral", "neutral"),)


def _e(
    phrase: str, eyes: str, mouth: str, moods: str, brows: str = "", blush: int = 1, tint: str = ""
) -> Expression:
    pairs = tuple((emotion, intention) for emotion, _, intention in (m.partition("/") for m in moods.split()))
    return Expression(phrase, eyes, mouth, brows, blush, tint, pairs)


EXPRESSIONS: dict[str, Expression] = {
    "beaming": _e("closed happy eyes, wide open smile", "smile", "grin", "happiness/joy happiness/excitement happiness/gratitude"),
    "laughing": _e("eyes squeezed shut, laughing with mouth wide open", "squeeze", "laugh", "happiness/amusement happiness/joy"),
    "content": _e("closed happy eyes, gentle smile", "smile", "cat", "happiness/gratitude happiness/relief happiness/caring"),
    "smiling": _e("bright open eyes, soft smile", "open", "cat", "happiness/approval neutral/neutral happiness/caring happiness/optimism"),
    "cheerful": _e("bright open eyes, open-mouthed smile", "open", "grin", "happiness/excitement happiness/approval happiness/optimism"),
    "starstruck": _e("starry eyes, mouth wide open in delight", "starry", "laugh", "happiness/admiration happiness/excitement happiness/desire"),
    "lovestruck": _e("heart-shaped eyes, big smile", "hearts", "grin", "happiness/love happiness/admiration"),
    "kissy": _e("winking, lips puckered for a kiss", "wink", "kiss", "happiness/love happiness/caring"),
    "wink": _e("one eye winking, cheeky smile", "wink", "cat", "happiness/amusement happiness/approval"),
    "cheeky": _e("one eye winking, tongue sticking out", "wink", "tongue", "happiness/amusement"),
    "smug": _e("eyes glancing sideways, smug smirk", "aside", "smirk", "happiness/pride happiness/amusement", "skeptical"),
    "cool": _e("dark sunglasses, confident smirk", "cool", "smirk", "happiness/pride happiness/approval"),
    "determined": _e("fierce bright eyes, firm brows, open smile", "open", "grin", "happiness/optimism happiness/pride happiness/excitement", "angry"),
    "serious": _e("steady eyes, firm brows, closed mouth", "open", "flat", "neutral/approval neutral/neutral", "firm", 0),
    "shy": _e("bashful closed eyes, wobbly smile, deep blush", "smile", "wobble", "happiness/embarrassment neutral/embarrassment", "", 2),
    "flustered": _e("eyes squeezed shut, wobbly mouth, bright red cheeks", "squeeze", "wobble", "fear/embarrassment surprise/embarrassment", "", 2),
    "pleading": _e("huge glistening eyes, tiny pout, brows raised in the middle", "big", "pout", "sadness/desire neutral/desire sadness/remorse", "sad"),
    "curious": _e("wide curious eyes, small round mouth", "big", "small_o", "neutral/curiosity surprise/curiosity", "raised"),
    "thinking": _e("eyes rolled up in thought, slanted mouth", "up", "slant", "neutral/confusion neutral/curiosity", "skeptical", 0),
    "puzzled": _e("one brow raised, small frown", "open", "slant", "neutral/confusion surprise/confusion", "skeptical", 0),
    "realising": _e("eyes wide open, mouth in a round o, brows up", "open", "big_o", "surprise/realization", "raised"),
    "amazed": _e("huge shining eyes, mouth in a big o", "big", "big_o", "surprise/surprise surprise/admiration", "raised"),
    "shocked": _e("white round eyes with tiny pupils, jaw dropped", "wide", "big_o", "surprise/surprise fear/surprise", "raised", 0, "gloom"),
    "stunned": _e("blank white eyes, mouth agape", "blank", "big_o", "surprise/surprise surprise/realization", "", 0, "gloom"),
    "speechless": _e("flat half-closed eyes, straight mouth", "half", "flat", "neutral/annoyance disgust/disapproval neutral/disappointment", "flat", 0),
    "deadpan": _e("eyes like two straight lines, straight mouth", "line", "flat", "neutral/neutral neutral/annoyance", "", 0),
    "side_eye": _e("suspicious sideways glance, slanted mouth", "aside", "slant", "disgust/disapproval neutral/annoyance", "flat", 0),
    "annoyed": _e("narrowed eyes, lowered brows, pout", "half", "pout", "anger/annoyance disgust/annoyance", "angry", 0),
    "sulking": _e("eyes shut tight, puffed red cheeks, pout", "line", "pout", "anger/annoyance sadness/disappointment", "angry", 2),
    "angry": _e("glaring eyes, slanted brows, shouting with bared teeth", "glare", "shout", "anger/anger", "angry", 0, "red"),
    "fuming": _e("glaring eyes, slanted brows, gritted teeth", "glare", "teeth", "anger/anger anger/annoyance", "angry", 0, "red"),
    "disgusted": _e("squinting eyes, frown with tongue out in disgust", "squeeze", "bleh", "disgust/disgust", "angry", 0, "green"),
    "queasy": _e("half-closed eyes, zigzag mouth, green face", "half", "sick", "disgust/disgust fear/nervousness", "sad", 0, "green"),
    "sad": _e("glistening eyes, drooping brows, frown", "teary", "frown", "sadness/sadness sadness/disappointment sadness/remorse", "sad"),
    "crying": _e("eyes shut with streams of tears, wailing mouth", "weep", "wail", "sadness/sadness sadness/grief", "sad"),
    "weeping": _e("eyes shut with quiet streams of tears, trembling mouth", "weep", "wobble", "sadness/grief sadness/sadness", "sad"),
    "touched": _e("glistening teary eyes, trembling smile", "teary", "wobble", "happiness/gratitude happiness/relief", "sad"),
    "joy_tears": _e("streaming tears of laughter, mouth wide open", "weep", "laugh", "happiness/amusement"),
    "gloomy": _e("eyes cast down, frown, dark shadow over the brow", "half", "frown", "sadness/disappointment sadness/sadness", "sad", 0, "gloom"),
    "scared": _e("white round eyes, trembling mouth, pale blue brow", "wide", "wobble", "fear/fear fear/nervousness", "sad", 0, "gloom"),
    "terrified": _e("white round eyes, screaming with mouth wide open", "wide", "wail", "fear/fear", "sad", 0, "gloom"),
    "nervous": _e("eyes looking away, gritted teeth", "aside", "teeth", "fear/nervousness neutral/nervousness", "sad"),
    "asleep": _e("eyes closed in sleep, small open mouth", "sleep", "small_o", "neutral/neutral neutral/relief"),
    "peaceful": _e("eyes softly closed, little smile", "sleep", "cat", "neutral/relief happiness/relief neutral/caring"),
    "sleepy": _e("half-closed sleepy eyes, little mouth", "half", "small_o", "neutral/neutral neutral/annoyance", "", 1),
    "drooling": _e("starry eyes, open mouth drooling", "starry", "drool", "happiness/desire"),
    "dizzy": _e("spiral eyes, wavering mouth", "dizzy", "wobble", "neutral/confusion surprise/confusion fear/nervousness"),
    "worn_out": _e("crossed-out eyes, mouth hanging open", "cross", "small_o", "sadness/disappointment sadness/grief", "", 0),
    "sorry": _e("eyes shut tight, trembling frown", "squeeze", "frown", "sadness/remorse", "sad"),
    "relieved": _e("closed eyes, breathing out through a small mouth", "sleep", "small_o", "happiness/relief neutral/relief", "raised"),
}  # fmt: skip

TINTS = {"gloom": (84, 110, 190, 110), "red": (238, 64, 52, 96), "green": (110, 170, 60, 110)}


def draw_face(d: Drawing, expression: Expression, rig: Rig, p: Palette, nod: float = 0.0) -> None:
    """Blush, nose, mouth, eyes and brows about the head's centre, over a painted head; `nod` slides them down."""
    face, outline = rig.face, rig.head_outline()
    if expression.tint:
        top = outline[:, 1].min()
        d.fill(
            ellipse(0, top, rig.head_rx * 1.25, (face.eye_y - top) * 1.02 + 4),
            TINTS[expression.tint],
            outline,
        )
        d.line(outline, 3.2, closed=True)
        if expression.tint == "gloom":
            for i in range(4):
                x = 14 + i * 7.5 if rig.key != "gua" else -11 + i * 7.5
                y = face.eye_y - 40 + (i % 2) * 3 if rig.key != "gua" else -30
                d.line(quadratic((x, y), (x, y + 6), (x, y + 13)), 2.6, (60, 80, 150))
    with d.under(move(0, nod)):
        _features(d, expression, rig, p, outline)


def _features(d: Drawing, expression: Expression, rig: Rig, p: Palette, outline: Points) -> None:
    face = rig.face
    if expression.blush:
        for side in (-1, 1):
            x, y = side * face.cheek_dx, face.cheek_y
            big = expression.blush == 2
            d.fill(
                ellipse(x, y, 15 if big else 11.5, 9.5 if big else 7),
                (*p.blush[:3], 255 if big else 210),
                outline,
            )
            if big:
                for k in (-5.5, 0, 5.5):
                    d.line(quadratic((x + k + 2, y - 4), (x + k, y), (x + k - 2, y + 4)), 2.2, (226, 70, 84))
    rig.nose(d, p)
    with d.under(move(0, face.mouth_y)):
        draw_mouth(d, rig.mouths.get(expression.mouth, expression.mouth), face.mouth)
    rig.over(d, p)
    draw_eyes(d, expression.eyes, face, p)
    if expression.brows:
        draw_brows(d, expression.brows, face)
