"""Rows for the dual ranker: conversations with a label, comments with intentions, sticker documents."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor
from pathlib import Path
from typing import Any

import numpy as np

from eval.datasets import Sample, open_dataset
from eval.labels import label_of, normal_label
from retriever.documents import document
from retriever.encoders.dual.row import Row
from retriever.encoders.dual.tokens import DualTokens
from retriever.errors import InputError, short_json
from retriever.labels import INTENTIONS
from retriever.packs import open_pack
from retriever.packs.entry import Quarantined
from retriever.rankers.dual.features import ngrams
from retriever.types import Conversation, Sticker
from trainers.datasets.ranking import spread_rows
from trainers.dual.taught import Subject

__all__ = [
    "Comment",
    "Example",
    "ReadStickers",
    "batched",
    "comment_examples",
    "examples",
    "is_comments",
    "read_comments",
    "read_samples",
    "read_stickers",
    "split_off",
    "variants",
]


@dataclass(frozen=True, slots=True)
class Comment:
    """A text of one person with its intentions (GoEmotions)."""

    text: str
    intentions: tuple[str, ...]

    @property
    def conversation(self) -> Conversation:
        """The comment as a message to be answered."""
        return Conversation.from_texts(self.text)


@dataclass(frozen=True, slots=True)
class Example:
    """One training row, ready to be batched.

    Attributes:
        row: token ids and where pooling starts.
        grams: hashed n-grams.
        emotion, emoji: the label, or None.
        intentions: of a comment.
        source: the dataset's name.
        text: of a comment.
        taught: what teachers say of it, log probabilities of some kinds of label.
    """

    row: Row
    grams: np.ndarray
    emotion: str | None
    emoji: str | None
    intentions: tuple[str, ...]
    source: str
    text: str = ""
    taught: Mapping[Subject, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadStickers:
    """The sticker side of a run.

    Attributes:
        packs: the stickers that are told apart, pack by pack.
        places: by the id of any sticker of the packs, the row of the one like it, counted through all packs.
        left_out: how many cannot be read or have no document.
    """

    packs: list[list[Sticker]]
    places: dict[str, int]
    left_out: int


_GROUPS = {
    "happiness": "admiration amusement approval caring desire excitement gratitude joy love optimism pride "
    "relief",
    "anger": "anger annoyance disapproval",
    "sadness": "disappointment embarrassment grief remorse sadness",
    "surprise": "confusion curiosity realization surprise",
    "fear": "fear nervousness",
    "disgust": "disgust",
    "neutral": "neutral",
}
EMOTION_OF = {intention: emotion for emotion, group in _GROUPS.items() for intention in group.split()}
"""The emotion that an intention belongs to: the grouping of GoEmotions (Demszky et al. 2020, appendix)."""


def is_comments(path: Path) -> bool:
    """Whether `path` holds comments (``text``, ``labels``) and not conversations.

    Raises:
        InputError: the first row of ``train.jsonl`` is no object.
    """
    first = next(_json_rows(path / "train.jsonl"), None)
    return first is not None and "labels" in first[1]


def read_comments(path: Path, split: str) -> list[Comment]:
    """GoEmotions rows of ``text`` and ``labels``.

    Raises:
        InputError: a row of another shape, or a label that is no intention; names file and line.
    """
    file = path / f"{split}.jsonl"
    found = []
    for number, row in _json_rows(file):
        text, labels = row.get("text"), row.get("labels")
        if not isinstance(text, str) or not isinstance(labels, list):
            got = short_json(row, 80)
            raise InputError(f"{file}, line {number}: expected text, a string, and labels, a list; got {got}")
        unknown = [label for label in labels if label not in INTENTIONS]
        if unknown:
            raise InputError(
                f"{file}, line {number}: {unknown[0]!r} is none of the {len(INTENTIONS)} intentions"
            )
        found.append(Comment(text, tuple(labels)))
    return found


def _json_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects of a file with their line numbers, from 1; blank lines are passed over."""
    with file.open("rb") as lines:  # lines end with a line feed alone: JSON may have U+2028 in it
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(
                    f"{file}, line {number}: expected an object in JSON, UTF-8 ({error})"
                ) from None
            if not isinstance(row, dict):
                raise InputError(
                    f"{file}, line {number}: expected an object in JSON, got {short_json(row, 80)}"
                )
            yield number, row


