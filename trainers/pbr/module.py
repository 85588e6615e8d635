"""PBR in training: the ranker, the heads that only training has, and every term of equation 10."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from retriever.labels import EMOTIONS
from retriever.rankers.pbr.model import Encoded, PBRModel
from trainers.images.augment import random_crop, to_float, topic_view
from trainers.losses.alignment import image_to_text, text_to_image
from trainers.losses.contrast import printed_contrast, simclr_contrast
from trainers.losses.distillation import (
    feature_distillation,
    soft_label_distillation,
    soft_label_entropy,
)
from trainers.losses.gather import gather_rows
from trainers.losses.matching import one_sided_matching, two_sided_matching
from trainers.mining import draw, negative_probabilities, sentiment_likeness, sticker_polarity
from trainers.pbr.batch import PBRBatch
from trainers.pbr.config import PBRLosses

__all__ = ["Negatives", "PBRModule"]

TRAIN_SCALE = (0.75, 1.0)


class Negatives(NamedTuple):
    """What the matching loss is given beside the true pairs.

    Attributes:
        sticker: (K,) into the distinct stickers: another sticker for each conversation.
        text: (K,) into the conversations: another conversation for each gold sticker.
        has_sticker, has_text: (K,) boolean; False where there was nothing to draw.
    """

    sticker: Tensor
    text: Tensor
    has_sticker: Tensor
    has_text: Tensor


class PBRModule(nn.Module):
    """Gives the named loss terms ``i2t``, ``t2i``, ``match`` and, where they are on, ``ekd``, ``intra`` and
    ``inter``; ``label_entropy`` (of the soft labels, in nats) is only for the log.

    Args:
        model: what is kept after training.
        losses: which terms, in which variants.
        teacher_width: of the teacher's features, for feature distillation.
    """

    def __init__(self, model: PBRModel, losses: PBRLosses, teacher_width: int = 2048) -> None:
        super().__init__()
        self.model = model
        self.losses = losses
        width = model.image.width
        self.emotion: nn.Linear | None = None
        if losses.distils:
            outputs = {
                "anchors": len(EMOTIONS) * losses.distillation.clusters,
                "logit": len(EMOTIONS),
                "feature": teacher_width,
            }
            self.emotion = nn.Linear(width, outputs[losses.distillation.kind])
        self.contrast: nn.Module | None = None
        if losses.intra > 0 or losses.inter > 0:
            self.contrast = nn.Sequential(
                nn.Linear(width, losses.contrast.hidden),
                nn.BatchNorm1d(losses.contrast.hidden),
                nn.ReLU(),
                nn.Linear(losses.contrast.hidden, losses.contrast.width),
            )

    def forward(self, batch: PBRBatch) -> dict[str, Tensor]:
        """Every distinct sticker goes through the image encoder once a view, every conversation once."""
        whole, views = self._images(batch.pixels)
        texts = self.model.encode_texts(batch.ids, batch.mask)
        own = torch.arange(len(batch.gold), device=batch.gold.device)
        gold = batch.candidates[own, batch.gold]
        terms = self._alignment(batch, texts, whole, gold)
        emotion = self.emotion(whole.states[:, 0]).float() if self.emotion is not None else None
        negatives = self.mine(batch, texts.vector, whole.vector, gold, emotion)
        terms["match"] = self._match(texts, whole, gold, negatives)
        if emotion is not None:
            terms |= self._distillation(batch, emotion)
        if views is not None:
            terms |= self._contrast(batch, *views)
        return terms

    def _images(self, pixels: Tensor) -> tuple[Encoded, tuple[Tensor, Tensor] | None]:
        """The stickers, and their two views in the space of topic contrast where that is on."""
        images, size = to_float(pixels), self.model.image.size
        n = len(images)
        first = random_crop(images, size, TRAIN_SCALE)
        if self.contrast is None:
            return self.model.encode_images(first), None
        views = [topic_view(images, size) for _ in range(2)]
        states = self.model.image(torch.cat([first, *views]))
        mapped = self.contrast(states[n:, 0])
        return self.model.project_images(states[:n]), (mapped[:n], mapped[n:])

    def _alignment(self, batch: PBRBatch, texts: Encoded, whole: Encoded, gold: Tensor) -> dict[str, Tensor]:
        slots = batch.candidates
        masked = self.losses.false_negatives == "mask"
        same_sticker = gold[:, None] == gold if masked else None
        absent = slots < 0
        left_out = absent | (slots == gold[:, None]) if masked else absent
        temperature = self.model.temperature
        return {
            "i2t": image_to_text(whole.vector[gold], texts.vector, temperature, same_sticker),
            "t2i": text_to_image(
                texts.vector, whole.vector[slots.clamp(min=0)], batch.gold, temperature, left_out
            ),
        }

    @torch.no_grad()
    def mine(
        self, batch: PBRBatch, texts: Tensor, stickers: Tensor, gold: Tensor, emotion: Tensor | None
    ) -> Negatives:
        """Draw the negatives: algorithm 1, over all K * N slots and over the K conversations.

        Args:
            texts: (K, C) unit vectors of the conversations.
            stickers: (D, C) unit vectors of the distinct stickers.
            gold: (K,) the golds among the distinct stickers.
            emotion: (D, 7M) the student's emotion scores, where it has any.
        """
        mining = self.losses.mining
        slots = batch.candidates.flatten()
        k, n = batch.candidates.shape
        own = torch.arange(k, device=gold.device)
        is_gold = own[:, None] * n + batch.gold[:, None] == torch.arange(k * n, device=gold.device)
        is_own = own[:, None] == own
        if self.losses.false_negatives == "mask":
            is_gold = is_gold | (slots == gold[:, None])
            is_own = is_own | (gold[:, None] == gold)
        absent = (slots < 0) | (batch.rows[slots] < 0)
        texts, stickers = texts.float(), stickers.float()
        cosine = texts @ stickers.T
        temperature = self.model.temperature.float()
        t2i = cosine[:, slots] / (temperature if mining.sharp_t2i else 1.0)
        i2t = (cosine[:, gold] / temperature).T
        t2i_sentiment = i2t_sentiment = None
        if mining.strategy == "random":
            t2i, i2t = torch.zeros_like(t2i), torch.zeros_like(i2t)
        elif mining.strategy == "polarity":
            scores = batch.anchors if mining.labels == "teacher" else emotion
            assert scores is not None  # the configuration and the task see to it
            polarity = sticker_polarity(scores, mining.pooling)
            of_text = batch.polarity.float()
            t2i_sentiment = sentiment_likeness(of_text, polarity, mining.variant)[:, slots]
            i2t_sentiment = sentiment_likeness(polarity[gold], of_text, mining.variant)
        place, has_sticker = draw(negative_probabilities(t2i, t2i_sentiment, is_gold, absent, mining.weight))
        text, has_text = draw(negative_probabilities(i2t, i2t_sentiment, is_own, None, mining.weight))
        return Negatives(slots[place].clamp(min=0), text, has_sticker, has_text)

    def _match(self, texts: Encoded, whole: Encoded, gold: Tensor, negatives: Negatives) -> Tensor:
        own = torch.arange(len(gold), device=gold.device)
        two_sided = self.losses.negatives == "two_sided"
        text_rows = torch.cat([own, own, negatives.text] if two_sided else [own, own])
        sticker_rows = torch.cat([gold, negatives.sticker, gold] if two_sided else [gold, negatives.sticker])
        logits = self.model.match(texts, whole.rows(sticker_rows), text_rows)
        k = len(gold)
        if two_sided:
            drawn = torch.cat([negatives.has_sticker, negatives.has_text])
            return two_sided_matching(logits[:k], logits[k:], drawn)
        return one_sided_matching(logits[:k], logits[k:], negatives.has_sticker)

    def _distillation(self, batch: PBRBatch, emotion: Tensor) -> dict[str, Tensor]:
        """Every slot counts, as if each had been encoded by itself; blanks and missing slots do not."""
        slots = batch.candidates.flatten()
        counts = torch.zeros_like(batch.rows).index_add_(0, slots.clamp(min=0), (slots >= 0).long())
        counts = counts * (batch.rows >= 0)
        options = self.losses.distillation
        if options.kind == "feature":
            assert batch.features is not None
            return {"ekd": feature_distillation(emotion, batch.features, counts)}
        labels = batch.anchors if options.kind == "anchors" else batch.logits
        assert labels is not None
        return {
            "ekd": soft_label_distillation(emotion, labels, counts, options.temperature),
            "label_entropy": soft_label_entropy(labels, counts, options.temperature),
        }

    def _contrast(self, batch: PBRBatch, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """Within each candidate set, and over the distinct stickers of the batch (of all processes)."""
        terms: dict[str, Tensor] = {}
        if self.losses.intra > 0:
            slots = batch.candidates
            rows = batch.rows[slots.clamp(min=0)]
            present = (slots >= 0) & (rows >= 0)
            apart = rows[:, :, None] != rows[:, None]
            seen = slots.clamp(min=0)
            terms["intra"] = self._contrast_of(first[seen], second[seen], present, apart)
        if self.losses.inter > 0:
            first, second, rows, topic = gather_rows(first, second, batch.rows, batch.topic)
            apart = rows[:, None] != rows
            if self.losses.contrast.inter_negatives == "other_topics":
                apart = apart & (topic[:, None] != topic)
            terms["inter"] = self._contrast_of(first[None], second[None], (rows >= 0)[None], apart[None])
        return terms

    def _contrast_of(self, first: Tensor, second: Tensor, present: Tensor, apart: Tensor) -> Tensor:
        options = self.losses.contrast
        if options.variant == "printed":
            return printed_contrast(first, second, present, apart)
        return simclr_contrast(first, second, present, apart, options.temperature)
