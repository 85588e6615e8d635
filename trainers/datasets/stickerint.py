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
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eval.labels import normal_label
from retriever.errors import BadImage, ConversationError, InputError
from retriever.packs.entry import Annotations
from retriever.rankers.parts.config import Fit
from retriever.types import Attributes, Conversation, Inferences, Utterance
from trainers.datasets.bad_rows import BadRows
from trainers.datasets.ranking import Draw, RankingData, RankingSample, StickerImages
from trainers.datasets.stickers import load_stickers
from trainers.images.sources import ImageSource

__all__ = ["IntPolicy", "IntStickers", "contexts_file", "load_stickerint", "open_stickerint"]

IntPolicy = Literal["all", "split", "random"]
"""``all``: every sticker of every split is a candidate, the paper's "sticker set" as we read it. ``split``:
those of the sample's own split. ``random``: nine of them, anew each epoch."""

SPLITS = ("train", "valid", "test")
_NOTHING = ("无", "none", "")
_SEP = "[SEP]"


@dataclass(frozen=True, slots=True)
class IntStickers:
    """The stickers of all splits that are there.

    Attributes:
        images: ids are those of the data; a sticker's pack is its id up to the last ``_``.
        pools: the ids of each split.
        labels: intentions by what a row may say: English name, Chinese name, number; empty without the list.
        problems: id to reason, for what could not be used.
    """

    images: StickerImages
    pools: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    problems: Mapping[str, str]


def contexts_file(split: str) -> str:
    """The name of a split's file."""
    return f"{split}_contexts_total_key.jsonl"


def open_stickerint(
    root: Path, cache: Path, side: int = 224, fit: Fit = "pad", show_progress: bool | None = None
) -> IntStickers:
    """The stickers; their attributes are those that rows of train and valid give (the last row wins).

    Raises:
        InputError: no ``*_imgs.tsv``, or a line that is none; names file and line.
    """
    found: dict[str, str] = {}
    pools: dict[str, tuple[str, ...]] = {}
    for split in SPLITS:
        path = root / f"{split}_imgs.tsv"
        if path.is_file():
            own = dict(_images(path))
            pools[split] = tuple(own)
            found |= {id_: text for id_, text in own.items() if id_ not in found}
    if not found:
        raise InputError(f"{root} has no train_imgs.tsv; give the folder that StickerInt was unpacked to")
    said = _attributes(root)
    sources = [
        ImageSource(
            id_,
            id_.rpartition("_")[0] or id_,
            partial(_decoded, id_, text),
            said=said.get(id_, Annotations()),
        )
        for id_, text in found.items()
    ]
    images, problems = load_stickers(sources, cache, side, fit, show_progress=show_progress)
    kept = {split: tuple(id_ for id_ in ids if id_ in images) for split, ids in pools.items()}
    return IntStickers(images, kept, _labels(root / "intent_label.txt"), problems)


def load_stickerint(
    root: Path,
    split: Literal["train", "valid", "test"],
    stickers: IntStickers,
    policy: IntPolicy = "all",
    negatives: int = 9,
    seed: int = 42,
    limit: int | None = None,
    strict: bool = False,
) -> RankingData:
    """One split: a sample for each image of a row. Its ``comet`` goes into the conversation's inferences.

    Left out and counted in `notes`: samples with a sticker whose image cannot be used, bad rows (`strict`
    raises them instead).

    Args:
        limit: the first so many rows.

    Raises:
        InputError: no such file, or not one usable sample.
        ConversationError: a bad row, where `strict`; names file, line, field.
    """
    path = root / contexts_file(split)
    if not path.is_file():
        raise InputError(f"{root} has no {path.name}; give the folder that StickerInt was unpacked to")
    notes: Counter[str] = Counter()
    samples: list[RankingSample] = []
    bad = BadRows(path, notes, strict)
    for number, line in _lines(path):
        if limit is not None and number > limit:
            break
        with bad.reading(number):
            made = _samples(_row(line), f"{split}/{number}", stickers)
            kept = [sample for sample in made if sample.sticker in stickers.images]
            notes["sticker_without_image"] += len(made) - len(kept)
            samples += kept
    bad.require(samples)
    if policy == "random":
        drawn = _random(samples, stickers.pools.get(split) or stickers.images.ids, negatives, seed)
        return RankingData(samples, stickers.images, drawn, policy=policy, notes=dict(notes))
    pool = stickers.images.ids if policy == "all" else stickers.pools.get(split, ())
    place = {id_: at for at, id_ in enumerate(pool)}
    outside = [sample for sample in samples if sample.sticker not in place]
    if outside:
        raise InputError(
            f"{path}: sticker {outside[0].sticker!r} is sent, but is not in {split}_imgs.tsv; use "
            "the policy all"
        )
    ready = [sample.with_candidates(pool, place[sample.sticker]) for sample in samples]
    return RankingData(ready, stickers.images, policy=policy, notes=dict(notes))


