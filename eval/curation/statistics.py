"""What a split is made of, counted in one pass: the tables that the papers print about their data."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from eval.datasets.reader import SampleReader
from eval.datasets.samples import Sample
from eval.labels import LABEL_FIELDS, label_of

__all__ = ["SplitStatistics", "finish", "words_in"]

_SHOWN_PROBLEMS = 5
_HAN = (("\u3400", "\u9fff"), ("\uf900", "\ufaff"))


@dataclass(slots=True)
class SplitStatistics:
    """Counts of one split; means are made of them by `as_dict`.

    Attributes:
        rows: samples that can be asked.
        bad_rows: rows that cannot be read; `problems` are the first of them, and of those whose candidates
            lack what was sent, in words.
        notes: rows left out, by reason.
        dialogues: longer talks that rows were cut out of, by name, with how many rows; empty where the data
            do not say.
        utterances, words, characters: in all conversations. A Han character counts as a word where the data
            are not segmented; characters are those that are no space.
        speakers: of every conversation, summed up.
        modes: ``reply``, ``supplement``.
        sent: how often each sticker was.
        with_candidates, candidates: rows with a list, and how many have one of each length.
        gold_not_a_candidate: rows whose list lacks what was sent.
        labels: by field, how often each occurs.
    """

    rows: int = 0
    bad_rows: int = 0
    problems: tuple[str, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)
    dialogues: Counter[str] = field(default_factory=Counter)
    utterances: int = 0
    words: int = 0
    characters: int = 0
    speakers: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    with_candidates: int = 0
    candidates: Counter[int] = field(default_factory=Counter)
    gold_not_a_candidate: int = 0
    labels: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, sample: Sample, segmented: bool) -> None:
        """Count one sample in."""
        self.rows += 1
        talk = sample.conversation
        self.modes[talk.mode] += 1
        self.utterances += len(talk.utterances)
        self.speakers += len({utterance.speaker for utterance in talk.utterances})
        for utterance in talk.utterances:
            self.words += words_in(utterance.text, segmented)
            self.characters += sum(not letter.isspace() for letter in utterance.text)
        if sample.dialogue is not None:
            self.dialogues[sample.dialogue] += 1
        if sample.gold is not None:
            self.sent[sample.gold] += 1
        if sample.candidates is not None:
            self.with_candidates += 1
            self.candidates[len(sample.candidates)] += 1
            self.gold_not_a_candidate += sample.gold is not None and sample.gold not in sample.candidates
        for name in LABEL_FIELDS:
            label = label_of(sample, name)
            if label is not None:
                self.labels.setdefault(name, Counter())[label] += 1

    def as_dict(self) -> dict[str, Any]:
        """Counts and means, as JSON values."""
        return {
            "rows": self.rows,
            "bad_rows": self.bad_rows,
            "left_out": {name: n for name, n in self.notes.items() if name != "bad_rows"},
            "problems": list(self.problems),
            "dialogues": len(self.dialogues) or None,
            "utterances": self.utterances,
            "utterances_per_row": _mean(self.utterances, self.rows),
            "words_per_utterance": _mean(self.words, self.utterances),
            "characters_per_utterance": _mean(self.characters, self.utterances),
            "speakers_per_row": _mean(self.speakers, self.rows),
            "modes": dict(sorted(self.modes.items())),
            "rows_with_sticker": self.sent.total(),
            "stickers_sent": len(self.sent),
            "rows_with_candidates": self.with_candidates,
            "candidates": {str(n): count for n, count in sorted(self.candidates.items())},
            "gold_not_a_candidate": self.gold_not_a_candidate,
            "labels": {name: dict(counts.most_common()) for name, counts in self.labels.items()},
        }


def finish(counts: SplitStatistics, reader: SampleReader) -> None:
    """Take over what the reader left out."""
    counts.notes = dict(reader.notes)
    counts.bad_rows = reader.notes["bad_rows"]
    told = [str(problem) for problem in reader.problems[:_SHOWN_PROBLEMS]]
    counts.problems = (*told, *reader.remarks[:_SHOWN_PROBLEMS])


def words_in(text: str, segmented: bool = False) -> int:
    """Words between spaces; where not `segmented`, every Han character is one by itself."""
    pieces = text.split()
    if segmented or text.isascii():
        return len(pieces)
    n = 0
    for piece in pieces:
        inside = False
        for letter in piece:
            if any(low <= letter <= high for low, high in _HAN):
                n, inside = n + 1, False
            elif letter.isalnum():
                n, inside = n + (not inside), True
    return n


def _mean(total: int, n: int) -> float | None:
    return round(total / n, 3) if n else None
