"""See that a split has something to train on."""

from collections.abc import Mapping, Sized

from eval.datasets.reader import SampleReader
from retriever.errors import InputError

__all__ = ["require_some"]


def require_some(samples: Sized, reader: SampleReader, notes: Mapping[str, int]) -> None:
    """Do nothing where there is a sample.

    Args:
        notes: what was left out, counted.

    Raises:
        InputError: there is none; says what was counted, and the first bad row.
    """
    if not len(samples):
        said = dict(notes) or "it is empty"
        first = reader.problems[0] if reader.problems else ""
        raise InputError(f"{reader.path}: no row can be used ({said}; {first})")
