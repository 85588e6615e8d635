"""How the figure holds itself, and the words for it."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["POSTURES", "Foot", "Posture"]


@dataclass(frozen=True, slots=True)
class Foot:
    """A foot relative to the rig's standing place: `kind` is stand, sole (seen from below) or none."""

    dx: float = 0.0
    dy: float = 0.0
    angle: float = 0.0
    kind: str = "stand"


@dataclass(frozen=True, slots=True)
class Posture:
    """A posture.

    Attributes:
        phrase: the sticker's `posture` attribute.
        lean: turn of the whole figure about its feet, degrees.
        turn: turn about its middle, degrees.
        head: shift of the head; `tilt` its turn.
        torso: (shift down, stretch across, stretch down).
        left, right: the feet.
        front: something painted before the body: wall, box, blanket, or ``""``.
        ground: something under or behind it: shadow, dust, pillow, or ``""``.
        flat: squash of the whole figure's height, for lying down.
        arms: whether the gesture's arms are painted; else the posture places the hands itself,
        hands: and these are the words for what they do.
        nod: how far the features slide down the face, as when the head is bent forward.
    """

    phrase: str
    lean: float = 0.0
    turn: float = 0.0
    head: tuple[float, float] = (0.0, 0.0)
    tilt: float = 0.0
    torso: tuple[float, float, float] = (0.0, 1.0, 1.0)
    left: Foot = Foot()
    right: Foot = Foot()
    front: str = ""
    ground: str = ""
    flat: float = 1.0
    arms: bool = True
    hands: str = ""
    nod: float = 0.0


SOLE_L, SOLE_R = Foot(-12, -6, -14, "sole"), Foot(12, -6, 14, "sole")
GONE = Foot(kind="none")
POSTURES: dict[str, Posture] = {
    "standing": Posture("standing"),
    "sitting": Posture("sitting on the floor", torso=(2, 1.06, 0.96), left=SOLE_L, right=SOLE_R),
    "jumping": Posture("jumping", left=Foot(-7, -4, 32), right=Foot(7, -12, -32), ground="hop"),
    "running": Posture("running", lean=11, left=Foot(-22, -14, 58), right=Foot(18, -4, -18), ground="dust"),
    "leaning": Posture("leaning to one side", lean=-12, tilt=-4),
    "dancing": Posture("dancing on one leg", lean=-9, tilt=6, left=Foot(4, 0, 0), right=Foot(22, -20, -38)),
    "bowing": Posture("bowing", head=(0, 24), torso=(-4, 1.05, 1.0), nod=9),
    "kneeling": Posture("kneeling", torso=(9, 1.05, 0.92), head=(0, 8), left=Foot(0, 2, 0, "knee"), right=Foot(0, 2, 0, "knee")),
    "lying": Posture("lying flat on the belly", head=(0, 46), torso=(22, 1.8, 0.74), left=GONE, right=GONE, front="hands", flat=0.94, arms=False, hands="{hand}s stretched out on the floor"),
    "on_back": Posture("lying on the back", turn=-90, left=Foot(-3, 0, 16), right=Foot(3, 0, -16)),
    "curled": Posture("curled up", head=(-26, 48), tilt=-10, torso=(30, 1.95, 0.9), left=GONE, right=GONE, front="one_hand", arms=False, hands="one {hand} under the chin"),
    "peeking": Posture("peeking over an edge", left=GONE, right=GONE, front="wall", arms=False, hands="gripping the edge with both {hand}s"),
    "box": Posture("sitting in a cardboard box", left=GONE, right=GONE, front="box", arms=False, hands="{hand}s on the edge of the box"),
    "bed": Posture("lying in bed under a blanket", left=GONE, right=GONE, front="blanket", arms=False, hands="holding the edge of the blanket", ground="pillow"),
    "crouching": Posture("crouching", torso=(8, 1.12, 0.9), head=(0, 14), left=Foot(-8, 0, 0), right=Foot(8, 0, 0)),
    "tiptoe": Posture("standing on tiptoe", torso=(-3, 0.95, 1.06), head=(0, -6), left=Foot(8, 4, 0), right=Foot(-8, 4, 0)),
    "striding": Posture("striding along", lean=5, left=Foot(-12, -4, 30), right=Foot(12, -4, -24)),
    "head_down": Posture("slumped with the head hanging", head=(0, 16), tilt=8, torso=(4, 1.02, 0.96)),
    "turned_tilt": Posture("standing with the head tilted", tilt=11),
}  # fmt: skip
