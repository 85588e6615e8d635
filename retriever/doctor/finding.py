"""One thing the doctor has to say."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check and its outcome.

    Attributes:
        check: what was looked at, in two or three words.
        level: ``ok``; ``note``: worth knowing, nothing broken; ``problem``: something will not work.
        text: what was found.
        remedy: the command or action that helps; empty when nothing is wrong.
    """

    check: str
    level: Level
    text: str
    remedy: str = ""
