"""How much of a text is written in scripts that an encoder's languages use."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

SCRIPTS: dict[str, frozenset[str]] = {
    "en": frozenset({"LATIN"}),
    "zh": frozenset({"CJK"}),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "ko": frozenset({"HANGUL"}),
    "ru": frozenset({"CYRILLIC"}),
}
"""The scripts of some languages, by the first word of their letters' Unicode names."""


def readable_share(text: str, languages: Sequence[str]) -> float:
    """The share of the letters of `text`, in [0, 1], that are in a script of `languages`.

    1 for a text without letters, for no languages (any are read), and when one of them is not in `SCRIPTS`:
    what is not known is not held against an encoder.
    """
    if not languages or any(language not in SCRIPTS for language in languages):
        return 1.0
    scripts = frozenset().union(*(SCRIPTS[language] for language in languages))
    letters = [_script(char) for char in text if char.isalpha()]
    return sum(script in scripts for script in letters) / len(letters) if letters else 1.0


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]
