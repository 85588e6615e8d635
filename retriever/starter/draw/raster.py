"""Paints recorded drawings: fitted to the square, supersampled, die-cut with a white rim."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from retriever.starter.draw.canvas import Drawing, Fill, Glyph, Line
from retriever.starter.draw.geometry import Affine, Points, compose, move, scale, transform
from retriever.starter.draw.lettering import paint_glyph

__all__ = ["paint", "paint_frames"]

RIM = 6.5
"""Width of the white die-cut rim, in 256ths of the sticker."""
SHADOW = (70, 60, 90, 70)
"""Colour and opacity of the thin edge around the rim."""
RIM_RAMP = [round(min(255.0, max(0.0, (value - 7) * 255 / 14))) for value in range(256)]
EDGE_RAMP = [round(min(1.0, max(0.0, (value - 3) / 9)) * SHADOW[3]) for value in range(256)]
RIM_REACH = 1.42
"""How far the rim's soft edge reaches, as a multiple of `RIM`."""
THIN = 4.5
"""Supersampled pixels up to which a stroke's joints and ends are too small to see and Pillow's own line will do."""
FINEST = 5.0
"""Supersampled pixels between two points of a stroke below which points are left out, for speed."""


def paint(drawing: Drawing, size: int = 256, supersample: int = 4) -> Image.Image:
    """One still sticker: RGBA, `size` x `size`."""
    return paint_frames([drawing], size, supersample)[0]


def paint_frames(drawings: Sequence[Drawing], size: int = 256, supersample: int = 4) -> list[Image.Image]:
    """Frames that share one fit to the square, so that an animation does not swim."""
    boxes = np.array([drawing.bounds() for drawing in drawings])
    box = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
    matrix = _fit(box, size, supersample)
    return [_paint(drawing, matrix, size, supersample) for drawing in drawings]


def _fit(box: tuple[float, ...], size: int, supersample: int) -> Affine:
    """The map from units to supersampled pixels that centres `box`; outside it, the rim and one clear pixel."""
    left, top, right, bottom = box
    pixels = size * supersample
    room = pixels * (1 - 2 * (RIM * RIM_REACH / 256 + 1 / size))
    factor = room / max(right - left, bottom - top, 1e-6)
    factor = min(factor, 1.45 * pixels / 256)
    centre = ((left + right) / 2, (top + bottom) / 2)
    return compose(move(pixels / 2, pixels / 2), scale(factor), move(-centre[0], -centre[1]))


def _paint(drawing: Drawing, matrix: Affine, size: int, supersample: int) -> Image.Image:
    pixels = size * supersample
    image = Image.new("RGBA", (pixels, pixels), (*drawing.ink[:3], 0))
    pen = ImageDraw.Draw(image)
    factor = float(matrix[0, 0])
    letters: list[Glyph] = []
    for op in drawing.ops:
        if isinstance(op, Fill):
            _fill(image, pen, op, matrix)
        elif isinstance(op, Line):
            _line(pen, op, transform(op.points, matrix), op.width * factor)
        elif isinstance(op, Glyph):
            letters.append(op)
    for part in ("rim", "face"):  # all rims first, so that no rim cuts a neighbour's face
        for op in letters:
            paint_glyph(image, op, matrix, factor, part)
    small = image.resize((size, size), Image.Resampling.BOX, reducing_gap=None)
    return _die_cut(small, image, size)


def _fill(image: Image.Image, pen: ImageDraw.ImageDraw, op: Fill, matrix: Affine) -> None:
    points = _flat(transform(op.points, matrix))
    opaque = len(op.colour) == 3 or op.colour[3] == 255
    if op.within is None and opaque:
        pen.polygon(points, fill=op.colour)
        return
    shape = transform(op.points, matrix)
    left, top = np.maximum(np.floor(shape.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(shape.max(axis=0)).astype(int) + 1, image.size)
    if right <= left or bottom <= top:
        return
    mask = Image.new("L", (int(right - left), int(bottom - top)), 0)
    ImageDraw.Draw(mask).polygon(_flat(shape - (left, top)), fill=255 if opaque else op.colour[-1])
    if op.within is not None:
        clip = Image.new("L", mask.size, 0)
        ImageDraw.Draw(clip).polygon(_flat(transform(op.within, matrix) - (left, top)), fill=255)
        mask = ImageChops.multiply(mask, clip)
    if op.within is None:  # a see-through fill on bare ground must bring its own alpha
        patch = Image.new("RGBA", mask.size, (*op.colour[:3], 0))
        patch.putalpha(mask)
        image.alpha_composite(patch, (int(left), int(top)))
    else:
        image.paste((*op.colour[:3], 255), (int(left), int(top)), mask)


def _line(pen: ImageDraw.ImageDraw, op: Line, points: Points, width: float) -> None:
    """Each segment is a box and each joint a disc: Pillow's own joints leave spikes on short wide segments."""
    if op.closed:
        points = np.concatenate([points, points[:1]])
    radius = max(width, 1.0) / 2
    along = np.diff(points, axis=0)
    if (step := int(FINEST / (float(np.abs(along).sum(axis=1).mean()) + 1e-9))) > 1:
        points = np.concatenate([points[:-1:step], points[-1:]])
        along = np.diff(points, axis=0)
    if width <= THIN:
        pen.line(points.ravel().tolist(), fill=op.colour, width=max(1, round(width)))
        return
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None] * radius
    boxes = np.concatenate(
        [points[:-1] + across, points[1:] + across, points[1:] - across, points[:-1] - across], axis=1
    )
    for box in boxes.tolist():
        pen.polygon(box, fill=op.colour)
    first = 0 if op.round_start or op.closed else 1
    last = len(points) if op.round_stop or op.closed else len(points) - 1
    discs = np.concatenate([points - radius, points + radius], axis=1)
    for disc in discs[first:last].tolist():
        pen.ellipse(disc, fill=op.colour)


def _flat(points: Points) -> list[float]:
    return points.ravel().tolist()


def _die_cut(small: Image.Image, large: Image.Image, size: int) -> Image.Image:
    """`small` on a white rim with a thin grey edge; the rim follows the outline of everything painted.

    One Gaussian gives both: past an edge it falls to a known share at every distance, and a steep ramp about that
    share makes a smooth outline there.
    """
    work = size * 2 if size <= 128 else size
    alpha = large.getchannel("A").resize((work, work), Image.Resampling.BOX)
    blurred = alpha.filter(ImageFilter.GaussianBlur(RIM * work / 256 * 0.62))
    rim, edge = blurred.point(RIM_RAMP), blurred.point(EDGE_RAMP)
    if work != size:
        rim, edge = (mask.resize((size, size), Image.Resampling.BOX) for mask in (rim, edge))
    out = Image.new("RGBA", (size, size), (*SHADOW[:3], 0))
    out.putalpha(edge)
    white = Image.new("RGBA", (size, size), (255, 255, 255, 0))
    white.putalpha(rim)
    out.alpha_composite(white)
    out.alpha_composite(small)
    return out