def _random(samples: Sequence[RankingSample], pool: Sequence[str], negatives: int, seed: int) -> Draw:
    def draw(index: int, epoch: int) -> tuple[Sequence[str | None], int]:
        sent = samples[index].sticker
        rng = np.random.default_rng((seed, epoch, index))
        at = rng.permutation(len(pool))[: negatives + 1]
        drawn: list[str | None] = [pool[i] for i in at if pool[i] != sent][:negatives]
        place = int(rng.integers(len(drawn) + 1))
        drawn.insert(place, sent)
        return drawn, place

    return draw


def _samples(row: Mapping[str, Any], id_: str, stickers: IntStickers) -> list[RankingSample]:
    said, sender = _talk(row)
    images = row.get("image_ids")
    if not isinstance(images, list) or not images or not all(isinstance(one, str) for one in images):
        raise ConversationError(f"image_ids: got {_short(images)}; expected a list of image ids")
    _keywords(row)
    intention = _intention(row.get("fined_intent"), stickers.labels)
    comet = row.get("comet")
    # Which of the five relations says what is not marked; Int-RA only joins them.
    inferences = Inferences(xIntent=(comet.strip(),)) if isinstance(comet, str) and comet.strip() else None
    mode: Literal["reply", "supplement"] = "supplement" if said[-1].speaker == sender else "reply"
    found = []
    for number, image in enumerate(images):
        own = id_ if len(images) == 1 else f"{id_}/{number + 1}"
        talk = Conversation(said, mode, sender, own, inferences)
        found.append(RankingSample(own, talk, image, image.rpartition("_")[0] or image, intention=intention))
    return found


def _talk(row: Mapping[str, Any]) -> tuple[tuple[Utterance, ...], str]:
    text = row.get("text")
    if not isinstance(text, str):
        raise ConversationError(f"text: got {_short(text)}; expected turns with {_SEP} between")
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


def _keywords(row: Mapping[str, Any]) -> Attributes:
    given = row.get("keyword")
    if given in (None, ""):
        return Attributes()
    parts = [part.strip() for part in given.split(",")] if isinstance(given, str) else []
    if len(parts) != 4:
        raise ConversationError(
            f"keyword: got {_short(given)}; expected gesture, posture, facial expression and words, "
            "with commas between"
        )
    return Attributes(*("" if part.lower() in _NOTHING else part for part in parts))


def _intention(value: Any, labels: Mapping[str, str]) -> str | None:
    if value is None or value == "":
        return None
    name = normal_label(str(value))
    if labels and name not in labels:
        raise ConversationError(f"fined_intent: got {_short(value)}; expected one of intent_label.txt")
    return labels.get(str(name), name)


def _labels(path: Path) -> dict[str, str]:
    """English names by themselves, by Chinese names and by numbers."""
    found: dict[str, str] = {}
    if not path.is_file():
        return found
    for number, line in _lines(path):
        parts = [normal_label(part) for part in line.split("\t")]
        if len(parts) < 2 or not parts[1]:
            raise InputError(f"{path}, line {number}: got {line[:60]!r}; expected id, English, Chinese")
        found |= {part: parts[1] for part in parts if part}
    return found


def _attributes(root: Path) -> dict[str, Annotations]:
    found: dict[str, Annotations] = {}
    for path in (root / contexts_file(split) for split in ("train", "valid")):
        for _, line in _lines(path) if path.is_file() else ():
            try:
                row = _row(line)
                known = Annotations(attributes=_keywords(row))
            except ConversationError:  # told where the rows are read
                continue
            found |= {image: known for image in row.get("image_ids") or () if isinstance(image, str)}
    return found


def _images(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in _lines(path):
        id_, tab, text = line.partition("\t")
        if not tab or not id_.strip() or not text.strip():
            raise InputError(f"{path}, line {number}: got {line[:60]!r}; expected id, tab, base64")
        yield id_.strip(), text.strip()


def _decoded(id_: str, text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage("corrupt", f"{id_}: not URL-safe base64 ({error})") from None


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        raise ConversationError("not JSON; expected one object a line") from None
    if not isinstance(row, dict):
        raise ConversationError(f"got {_short(row)}; expected an object with text and image_ids")
    return row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line.rstrip("\r\n")


def _short(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
