"""StickerInt's rows as samples; the layout is that of `eval.datasets.stickerint`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from eval.datasets.reader import RawRow, short
from eval.datasets.samples import Sample
from eval.labels import normal_label
from retriever.errors import ConversationError, InputError
from retriever.types import Attributes, Conversation, Inferences, Utterance

__all__ = ["attributes_of", "images_of", "labels_in", "numbered_lines", "parse_row", "rows"]

_NOTHING = ("无", "none", "")
_SEP = "[SEP]"


def rows(path: Path, split: str, labels: Mapping[str, str], limit: int | None = None) -> Iterator[RawRow]:
    """The rows of a split: a sample for each image of one. ``comet`` goes into the talk's inferences.

    Args:
        split: begins the samples' ids.
        labels: of `eval.datasets.stickerint.read_labels`.
        limit: the first so many lines.
    """
    for number, line in numbered_lines(path):
        if limit is not None and number > limit:
            return
        yield RawRow(f"line {number}", partial(_samples, line, f"{split}/{number}", labels))


def parse_row(line: str) -> dict[str, Any]:
    """One line.

    Raises:
        ConversationError: it is no JSON object.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise ConversationError("not JSON; expected one object a line") from None
    if not isinstance(row, dict):
        raise ConversationError(f"got {short(row)}; expected an object with text and image_ids")
    return row


def images_of(row: Mapping[str, Any]) -> list[str]:
    """The ids of the stickers that were sent.

    Raises:
        ConversationError: no list of ids.
    """
    images = row.get("image_ids")
    if not isinstance(images, list) or not images or not all(isinstance(one, str) for one in images):
        raise ConversationError(f"image_ids: got {short(images)}; expected a list of image ids")
    return images


def attributes_of(row: Mapping[str, Any]) -> Attributes:
    """What ``keyword`` says of the stickers; 无 is nothing.

    Raises:
        ConversationError: not of four parts.
    """
    given = row.get("keyword")
    if given in (None, ""):
        return Attributes()
    parts = [part.strip() for part in given.split(",")] if isinstance(given, str) else []
    if len(parts) != 4:
        raise ConversationError(
            f"keyword: got {short(given)}; expected gesture, posture, facial expression and words, "
            "with commas between"
        )
    return Attributes(*("" if part.lower() in _NOTHING else part for part in parts))


def labels_in(row: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    """The row's intention by its English name where `labels` knows it, or None where there is none.

    Raises:
        ConversationError: `labels` does not have it.
    """
    value = row.get("fined_intent")
    if value is None or value == "":
        return None
    name = normal_label(str(value))
    if labels and name not in labels:
        raise ConversationError(f"fined_intent: got {short(value)}; expected one of intent_label.txt")
    return labels.get(str(name), name)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers, from 1.

    Raises:
        InputError: not UTF-8 text.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                yield number, line.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise InputError(f"{path}, line {number}: not UTF-8 text") from None


def _samples(line: str, id_: str, labels: Mapping[str, str]) -> Sequence[Sample]:
    row = parse_row(line)
    said, sender = _talk(row)
    images = images_of(row)
    attributes_of(row)
    intention = labels_in(row, labels)
    comet = row.get("comet")
    # Which of the five relations says what is not marked; Int-RA only joins them.
    inferences = Inferences(xIntent=(comet.strip(),)) if isinstance(comet, str) and comet.strip() else None
    mode: Literal["reply", "supplement"] = "supplement" if said[-1].speaker == sender else "reply"
    found = []
    for number, image in enumerate(images):
        own = id_ if len(images) == 1 else f"{id_}/{number + 1}"
        talk = Conversation(said, mode, sender, own, inferences)
        found.append(Sample(talk, image, intention=intention, dialogue=id_))
    return found


def _talk(row: Mapping[str, Any]) -> tuple[tuple[Utterance, ...], str]:
    text = row.get("text")
    if not isinstance(text, str):
        raise ConversationError(f"text: got {short(text)}; expected turns with {_SEP} between")
    *turns, last = text.split(_SEP)
    said = []
    for number, turn in enumerate(turns, start=1):
        speaker, tab, words = turn.strip("\n").partition("\t")
        if not tab:
            raise ConversationError(f"text, turn {number}: got {turn[:40]!r}; expected 'user<tab>words'")
        if words.strip():
            said.append(Utterance(speaker.strip(), words.strip()))
    sender = row.get("speaker") or last.split("\t")[0].strip()
    if not isinstance(sender, str) or not sender:
        raise ConversationError(f"text: ends in {last[:40]!r}; expected the name of who replies")
    if not said:
        raise ConversationError(f"text: got {text[:60]!r}; expected at least one turn with words")
    return tuple(said), sender