def read_samples(path: Path, split: str, limit: int | None = None) -> list[Sample]:
    """Conversations with the sticker's label, in file order; `limit` of them spread over the split."""
    found = list(open_dataset(path, split).samples())
    return found if limit is None else [found[row] for row in spread_rows(len(found), limit)]


def read_stickers(paths: Sequence[str]) -> ReadStickers:
    """The stickers of packs that have a document, one of each distinct document and emoji."""
    packs: list[list[Sticker]] = []
    keys: dict[str, tuple[str, str | None]] = {}
    left_out = 0
    for path in paths:
        distinct: dict[tuple[str, str | None], Sticker] = {}
        with open_pack(path) as pack:
            for entry in pack:
                if isinstance(entry, Quarantined):
                    left_out += 1
                    continue
                sticker = entry.annotations.sticker(entry.id, entry.pack, path=entry.origin)
                key = (document(sticker), normal_label(sticker.emoji))
                if not key[0]:
                    left_out += 1
                    continue
                keys[sticker.id] = key
                distinct.setdefault(key, sticker)
        packs.append(list(distinct.values()))
    every = [sticker for pack in packs for sticker in pack]
    rows = {keys[sticker.id]: row for row, sticker in enumerate(every)}
    return ReadStickers(packs, {name: rows[key] for name, key in keys.items()}, left_out)


def examples(samples: Iterable[Sample], tokens: DualTokens, buckets: int, source: str) -> Iterator[Example]:
    """Conversations as training rows."""
    for sample in samples:
        yield Example(
            tokens.conversation(sample.conversation),
            ngrams(sample.conversation, buckets),
            label_of(sample, "emotion"),
            label_of(sample, "emoji"),
            (),
            source,
        )


def comment_examples(
    comments: Sequence[Comment], tokens: DualTokens, buckets: int, source: str
) -> Iterator[Example]:
    """Comments as messages to be answered, with the emotion that all their intentions belong to, if one."""
    for comment in comments:
        emotions = {EMOTION_OF[intention] for intention in comment.intentions}
        emotion = emotions.pop() if len(emotions) == 1 else None
        grams = ngrams(comment.conversation, buckets)
        row = tokens.utterance(comment.text)
        yield Example(row, grams, emotion, None, comment.intentions, source, comment.text)


def variants(sticker: Sticker, rng: random.Random) -> str:
    """The sticker's document, as complete or as poor as packs are in practice."""
    fields = rng.choice(
        (
            ("name", "keywords", "description"),
            ("name", "keywords"),
            ("name",),
            ("keywords",),
            ("description",),
        ),
    )
    languages = rng.choice(((), ("en",), ("zh",)))
    return document(sticker, fields, languages) or document(sticker)


def split_off(rows: Sequence[Example], share: float, block: int = 12) -> tuple[list[Example], list[Example]]:
    """Rows to train on and rows held out: blocks of `block` rows, spread evenly, so that they are `share`.

    Where that is less than a block it is the last rows, one at least; none where `share` is 0, or of one row.
    """

    def is_out(number: int) -> bool:
        return floor(round((number + 1) * share, 9)) > floor(round(number * share, 9))

    held = [is_out(number // block) for number in range(len(rows))]
    if share and not any(held) and len(rows) > 1:
        few = max(1, round(share * len(rows)))
        held[-few:] = [True] * few
    return (
        [row for row, out in zip(rows, held, strict=True) if not out],
        [row for row, out in zip(rows, held, strict=True) if out],
    )


def batched(rows: Sequence[Example], batch_tokens: int, rng: random.Random) -> list[list[int]]:
    """Row numbers in batches of one source and similar length, in random order."""
    noise = [len(example.row.ids) + rng.uniform(0, 8) for example in rows]
    by_source: dict[str, list[int]] = {}
    for number, example in enumerate(rows):
        by_source.setdefault(example.source, []).append(number)
    batches = []
    for numbers in by_source.values():
        batch: list[int] = []
        longest = 0
        for number in sorted(numbers, key=noise.__getitem__):
            length = max(longest, len(rows[number].row.ids))
            if batch and length * (len(batch) + 1) > batch_tokens:
                batches.append(batch)
                batch, length = [], len(rows[number].row.ids)
            batch.append(number)
            longest = length
        if batch:
            batches.append(batch)
    rng.shuffle(batches)
    return batches
