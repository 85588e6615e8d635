"""The formats that datasets come in, and which of them a folder is.

A format is a handful of functions over a folder. To add one, write them and put it into `FORMATS`; whatever
reads datasets then knows it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eval.datasets import mod, ser30k, stickerchat, stickerint, stickerint_rows, stickerqueries
from eval.datasets.native import native_rows
from eval.datasets.policies import Pools
from eval.datasets.reader import Rows
from eval.labels import LABEL_FIELDS, label_of
from retriever.errors import InputError
from retriever.packs.entry import PackEntry, Quarantined

__all__ = ["FORMATS", "NATIVE_SPLITS", "Format", "Stickers", "format_of", "recognise", "what_is_lacking"]

NATIVE_SPLITS = ("train", "valid", "test")
Stickers = Iterable[PackEntry | Quarantined]


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is read.

    Attributes:
        lacks: what a folder would need to be of this format, or None where it is.
        splits: the split files that are there, by our names; empty for formats without conversations.
        rows: (folder, split, text) -> the rows of a split; text as in `eval.datasets.stickerchat.rows`.
        stickers: every sticker of the folder.
        policies: that its negatives can be chosen by; the first is what is taken where none is named.
        pools: what policies choose from, for a split.
    """

    name: str
    lacks: Callable[[Path], str | None]
    splits: Callable[[Path], Mapping[str, Path]]
    rows: Callable[[Path, str, str], Rows]
    stickers: Callable[[Path], Stickers]
    policies: tuple[str, ...]
    pools: Callable[[Path, str], Pools]


