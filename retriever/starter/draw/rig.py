"""What every character is made of: sizes, landmarks for hands, and the parts a subclass paints."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retriever.starter.draw.canvas import Colour, Drawing
from retriever.starter.draw.geometry import Points, ellipse, squircle
from retriever.starter.draw.palette import Palette

__all__ = ["Face", "Rig"]


@dataclass(frozen=True, slots=True)
class Face:
    """Where features sit, in units from the head's centre.

    Attributes:
        eye_dx, eye_y: half the distance between the eyes, and their height.
        eye_rx, eye_ry: half width and height of an open eye.
        mouth_y, mouth: height and size (1 is 26 units wide) of the mouth.
        cheek_dx, cheek_y: the blush.
        white_eyes: whether open eyes have a white ball, as a frog's do.
    """

    eye_dx: float
    eye_y: float
    eye_rx: float
    eye_ry: float
    mouth_y: float
    mouth: float
    cheek_dx: float
    cheek_y: float
    white_eyes: bool = False


class Rig:
    """A character: the origin is the neck, y points down, the ground is at `ground`.

    Subclasses set the sizes and paint `head`, `torso`, `tail` and `nose`.
    """

    key = ""
    hand_word = "paw"
    palette: Palette
    face: Face
    head_rx, head_ry, head_y = 66.0, 56.0, -46.0
    body_rx, body_ry, body_y = 42.0, 44.0, 34.0
    shoulder = (33.0, 14.0)
    arm_width = 19.0
    hand = 14.0
    chest_y = 26.0
    foot = (21.0, 76.0)
    foot_size = (17.0, 11.0)
    ground = 84.0
    has_body = True
    reach = 1000.0
    """How long a front arm can be; beyond it the arm begins nearer to its hand."""
    pads = True
    gloss = (-38.0, -36.0)
    corner = (54.0, -48.0)
    """Upper right of the head, where an anger vein sits."""
    mouths: Mapping[str, str] = {}
    """Mouths that this face cannot make, and what it makes instead."""

    def head_outline(self) -> Points:
        """The head's contour about its own centre; used for clipping shade."""
        return squircle(0, 0, self.head_rx, self.head_ry, 2.4, 0.06)

    def behind(self, d: Drawing, p: Palette) -> None:
        """Ears and the like, behind the head, about the head's centre."""

    def head(self, d: Drawing, p: Palette) -> None:
        """The head without features, about its centre."""
        d.shape(self.head_outline(), p.main)

    def nose(self, d: Drawing, p: Palette) -> None:
        """Nose, beak or muzzle, about the head's centre, before the mouth."""

    def over(self, d: Drawing, p: Palette) -> None:
        """What lies over the features: whiskers."""

    def tail(self, d: Drawing, p: Palette, lift: float) -> None:
        """The tail, about the neck; `lift` from 0 (down) to 1 (up)."""

    def torso_outline(self) -> Points:
        """The body's contour about the neck."""
        return squircle(0, self.body_y, self.body_rx, self.body_ry, 2.3, 0.1)

    def torso(self, d: Drawing, p: Palette) -> None:
        """The body, about the neck."""
        outline = self.torso_outline()
        d.shape(outline, p.main)
        d.fill(ellipse(0, self.body_y + 8, self.body_rx * 0.62, self.body_ry * 0.66), p.light, outline)
        d.line(outline, 3.2, closed=True)

    def back(self, d: Drawing, p: Palette) -> None:
        """The body seen from above or behind, as when lying on the belly."""
        outline = self.torso_outline()
        d.shape(outline, p.main)
        d.fill(
            ellipse(0, self.body_y + self.body_ry * 0.9, self.body_rx * 1.2, self.body_ry * 0.5),
            p.shade,
            outline,
        )
        d.line(outline, 3.2, closed=True)

    def arm_colour(self, p: Palette) -> Colour:
        """Colour of arms and hands."""
        return p.main

    def foot_colour(self, p: Palette) -> Colour:
        """Colour of feet."""
        return p.main

    def landmark(self, name: str) -> tuple[float, float]:
        """Where a right hand (x > 0) goes for the place `name`, about the neck, for an upright figure."""
        rx, ry, cy, b, c = self.head_rx, self.head_ry, self.head_y, self.body_rx, self.chest_y
        f = self.face
        places = {
            "rest": (b + 9, c + 20), "down": (b + 14, c + 12), "out": (b + 34, c - 10), "wide": (rx + 18, c - 24),
            "hip": (b - 2, c + 12), "chest": (7.0, c), "apart": (19.0, c + 2), "belly": (15.0, c + 14),
            "cross": (-15.0, c + 4), "up": (rx + 17, cy - 6), "high": (rx * 0.74 + 12, cy - ry - 6),
            "crown": (12.0, cy - ry - 26), "top": (rx * 0.52, cy - ry * 0.74),
            "cheek": (rx * 0.66, cy + f.cheek_y + 6), "eye": (f.eye_dx, cy + f.eye_y), "brow": (f.eye_dx + 16, cy + f.eye_y - 15),
            "forehead": (10.0, cy + f.eye_y - 8), "chin": (14.0, cy + ry * 0.86), "mouth": (9.0, cy + f.mouth_y + 3),
            "ear": (rx * 0.93, cy + 2), "front": (rx * 0.62, c - 4), "side": (rx + 24, c - 20), "knee": (20.0, c + 30),
            "nose": (0.0, cy + f.mouth_y - 9), "wipe": (f.eye_dx + 3, cy + f.eye_y + 17),
        }  # fmt: skip
        return places[name]
