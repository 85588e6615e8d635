"""From a spec to a drawing: the order in which a figure's parts are painted."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retriever.starter.draw.arms import Arm, draw_arm
from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.characters import CHARACTERS
from retriever.starter.draw.effects import BEHIND, EFFECTS
from retriever.starter.draw.expressions import EXPRESSIONS, draw_face
from retriever.starter.draw.geometry import Affine, compose, ellipse, identity, move, rotate, scale, transform
from retriever.starter.draw.gestures import GESTURES, Gesture
from retriever.starter.draw.lettering import caption
from retriever.starter.draw.marks import MARKS
from retriever.starter.draw.motion import FRAMES, MOTIONS, Shift
from retriever.starter.draw.palette import Palette, recolour
from retriever.starter.draw.postures import POSTURES, Foot, Posture
from retriever.starter.draw.props import PROPS
from retriever.starter.draw.rig import Rig
from retriever.starter.draw.scenery import draw_front, draw_ground
from retriever.starter.draw.spec import StickerSpec

__all__ = ["draw", "draw_frames"]

ON_HEAD = frozenset(
    {"up", "high", "crown", "top", "cheek", "eye", "brow", "forehead", "chin", "mouth", "ear", "nose", "wipe"}
)
HELD_SIZE = {
    "mug": 1.3,
    "mug_middle": 1.35,
    "flowers": 1.35,
    "gift": 1.3,
    "cake": 1.3,
    "popcorn": 1.35,
    "phone": 1.35,
    "bowl": 1.25,
    "big_heart": 1.25,
}
BACK_PROPS = frozenset({"umbrella", "balloon", "flag", "trophy"})


def draw_frames(spec: StickerSpec, frames: int = FRAMES) -> list[Drawing]:
    """The frames of an animated sticker, or the one drawing of a still one."""
    if spec.motion is None:
        return [draw(spec)]
    return [draw(spec, MOTIONS[spec.motion](i / frames)) for i in range(frames)]


def draw(spec: StickerSpec, shift: Shift | None = None) -> Drawing:
    """One picture of `spec`; `shift` moves it for an animation's frame."""
    shift = shift or Shift()
    rig = CHARACTERS[spec.character]
    look = spec.look
    palette = (
        recolour(rig.palette, look.hue, look.brightness, look.saturation)
        if look.hue or look.brightness != 1 or look.saturation != 1
        else rig.palette
    )
    d = Drawing(ink=palette.ink)
    posture, gesture = POSTURES[spec.posture], GESTURES[spec.gesture]
    with d.under(_root(rig, posture, spec, shift)):
        _figure(d, rig, palette, posture, gesture, spec, shift)
    if spec.caption and spec.gesture != "sign":
        left, _, right, bottom = d.bounds()
        size = 66.0 if len(spec.caption) <= 3 else 56.0
        floor = rig.ground + 10 if spec.motion else bottom
        centre = (left + right) / 2, floor + size * 0.2
        caption(d, spec.caption, centre, max(215.0, right - left), size, palette.accent, rim=6.5)
    return d


def _root(rig: Rig, posture: Posture, spec: StickerSpec, shift: Shift) -> Affine:
    squash = shift.squash * posture.flat
    lean = posture.lean + spec.look.lean + shift.lean
    return compose(
        move(shift.dx, shift.dy),
        rotate(posture.turn, 0, 0),
        rotate(lean, 0, rig.ground),
        scale(spec.look.plump / shift.squash**0.6 * (2 - posture.flat), squash, 0, rig.ground),
    )


def _figure(
    d: Drawing, rig: Rig, p: Palette, posture: Posture, gesture: Gesture, spec: StickerSpec, shift: Shift
) -> None:
    head = _head_map(rig, posture, spec, shift)
    moved = transform(np.array([[0.0, rig.head_y]]), compose(head, move(0, -rig.head_y)))[0] - (
        0.0,
        rig.head_y,
    )
    behind = [key for key in spec.effects if key in BEHIND]
    _effects(d, rig, head, behind, shift.phase)
    draw_ground(d, posture.ground, rig)
    if posture.front not in ("wall", "one_hand"):
        with d.under(_torso_map(posture)):
            rig.tail(d, p, 0.5 + 0.5 * (posture.ground == "hop"))
    left, right = (
        _shifted(arm, moved, side, posture.nod > 0) for arm, side in ((gesture.left, -1), (gesture.right, 1))
    )
    hands = _hands(rig, left, right)
    if gesture.prop in BACK_PROPS:
        PROPS[gesture.prop](d, *hands, p)
    for arm, side, swing in ((left, -1, shift.swing_left), (right, 1, shift.swing_right)):
        if posture.arms and not arm.front:
            draw_arm(d, arm, rig, p, side, swing)
    _feet(d, rig, p, posture, ("stand",))
    if posture.front != "wall":
        with d.under(_torso_map(posture)):
            if posture.torso[1] > 1.5:
                rig.back(d, p)
            else:
                rig.torso(d, p)
    _feet(d, rig, p, posture, ("sole", "knee"))
    with d.under(head):
        rig.behind(d, p)
        rig.head(d, p)
        _gloss(d, rig)
        draw_face(d, EXPRESSIONS[spec.expression], rig, p, posture.nod)
    draw_front(d, posture.front, rig, p, head)
    _front_arms(d, rig, p, posture, gesture, (left, right), hands, shift, spec)
    _effects(d, rig, head, [key for key in spec.effects if key not in BEHIND], shift.phase)


