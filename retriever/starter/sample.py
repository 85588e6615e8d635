"""Any number of stickers for load tests: the same (seed, index) always gives the same one."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from retriever.starter.catalogue import catalogue
from retriever.starter.draw.characters import CHARACTERS
from retriever.starter.draw.effects import EFFECTS
from retriever.starter.draw.expressions import EXPRESSIONS
from retriever.starter.draw.gestures import GESTURES
from retriever.starter.draw.postures import POSTURES
from retriever.starter.draw.spec import Look, StickerSpec

__all__ = ["BLOCK", "place", "sample_spec"]

BLOCK = 1000
"""Stickers in a folder of generated images; always a whole number of packs."""
SIZES = (41, 59, 44, 56, 47, 53, 48, 52, 49, 51, 50, 50, 46, 54, 43, 57, 42, 58, 45, 55)
"""Sizes of the packs of one block, about the 50 of StickerChat; they add up to `BLOCK`."""


def place(index: int) -> tuple[int, int]:
    """Which pack the sticker `index` belongs to, and which folder its image lies in."""
    block, rest = divmod(index, BLOCK)
    for k, size in enumerate(SIZES):
        if rest < size:
            return block * len(SIZES) + k, block
        rest -= size
    raise AssertionError("unreachable: SIZES add up to BLOCK")


def sample_spec(index: int, seed: int = 0, attempt: int = 0) -> tuple[str, StickerSpec]:
    """The pack name and the spec of generated sticker `index`.

    A pack is one character in one colourway. The idea (mood, words, caption) comes from the catalogue; face,
    gesture, posture and effects are drawn anew among those that suit the mood.

    Args:
        attempt: 0, or more when the picture came out byte for byte like an earlier one; changes the look.
    """
    number, _ = place(index)
    of_pack = random.Random(f"pack/{seed}/{number}")
    character = of_pack.choice(tuple(CHARACTERS))
    hue, brightness, saturation = of_pack.random(), of_pack.uniform(0.86, 1.06), of_pack.uniform(0.75, 1.3)
    rng = random.Random(f"sticker/{seed}/{index}")
    idea = rng.choice(catalogue())
    spec = replace(
        idea,
        slug=f"{index:06d}-{idea.slug}",
        character=character,
        expression=rng.choice(_faces(idea.emotion, idea.intention) or (idea.expression,)),
        gesture=rng.choice(_gestures(idea.intention) if rng.random() < 0.7 else tuple(GESTURES)),
        posture=idea.posture if rng.random() < 0.4 else rng.choice(tuple(POSTURES)),
        effects=idea.effects
        if rng.random() < 0.6
        else tuple(rng.sample(tuple(EFFECTS), rng.choice((0, 1, 1)))),
        caption=idea.caption if rng.random() < 0.7 else "",
        motion=None,
        container="webp",
    )
    jitter = rng if not attempt else random.Random(f"sticker/{seed}/{index}/{attempt}")
    look = Look(hue + jitter.uniform(-0.015, 0.015), brightness, saturation, jitter.uniform(-9, 9),
                jitter.uniform(-5, 5), jitter.uniform(0.93, 1.08))  # fmt: skip
    return f"{character}-{number:04d}", replace(spec, look=look)


@cache
def _faces(emotion: str, intention: str) -> tuple[str, ...]:
    exact = tuple(key for key, face in EXPRESSIONS.items() if (emotion, intention) in face.moods)
    used = tuple(
        idea.expression for idea in catalogue() if (idea.emotion, idea.intention) == (emotion, intention)
    )
    return exact + used


@cache
def _gestures(intention: str) -> tuple[str, ...]:
    return tuple(idea.gesture for idea in catalogue() if idea.intention == intention)
