"""What making one ranker of several asks for: two or more, a share for each, room to write to."""

import math
from collections.abc import Sequence
from pathlib import Path

from retriever.errors import InputError

__all__ = ["whole_shares"]


def whole_shares(folders: Sequence[Path], shares: Sequence[float], out: Path, what: str) -> list[float]:
    """Shares that add up to 1.

    Args:
        shares: above 0, of any sum, one a folder.
        out: has to be new or empty.
        what: is made of the folders; for the message.

    Raises:
        InputError: fewer than two folders, shares that do not fit, or `out` has something in it.
    """
    if len(folders) < 2:
        raise InputError(f"got {len(folders)} checkpoint, {what} takes two or more")
    if len(shares) != len(folders) or not all(0 < share < math.inf for share in shares):
        raise InputError(f"got shares {list(shares)}, expected {len(folders)} numbers above 0")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} has something in it; give a new or empty folder")
    whole = math.fsum(shares)
    return [share / whole for share in shares]
