"""Which ids a long file has had already, in a few bytes each."""

from array import array
from hashlib import blake2b

__all__ = ["SeenIds"]

_SMALLEST = 1 << 10


class SeenIds:
    """Ids and the line each stood on first: two open-addressed arrays, 32 to 64 bytes an id.

    Ids are told apart by 64 bits of BLAKE2b: among a million distinct ones two are taken for equal with a
    probability of 3e-8.
    """

    def __init__(self) -> None:
        self._n = 0
        self._make(_SMALLEST)

    def first_line(self, id_: str, line: int) -> int:
        """The line on which the id was seen first, which is `line` where it is new.

        Args:
            line: 0 to 2**64 - 1.
        """
        key = int.from_bytes(blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1
        place = self._place(key)
        if self._keys[place]:
            return self._lines[place]
        self._keys[place], self._lines[place] = key, line
        self._n += 1
        if self._n * 2 > len(self._keys):
            self._grow()
        return line

    @property
    def nbytes(self) -> int:
        """Bytes that the ids take."""
        return 16 * len(self._keys)

    def _make(self, size: int) -> None:
        self._keys = array("Q", bytes(8 * size))
        self._lines = array("Q", bytes(8 * size))

    def _place(self, key: int) -> int:
        keys, mask = self._keys, len(self._keys) - 1
        place = key & mask
        while keys[place] and keys[place] != key:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        old, lines = self._keys, self._lines
        self._make(2 * len(old))
        for key, line in zip(old, lines, strict=True):
            if key:
                place = self._place(key)
                self._keys[place], self._lines[place] = key, line
