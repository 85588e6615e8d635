"""DSTC10-MOD's rows as samples: dialogues, and the lists of its second task."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from retriever.errors import ConversationError, InputError
from retriever.types import Conversation, Utterance
from trainers.datasets.ranking import RankingSample, StickerImages

__all__ = ["PACK", "Known", "Read", "dialogues", "short", "sticker_id", "task2"]

PACK = "mod"


class Known(Protocol):
    """What is known before rows are read: stickers, and emotions by number (none where no list is there)."""

    @property
    def images(self) -> StickerImages: ...
    @property
    def emotions(self) -> Mapping[int, str]: ...


Read = Callable[[str, Known, Counter[str]], RankingSample | None]


def dialogues(content: Any, path: Path) -> Iterator[Read]:
    """The samples of an object of dialogues: every sticker that is not in a first turn.

    Raises:
        InputError: it is no object.
    """
    if not isinstance(content, dict):
        raise InputError(f"{path}: got {short(content)}; expected an object of dialogues, or a list of rows")
    for name, turns in content.items():
        if not isinstance(turns, list):
            yield partial(_bad, f"{name}: got {short(turns)}; expected a list of turns")
            continue
        for at, turn in enumerate(turns):
            sends = isinstance(turn, dict) and turn.get("img_id") not in (None, "")
            if at and sends:
                yield partial(_of_dialogue, name, turns, at)
            elif not isinstance(turn, dict):
                yield partial(_bad, f"{name}, turn {at + 1}: got {short(turn)}; expected an object")


def _bad(told: str, split: str, stickers: Known, notes: Counter[str]) -> None:
    raise ConversationError(told)


def _of_dialogue(
    name: str, turns: list[Any], at: int, split: str, stickers: Known, notes: Counter[str]
) -> RankingSample | None:
    turn, where = turns[at], f"{name}, turn {at + 1}"
    sticker = sticker_id(turn["img_id"], f"{where}: img_id", ConversationError)
    said = _utterances(turns[: at + 1], name)
    return _sample(f"{split}/{name}/{at + 1}", said, turn, sticker, where, stickers, notes)


def task2(content: list[Any]) -> Iterator[Read]:
    """The samples of a list of rows with candidates."""
    for number, row in enumerate(content, start=1):
        yield partial(_of_row, number, row)


def _of_row(number: int, row: Any, split: str, stickers: Known, notes: Counter[str]) -> RankingSample | None:
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
    if answer.get("img_id") in (None, ""):
        notes["no_answer"] += 1
        return None
    sticker = sticker_id(answer["img_id"], f"{where}, answer.img_id", ConversationError)
    ids = [sticker_id(id_, f"{where}, candidate.set", ConversationError) for id_ in listed]
    if ids.count(sticker) != 1:
        raise ConversationError(
            f"{where}: the answer {sticker} stands {ids.count(sticker)} times in candidate.set "
            f"({', '.join(ids[:12])}); expected once"
        )
    speaker = answer.get("speaker_id") or (candidate or {}).get("speaker_id")
    turn = {**answer, "speaker_id": speaker}
    said = _utterances(history, where)
    sample = _sample(f"{split}/{number}", said, turn, sticker, where, stickers, notes)
    if sample is None:
        return None
    known = [id_ if id_ in stickers.images else None for id_ in ids]
    notes["padded_slots"] += known.count(None)
    return sample.with_candidates(known, known.index(sticker))


def _sample(
    id_: str,
    said: tuple[Utterance, ...],
    turn: Mapping[str, Any],
    sticker: str,
    where: str,
    stickers: Known,
    notes: Counter[str],
) -> RankingSample | None:
    if not said:
        notes["no_text"] += 1
        return None
    if sticker not in stickers.images:
        notes["sticker_without_image"] += 1
        return None
    sender = _speaker(turn, where)
    mode: Literal["reply", "supplement"] = "supplement" if said[-1].speaker == sender else "reply"
    emotion = _emotion(turn.get("emotion_id"), stickers.emotions, where)
    return RankingSample(id_, Conversation(said, mode, sender, id_), sticker, PACK, emotion=emotion)


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


def sticker_id(value: Any, where: str, kind: type[InputError] | type[ConversationError] = InputError) -> str:
    """Three digits, as the data write ids; img2id.json may have plain numbers."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdigit():
        raise kind(f"{where}: got {short(value)}; expected an id of digits, such as '030'")
    return f"{int(value):03d}"


def short(value: object) -> str:
    """A value in a message."""
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
