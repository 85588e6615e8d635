"""Marks in the air around a figure, by name, with the words for them."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Callable

from retriever.starter.draw import feelings, overhead, symbols
from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.rig import Rig

__all__ = ["BEHIND", "EFFECTS", "Effect"]

Effect = Callable[[Drawing, Rig, float], None]
"""(drawing, rig, phase): the phase, 0 to 1, is where in its cycle a moving effect stands."""

EFFECTS: dict[str, tuple[str, Effect]] = {
    # key: (words, painter)
    "hearts": ("hearts", feelings.hearts), "rising_hearts": ("hearts rising", feelings.rising_hearts), "sparkles": ("sparkles", feelings.sparkles),
    "sweat": ("a sweat drop", feelings.sweat), "sweat_many": ("sweat flying", feelings.sweat_many), "anger": ("an anger vein", feelings.anger),
    "steam": ("steam from the ears", feelings.steam), "question": ("question marks", symbols.question), "exclaim": ("exclamation marks", symbols.exclaim),
    "zzz": ("zzz", symbols.zzz), "rain": ("a rain cloud overhead", overhead.rain), "confetti": ("confetti", symbols.confetti), "notes": ("music notes", symbols.notes),
    "bulb": ("a light bulb", overhead.bulb), "dots": ("three dots", symbols.dots), "sigh": ("a puff of breath", feelings.sigh), "stars": ("stars circling the head", overhead.stars),
    "rays": ("sun rays", symbols.rays), "flash": ("lightning bolts", symbols.flash), "party_hat": ("a party hat", overhead.party_hat),
    "nightcap": ("a nightcap", overhead.nightcap), "crown": ("a crown", overhead.crown), "soul": ("the soul floating away", overhead.soul),
}  # fmt: skip
BEHIND = frozenset({"rays"})
"""Effects that are painted behind the figure."""
