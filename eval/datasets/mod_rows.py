"""DSTC10-MOD's rows as samples: dialogues, and the lists of its second task."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from eval.datasets.reader import LeftOut, RawRow, short
from eval.datasets.samples import Sample
from retriever.errors import ConversationError, InputError
from retriever.types import Conversation, Utterance

__all__ = ["dialogues", "sticker_id", "task2"]


def dialogues(content: Any, path: Path, split: str, emotions: Mapping[int, str]) -> Iterator[RawRow]:
    """The samples of an object of dialogues: every sticker that is not in a first turn.

    Args:
        content: the parsed file.
        split: begins the samples' ids.
        emotions: names by number; empty where no list is there.

    Raises:
        InputError: it is no object.
    """
    if not isinstance(content, dict):
        raise InputError(f"{path}: got {short(content)}; expected an object of dialogues, or a list of rows")
    for name, turns in content.items():
        if not isinstance(turns, list):
            yield RawRow("", partial(_bad, f"{name}: got {short(turns)}; expected a list of turns"))
            continue
        for at, turn in enumerate(turns):
            sends = isinstance(turn, dict) and turn.get("img_id") not in (None, "")
            if at and sends:
                yield RawRow("", partial(_of_dialogue, name, turns, at, split, emotions))
            elif not isinstance(turn, dict):
                told = f"{name}, turn {at + 1}: got {short(turn)}; expected an object"
                yield RawRow("", partial(_bad, told))


def task2(content: list[Any], split: str, emotions: Mapping[int, str]) -> Iterator[RawRow]:
    """The samples of a list of rows with candidates; without a gold where the answer is empty.

    Args:
        content: the parsed file.
        split, emotions: as for `dialogues`.
    """
    for number, row in enumerate(content, start=1):
        yield RawRow("", partial(_of_row, number, row, split, emotions))


def sticker_id(value: Any, where: str, kind: type[InputError] | type[ConversationError] = InputError) -> str:
    """Three digits, as the data write ids; img2id.json may have plain numbers."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdigit():
        raise kind(f"{where}: got {short(value)}; expected an id of digits, such as '030'")
    return f"{int(value):03d}"


def _bad(told: str) -> Sequence[Sample]:
    raise ConversationError(told)


def _of_dialogue(
    name: str, turns: list[Any], at: int, split: str, emotions: Mapping[int, str]
) -> Sequence[Sample]:
    turn, where = turns[at], f"{name}, turn {at + 1}"
    sticker = sticker_id(turn["img_id"], f"{where}: img_id", ConversationError)
    talk, emotion = _asked(f"{split}/{name}/{at + 1}", turns[: at + 1], turn, name, where, emotions)
    return (Sample(talk, sticker, emotion=emotion, dialogue=name),)


def _of_row(number: int, row: Any, split: str, emotions: Mapping[int, str]) -> Sequence[Sample]:
    where = f"row {number}"
    if not isinstance(row, dict):
        raise ConversationError(f"{where}: got {short(row)}; expected history, candidate and answer")
    history, answer, candidate = row.get("history"), row.get("answer"), row.get("candidate")
    if not isinstance(history, list):
        raise ConversationError(f"{where}, history: got {short(history)}; expected a list of turns")
    if not isinstance(answer, dict):
        raise ConversationError(f"{where}, answer: got {short(answer)}; expected an object with img_id")
    listed = candidate.get("set") if isinstance(candidate, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ConversationError(f"{where}, candidate.set: got {short(listed)}; expected a list of img_ids")
    ids = tuple(sticker_id(id_, f"{where}, candidate.set", ConversationError) for id_ in listed)
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise ConversationError(f"{where}, candidate.set: {twice} stands there more than once")
    sticker = _answered(answer, ids, where)
    speaker = answer.get("speaker_id") or (candidate or {}).get("speaker_id")
    turn = {**answer, "speaker_id": speaker}
    talk, emotion = _asked(f"{split}/{number}", history, turn, where, where, emotions)
    return (Sample(talk, sticker, ids, emotion),)


def _answered(answer: Mapping[str, Any], ids: tuple[str, ...], where: str) -> str | None:
    if answer.get("img_id") in (None, ""):
        return None
    sticker = sticker_id(answer["img_id"], f"{where}, answer.img_id", ConversationError)
    if sticker not in ids:
        raise ConversationError(
            f"{where}: the answer {sticker} stands 0 times in candidate.set "
            f"({', '.join(ids[:12])}); expected once"
        )
    return sticker


def _asked(
    id_: str,
    turns: Sequence[Any],
    turn: Mapping[str, Any],
    name: str,
    where: str,
    emotions: Mapping[int, str],
) -> tuple[Conversation, str | None]:
    """The talk before a sticker, and the sticker's emotion."""
    said = _utterances(turns, name)
    if not said:
        raise LeftOut("no_text", f"{where}: no turn has text; expected at least one with words")
    sender = _speaker(turn, where)
    mode: Literal["reply", "supplement"] = "supplement" if said[-1].speaker == sender else "reply"
    return Conversation(said, mode, sender, id_), _emotion(turn.get("emotion_id"), emotions, where)


def _utterances(turns: Sequence[Any], where: str) -> tuple[Utterance, ...]:
    """Turns with text; one may be a sticker alone."""
    found = []
    for number, turn in enumerate(turns, start=1):
        place = f"{where}, turn {number}"
        if not isinstance(turn, dict):
            raise ConversationError(f"{place}: got {short(turn)}; expected an object with speaker_id and txt")
        text = turn.get("txt")
        if text is not None and not isinstance(text, str):
            raise ConversationError(f"{place}, txt: got {short(text)}; expected text")
        if text and text.strip():
            found.append(Utterance(_speaker(turn, place), text.strip()))
    return tuple(found)


def _speaker(turn: Mapping[str, Any], where: str) -> str:
    speaker = turn.get("speaker_id")
    if not isinstance(speaker, str) or not speaker:
        raise ConversationError(
            f"{where}, speaker_id: got {short(speaker)}; expected '[speaker1]' or '[speaker2]'"
        )
    return speaker


def _emotion(value: Any, names: Mapping[int, str], where: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not str(value).isdigit():
        raise ConversationError(f"{where}, emotion_id: got {short(value)}; expected a whole number")
    number = int(value)
    if names and number not in names:
        raise ConversationError(
            f"{where}, emotion_id: got {number}; expected {min(names)} to {max(names)}, as in "
            "emotion_dict.json"
        )
    return names.get(number, str(number))
