"""Training a published baseline: one task for all of them."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.rankers.baselines.ranker import BaselineRanker, save_baseline
from trainers.baselines.base import BaselineModule, Needs
from trainers.baselines.batch import BaselineBatch, make_batch
from trainers.baselines.config import BaselineSettings
from trainers.baselines.labels import identities, meanings
from trainers.baselines.start import start
from trainers.datasets.ranking import RankingData, RankingSample
from trainers.ranking.scoring import score_samples
from trainers.ranking.task import RankingTask, texts_of

__all__ = ["BaselineTask"]

_MODULES = {
    "clip": "ClipModule",
    "irra": "IrraModule",
    "pcme": "PcmeModule",
    "lgur": "LgurModule",
    "srs": "SrsModule",
    "mod_gpt": "ModGptModule",
}


class BaselineTask(RankingTask):
    """A `trainers.task.Task`.

    Args:
        family: which of them.
        settings: of its class; everything but the data.
        train, valid: of the same sticker images' size.
        work: a folder that keeps a vocabulary learnt from `train`, so that a run that goes on has it again.

    Raises:
        InputError: the data are of another size than the model, or a split is empty.
        ModelError: published weights cannot be had.
    """

    def __init__(
        self,
        family: str,
        settings: BaselineSettings,
        train: RankingData,
        valid: RankingData,
        work: Path | None = None,
    ) -> None:
        super().__init__(train, valid, settings.batch, settings.train.seed)
        for name, data in (("training", train), ("validation", valid)):
            if data.stickers.side < settings.model.image.size:
                raise InputError(
                    f"the {name} stickers are cached at {data.stickers.side} pixels, the model sees "
                    f"{settings.model.image.size}; build the cache at that size or above"
                )
        self.family, self.settings = family, settings
        begun = start(family, settings.model, texts_of(train.samples), settings.train.seed, work)
        self.pieces = begun.tokens
        self.pretrained = frozenset(f"model.{name}" for name in begun.pretrained)
        self.pretrained_scale = settings.pretrained_scale
        kind: Any = getattr(import_module(f"trainers.baselines.{family}"), _MODULES[family])
        self.labels, classes = self._labels(kind)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.train.seed + 1)
            needs = Needs(classes, begun.tokens.mask, begun.tokens.markers, begun.tokens.size)
            self._module: BaselineModule = kind(begun.model, settings, needs)

    def _labels(self, kind: type[BaselineModule]) -> tuple[NDArray[np.int64], int]:
        stickers = self.train.stickers
        if kind.labels == "identity":
            return identities(stickers, (sample.sticker for sample in self.train.samples))
        if kind.labels == "meaning":
            losses: Any = self.settings.losses
            return meanings(stickers, losses.label, losses.labels)
        return np.full(len(stickers), -1, np.int64), 0

    @property
    def module(self) -> BaselineModule:
        """The model with what only training has."""
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        """As configured."""
        return {name: getattr(self.settings.losses, name) for name in self.module.terms}

    def scale_of(self, name: str) -> float:
        """Of the learning rate: the image encoder's share times that of published weights."""
        own = self.pretrained_scale if name in self.pretrained else 1.0
        return own * (self.settings.image_scale if name.startswith("model.image.") else 1.0)

    def batch(self, samples: Sequence[RankingSample]) -> BaselineBatch:
        """The tensors of some training samples."""
        text = self.module.model.read(self.pieces, [sample.conversation for sample in samples])
        return make_batch(samples, self.train.stickers, text, self.labels, self.module.golds_only)

    def before_step(self, step: int) -> None:
        """Whatever the family does then."""
        self.module.before_step(step)

    def ranker(self) -> BaselineRanker:
        """The model as inference runs it, where it is now; it goes into evaluation mode."""
        device = next(self.module.parameters()).device.type
        precision = self.settings.train.precision
        return BaselineRanker(self.family, self.module.model, self.pieces, None, device, precision)

    def score(self, samples: Sequence[RankingSample]) -> list[NDArray[np.float64]]:
        """Each validation sample's scores of its candidates."""
        return score_samples(self.ranker(), samples, self.valid.stickers, self.settings.batch.valid_size)

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint that `retriever.rankers.load_ranker` opens."""
        notes = {"metrics": dict(metrics), "losses": self.settings.losses.model_dump(mode="json")}
        save_baseline(folder, self.family, self.module.model, self.pieces, notes)
