"""A split of a dataset on disk, and how it is found."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal, cast

from eval.datasets import mod
from eval.datasets.candidates import candidates_by
from eval.datasets.formats import NATIVE_SPLITS as SPLITS
from eval.datasets.formats import Format, format_of, recognise, what_is_lacking
from eval.datasets.native import native_rows
from eval.datasets.policies import WITHOUT_CANDIDATES
from eval.datasets.reader import SampleReader
from retriever.errors import InputError
from retriever.packs import open_pack
from retriever.packs.entry import PackEntry, Quarantined

__all__ = ["SPLITS", "Dataset", "count_lines", "open_dataset", "open_stickers", "splits_of"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One split of a dataset on disk.

    Attributes:
        name: the folder's name, or the file's without its suffix.
        split: one of those that its format has (`SPLITS` in the native one), or "" for a single file.
        path: the file that the samples are in.
        train_path: the train split beside it, where there is one and this is not it.
        format: a name of `eval.datasets.formats.FORMATS`.
        root: the folder; None for a single file.
        policy: of candidates (`eval.datasets.policies`); None is the format's own.
        seed: of the policy.
        negatives: how many a policy chooses.
        text: of StickerChat: see `eval.datasets.stickerchat.rows`.
    """

    name: str
    split: str
    path: Path
    train_path: Path | None = None
    format: str = "native"
    root: Path | None = None
    policy: str | None = None
    seed: int = 42
    negatives: int = 9
    text: Literal["joined", "words"] = "joined"

    def samples(self, strict: bool = False) -> SampleReader:
        """A fresh reader; see `SampleReader`.

        Raises:
            InputError: the format has no conversations.
        """
        if self.root is None:
            return SampleReader(self.path, strict, native_rows)
        kind = format_of(self.format)
        rows = kind.rows(self.root, self.split, self.text)
        policy = self.policy or kind.policies[0]
        prepare = None
        if self.policy is not None or policy not in WITHOUT_CANDIDATES:
            prepare = candidates_by(
                policy, kind, self.root, self.split, self.path, rows, self.negatives, self.seed
            )
        return SampleReader(self.path, strict, rows, prepare)

    def train(self) -> "Dataset | None":
        """The train split beside it, or None."""
        if self.train_path is None:
            return None
        return replace(self, split="train", path=self.train_path, train_path=None)


def open_dataset(
    path: str | Path,
    split: str | None = None,
    format: str | None = None,
    *,
    policy: str | None = None,
    seed: int = 42,
    negatives: int = 9,
) -> Dataset:
    """Find a split of a dataset; nothing is read yet.

    Args:
        path: a folder in one of the formats (`eval.datasets.formats`), or one native ``.jsonl`` file.
        split: which one; None takes ``valid`` from a folder (or the only split there is).
        format: which format the folder is in; None finds out.
        policy, seed, negatives: how candidates are chosen; None leaves it to the format: those that the
            file gives (native, DSTC10-MOD), ``srs_first9`` (StickerChat), every sticker (the others).

    Raises:
        InputError: nothing there, no known format (says what each lacks), no such split (the message
            lists those there are), a split asked of a file of another name, or a policy that the format
            does not have.
    """
    place = Path(path).expanduser()
    if place.is_file():
        if split is not None and place.stem != split:
            raise InputError(f"{place} is one file without a split {split!r}; leave the split out")
        if policy not in (None, "given"):
            raise InputError(
                f"{place} is one file without stickers, so policy {policy!r} has no pool; give a folder"
            )
        return Dataset(place.stem, "", place)
    if not place.is_dir():
        raise InputError(f"there is no dataset at {place}; give a folder with valid.jsonl, or a .jsonl file")
    kind = recognise(place, format)
    there = kind.splits(place)
    if not there:
        lacks = "" if format else f" ({what_is_lacking(place, with_conversations=True)})"
        raise InputError(
            f"{place} has no conversations{lacks}; read as {kind.name} it has stickers, which "
            "`sticker data inspect` and `sticker data convert` take"
        )
    wanted = split or ("valid" if "valid" in there or len(there) > 1 else next(iter(there)))
    if wanted not in there:
        raise InputError(f"{place} has no split {wanted!r}; it has {', '.join(there)}")
    if policy is not None and policy not in kind.policies:
        raise InputError(
            f"policy is {policy!r}, which {kind.name} data do not have; expected {', '.join(kind.policies)}"
        )
    file = there[wanted]
    if kind.name == "mod" and wanted.endswith("valid"):  # of two files, the one that the policy can use best
        language: mod.Language | None = "en" if wanted.startswith("en-") else None
        file = mod.find_split(place, "valid", cast(mod.MODPolicy | None, policy), language)
    train = there.get("train") if wanted != "train" else None
    return Dataset(place.resolve().name, wanted, file, train, kind.name, place, policy, seed, negatives)


def splits_of(path: str | Path, format: str | None = None) -> tuple[Format, dict[str, Path]]:
    """The format of a folder, and the split files that are there.

    Raises:
        InputError: nothing there, or no known format.
    """
    place = Path(path).expanduser()
    if not place.is_dir():
        raise InputError(f"there is no dataset at {place}; give a folder")
    kind = recognise(place, format)
    return kind, dict(kind.splits(place))


def open_stickers(
    path: str | Path, format: str | None = None, packs: Sequence[str | Path] = ()
) -> Iterator[PackEntry | Quarantined]:
    """The stickers of a dataset, one after another, as a pack gives them.

    Args:
        path: a folder in one of the formats, or a pack.
        packs: where a native dataset's stickers are; empty takes ``stickers/`` in its folder.

    Raises:
        InputError: no known format, or no stickers there.
    """
    place = Path(path).expanduser()
    if packs:
        return _distinct(packs)
    if place.is_file():
        return iter(open_pack(place))
    return iter(recognise(place, format).stickers(place))


def count_lines(path: Path) -> int:
    """Lines of a file, for a progress bar's total."""
    with path.open("rb") as file:
        chunks: Iterator[bytes] = iter(lambda: file.read(1 << 20), b"")
        return sum(chunk.count(b"\n") for chunk in chunks)


def _distinct(packs: Iterable[str | Path]) -> Iterator[PackEntry | Quarantined]:
    seen: set[str] = set()
    for entry in chain.from_iterable(map(_opened, packs)):
        if isinstance(entry, PackEntry):
            if entry.id in seen:
                raise InputError(f"two packs have a sticker {entry.id!r}; rename one, or leave a pack out")
            seen.add(entry.id)
        yield entry


def _opened(pack: str | Path) -> Iterable[PackEntry | Quarantined]:
    if str(pack) == "starter" and not Path(pack).exists():
        from retriever.starter import STARTER_PACK

        return open_pack(STARTER_PACK)
    return open_pack(pack)
