"""IRRA: *Cross-Modal Implicit Relation Reasoning and Aligning* (Jiang and Ye, CVPR 2023).

Similarity distribution matching (section 3.4), masked words told with the help of the picture's regions
(implicit relation reasoning, section 3.3) and which sticker it is (equation 10). The paper's two encoders are
CLIP's; here they are the configuration's. Its identities are people, ours are the training stickers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel
from trainers.baselines.base import BaselineModule, Needs, golds, same_sticker
from trainers.baselines.batch import BaselineBatch
from trainers.baselines.config import BaselineSettings
from trainers.losses.precision import full_precision

__all__ = ["IrraModule", "hide_words", "identity_loss", "similarity_distribution_matching"]

EPSILON = 1e-8
HIDDEN, SWAPPED = 0.8, 0.9
"""Of the chosen words, 80 % become [MASK], 10 % another word, 10 % stay (BERT's shares)."""


@full_precision
def similarity_distribution_matching(
    images: Tensor, texts: Tensor, same: Tensor, temperature: float
) -> Tensor:
    """KL from the true matches to the softmax of cosines, both directions summed: equations 5 to 7, a scalar.

    Args:
        images, texts: (K, C) unit vectors.
        same: (K, K) boolean; which pairs match, the diagonal among them.
    """
    true = same.float() / same.sum(1, keepdim=True)
    total = images.new_zeros(())
    for scores in (images @ texts.T, texts @ images.T):
        said = (scores / temperature).log_softmax(-1)
        total = total + (said.exp() * (said - (true + EPSILON).log())).sum(-1).mean()
    return total


@full_precision
def identity_loss(images: Tensor, texts: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of which sticker it is, the mean over both sides, a scalar (Zheng et al. 2020).

    Args:
        images, texts: (K, classes) scores.
        label: (K,) int64.
    """
    return (F.cross_entropy(images, label) + F.cross_entropy(texts, label)) / 2


def hide_words(ids: Tensor, words: Tensor, share: float, mask: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """A row of tokens with some of its words hidden, and which were chosen, (n, t) each.

    Args:
        ids: (n, t) int64.
        words: (n, t) boolean; False for markers and padding, which are never chosen.
        share: of words that are.
        mask: the number of [MASK].
        vocabulary: words to swap in are drawn from all of it.
    """
    chosen = words & (torch.rand(ids.shape, device=ids.device) < share)
    way = torch.rand(ids.shape, device=ids.device)
    other = torch.randint(vocabulary, ids.shape, device=ids.device)
    shown = torch.where(way < HIDDEN, mask, torch.where(way < SWAPPED, other, ids))
    return torch.where(chosen, shown, ids), chosen


class Reasoning(nn.Module):
    """Hidden words look at the picture: cross attention, a transformer, a head over the vocabulary.

    Section 3.3, "Multimodal Interaction Encoder"; pre-norm, as CLIP's layers.
    """

    def __init__(self, width: int, heads: int, layers: int, vocabulary: int) -> None:
        super().__init__()
        self.norm_words, self.norm_regions, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.cross = nn.MultiheadAttention(width, heads, batch_first=True)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, vocabulary)
        )

    def forward(self, words: Tensor, mask: Tensor, regions: Tensor) -> Tensor:
        """(n, t, width) hidden words and (n, s, width) regions to states (n, t, width) for the head.

        Args:
            mask: (n, t), 1 where a token is.
        """
        seen = self.norm_regions(regions)
        states = self.cross(self.norm_words(words), seen, seen, need_weights=False)[0]
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=mask == 0)
        return self.norm(states)  # type: ignore[no-any-return]


class IrraModule(BaselineModule):
    """Terms ``sdm``, ``mlm`` and ``identity``; see `BaselineModule` for the arguments."""

    terms = ("sdm", "mlm", "identity")
    labels = "identity"

    def __init__(self, model: BaselineModel, settings: BaselineSettings, needs: Needs) -> None:
        super().__init__(model, settings, needs)
        losses, width = self.losses, self.model.config.projection
        self.mask, self.special, self.vocabulary = needs.mask, needs.special, needs.vocabulary
        self.reasoning: Reasoning | None = None
        if losses.mlm > 0:
            self.reasoning = Reasoning(width, losses.heads, losses.layers, needs.vocabulary)
        self.classes = nn.Linear(width, needs.classes) if losses.identity > 0 else None

    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """Golds against the conversations of the batch; words are hidden in a second pass."""
        gold, losses = golds(batch), self.losses
        regions, images = self.model.regions(self.pictures(batch))
        ids, mask = batch.text["ids"], batch.text["mask"]
        _, texts = self.model.words(ids, mask)
        images = images[gold]
        terms = {
            "sdm": similarity_distribution_matching(images, texts, same_sticker(batch), losses.temperature)
        }
        if self.reasoning is not None:
            terms["mlm"] = self._words(self.reasoning, ids, mask, regions[gold])
        if self.classes is not None:
            label = batch.label[gold]
            terms["identity"] = identity_loss(self.classes(images), self.classes(texts), label)
        return terms

    def _words(self, reasoning: Reasoning, ids: Tensor, mask: Tensor, regions: Tensor) -> Tensor:
        special = torch.tensor(self.special, device=ids.device)
        words = mask.bool() & ~torch.isin(ids, special)
        hidden, chosen = hide_words(ids, words, self.losses.masked, self.mask, self.vocabulary)
        states = reasoning(self.model.words(hidden, mask)[0], mask, regions)
        scores = reasoning.head(states[chosen]).float()
        return F.cross_entropy(scores, ids[chosen], reduction="sum") / chosen.sum().clamp(min=1)
