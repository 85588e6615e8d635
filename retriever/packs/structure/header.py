"""What a walk over a file's structure finds."""

from dataclasses import dataclass
from typing import NoReturn

from retriever.errors import BadImage


@dataclass(frozen=True, slots=True)
class Header:
    """Size and timing of an image, known before any pixel is decoded.

    Attributes:
        width, height: of the canvas, in pixels, at least 1.
        n_frames: 1 for a still image.
        duration_ms: of one loop; 0 for a still image.
        first_frame: index, in the decoder's counting, of the first frame that is shown (an APNG may carry a
            default image that is not part of its animation).
    """

    width: int
    height: int
    n_frames: int = 1
    duration_ms: int = 0
    first_frame: int = 0


def truncated(what: str) -> NoReturn:
    raise BadImage("truncated", what)


def corrupt(what: str) -> NoReturn:
    raise BadImage("corrupt", what)
