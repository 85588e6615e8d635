"""StickerChat (Gao et al. 2020) in the layout of its release.

::

    release_train.json  release_val.json     JSON Lines; release_test.json likewise
    npy_stickers/<set>/<sticker>.npy         (128, 128, 3) uint8
    npy_stickers/<set>/emoji_mapping.txt     <sticker>\\t<emoji>; its order is the negatives'
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from eval.datasets.arrays import read_array_as_png
from eval.datasets.reader import LeftOut, RawRow, short
from eval.datasets.samples import Sample
from retriever.errors import ConversationError, InputError
from retriever.packs.entry import Annotations, PackEntry
from retriever.types import Conversation, Utterance

__all__ = ["SPLIT_FILES", "read_mapping", "rows", "sticker_entries", "sticker_sets"]

SPLIT_FILES = {"train": "release_train.json", "valid": "release_val.json", "test": "release_test.json"}
STICKERS = "npy_stickers"
MAPPING = "emoji_mapping.txt"

_MAPPING_HINT = "expected '<sticker id>\\t<emoji>'"


def read_mapping(path: Path) -> dict[str, str | None]:
    """Emoji by sticker id, in the file's order; a line without an emoji counts too.

    Raises:
        InputError: a line is something else, or the file no text; names file and line.
    """
    found: dict[str, str | None] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        sticker, _, emoji = (part.strip() for part in line.partition("\t"))
        if not sticker or any(letter.isspace() for letter in sticker):
            raise InputError(f"{path}, line {number}: got {line[:60]!r}; {_MAPPING_HINT}")
        found.setdefault(sticker.removesuffix(".npy"), emoji or None)
    return found


def sticker_sets(root: Path) -> dict[str, dict[str, str | None]]:
    """Every set's stickers with their emoji, as ids ``set/sticker``, in the order of its mapping file.

    A set without a mapping file counts as one with an empty one.

    Raises:
        InputError: no such folder, or a bad mapping file.
    """
    folder = root / STICKERS
    if not folder.is_dir():
        raise InputError(f"{root} has no {STICKERS}; give the folder that StickerChat was unpacked to")
    found: dict[str, dict[str, str | None]] = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        listed = read_mapping(place / MAPPING) if (place / MAPPING).is_file() else {}
        found[place.name] = {f"{place.name}/{sticker}": emoji for sticker, emoji in listed.items()}
    return found


def sticker_entries(root: Path, sets: Mapping[str, Mapping[str, str | None]]) -> Iterator[PackEntry]:
    """Every array under ``npy_stickers``: those of the mapping in its order, then those it leaves out.

    A gold may be one that a mapping leaves out.

    Args:
        sets: of `sticker_sets`.
    """
    for name, emoji in sets.items():
        there = {f"{name}/{file.stem}": file for file in sorted((root / STICKERS / name).glob("*.npy"))}
        for id_ in dict.fromkeys((*(id_ for id_ in emoji if id_ in there), *there)):
            file, said = there[id_], Annotations(emoji=emoji.get(id_))
            yield PackEntry(id_, name, str(file), file, partial(read_array_as_png, file), said)


def rows(
    path: Path, split: str, text: Literal["joined", "words"] = "joined", limit: int | None = None
) -> Iterator[RawRow]:
    """The rows of a split. A talk without a word is left out.

    Args:
        split: begins the samples' ids.
        text: ``joined`` takes the spaces between the segmented words out, as PBR's code does before BERT's
            tokenizer; ``words`` leaves them, for encoders of words.
        limit: the first so many lines.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if limit is not None and number > limit:
                return
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield RawRow(f"line {number}", partial(_samples, line, f"{split}-{number}", text))


def _samples(line: bytes, id_: str, text: str) -> Sequence[Sample]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConversationError("not UTF-8 text; expected one object a line") from None
    except (ValueError, RecursionError):
        raise ConversationError("not JSON; expected one object a line") from None
    if not isinstance(row, dict):
        raise ConversationError(f"got a {type(row).__name__}; expected an object with context and current")
    context, current = row.get("context"), row.get("current")
    if not isinstance(context, list):
        raise ConversationError(f"context: got {short(context)}; expected a list of utterances")
    if not isinstance(current, dict):
        raise ConversationError(f"current: got {short(current)}; expected an object")
    sticker = f"{_id(current, 'current', 'sticker_set_id')}/{_id(current, 'current', 'sticker_id')}"
    utterances = tuple(_utterances(context, text))
    if not utterances:
        raise LeftOut("no_text", "context has no text; expected at least one utterance with words")
    sender = _id(current, "current", "from_id")
    mode: Literal["reply", "supplement"] = "supplement" if utterances[-1].speaker == sender else "reply"
    alt = current.get("sticker_alt")
    emoji = alt.strip() or None if isinstance(alt, str) else None
    return (Sample(Conversation(utterances, mode, sender, id_), sticker, emoji=emoji),)


def _utterances(context: Sequence[Any], text: str) -> Iterator[Utterance]:
    for number, turn in enumerate(context):
        where = f"context.{number}"
        if not isinstance(turn, dict):
            raise ConversationError(f"{where}: got {short(turn)}; expected an object with text and from_id")
        said = turn.get("text")
        if not isinstance(said, str):
            raise ConversationError(f"{where}.text: got {short(said)}; expected text")
        words = said.split()
        if words:
            yield Utterance(_id(turn, where, "from_id"), ("" if text == "joined" else " ").join(words))


def _id(fields: dict[str, Any], where: str, name: str) -> str:
    """64-bit ids, as text or whole numbers; a float has lost digits."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ConversationError(
            f"{where}.{name}: got {short(value)}; expected an id (a whole number or text)"
        )
    return str(value)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason}); {_MAPPING_HINT}") from None
