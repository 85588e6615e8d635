"""StickerInt (Int-RA), in the layout that its released loader reads; no file of it was at hand.

::

    {train,valid,test}_contexts_total_key.jsonl    an object a line: text, image_ids, keyword, ...
    {train,valid,test}_imgs.tsv                    image id <tab> URL-safe base64 of the image
    intent_label.txt                               id <tab> English <tab> Chinese

``text`` is ``user<tab>words`` by ``user<tab>words``, with ``[SEP]`` between and who replies at the end;
``keyword`` has four parts: gesture, posture, facial expression, words.
"""

import base64
import binascii
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from eval.datasets.stickerint_rows import attributes_of, images_of, labels_in, numbered_lines, parse_row
from eval.labels import normal_label
from retriever.errors import BadImage, ConversationError, InputError
from retriever.packs.entry import Annotations, PackEntry

__all__ = ["SPLITS", "IntPolicy", "contexts_file", "pack_of", "read_labels", "read_pools", "sticker_entries"]

IntPolicy = Literal["all", "split", "random"]
"""``all``: every sticker of every split is a candidate, the paper's "sticker set" as we read it. ``split``:
those of the sample's own split. ``random``: nine of them, anew each epoch."""

SPLITS = ("train", "valid", "test")


def contexts_file(split: str) -> str:
    """The name of a split's file."""
    return f"{split}_contexts_total_key.jsonl"


def read_pools(root: Path) -> dict[str, tuple[str, ...]]:
    """The ids of each split's stickers, in the order of its file.

    Raises:
        InputError: no ``*_imgs.tsv``, or a line that is none; names file and line.
    """
    return {split: tuple(ids) for split, ids in _tables(root).items()}


def sticker_entries(root: Path) -> Iterator[PackEntry]:
    """The stickers of all splits that are there; a sticker's pack is its id up to the last ``_``.

    Their attributes are those that rows of train and valid give (the last row wins), and so are their
    intentions. Rows of the test split are not looked at.

    Raises:
        InputError: as for `read_pools`.
    """
    said = _annotations(root)
    seen: set[str] = set()
    for split, found in _tables(root).items():
        for id_, (number, text) in found.items():
            if id_ in seen:
                continue
            seen.add(id_)
            origin = f"{root / f'{split}_imgs.tsv'}, line {number}"
            known = said.get(id_, Annotations())
            yield PackEntry(id_, pack_of(id_), origin, None, partial(_decoded, id_, text), known)


def pack_of(id_: str) -> str:
    """``boba_12.jpg`` is of the pack ``boba``."""
    return id_.rpartition("_")[0] or id_


def read_labels(root: Path) -> dict[str, str]:
    """English names by themselves, by Chinese names and by numbers; empty without ``intent_label.txt``.

    Raises:
        InputError: a line that is none; names file and line.
    """
    path = root / "intent_label.txt"
    found: dict[str, str] = {}
    if not path.is_file():
        return found
    for number, line in numbered_lines(path):
        parts = [normal_label(part) for part in line.split("\t")]
        if len(parts) < 2 or not parts[1]:
            raise InputError(f"{path}, line {number}: got {line[:60]!r}; expected id, English, Chinese")
        found |= {part: parts[1] for part in parts if part}
    return found


def _tables(root: Path) -> dict[str, dict[str, tuple[int, str]]]:
    """By split: each id with its line and its base64."""
    found = {}
    for split in SPLITS:
        path = root / f"{split}_imgs.tsv"
        if path.is_file():
            found[split] = _table(path)
    if not any(found.values()):
        raise InputError(f"{root} has no train_imgs.tsv; give the folder that StickerInt was unpacked to")
    return found


def _table(path: Path) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for number, line in numbered_lines(path):
        id_, _, text = (part.strip() for part in line.partition("\t"))
        if not id_ or not text:
            raise InputError(f"{path}, line {number}: got {line[:60]!r}; expected id, tab, base64")
        if id_ in found and found[id_][1] != text:
            raise InputError(
                f"{path}, line {number}: {id_!r} stands on line {found[id_][0]} already, with another image; "
                "ids have to differ"
            )
        found.setdefault(id_, (number, text))
    return found


def _annotations(root: Path) -> dict[str, Annotations]:
    found: dict[str, Annotations] = {}
    labels = read_labels(root)
    for path in (root / contexts_file(split) for split in ("train", "valid")):
        for _, line in numbered_lines(path) if path.is_file() else ():
            try:
                row = parse_row(line)
                known = Annotations(attributes=attributes_of(row), intention=labels_in(row, labels))
                found |= dict.fromkeys(images_of(row), known)
            except ConversationError:  # told where the rows are read
                continue
    return found


def _decoded(id_: str, text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage("corrupt", f"{id_}: not URL-safe base64 ({error})") from None