def format_of(name: str) -> Format:
    """A format by its name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    found = next((one for one in FORMATS if one.name == _ALIASES.get(name, name)), None)
    if found is None:
        known = ", ".join((*(one.name for one in FORMATS), *_ALIASES))
        raise InputError(f"format is {name!r}; expected one of {known}")
    return found


def recognise(place: Path, name: str | None = None) -> Format:
    """The format of a folder.

    Args:
        name: the format that it must be of; None tries them all.

    Raises:
        InputError: it is of none of them; says what each lacks.
    """
    tried = FORMATS if name is None else (format_of(name),)
    found = next((one for one in tried if one.lacks(place) is None), None)
    if found is not None:
        return found
    which = f"no {name} dataset" if name else "no dataset of a known format"
    raise InputError(f"{place} is {which} ({what_is_lacking(place, tried)})")


def what_is_lacking(place: Path, tried: Iterable[Format] = (), with_conversations: bool = False) -> str:
    """What a folder would need to be of each format, for a message.

    Args:
        tried: empty means all formats.
        with_conversations: leave formats without conversations out.
    """
    lacks = (
        (one.name, one.lacks(place)) for one in tried or FORMATS if one.policies or not with_conversations
    )
    return "; ".join(f"{name}: {lack}" for name, lack in lacks if lack)


def _native_splits(root: Path) -> dict[str, Path]:
    names = (*NATIVE_SPLITS, *(name for name in _listed(root) if name not in NATIVE_SPLITS))
    return {name: root / f"{name}.jsonl" for name in names if (root / f"{name}.jsonl").is_file()}


def _listed(root: Path) -> list[str]:
    """The splits that ``dataset.json`` lists: those of a converted dataset may have other names."""
    try:
        listed = json.loads((root / "dataset.json").read_text(encoding="utf-8"))["made_of"]["files"]
        return [name for name in listed if Path(name).name == name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _native_lacks(root: Path) -> str | None:
    return (
        None if _native_splits(root) else f"it holds none of {', '.join(f'{n}.jsonl' for n in NATIVE_SPLITS)}"
    )


def _native_stickers(root: Path) -> Stickers:
    from retriever.packs import open_pack

    if not (root / "stickers").is_dir():
        raise InputError(
            f"{root} has no stickers/ folder; name the packs that its stickers are from with --pack"
        )
    return open_pack(root / "stickers")


def _chat_splits(root: Path) -> dict[str, Path]:
    files = ((split, root / name) for split, name in stickerchat.SPLIT_FILES.items())
    return {split: path for split, path in files if path.is_file()}


def _chat_stickers(root: Path) -> Stickers:
    return stickerchat.sticker_entries(root, stickerchat.sticker_sets(root))


def _chat_pools(root: Path, split: str) -> Pools:
    packs = {}
    for name, listed in stickerchat.sticker_sets(root).items():
        there = {f"{name}/{file.stem}" for file in (root / stickerchat.STICKERS / name).glob("*.npy")}
        packs[name] = [id_ for id_ in listed if id_ in there]
    return Pools(packs)


def _mod_rows(root: Path, split: str, text: str) -> Rows:
    emotions = mod.read_emotions(root)
    return lambda path: mod.rows(mod.read_content(path), path, split, emotions)


def _int_splits(root: Path) -> dict[str, Path]:
    files = ((split, root / stickerint.contexts_file(split)) for split in stickerint.SPLITS)
    return {split: path for split, path in files if path.is_file()}


def _int_pools(root: Path, split: str) -> Pools:
    pools = stickerint.read_pools(root)
    packs: dict[str, list[str]] = {}
    for id_ in dict.fromkeys(id_ for ids in pools.values() for id_ in ids):
        packs.setdefault(stickerint.pack_of(id_), []).append(id_)
    return Pools(packs, split=pools.get(split))


def _ser_stickers(root: Path) -> Stickers:
    for own in ser30k.SPLITS.values():
        path = ser30k.annotations_file(root, own)
        if path.is_file():
            yield from ser30k.read_annotations(path, root / "Images", own)


def _folder_stickers(root: Path) -> Stickers:
    from retriever.packs import open_pack

    return open_pack(root)


def _folder_lacks(root: Path) -> str | None:
    from retriever.errors import PackError
    from retriever.packs import open_pack

    try:
        open_pack(root).close()
    except PackError as error:
        return str(error)
    return None


def _packed(stickers: Callable[[Path], Stickers], root: Path, split: str) -> Pools:
    packs: dict[str, list[str]] = {}
    said: dict[str, dict[str, str]] = {}
    for entry in stickers(root):
        if not isinstance(entry, PackEntry):
            continue
        packs.setdefault(entry.pack, []).append(entry.id)
        for name in LABEL_FIELDS:
            label = label_of(entry.annotations, name)
            if label:
                said.setdefault(name, {})[entry.id] = label
    return Pools(packs, said=said)


def _missing(splits: Callable[[Path], Mapping[str, Path]], hint: str) -> Callable[[Path], str | None]:
    return lambda root: None if splits(root) else hint


def _no_rows(root: Path, split: str, text: str) -> Rows:
    raise InputError(f"{root} has stickers and no conversations; there is nothing to ask")


def _nothing(root: Path) -> Mapping[str, Path]:
    return {}


_ALIASES = {"imagefolder": "pack"}
_SAME_SET = ("srs_first9", "pbr_released", "random_same_set")

FORMATS: tuple[Format, ...] = (
    Format(
        "native",
        _native_lacks,
        _native_splits,
        lambda root, split, text: native_rows,
        _native_stickers,
        ("given", "all", "random", "random_same_pack", "other_label_same_pack", *_SAME_SET),
        partial(_packed, _native_stickers),
    ),
    Format(
        "stickerchat",
        _missing(_chat_splits, f"no {' or '.join(stickerchat.SPLIT_FILES.values())}"),
        _chat_splits,
        lambda root, split, text: partial(stickerchat.rows, split=split, text=text),  # type: ignore[arg-type]
        _chat_stickers,
        (*_SAME_SET, "random", "all"),
        _chat_pools,
    ),
    Format(
        "mod",
        lambda root: None if mod.is_mod(root) else "no img2id.json",
        mod.find_splits,
        _mod_rows,
        mod.sticker_entries,
        ("given", "random", "all"),
        partial(_packed, mod.sticker_entries),
    ),
    Format(
        "stickerint",
        _missing(_int_splits, f"no {stickerint.contexts_file('train')}"),
        _int_splits,
        lambda root, split, text: partial(
            stickerint_rows.rows, split=split, labels=stickerint.read_labels(root)
        ),
        stickerint.sticker_entries,
        ("all", "split", "random"),
        _int_pools,
    ),
    Format(
        "ser30k",
        lambda root: None if ser30k.is_ser30k(root) else "no Annotations/train.json",
        _nothing,
        _no_rows,
        _ser_stickers,
        (),
        partial(_packed, _ser_stickers),
    ),
    Format(
        "stickerqueries",
        _missing(stickerqueries.find_splits, "no sticker_queries_en_release.csv"),
        stickerqueries.find_splits,
        lambda root, split, text: partial(stickerqueries.rows, split=split),
        stickerqueries.sticker_entries,
        ("all", "random"),
        partial(_packed, stickerqueries.sticker_entries),
    ),
    Format(
        "pack",
        _folder_lacks,
        _nothing,
        _no_rows,
        _folder_stickers,
        (),
        partial(_packed, _folder_stickers),
    ),
)
