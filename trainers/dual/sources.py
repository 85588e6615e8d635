"""The datasets that a dual ranker is trained on: conversations with labels, and comments with intentions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from eval.datasets import Sample
from eval.labels import label_of
from retriever.caches import cache_folder
from retriever.encoders.dual.tokens import DualTokens
from retriever.errors import InputError
from retriever.labels import EMOTIONS
from trainers.dual.config import DualConfig
from trainers.dual.data import (
    Comment,
    Example,
    comment_examples,
    examples,
    is_comments,
    read_comments,
    read_samples,
)
from trainers.dual.taught import Subject, soft_labels

__all__ = ["Sources"]


class Sources:
    """All training rows, read once, by the source's name.

    Args:
        config: where they lie.

    Attributes:
        left_out: by source of comments, how many of them say nothing or have no label.

    Raises:
        InputError: data are missing or of another shape.
    """

    def __init__(self, config: DualConfig) -> None:
        self._config = config
        self._paths = {name: config.place(source.path) for name, source in config.sources.items()}
        for name, path in self._paths.items():
            if not (path / "train.jsonl").is_file():
                raise InputError(f"source {name!r}: {path} has no train.jsonl; give a dataset's folder")
        self.left_out: dict[str, int] = {}
        self.comments: dict[str, list[Comment]] = {
            name: self._usable(name, read_comments(path, "train"))
            for name, path in self._paths.items()
            if is_comments(path)
        }
        self.chats: dict[str, list[Sample]] = {
            name: read_samples(path, "train")
            for name, path in self._paths.items()
            if name not in self.comments
        }

        for name in self.names:
            if not (self.chats.get(name) or self.comments.get(name)):
                raise InputError(f"source {name!r}: {self._paths[name]} has no row to train on")

    def _usable(self, name: str, comments: Sequence[Comment]) -> list[Comment]:
        usable = [comment for comment in comments if comment.text.strip() and comment.intentions]
        self.left_out[name] = len(comments) - len(usable)
        return usable

    @property
    def names(self) -> list[str]:
        """Those of conversations, then those of comments."""
        return [*self.chats, *self.comments]

    @property
    def emoji(self) -> list[str]:
        """The emoji that rows have as their label, sorted."""
        labels = {label_of(sample, "emoji") for rows in self.chats.values() for sample in rows}
        return sorted(label for label in labels if label)

    def texts(self) -> Iterator[str]:
        """Every utterance and every comment, in a stable order."""
        for samples in self.chats.values():
            for sample in samples:
                yield from (turn.text for turn in sample.conversation.utterances)
        for comments in self.comments.values():
            yield from (comment.text for comment in comments)

    def examples(self, name: str, tokens: DualTokens, emoji: Sequence[str]) -> list[Example]:
        """The rows of one source, with what its teachers say of them.

        Args:
            tokens: cuts them.
            emoji: the student's labels.
        """
        if name in self.chats:
            rows = list(examples(self.chats[name], tokens, self._config.buckets, name))
        else:
            rows = list(comment_examples(self.comments[name], tokens, self._config.buckets, name))
        teachers = {subject: names for subject, names in self._config.sources[name].taught.items() if names}
        if not teachers:
            return rows
        talks = [row.conversation for row in (self.chats.get(name) or self.comments[name])]
        labels: dict[Subject, Sequence[str]] = {"emotion": EMOTIONS, "emoji": emoji}
        taught = {
            subject: soft_labels(names, subject, labels[subject], talks, cache_folder("taught"))
            for subject, names in teachers.items()
        }
        return [
            replace(row, taught={subject: said[number] for subject, said in taught.items()})
            for number, row in enumerate(rows)
        ]

    def valid(self, limit: int) -> dict[str, list[Sample]]:
        """Validation rows of the conversations that have some, `limit` of each spread over the split."""
        return {
            name: read_samples(self._paths[name], "valid", limit)
            for name in self.chats
            if (self._paths[name] / "valid.jsonl").is_file()
        }
