"""Text on sheets: a shipped font that covers common Chinese, system fonts for the rest, line breaking."""

from __future__ import annotations

import sys
from functools import cache
from itertools import groupby
from pathlib import Path

from PIL import ImageDraw, ImageFont

__all__ = ["SHEET_FONT", "draw_text", "text_width", "wrap"]

SHEET_FONT = Path(__file__).parent / "fonts" / "noto-sans-sc-subset.ttf"
FALLBACK_NAMES = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJK-Medium.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc", "PingFang.ttc",
    "Hiragino Sans GB.ttc", "msyh.ttc", "simhei.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf",
)  # fmt: skip
FONT_FOLDERS = {
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("C:/Windows/Fonts",),
}
UNIX_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufe0e\ufe0f")
NOT_FIRST = frozenset("，。！？、；：”’）》】…~,.!?;:)")
"""Characters that may not begin a line."""


@cache
def _fallbacks() -> tuple[str, ...]:
    """System fonts that may hold what the shipped one lacks, best first."""
    found: dict[str, str] = {}
    for folder in FONT_FOLDERS.get(sys.platform, UNIX_FOLDERS):
        for path in sorted(Path(folder).expanduser().rglob("*.tt[cf]")):
            found.setdefault(path.name, str(path))
    return tuple(found[name] for name in FALLBACK_NAMES if name in found)


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@cache
def _covers(path: str, letter: str) -> bool:
    font = _font(path, 24)
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))


@cache
def _path_for(letter: str) -> str:
    if _covers(str(SHEET_FONT), letter):
        return str(SHEET_FONT)
    return next((path for path in _fallbacks() if _covers(path, letter)), str(SHEET_FONT))


def _runs(text: str) -> list[tuple[str, str]]:
    """(font path, piece) for each stretch of `text` that one font can write."""
    visible = "".join(letter for letter in text if letter not in INVISIBLE)
    return [(path, "".join(piece)) for path, piece in groupby(visible, key=_path_for)]


def text_width(text: str, size: int) -> float:
    """Width of one line in pixels."""
    return sum(_font(path, size).getlength(piece) for path, piece in _runs(text))


def draw_text(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, fill: str, anchor: str = "la"
) -> None:
    """Draw one line; `anchor` is l, m or r and a vertical letter, as Pillow has them."""
    x, y = at
    x -= text_width(text, size) * {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]]
    for path, piece in _runs(text):
        font = _font(path, size)
        pen.text((x, y), piece, fill=fill, font=font, anchor=f"l{anchor[1]}")
        x += font.getlength(piece)


def wrap(text: str, size: int, width: float, max_lines: int = 6) -> list[str]:
    """Break `text` into lines of at most `width` pixels: at spaces, and between Chinese characters.

    What does not fit in `max_lines` is cut with an ellipsis.
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line and text_width((line + piece).rstrip(), size) > width and piece[0] not in NOT_FIRST:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
        while text_width(line.rstrip(), size) > width and len(line) > 1 and line[-1] not in NOT_FIRST:
            cut = max(1, sum(text_width(line[: i + 1], size) <= width for i in range(len(line))))
            lines.append(line[:cut])
            line = line[cut:]
    lines.append(line.rstrip())
    if len(lines) > max_lines:
        lines = lines[:max_lines]
        while lines[-1] and text_width(lines[-1] + "…", size) > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] += "…"
    return lines


def _pieces(text: str) -> list[str]:
    """Words with the space that follows them; Chinese characters one by one."""
    pieces: list[str] = []
    for letter in " ".join(text.split()):
        wide = ord(letter) >= 0x2E80
        if pieces and not wide and not pieces[-1].endswith(" ") and ord(pieces[-1][-1]) < 0x2E80:
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces
