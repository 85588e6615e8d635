"""What the arms do, and the words for it; `{hand}` becomes paw, flipper or hand."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from dataclasses import dataclass

from retriever.starter.draw.arms import Arm

__all__ = ["GESTURES", "Gesture"]


@dataclass(frozen=True, slots=True)
class Gesture:
    """Two arms and what they hold.

    Attributes:
        phrase: the sticker's `gesture` attribute.
        prop: a key of `props.PROPS`, painted between the arms' two layers, or ``""``.
        marks: small strokes that show movement, a key of `effects.MARKS`, or ``""``.
    """

    phrase: str
    left: Arm
    right: Arm
    prop: str = ""
    marks: str = ""


def _both(phrase: str, arm: Arm, prop: str = "", marks: str = "") -> Gesture:
    return Gesture(phrase, arm, arm, prop, marks)


REST = Arm("rest", bend=0.12)
UP = Arm("up", "open", 0.3, front=False)
GESTURES: dict[str, Gesture] = {
    "none": _both("arms hanging by the sides", REST),
    "wave": Gesture("waving one {hand}", REST, UP, marks="wave"),
    "cheer": _both("both {hand}s thrown up in the air", Arm("high", "open", 0.3, front=False)),
    "thumbs_up": Gesture("giving a thumbs up", Arm("hip", bend=0.6), Arm("front", "thumb", 0.35)),
    "two_thumbs": _both("giving two thumbs up", Arm("front", "thumb", 0.35)),
    "clap": _both("clapping {hand}s", Arm("chest", bend=0.5), marks="clap"),
    "on_head": _both("both {hand}s clutching the head", Arm("top", bend=0.75)),
    "on_cheeks": _both("both {hand}s on the cheeks", Arm("cheek", bend=0.5)),
    "crossed": Gesture("arms crossed", Arm("cross", bend=0.3, dy=5), Arm("cross", bend=0.3)),
    "hug_heart": _both("hugging a big heart", Arm("apart", bend=0.5, dx=18, dy=2), "big_heart"),
    "facepalm": Gesture("one {hand} over the face", REST, Arm("forehead", "open", 0.6)),
    "shrug": _both("shrugging with both {hand}s turned up", Arm("out", "open", 0.35, front=False, dy=-4)),
    "fist_pump": Gesture("pumping a fist in the air", Arm("hip", "fist", 0.6), Arm("high", "fist", 0.25, front=False), marks="pump"),
    "fists": _both("both fists clenched in front of the chest", Arm("apart", "fist", 0.7, dx=12, dy=-8)),
    "pray": _both("{hand}s pressed together", Arm("chest", bend=0.55, dx=-1, dy=-2)),
    "coffee": Gesture("holding a steaming cup of coffee", REST, Arm("apart", bend=0.6, dx=7, dy=10), "mug"),
    "tea": _both("holding a mug with both {hand}s", Arm("apart", bend=0.6, dx=9, dy=12), "mug_middle"),
    "cover_eyes": _both("covering both eyes", Arm("eye", bend=0.45)),
    "peek_fingers": Gesture("covering the eyes and peeking through", Arm("eye", "open", 0.45, dx=4), Arm("eye", "open", 0.45, dy=18, dx=10)),
    "point_side": Gesture("pointing to the side", Arm("hip", bend=0.6), Arm("side", "point", 0.1, front=False)),
    "point_you": Gesture("pointing ahead", Arm("hip", bend=0.6), Arm("front", "point", 0.25)),
    "point_up": Gesture("raising one finger", Arm("hip", bend=0.6), Arm("up", "point", 0.3, front=False, dx=-6, dy=8)),
    "salute": Gesture("saluting", REST, Arm("brow", "paw", 0.6)),
    "chin": Gesture("one {hand} on the chin", Arm("cross", bend=0.3, dx=-2, dy=10), Arm("chin", "fist", 0.5)),
    "hips": _both("{hand}s on the hips", Arm("hip", bend=0.75)),
    "peace": Gesture("making a peace sign", REST, Arm("up", "v", 0.3, front=False)),
    "mouth": _both("both {hand}s over the mouth", Arm("mouth", bend=0.5)),
    "wipe": Gesture("wiping away a tear", REST, Arm("wipe", bend=0.6)),
    "kiss": Gesture("blowing a kiss", REST, Arm("mouth", bend=0.5, dx=12, dy=5), marks="kiss"),
    "flowers": _both("holding out a bunch of flowers", Arm("chest", bend=0.5, dx=2, dy=22), "flowers"),
    "gift": _both("holding a wrapped present", Arm("apart", bend=0.45, dx=12, dy=16), "gift"),
    "cake": _both("holding a birthday cake", Arm("apart", bend=0.45, dx=8, dy=12), "cake"),
    "popcorn": Gesture("eating popcorn", Arm("apart", bend=0.5, dx=6, dy=8), Arm("mouth", bend=0.5, dx=10, dy=6), "popcorn"),
    "phone": Gesture("looking at a phone", Arm("hip", bend=0.3), Arm("apart", bend=0.5, dx=9, dy=12), "phone"),
    "flag": Gesture("waving a white flag", REST, Arm("up", "fist", 0.3, front=False), "flag"),
    "sign": _both("holding up a sign", Arm("apart", bend=0.35, dx=36, dy=6), "sign"),
    "pillow": _both("hugging a pillow", Arm("apart", bend=0.4, dx=6, dy=4), "pillow"),
    "balloon": Gesture("holding a balloon", REST, Arm("out", "fist", 0.2, front=True), "balloon"),
    "trophy": Gesture("lifting a trophy", Arm("hip", "fist", 0.6), Arm("high", "fist", 0.3, front=False, dx=4), "trophy"),
    "bowl": _both("holding a bowl and chopsticks", Arm("apart", bend=0.4, dx=6, dy=8), "bowl"),
    "reach": _both("reaching out for a hug", Arm("wide", "open", 0.15, front=False, dy=12)),
    "stop": Gesture("holding up a {hand} to say stop", REST, Arm("front", "open", 0.3, dx=4, dy=-8)),
    "hush": Gesture("one finger on the lips", REST, Arm("mouth", "point", 0.55, dx=-6, dy=20)),
    "listen": Gesture("one {hand} cupped behind the ear", REST, Arm("ear", "open", 0.4, front=True, dx=10)),
    "behind": _both("{hand}s behind the back", Arm("hip", bend=0.5, front=False, dx=-26)),
    "scratch": Gesture("scratching the head", REST, Arm("top", bend=0.85, dx=8)),
    "tummy": _both("{hand}s on the belly", Arm("belly", bend=0.55)),
    "nose": Gesture("pinching the nose", Arm("hip", bend=0.5), Arm("nose", "paw", 0.5, dx=5)),
    "megaphone": Gesture("shouting through a megaphone", Arm("hip", bend=0.6), Arm("mouth", "fist", 0.5, dx=32, dy=14), "megaphone"),
    "magnifier": Gesture("holding a magnifying glass", REST, Arm("cheek", "fist", 0.4, dx=22, dy=10), "magnifier"),
    "umbrella": Gesture("holding an umbrella", REST, Arm("side", "fist", 0.2, dx=-10, dy=14), "umbrella"),
    "forward": _both("{hand}s stretched out flat in front", Arm("knee", bend=0.3, dx=12)),
    "hug_knees": _both("hugging the knees", Arm("knee", bend=0.5, dx=-4, dy=-6)),
    "grip": _both("gripping the edge with both {hand}s", Arm("apart", bend=0.0)),
    "tap": _both("tapping fingertips together", Arm("chest", "point", 0.6, dx=9, dy=4)),
}  # fmt: skip
