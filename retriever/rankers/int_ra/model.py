"""The Int-RA model as inference needs it: an intention-fused query, relation-aware stickers, one cosine."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.int_ra.relation import Relations
from retriever.rankers.int_ra.tokens import TextRows
from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.vision import ImageEncoder

__all__ = ["IntRAModel", "Queries", "StickerVectors"]


class Queries(NamedTuple):
    """The text side of n conversations.

    Attributes:
        vector: (n, d) unit vectors.
        logits: (n, labels) of the intention classifier, or None where the model has none.
    """

    vector: Tensor
    logits: Tensor | None


class StickerVectors(NamedTuple):
    """The sticker side.

    Attributes:
        vector: (n, d) unit vectors.
        relations: (n, s), how much each region counts.
    """

    vector: Tensor
    relations: Tensor


class IntRAModel(nn.Module):
    """Reply with Sticker, section IV.

    Args:
        config: what to build; published weights of the image encoder are read where it names some, those
            of the text encoder are not (see `trainers.int_ra.build`).
        vocabulary: entries of the text encoder's word table.
        labels: the classes' names as tokens.
    """

    label_ids: Tensor
    label_mask: Tensor

    def __init__(self, config: IntRAModelConfig, vocabulary: int, labels: TextRows) -> None:
        super().__init__()
        self.config = config
        self.image = ImageEncoder(config.image)
        self.text = text_encoder(config.text, vocabulary)
        self.relations = Relations(config, self.image.width, self.text.width)
        self.context: nn.Linear | None = None
        self.classifier: nn.Linear | None = None
        self.intention: nn.Linear | None = None
        if config.query in ("fused", "context"):
            self.context = nn.Linear(self.text.width, config.width)
        if config.query != "context":
            self.classifier = nn.Linear(self.text.width, len(config.label_names))
            self.intention = nn.Linear(self.text.width, config.width)
        self.register_buffer("label_ids", torch.from_numpy(labels.ids), persistent=False)
        self.register_buffer("label_mask", torch.from_numpy(labels.mask), persistent=False)

    def encode_texts(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, t) token numbers and their mask to (n, text width)."""
        whole: Tensor = self.text(ids, mask)[1]
        return whole

    def encode_labels(self) -> Tensor | None:
        """(labels, text width): M-BERT(y) of every class; None for a model without intention."""
        if self.classifier is None:
            return None
        return self.encode_texts(self.label_ids, self.label_mask)

    def queries(self, ids: Tensor, mask: Tensor, labels: Tensor | None) -> Queries:
        """Equations 3 to 5 and H^Y.

        Args:
            ids, mask: (n, t), conversations with their knowledge.
            labels: of `encode_labels`; the same for all conversations, so that they can be kept.
        """
        whole = self.encode_texts(ids, mask)
        logits = None
        parts = [self.context(whole)] if self.context is not None else []
        if self.classifier is not None and self.intention is not None:
            assert labels is not None
            logits = self.classifier(whole).float()
            if self.config.query == "paper":
                meant = labels[logits.argmax(-1)]
            else:
                meant = logits.softmax(-1).to(labels.dtype) @ labels
            parts.append(self.intention(meant))
        return Queries(_unit(sum(parts[1:], parts[0])), logits)

    def stickers(self, pixels: Tensor, ids: Tensor, mask: Tensor, which: Tensor) -> StickerVectors:
        """Equations 8 to 12.

        Args:
            pixels: (n, 3, size, size) in [0, 1].
            ids, mask: (u, t), the distinct attribute texts.
            which: (n, a) int64 into them; 0 is no text.
        """
        regions = self.image(pixels)[:, 1:]
        texts = self.encode_texts(ids, mask) if self.config.attributes else regions.new_zeros(1, 0)
        vector, relations = self.relations(regions, texts[which], which > 0)
        return StickerVectors(_unit(vector), relations)


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors.float(), dim=-1)
