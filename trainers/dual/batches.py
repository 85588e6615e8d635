"""Which rows are in which batch, and the batches: functions of the seed, the epoch and the batch's number."""

import random
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from retriever.encoders.dual.row import mode_of, pad, shortened
from retriever.encoders.dual.tokens import DualTokens
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.types import Sticker
from trainers.dual.anchor import Anchor
from trainers.dual.config import DualConfig
from trainers.dual.data import Example, batched, variants
from trainers.dual.model import DualBatch
from trainers.dual.numbers import label_numbers, number_of

__all__ = ["Batches"]


class Batches:
    """An epoch draws each source's share of its rows anew; a batch has rows of one source and some documents.

    Args:
        config: shares, sizes, the seed.
        rows: to train on, by source.
        stickers: the bank, in its order.
        emoji: that data have.
        domains: the sources, in the order of the module's.
        tokens: cuts documents.
    """

    def __init__(
        self,
        config: DualConfig,
        rows: Mapping[str, Sequence[Example]],
        stickers: Sequence[Sticker],
        emoji: Sequence[str],
        domains: Sequence[str],
        tokens: DualTokens,
    ) -> None:
        self._config, self._rows, self._stickers = config, rows, stickers
        self._emoji, self._domains, self._tokens = emoji, domains, tokens
        self._anchor = Anchor(config, stickers) if config.anchor else None
        self._planned: dict[int, tuple[list[Example], list[list[int]]]] = {}

    def count(self, epoch: int) -> int:
        """How many batches an epoch has."""
        return len(self._plan(epoch)[1])

    def batch(self, epoch: int, number: int) -> DualBatch:
        """One of them."""
        rows, plan = self._plan(epoch)
        rng = random.Random(f"{self._config.train.seed} {epoch} {number}")
        return self._batch([rows[at] for at in plan[number]], rng)

    def _plan(self, epoch: int) -> tuple[list[Example], list[list[int]]]:
        """The rows of an epoch, and their numbers batch by batch."""
        if epoch not in self._planned:
            rng = random.Random(f"{self._config.train.seed} plan {epoch}")
            rows: list[Example] = []
            for name, every in self._rows.items():
                share = self._config.sources[name].share
                rows += every if share == 1 else rng.sample(every, max(1, round(share * len(every))))
            self._planned[epoch] = (rows, batched(rows, self._config.batch_tokens, rng))
        return self._planned[epoch]

    def _batch(self, rows: Sequence[Example], rng: random.Random) -> DualBatch:
        documents = rng.sample(self._stickers, min(self._config.documents, len(self._stickers)))
        longest = max(len(example.row.ids) for example in rows)
        texts = [self._tokens.document(variants(sticker, rng)) for sticker in documents]
        # a document longer than the conversations would be padding for all of them
        read = [*(example.row for example in rows), *(shortened(text, longest) for text in texts)]
        batch = pad(read)
        emotion, intention, _ = label_numbers(documents, self._emoji)
        own_emotion = torch.tensor([number_of(EMOTIONS, example.emotion) for example in rows])
        own_emoji = torch.tensor([number_of(self._emoji, example.emoji) for example in rows])
        targets = torch.zeros(len(batch.ids), len(INTENTIONS))
        for number, example in enumerate(rows):
            for label in example.intentions:
                targets[number, INTENTIONS.index(label)] = 1 / len(example.intentions)
        for number, label in enumerate(intention.tolist(), start=len(rows)):
            if label >= 0:
                targets[number, label] = 1
        weight = self._config.sources[rows[0].source].retrieval
        anchored, anchor = self._anchored(rows, documents)
        return DualBatch(
            torch.from_numpy(batch.ids),
            torch.from_numpy(batch.mask),
            torch.from_numpy(batch.pool),
            torch.from_numpy(mode_of(read)),
            torch.cat([own_emotion, emotion]),
            torch.cat([own_emoji, torch.full((len(documents),), -1)]),
            targets,
            torch.full((len(rows),), weight),
            torch.full((len(rows),), self._domains.index(rows[0].source)),
            anchored,
            anchor,
            {
                subject: torch.from_numpy(np.stack([row.taught[subject] for row in rows]))
                for subject in rows[0].taught
            },
        )

    def _anchored(self, rows: Sequence[Example], documents: Sequence[Sticker]) -> tuple[Tensor, Tensor]:
        """The rows of a batch whose likeness is kept, (a,), and that likeness, (a, d)."""
        if self._anchor is None:
            return torch.zeros(0, dtype=torch.int64), torch.zeros(0, len(self._stickers))
        said = [number for number, example in enumerate(rows) if example.text]
        numbers = [*said, *range(len(rows), len(rows) + len(documents))]
        likeness = self._anchor.likeness([rows[number].text for number in said], documents)
        return torch.tensor(numbers, dtype=torch.int64), torch.from_numpy(likeness)
