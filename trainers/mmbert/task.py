"""Training MMBERT: the tensors of its batches, what its tasks weigh, what is saved."""

import logging
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from retriever.errors import InputError
from retriever.rankers.mmbert.ranker import MMBERTRanker, save_mmbert
from retriever.rankers.parts.weights import pick_device
from retriever.types import Sticker
from trainers.datasets.knowledge import stickers_in_words
from trainers.datasets.ranking import BLANK, RankingData, RankingSample, StickerImages
from trainers.images.augment import to_float
from trainers.mmbert.batch import MMBERTBatch, descriptions, make_batch, verbal
from trainers.mmbert.build import build
from trainers.mmbert.config import MMBERTConfig
from trainers.mmbert.module import MMBERTModule
from trainers.mmbert.pairs import in_pairs
from trainers.mmbert.scoring import features_of, score_samples
from trainers.ranking.task import RankingTask, texts_of

__all__ = ["MMBERTTask"]

logger = logging.getLogger(__name__)

_CHUNK = 128


class MMBERTTask(RankingTask):
    """A `trainers.task.Task`.

    The label set of the emotion task is that of the training samples; data without a label train without
    that task, and stickers without words without the semantic one.

    Args:
        config: everything but the data.
        train, valid: of the same sticker images' size.
        work: a folder that keeps a vocabulary learnt from `train`, so that a run that goes on has it again.
        words: what is known of every sticker in words, in the rows of the stickers, where descriptions are
            asked for; None takes what their packs say.

    Raises:
        InputError: the data are of another size than the model, or sent one sticker only; descriptions are
            asked for, and there is none.
        ModelError: published weights cannot be had.
    """

    def __init__(
        self,
        config: MMBERTConfig,
        train: RankingData,
        valid: RankingData,
        work: Path | None = None,
        words: Sequence[Sticker] | None = None,
    ) -> None:
        super().__init__(train, valid, config.batch, config.train.seed)
        size = config.model.image.size
        for name, data in (("training", train), ("validation", valid)):
            if data.stickers.side < size:
                raise InputError(
                    f"the {name} stickers are cached at {data.stickers.side} pixels, the model sees {size}; "
                    "build the cache at that size or above"
                )
        self.config = config
        self.train = in_pairs(train, config.negatives)
        self.emotions = {
            label: at
            for at, label in enumerate(sorted({s.emotion for s in train.samples if s.emotion is not None}))
        }
        self.written = self._written(train.stickers, words) if config.losses.descriptions else []
        said = verbal(train.stickers, np.arange(len(train.stickers)))
        texts = chain(texts_of(train.samples), said, self.written)
        start = build(config.model, texts, config.train.seed, work)
        self.tokens = start.tokens
        self.pretrained = frozenset(f"model.{name}" for name in start.pretrained)
        self.pretrained_scale = config.pretrained_scale
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.train.seed + 1)
            self._module = MMBERTModule(
                start.model, config.losses, config.pictures, len(self.emotions), self.tokens.pieces.markers[1]
            )
        self._seen = None if config.pictures.train else self._frozen_states(train.stickers)
        if config.losses.emo > 0 and not self.emotions:
            logger.warning("no training sample has an emotion: the emotion task is left out")

    def _written(self, stickers: StickerImages, words: Sequence[Sticker] | None) -> list[str]:
        found = descriptions(stickers_in_words(stickers) if words is None else words)
        if not any(found):
            raise InputError(
                f"losses.descriptions asks for what is written about stickers, and nothing is about any of "
                f"{len(stickers)}; write it with `sticker describe` and name its journal "
                "(knowledge.attributes, knowledge.library), or set losses.descriptions = false"
            )
        return found

    def _frozen_states(self, stickers: StickerImages) -> NDArray[np.float32]:
        """(n + 1, C_V): what the frozen image encoder makes of every sticker, and of an empty slot."""
        if self.config.model.image.pretrained is None:
            logger.warning("the image encoder starts from nothing and is frozen: set pictures.train = true")
        device, model = pick_device(self.config.train.device), self._module.model
        model.image.to(device).eval()
        rows, size = np.append(np.arange(len(stickers)), BLANK), model.image.size
        found = []
        with torch.inference_mode():
            for start in range(0, len(rows), _CHUNK):
                pixels = stickers.pixels(rows[start : start + _CHUNK])
                images = to_float(torch.from_numpy(pixels).to(device))
                if images.shape[-1] != size:
                    images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
                found.append(model.see(images).float().cpu().numpy())
        return np.concatenate(found)

    @property
    def module(self) -> MMBERTModule:
        """The model with the heads of training."""
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        """Equation 1 as configured."""
        losses = self.config.losses
        return {"main": 1.0, "ctx": losses.ctx, "emo": losses.emo, "sem": losses.sem}

    def scale_of(self, name: str) -> float:
        """The image encoder has a rate of its own."""
        if name.startswith("model.image."):
            return self.config.pictures.scale
        return super().scale_of(name)

    def batch(self, samples: Sequence[RankingSample]) -> MMBERTBatch:
        """The tensors of some training samples."""
        return make_batch(samples, self.train.stickers, self.tokens, self.emotions, self._seen, self.written)

    def ranker(self) -> MMBERTRanker:
        """The model as inference runs it, where it is now; it goes into evaluation mode."""
        device = next(self.module.parameters()).device.type
        return MMBERTRanker(self.module.model, self.tokens, "mmbert", device, self.config.train.precision)

    def score(self, samples: Sequence[RankingSample]) -> list[NDArray[np.float64]]:
        """Each validation sample's scores of its candidates."""
        return score_samples(self.ranker(), samples, self.valid.stickers, self.config.batch.valid_size)

    def validate(self) -> dict[str, float]:
        """R@1, R@2, R@5 and MAP; with the emotion task its accuracy too, over samples that have a label."""
        found = super().validate()
        samples = [self.valid.samples[row] for row in self._valid_rows]
        known = [sample for sample in samples if sample.emotion in self.emotions]
        if self.module.emotion is not None and known:
            found["emotion"] = 100 * float(np.mean(self._emotions_right(known)))
        return found

    def _emotions_right(self, samples: Sequence[RankingSample]) -> list[bool]:
        ranker, stickers = self.ranker(), self.valid.stickers
        rows = stickers.rows([sample.sticker for sample in samples])
        distinct, inverse = np.unique(rows, return_inverse=True)
        features = features_of(ranker, stickers, distinct)
        right: list[bool] = []
        size = self.config.batch.valid_size
        self.module.eval()
        for start in range(0, len(samples), size):
            part = samples[start : start + size]
            batch = self.tokens.dialogues([sample.conversation for sample in part])
            ids, mask = (torch.from_numpy(side).to(ranker.device) for side in (batch.ids, batch.mask))
            inputs = ranker.sticker_inputs(features, inverse[start : start + size])
            said = self.module.emotions_of(ids, mask, *inputs).argmax(1).tolist()
            right += [said[at] == self.emotions[str(sample.emotion)] for at, sample in enumerate(part)]
        return right

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint that `retriever.rankers.load_ranker` opens."""
        notes = {"metrics": dict(metrics), "losses": self.config.losses.model_dump(mode="json")}
        save_mmbert(folder, self.module.model, self.tokens, notes)
