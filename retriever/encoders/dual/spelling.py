"""What of a text is read: its end, with emoji in words."""

import re
import unicodedata

__all__ = ["LONGEST", "spell_emoji", "spelled"]

LONGEST = 2_000
"""Characters of one utterance that are read, from its end: far more than the token limit holds."""


def spelled(text: str) -> str:
    """As much of a text as is read, emoji in words."""
    return spell_emoji(text[-LONGEST:])


def spell_emoji(text: str) -> str:
    """The text with every emoji replaced by the words of its Unicode name, which the vocabulary has.

    >>> spell_emoji("ok😂")
    'ok face with tears of joy '
    """
    return _SUSPECTS.sub(_in_words, text)


def _in_words(found: "re.Match[str]") -> str:
    character = found.group()
    if character in _SILENT:
        return ""
    if unicodedata.category(character) != "So":  # symbols that are no letters, digits or punctuation
        return character
    return " " + unicodedata.name(character, "").lower().replace("-", " ") + " "


_SILENT = frozenset(
    "\ufe0e\ufe0f\u200d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
)  # variants, joiners, skins
_SUSPECTS = re.compile("[\u200d\u203c-\u3299\ufe0e\ufe0f\U0001f000-\U0001faff]")
