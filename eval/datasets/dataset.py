"""A split of a dataset on disk, and how it is found."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.datasets.reader import SampleReader
from retriever.errors import InputError

__all__ = ["SPLITS", "Dataset", "count_lines", "open_dataset"]

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Dataset:
    """One split of a dataset on disk.

    Attributes:
        name: the folder's name, or the file's without its suffix.
        split: one of `SPLITS`, or "" for a single file.
        path: the ``.jsonl`` file.
        train_path: the train split beside it, where there is one and this is not it.
    """

    name: str
    split: str
    path: Path
    train_path: Path | None = None

    def samples(self, strict: bool = False) -> SampleReader:
        """A fresh reader; see `SampleReader`."""
        return SampleReader(self.path, strict)


def open_dataset(path: str | Path, split: str | None = None) -> Dataset:
    """Find a split of a dataset; nothing is read yet.

    Args:
        path: a folder with split files, or one ``.jsonl`` file.
        split: which one; None takes ``valid`` from a folder (or the only split there is).

    Raises:
        InputError: nothing there, no such split (the message lists those there are), or a split
            asked of a file of another name.
    """
    place = Path(path).expanduser()
    if place.is_file():
        if split is not None and place.stem != split:
            raise InputError(f"{place} is one file without a split {split!r}; leave the split out")
        return Dataset(place.stem, "", place)
    if not place.is_dir():
        raise InputError(f"there is no dataset at {place}; give a folder with valid.jsonl, or a .jsonl file")
    there = {name: place / f"{name}.jsonl" for name in SPLITS if (place / f"{name}.jsonl").is_file()}
    if not there:
        raise InputError(f"{place} holds none of {', '.join(f'{name}.jsonl' for name in SPLITS)}")
    wanted = split or ("valid" if "valid" in there or len(there) > 1 else next(iter(there)))
    if wanted not in there:
        raise InputError(f"{place} has no split {wanted!r}; it has {', '.join(there)}")
    train = there.get("train") if wanted != "train" else None
    return Dataset(place.resolve().name, wanted, there[wanted], train)


def count_lines(path: Path) -> int:
    """Lines of a file, for a progress bar's total."""
    with path.open("rb") as file:
        chunks: Iterator[bytes] = iter(lambda: file.read(1 << 20), b"")
        return sum(chunk.count(b"\n") for chunk in chunks)