def _front_arms(d: Drawing, rig: Rig, p: Palette, posture: Posture, gesture: Gesture, arms: tuple[Arm, Arm],
                hands: tuple[tuple[float, float], tuple[float, float]], shift: Shift, spec: StickerSpec) -> None:  # fmt: skip
    if not posture.arms:
        return
    if gesture.prop and gesture.prop not in BACK_PROPS:
        _held(d, gesture.prop, hands, p)
        if gesture.prop == "sign" and spec.caption:
            middle = (hands[0][0] + hands[1][0]) / 2, (hands[0][1] + hands[1][1]) / 2 + 1
            where = transform(np.array([middle]), d.matrix)[0]
            caption(d, spec.caption, (float(where[0]), float(where[1])), 82 * d.unit, 40 * d.unit, p.accent)
    for arm, side, swing in ((arms[0], -1, shift.swing_left), (arms[1], 1, shift.swing_right)):
        if arm.front:
            draw_arm(d, arm, rig, p, side, swing)
    if gesture.marks:
        MARKS[gesture.marks](d, *hands[1])


def _gloss(d: Drawing, rig: Rig) -> None:
    """A soft shine on the upper left of the head."""
    outline = rig.head_outline()
    top = float(outline[:, 1].min())
    x, y = rig.gloss
    d.fill(ellipse(x, y if y else top * 0.7, 13, 6.5, -32), (255, 255, 255, 120), outline)


def _held(d: Drawing, prop: str, hands: tuple[tuple[float, float], tuple[float, float]], p: Palette) -> None:
    grow = HELD_SIZE.get(prop, 1.0)
    middle = (hands[0][0] + hands[1][0]) / 2, (hands[0][1] + hands[1][1]) / 2
    if prop in ("mug", "phone", "popcorn"):
        middle = hands[0] if prop == "popcorn" else hands[1]
    with d.under(scale(grow, grow, *middle)):
        PROPS[prop](d, *hands, p)


def _head_map(rig: Rig, posture: Posture, spec: StickerSpec, shift: Shift) -> Affine:
    tilt = posture.tilt + spec.look.tilt + shift.tilt
    return compose(
        move(posture.head[0], posture.head[1]), rotate(tilt, 0, rig.head_y * 0.2), move(0, rig.head_y)
    )


def _torso_map(posture: Posture) -> Affine:
    down, across, tall = posture.torso
    return (
        compose(move(0, down), scale(across, tall, 0, 40)) if posture.torso != (0.0, 1.0, 1.0) else identity()
    )


def _shifted(arm: Arm, moved: object, side: int, bent: bool) -> Arm:
    dx, dy = np.asarray(moved, float)
    if arm.place in ON_HEAD:
        return replace(arm, dx=arm.dx + side * dx, dy=arm.dy + dy)
    if bent and arm.place in (
        "rest",
        "hip",
        "down",
    ):  # the head hangs in front of the body, arms stay behind it
        return replace(arm, front=False)
    return replace(arm, dy=arm.dy + 20) if bent else arm


def _hands(rig: Rig, left: Arm, right: Arm) -> tuple[tuple[float, float], tuple[float, float]]:
    lx, ly = left.target(rig)
    return (-lx, ly), right.target(rig)


def _effects(d: Drawing, rig: Rig, head: Affine, keys: list[str], phase: float) -> None:
    for key in keys:
        with d.under(head):
            EFFECTS[key][1](d, rig, phase)


def _feet(d: Drawing, rig: Rig, p: Palette, posture: Posture, kinds: tuple[str, ...]) -> None:
    for foot, side in ((posture.left, -1), (posture.right, 1)):
        if foot.kind in kinds:
            _foot(d, rig, p, foot, side)


def _foot(d: Drawing, rig: Rig, p: Palette, foot: Foot, side: int) -> None:
    x, y = side * rig.foot[0] + foot.dx, rig.foot[1] + foot.dy
    rx, ry = rig.foot_size
    colour = rig.foot_colour(p)
    if foot.kind == "stand":
        hip = (side * rig.foot[0] * 0.8, rig.body_y + rig.body_ry * 0.5)
        d.limb(np.array([hip, (x - side * 2, y - 4)]), rx * 1.15, rig.arm_colour(p))
        with d.under(move(x + side * 2, y), rotate(foot.angle)):
            d.shape(ellipse(0, 0, rx, ry), colour)
    elif foot.kind == "sole":
        with d.under(move(x, y), rotate(foot.angle)):
            d.shape(ellipse(0, 0, rx * 0.98, rx * 1.12), colour)
            d.fill(ellipse(0, rx * 0.26, rx * 0.48, rx * 0.42), p.blush)
            for dx, dy in ((-0.5, -0.38), (0.0, -0.62), (0.5, -0.38)):
                d.fill(ellipse(dx * rx, dy * rx, rx * 0.19), p.blush)
    else:
        d.shape(ellipse(x, y - 4, rx * 1.25, ry * 1.35), rig.arm_colour(p))
