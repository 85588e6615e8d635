"""Training PBR: the tensors of its batches, what its losses weigh, what is saved."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.rankers.pbr.ranker import PBRRanker, save_pbr
from trainers.datasets.ranking import RankingData, RankingSample
from trainers.pbr.batch import PBRBatch, make_batch
from trainers.pbr.build import build
from trainers.pbr.config import PBRConfig
from trainers.pbr.module import PBRModule
from trainers.ranking.scoring import score_samples
from trainers.ranking.task import RankingTask, texts_of

__all__ = ["PBRTask"]


class PBRTask(RankingTask):
    """A `trainers.task.Task`.

    Args:
        config: everything but the data.
        train, valid: of the same sticker images' size; `train` has what a teacher says where the losses ask
            for it.
        work: a folder that keeps a vocabulary learnt from `train`, so that a run that goes on has it again.

    Raises:
        InputError: the data lack what the losses need, or are of another size than the model.
        ModelError: published weights cannot be had.
    """

    def __init__(
        self, config: PBRConfig, train: RankingData, valid: RankingData, work: Path | None = None
    ) -> None:
        super().__init__(train, valid, config.batch, config.train.seed)
        _check(config, train, valid)
        self.config = config
        start = build(config.model, texts_of(train.samples), config.train.seed, work)
        self.tokens = start.tokens
        self.pretrained = frozenset(f"model.{name}" for name in start.pretrained)
        self.pretrained_scale = config.pretrained_scale
        width = train.teacher.features.shape[1] if train.teacher is not None else 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.train.seed + 1)
            self._module = PBRModule(start.model, config.losses, int(width))
        self._polarity = config.losses.mining.strategy == "polarity"

    @property
    def module(self) -> PBRModule:
        """The model with the heads of training."""
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        """Equation 10 as configured; the soft labels' entropy is only logged."""
        losses = self.config.losses
        named = {name: getattr(losses, name) for name in ("i2t", "t2i", "match", "ekd", "intra", "inter")}
        return {**named, "label_entropy": 0.0}

    def batch(self, samples: Sequence[RankingSample]) -> PBRBatch:
        """The tensors of some training samples."""
        teacher = self.train.teacher if self.config.losses.needs_teacher else None
        return make_batch(samples, self.train.stickers, self.tokens, teacher, self._polarity)

    def before_step(self, step: int) -> None:
        """Keep the temperature within its bounds."""
        self.module.model.clamp_temperature()

    def ranker(self) -> PBRRanker:
        """The model as inference runs it, where it is now; it goes into evaluation mode."""
        device = next(self.module.parameters()).device.type
        return PBRRanker(self.module.model, self.tokens, "pbr", device, self.config.train.precision)

    def score(self, samples: Sequence[RankingSample]) -> list[NDArray[np.float64]]:
        """Each validation sample's scores of its candidates."""
        return score_samples(self.ranker(), samples, self.valid.stickers, self.config.batch.valid_size)

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint that `retriever.rankers.load_ranker` opens."""
        notes = {"metrics": dict(metrics), "losses": self.config.losses.model_dump(mode="json")}
        save_pbr(folder, self.module.model, self.tokens, notes)


def _check(config: PBRConfig, train: RankingData, valid: RankingData) -> None:
    for name, data in (("training", train), ("validation", valid)):
        if data.stickers.side < config.model.image.size:
            raise InputError(
                f"the {name} stickers are cached at {data.stickers.side} pixels, the model sees "
                f"{config.model.image.size}; build the cache at that size or above"
            )
    losses = config.losses
    if losses.needs_teacher:
        if train.teacher is None:
            raise InputError(
                "the losses ask for an emotion teacher, and the training data have none; train one with "
                "`sticker train teacher` and name it, or set distillation.kind = 'none' and mining.strategy "
                "= 'semantic'"
            )
        clusters = losses.distillation.clusters
        if losses.distillation.kind == "anchors" and train.teacher.clusters != clusters:
            raise InputError(
                f"the teacher has {train.teacher.clusters} anchors an emotion, distillation.clusters is "
                f"{clusters}; make the two equal"
            )
