"""What belongs together: disjoint sets of numbers."""

from array import array
from collections import defaultdict

__all__ = ["Groups"]


class Groups:
    """The numbers 0 to n - 1, each by itself at first; joining two joins their groups. 8 bytes a number."""

    def __init__(self, n: int) -> None:
        self._above = array("q", range(n))

    def of(self, number: int) -> int:
        """A number that all members of its group have in common: the smallest of them."""
        above = self._above
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    def join(self, first: int, second: int) -> None:
        """Make their groups one."""
        a, b = self.of(first), self.of(second)
        if a != b:
            self._above[max(a, b)] = min(a, b)

    def listed(self) -> list[tuple[int, ...]]:
        """Every group, increasing, in order of their first members."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number in range(len(self._above)):
            found[self.of(number)].append(number)
        return [tuple(group) for group in found.values()]
