"""Rows for the dual ranker: conversations with a label, comments with intentions, sticker documents."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eval.datasets import Sample, open_dataset
from eval.labels import label_of, normal_label
from retriever.documents import document
from retriever.encoders.dual.row import Row
from retriever.encoders.dual.tokens import DualTokens
from retriever.errors import InputError
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
    "batched",
    "comment_examples",
    "examples",
    "is_comments",
    "places",
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
    """Whether `path` holds comments (``text``, ``labels``) and not conversations."""
    first = next(iter((path / "train.jsonl").open(encoding="utf-8")), "{}")
    return "labels" in json.loads(first)


def read_comments(path: Path, split: str) -> list[Comment]:
    """GoEmotions rows of ``text`` and ``labels``.

    Raises:
        InputError: a row of another shape, or a label that is no intention; names file and line.
    """
    file = path / f"{split}.jsonl"
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            text, labels = row["text"], tuple(row["labels"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{file}, line {number}: expected an object with text and labels ({error})"
            ) from None
        unknown = [label for label in labels if label not in INTENTIONS]
        if unknown:
            raise InputError(
                f"{file}, line {number}: {unknown[0]!r} is none of the {len(INTENTIONS)} intentions"
            )
        if text.strip() and labels:
            found.append(Comment(text, labels))
    return found


def read_samples(path: Path, split: str, limit: int | None = None) -> list[Sample]:
    """Conversations with the sticker's label, in file order; `limit` of them spread over the split."""
    found = list(open_dataset(path, split).samples())
    return found if limit is None else [found[row] for row in spread_rows(len(found), limit)]


def read_stickers(paths: Sequence[str]) -> list[list[Sticker]]:
    """The stickers of each pack with a document, one of each distinct document."""
    packs = []
    for path in paths:
        distinct: dict[tuple[str, str | None], Sticker] = {}
        with open_pack(path) as pack:
            for entry in pack:
                if isinstance(entry, Quarantined):
                    continue
                sticker = entry.annotations.sticker(entry.id, entry.pack, path=entry.origin)
                text = document(sticker)
                if text:
                    distinct.setdefault((text, normal_label(sticker.emoji)), sticker)
        packs.append(list(distinct.values()))
    return packs


def places(stickers: Sequence[Sticker], packs: Sequence[str]) -> dict[str, int]:
    """By sticker id of the packs, the position among `stickers` of the one with its document and emoji."""
    rows = {(document(sticker), normal_label(sticker.emoji)): row for row, sticker in enumerate(stickers)}
    found: dict[str, int] = {}
    for path in packs:
        with open_pack(path) as pack:
            for entry in pack:
                if isinstance(entry, Quarantined):
                    continue
                sticker = entry.annotations.sticker(entry.id, entry.pack, path=entry.origin)
                row = rows.get((document(sticker), normal_label(sticker.emoji)))
                if row is not None:
                    found[sticker.id] = row
    return found


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
    """Rows to train on and rows held out: every so-manieth block of `block` rows; none where `share` is 0."""
    if share == 0:
        return list(rows), []
    period = round(1 / share)
    held = [number // block % period == period - 1 for number in range(len(rows))]
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
