"""From a ``[data]`` table to training and validation data."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from eval.datasets.mod import find_split
from eval.datasets.stickerchat import SPLIT_FILES
from eval.datasets.stickerint import contexts_file
from retriever.errors import InputError
from retriever.rankers.parts.config import Fit
from trainers.datasets.config import RankingDataConfig
from trainers.datasets.mod import load_mod, open_mod
from trainers.datasets.native import load_native, open_stickers
from trainers.datasets.ranking import RankingData, StickerImages
from trainers.datasets.stickerchat import load_stickerchat, open_sets
from trainers.datasets.stickerint import load_stickerint, open_stickerint
from trainers.images import default_cache

__all__ = ["RankingSplits", "load_ranking", "load_split", "load_valid"]

_Reader = Callable[[Literal["train", "valid"], int | None], RankingData]
"""A split, and how many of its first rows."""


@dataclass(frozen=True, slots=True)
class RankingSplits:
    """Training and validation, over one set of stickers.

    Attributes:
        hashes: SHA-256 by name: of the split files, and of all sticker images together.
        notes: counts by name: what was left out, repeated golds, empty slots.
    """

    train: RankingData
    valid: RankingData
    hashes: dict[str, str]
    notes: dict[str, int]


def load_ranking(
    config: RankingDataConfig,
    side: int,
    fit: Fit = "pad",
    clusters: int | None = None,
    device: str = "auto",
    show_progress: bool | None = None,
) -> RankingSplits:
    """Read both splits.

    Args:
        side, fit: of the pictures.
        clusters: M, where a teacher is needed; None where not.
        device: for the teacher.

    Raises:
        InputError: no data there, or nothing usable; or a teacher is needed and `config` names none.
        ModelError: the teacher cannot be used.
    """
    if config.path is None:
        raise InputError("no data given; name the dataset's folder with --data or data.path")
    root = Path(config.path).expanduser()
    if clusters is not None and config.teacher is None:
        raise InputError(
            "the losses ask for an emotion teacher; train one with `sticker train teacher` and name its "
            "best/ folder as data.teacher, or choose losses without one"
        )
    cache = Path(config.cache).expanduser() if config.cache else default_cache()
    one, problems = _READERS[config.format](config, root, cache, side, fit, show_progress)
    train, valid = _taken(one, config, "train"), _taken(one, config, "valid")
    if clusters is not None and config.teacher is not None:
        from trainers.teacher.outputs import teacher_outputs

        folder = Path(config.teacher)
        said = teacher_outputs(folder, train.stickers, clusters, cache, device, show_progress)
        train = replace(train, teacher=said)
    notes = {
        f"{split}/{name}": n for split, data in _both(train, valid) for name, n in data.notes.items() if n
    }
    if problems:
        notes["stickers/unusable"] = problems
    return RankingSplits(train, valid, _hashes(config, root, train.stickers), notes)


def load_valid(
    config: RankingDataConfig, side: int, fit: Fit = "pad", show_progress: bool | None = None
) -> RankingData:
    """The validation split alone, without a teacher; otherwise as `load_ranking`."""
    if config.path is None:
        raise InputError("no data given; name the dataset's folder with --data or data.path")
    root = Path(config.path).expanduser()
    cache = Path(config.cache).expanduser() if config.cache else default_cache()
    one, _ = _READERS[config.format](config, root, cache, side, fit, show_progress)
    return _taken(one, config, "valid")


def load_split(
    config: RankingDataConfig, split: str, side: int, fit: Fit = "pad", show_progress: bool | None = None
) -> RankingData:
    """A split by name, for measuring: ``valid``, or a test split where the format has one to read.

    DSTC10-MOD has ``easy`` and ``hard``, StickerInt has ``test``. Training never calls this.

    Raises:
        InputError: no such split in that format.
    """
    if split == "valid":
        return load_valid(config, side, fit, show_progress)
    if split not in _TESTS.get(config.format, ()):
        known = ", ".join(("valid", *_TESTS.get(config.format, ())))
        raise InputError(f"split is {split!r}; {config.format} data have {known}")
    if config.path is None:
        raise InputError("no data given; name the dataset's folder with --data or data.path")
    root = Path(config.path).expanduser()
    cache = Path(config.cache).expanduser() if config.cache else default_cache()
    if config.format == "mod":
        stickers = open_mod(root, cache, side, fit, show_progress)
        policy = cast(Any, config.policy)
        return load_mod(
            root, cast(Any, split), stickers, policy, config.negatives, config.seed, config.valid_limit
        )
    known_ones = open_stickerint(root, cache, side, fit, show_progress)
    policy = cast(Any, config.policy or "all")
    return load_stickerint(
        root, "test", known_ones, policy, config.negatives, config.seed, config.valid_limit
    )


_TESTS = {"mod": ("easy", "hard"), "stickerint": ("test",)}


def _taken(one: _Reader, config: RankingDataConfig, split: Literal["train", "valid"]) -> RankingData:
    limit = config.limit if split == "train" else config.valid_limit
    if config.take == "first" or limit is None:
        return one(split, limit)
    return one(split, None).spread(limit)


def _both(train: RankingData, valid: RankingData) -> tuple[tuple[str, RankingData], ...]:
    return (("train", train), ("valid", valid))


def _native(
    config: RankingDataConfig, root: Path, cache: Path, side: int, fit: Fit, show: bool | None
) -> tuple[_Reader, int]:
    packs = config.packs or _beside(root)
    stickers = open_stickers(packs, cache, side, fit, show)
    policy = cast(Any, config.policy or "other_label_same_pack")

    def one(split: Literal["train", "valid"], limit: int | None) -> RankingData:
        return load_native(root, split, stickers, policy, config.negatives, config.seed, limit)

    return one, len(stickers.problems)


def _beside(root: Path) -> tuple[str, ...]:
    if (root / "stickers").is_dir():
        return (str(root / "stickers"),)
    raise InputError(
        f"no pack given, and {root} has no stickers/ folder; name the packs that its stickers are from with "
        "--pack or data.packs (`starter` is the one that ships)"
    )


def _stickerchat(
    config: RankingDataConfig, root: Path, cache: Path, side: int, fit: Fit, show: bool | None
) -> tuple[_Reader, int]:
    policy = cast(Any, config.policy or "srs_first9")
    blank = 0 if policy == "srs_first9" else 127  # what the code that the policy is from shows there
    images, mapping, problems = open_sets(root, cache, side, fit, blank, show)

    def one(split: Literal["train", "valid"], limit: int | None) -> RankingData:
        frozen = None
        if config.frozen is not None:
            name = f"candidates-{policy}-{config.seed}-{split}{f'-{limit}' if limit else ''}.jsonl"
            frozen = Path(config.frozen).expanduser() / name
        return load_stickerchat(
            root, split, images, mapping, policy, config.negatives, config.seed, frozen, config.text, limit
        )

    return one, len(problems)


def _mod(
    config: RankingDataConfig, root: Path, cache: Path, side: int, fit: Fit, show: bool | None
) -> tuple[_Reader, int]:
    stickers = open_mod(root, cache, side, fit, show)

    def one(split: Literal["train", "valid"], limit: int | None) -> RankingData:
        policy = cast(Any, "random" if split == "train" else config.policy)
        return load_mod(root, split, stickers, policy, config.negatives, config.seed, limit)

    return one, len(stickers.problems)


def _stickerint(
    config: RankingDataConfig, root: Path, cache: Path, side: int, fit: Fit, show: bool | None
) -> tuple[_Reader, int]:
    stickers = open_stickerint(root, cache, side, fit, show)

    def one(split: Literal["train", "valid"], limit: int | None) -> RankingData:
        policy = cast(Any, "random" if split == "train" else config.policy or "all")
        return load_stickerint(root, split, stickers, policy, config.negatives, config.seed, limit)

    return one, len(stickers.problems)


_READERS = {"native": _native, "stickerchat": _stickerchat, "mod": _mod, "stickerint": _stickerint}


def _files(config: RankingDataConfig, root: Path) -> list[Path]:
    """What is trained and validated on."""
    if config.format == "mod":
        return [find_split(root, "train"), find_split(root, "valid", cast(Any, config.policy))]
    if config.format == "stickerint":
        return [root / contexts_file(split) for split in ("train", "valid")]
    if config.format == "stickerchat":
        return [root / SPLIT_FILES[split] for split in ("train", "valid")]
    return [root / "train.jsonl", root / "valid.jsonl"]


def _hashes(config: RankingDataConfig, root: Path, stickers: StickerImages) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _files(config, root):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    found["stickers"] = hashlib.sha256("\n".join(stickers.sha256).encode()).hexdigest()
    return found
