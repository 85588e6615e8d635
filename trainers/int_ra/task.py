"""Training Int-RA: the tensors of its batches, what its losses weigh, what is saved."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.labels import RELATIONS
from retriever.rankers.int_ra.ranker import IntRARanker, save_int_ra
from retriever.rankers.int_ra.tokens import sticker_texts
from retriever.types import Sticker
from trainers.datasets.knowledge import stickers_in_words
from trainers.datasets.ranking import RankingData, RankingSample
from trainers.int_ra.batch import IntRABatch, label_numbers, make_batch, with_classes
from trainers.int_ra.build import build
from trainers.int_ra.config import IntRAConfig
from trainers.int_ra.losses import UNKNOWN
from trainers.int_ra.module import IntRAModule
from trainers.int_ra.scoring import score_samples
from trainers.ranking.measure import measure
from trainers.ranking.task import RankingTask, texts_of

__all__ = ["IntRATask"]


class IntRATask(RankingTask):
    """A `trainers.task.Task`.

    Args:
        config: everything but the data.
        train, valid: over the same stickers; conversations with what was inferred of them, where it was.
        words: what is known of every sticker in words, in the rows of the stickers; None takes what their
            packs say.
        work: a folder that keeps a vocabulary learnt from `train`, so that a run that goes on has it again.

    Raises:
        InputError: the data lack what the losses need, or are of another size than the model.
        ModelError: published weights cannot be had.
    """

    def __init__(
        self,
        config: IntRAConfig,
        train: RankingData,
        valid: RankingData,
        words: Sequence[Sticker] | None = None,
        work: Path | None = None,
    ) -> None:
        super().__init__(train, valid, config.batch, config.train.seed)
        shape = with_classes(config.model, train.samples)
        config = config.model_copy(update={"model": shape})
        _check(config, train, valid)
        self.config = config
        known = stickers_in_words(train.stickers) if words is None else words
        self.texts = [sticker_texts(sticker, config.model) for sticker in known]
        start = build(config.model, self._read(), config.train.seed, work)
        self.tokens = start.tokens
        self.pretrained = frozenset(f"model.{name}" for name in start.pretrained)
        self.pretrained_scale = config.pretrained_scale
        self._module = IntRAModule(start.model, config.losses, config.crop)

    @property
    def module(self) -> IntRAModule:
        """The model with its losses."""
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        """The two factors of the objective."""
        return {"retrieval": self.config.losses.retrieval, "intention": self.config.losses.intention}

    @property
    def notes(self) -> dict[str, int]:
        """What the data lack: counts by name."""
        found = {}
        if self.config.model.attributes:
            found["stickers/without_attributes"] = sum(not any(row) for row in self.texts)
        if self.config.classifies:
            for name, data in (("train", self.train), ("valid", self.valid)):
                missing = label_numbers(data.samples, self.config.model) == UNKNOWN
                found[f"{name}/without_{self.config.model.labels}"] = int(missing.sum())
        return found

    def batch(self, samples: Sequence[RankingSample]) -> IntRABatch:
        """The tensors of some training samples."""
        return make_batch(samples, self.train.stickers, self.texts, self.tokens)

    def ranker(self) -> IntRARanker:
        """The model as inference runs it, where it is now; it goes into evaluation mode."""
        device = next(self.module.parameters()).device.type
        return IntRARanker(self.module.model, self.tokens, "int_ra", device, self.config.train.precision)

    def score(self, samples: Sequence[RankingSample]) -> list[NDArray[np.float64]]:
        """Each validation sample's scores of its candidates."""
        return self._judge(samples)[0]

    def validate(self) -> dict[str, float]:
        """R@1, R@2, R@5, MAP, and how many of the labels are predicted (``intention_accuracy``), percent."""
        samples = [self.valid.draw(row) for row in self._valid_rows]
        scores, classes = self._judge(samples)
        found = measure(samples, scores)
        labels = label_numbers(samples, self.config.model)
        known = labels != UNKNOWN
        if self.config.classifies and known.any():
            found["intention_accuracy"] = 100 * float((classes == labels)[known].mean())
        return found

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint that `retriever.rankers.load_ranker` opens."""
        notes = {"metrics": dict(metrics), "losses": self.config.losses.model_dump(mode="json")}
        save_int_ra(folder, self.module.model, self.tokens, notes)

    def _judge(self, samples: Sequence[RankingSample]) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
        size = self.config.batch.valid_size
        return score_samples(self.ranker(), samples, self.valid.stickers, self.texts, size)

    def _read(self) -> Iterator[str]:
        """All that the text encoder will read of the training data."""
        yield from texts_of(self.train.samples)
        for row in self.texts:
            yield from row
        if self.config.model.knowledge:
            for sample in self.train.samples:
                said = sample.conversation.inferences
                for relation in RELATIONS if said is not None else ():
                    yield from getattr(said, relation)


def _check(config: IntRAConfig, train: RankingData, valid: RankingData) -> None:
    side, size = train.stickers.side, config.model.image.size
    if side < size:
        raise InputError(
            f"the stickers are cached at {side} pixels, the model sees {size}; build the cache at that size "
            "or above"
        )
    if train.stickers.ids != valid.stickers.ids:
        raise InputError("training and validation have different stickers; expected one set for both")
    if config.classifies and bool((label_numbers(train.samples, config.model) == UNKNOWN).all()):
        raise InputError(
            f"the intention loss asks for labels of kind {config.model.labels!r}, and none of "
            f"{len(train.samples)} training samples has one; set model.labels to the kind they have "
            "('intention', 'emotion' or 'emoji'), knowledge.inferred_intentions = true to take a model's, or "
            "losses.intention = 0"
        )
