"""Somebody else's words where people read them: on one line, and nothing that steers a terminal."""

from collections.abc import Sequence

__all__ = ["visible"]

_KEPT: Sequence[str] = ("\u200d", "\ufe0e", "\ufe0f")  # emoji are joined and chosen by these


def visible(text: str, most: int | None = None) -> str:
    """`text` on one line, without characters that steer a terminal or turn the direction of writing around.

    Args:
        most: cut to so many characters, the last one an ellipsis.
    """
    clean = "".join(" " if character.isspace() else character for character in text)
    clean = "".join(c if c.isprintable() or c in _KEPT else "\N{REPLACEMENT CHARACTER}" for c in clean)
    clean = " ".join(clean.split())
    if most is not None and len(clean) > most:
        clean = clean[: most - 1].rstrip() + "…"
    return clean
