"""Reads the words drawn on a sticker (extra ``ocr``), to fill ``verbal`` where nobody wrote it down."""

from threading import Lock
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from retriever.extras import require
from retriever.packs.readers.names import language_of

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SCORE = 0.9
"""Readings below this are dropped: drawn faces are read as digits with up to 0.89.

On 130 drawn stickers of 256 pixels, 53 of them with captions: 39 read exactly, 1 wrong, 13 missed, and 2 of
77 without words got some; at 0.95 it is 35, 1, 17 and 0. A detector side of 480 pixels did better than 320
(35 exactly) and 736 (33).
"""

_PARAMS = {
    "Det.limit_side_len": 480,
    "Det.limit_type": "min",
    "Global.log_level": "critical",
}


class Ocr:
    """PP-OCRv6 through RapidOCR: Chinese (both scripts), Japanese and English; its models come with it.

    The engine is loaded by the first `read` (about a second and 200 MB) and may be used from many threads,
    which take turns.
    """

    def __init__(self, min_score: float = MIN_SCORE) -> None:
        """`min_score`: 0 to 1, see `MIN_SCORE`.

        Raises:
            MissingExtra: the extra is not installed.
        """
        self._engine_class = require("rapidocr", "ocr", "reading text on stickers").RapidOCR
        require("onnxruntime", "ocr", "reading text on stickers")
        self.min_score = min_score
        self._engine: Any = None
        self._lock = Lock()

    def read(self, image: "Image") -> str:
        """The words on an image, top to bottom, separated by spaces; empty when there are none.

        Args:
            image: RGB on its white ground, as `retriever.packs.decode` gives it.

        Returns:
            NFKC-normalised (a full-width ``！`` becomes ``!``).
        """
        import numpy as np

        pixels = np.ascontiguousarray(
            np.asarray(image.convert("RGB"))[:, :, ::-1]
        )  # BGR, as the engine expects
        with self._lock:
            if self._engine is None:
                self._engine = self._engine_class(params=_PARAMS)
            result = self._engine(pixels)
        if result.txts is None:
            return ""
        pairs = zip(result.txts, result.scores, strict=True)
        lines = (normalize("NFKC", text).strip() for text, score in pairs if score >= self.min_score)
        return " ".join(line for line in lines if _says_something(line))


def _says_something(line: str) -> bool:
    """Two letters, or one Han character: a single Latin letter or digit is mostly an eye or a mouth."""
    letters = [character for character in line if character.isalnum()]
    return len(letters) > 1 or any(language_of(letter) == "zh" for letter in letters)
