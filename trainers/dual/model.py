"""The dual ranker in training: a text tower, label heads, a linear model over n-grams, what combines them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.labels import EMOTIONS, INTENTIONS
from trainers.dual.config import HeadsConfig
from trainers.dual.heads import Head
from trainers.dual.reader import Reader
from trainers.dual.taught import Subject, taught_loss
from trainers.dual.wide import Grams, Wide

__all__ = [
    "FLOOR",
    "PARTS",
    "WIDE",
    "Bank",
    "Combination",
    "DualBatch",
    "DualModule",
    "Parts",
    "multi_positive",
    "targets",
]

PARTS = ("emotion", "wide_emotion", "intention", "emoji", "wide_emoji", "likeness")
"""What a score is made of, in the order of the gates; ``wide`` parts are read off the n-grams."""

WIDE = tuple(part for part in PARTS if part.startswith("wide_"))
"""Those; also what the module calls their linear models."""

FLOOR = 0.01
"""Least weight of the likeness: it decides among stickers of one label, and hardly ever between labels."""


@dataclass(frozen=True, slots=True)
class DualBatch:
    """Rows of one source, then some sticker documents.

    Attributes:
        ids, mask, pool: (n, t), as in `retriever.encoders.dual.row.TokenBatch`.
        mode: (n, 3), which of `MODES` a row is.
        emotion: (n,) int64, -1 where unknown.
        emoji: (n,) int64 into the emoji that data have, -1 where unknown.
        intention: (n, 28) float32, a distribution, or all 0 where unknown.
        retrieval: (k,) float32, the weight of each row's retrieval loss.
        domain: (k,) int64, which source each row is of.
        anchored: (a,) int64, rows whose likeness to the bank's stickers is known.
        anchor: (a, d) float32, that likeness, cosines.
        taught: (k, labels) float32 of some kinds of label, log probabilities; NaN where nobody was asked.
    """

    ids: Tensor
    mask: Tensor
    pool: Tensor
    mode: Tensor
    emotion: Tensor
    emoji: Tensor
    intention: Tensor
    retrieval: Tensor
    domain: Tensor
    anchored: Tensor
    anchor: Tensor
    taught: dict[Subject, Tensor]


@dataclass(frozen=True, slots=True)
class Bank:
    """The sticker side that conversations are matched with, one row a distinct document.

    Attributes:
        vectors: (d, v) unit vectors, refreshed now and then and without gradient.
        emotion, intention: (d,) int64, -1 where unknown.
        emoji: (d,) int64 into the emoji that data have, -1 for others.
        golds: (d,) bool, whether it is of the pack that golds are drawn from.
    """

    vectors: Tensor
    emotion: Tensor
    intention: Tensor
    emoji: Tensor
    golds: Tensor


@dataclass(frozen=True, slots=True)
class Parts:
    """What is said of a conversation: log probabilities (k, labels), and its unit vector (k, v)."""

    emotion: Tensor
    wide_emotion: Tensor
    intention: Tensor
    emoji: Tensor
    wide_emoji: Tensor
    domain: Tensor
    vector: Tensor


class DualModule(nn.Module):
    """Scores are ``sum_i gate_i(conversation) * part_i(conversation, sticker)``, one matrix product.

    A part's gate is its gate in each domain, weighted with how likely the conversation is of that domain.

    The likeness part is the cosine over a temperature of the pooled vectors; a label part is the log
    probability of the sticker's own label (its expectation where the sticker has no label but a guess).

    Args:
        reader: rows of tokens to pooled vectors.
        options: of the heads.
        n_emoji: how many emoji the data have.
        n_domains: how many kinds of conversation (sources of data) there are.
        buckets: of the hashed n-grams.
        temperature: of the cosines.
        bank: the sticker side; its vectors are part of the state, so that a run that goes on has the same.
    """

    def __init__(
        self,
        reader: Reader,
        options: HeadsConfig,
        n_emoji: int,
        n_domains: int,
        buckets: int,
        temperature: float,
        bank: Bank,
    ) -> None:
        super().__init__()
        width = reader.width
        self.reader, self.options = reader, options
        self.emotion = Head(width, len(EMOTIONS), options)
        self.intention = Head(width, len(INTENTIONS), options)
        self.emoji = Head(width, n_emoji, options)
        self.domain = Head(width, n_domains, options)
        self.likeness = nn.Linear(width, options.likeness, bias=False) if options.likeness else None
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.wide_emotion = Wide(buckets, len(EMOTIONS))
        self.wide_emoji = Wide(buckets, n_emoji)
        self.combination = Combination(n_domains)
        self.temperature = temperature
        self.dropout = nn.Dropout(options.dropout)
        self.register_buffer("bank_vectors", bank.vectors)
        for name in ("emotion", "intention", "emoji", "golds"):
            self.register_buffer(f"bank_{name}", getattr(bank, name), persistent=False)

    @property
    def bank(self) -> Bank:
        """The sticker side as it is now."""
        names = ("vectors", "emotion", "intention", "emoji", "golds")
        return Bank(*(self.get_buffer(f"bank_{name}") for name in names))

    def standardise(self, pooled: Tensor) -> None:
        """Let the heads see every number of a pooled vector with the mean and spread of (n, h) examples.

        A tower that is not trained has numbers of very different sizes; the largest would be all that counts.
        """
        self.get_buffer("center").copy_(pooled.mean(0))
        self.get_buffer("spread").copy_(pooled.std(0) + 1e-3)

    def vectors(self, pooled: Tensor) -> Tensor:
        """(n, d) unit vectors whose cosines are likeness."""
        return F.normalize(pooled if self.likeness is None else self.likeness(pooled), dim=-1)

    def _seen(self, pooled: Tensor, mode: Tensor) -> Tensor:
        """What heads see of (n, h) pooled vectors and (n, 3) modes."""
        standard = (pooled - self.get_buffer("center")) / self.get_buffer("spread")
        return torch.cat([standard, mode.to(standard)], 1) if self.options.mode else standard

    def parts(self, pooled: Tensor, mode: Tensor, grams: Grams) -> Parts:
        """Everything a score needs of conversations.

        Args:
            pooled: (k, h) vectors.
            mode: (k, 3) of `mode_of`.
            grams: their n-grams.
        """
        seen = self._seen(pooled, mode)
        return Parts(
            self.emotion(seen).float().log_softmax(-1),
            self.wide_emotion(grams).log_softmax(-1),
            self.intention(seen).float().log_softmax(-1),
            self.emoji(seen).float().log_softmax(-1),
            self.wide_emoji(grams).log_softmax(-1),
            self.domain(seen).float().log_softmax(-1),
            self.vectors(pooled),
        )

    def values(self, parts: Parts, bank: Bank) -> Tensor:
        """(k, d, 6): every part's value for every sticker; NaN where it has an emoji that data lack."""
        emoji = [
            F.pad(said, (0, 1), value=float("nan"))[:, bank.emoji] for said in (parts.emoji, parts.wide_emoji)
        ]
        likeness = parts.vector @ bank.vectors.T / self.temperature
        labels = [
            _of(parts.emotion, bank.emotion),
            _of(parts.wide_emotion, bank.emotion),
            _of(parts.intention, bank.intention),
        ]
        return torch.stack([*labels, *emoji, likeness], dim=-1)

    def score(self, parts: Parts, bank: Bank) -> Tensor:
        """(k, d) scores of every sticker of the bank."""
        found: Tensor = self.combination(parts.domain, self.values(parts, bank))
        return found

    def forward(self, batch: DualBatch) -> dict[str, Tensor]:
        """Named loss terms; see `losses` of the task for their weights."""
        pooled = self.reader(batch.ids, batch.mask, batch.pool)
        with torch.autocast(
            pooled.device.type, enabled=False
        ):  # heads and losses are small: in full precision
            return self._terms(pooled, batch)

    def _terms(self, pooled: Tensor, batch: DualBatch) -> dict[str, Tensor]:
        k = len(batch.domain)
        seen = self._seen(pooled, batch.mode)
        said = self.dropout(seen[:k])
        heard = torch.cat([said, seen[k:]])
        emotion = self.emotion(heard).float().log_softmax(-1)
        emoji = self.emoji(said).float().log_softmax(-1)
        terms = {
            "emotion": _nll(emotion, batch.emotion),
            "intention": _soft(self.intention(heard).float().log_softmax(-1), batch.intention),
            "emoji": _nll(emoji, batch.emoji[:k]),
            "domain": _nll(self.domain(said).float().log_softmax(-1), batch.domain),
        }
        right, among, spread = targets(batch.emotion[:k], batch.emoji[:k], self.bank)
        vectors = self.vectors(pooled)
        likeness = vectors[:k] @ self.bank.vectors.T / self.temperature
        terms["retrieval"] = multi_positive(likeness - spread, right, among, batch.retrieval)
        if batch.taught:
            terms["taught"] = taught_loss({"emotion": emotion[:k], "emoji": emoji[:k]}, batch.taught)
        if len(batch.anchored):
            likeness = (vectors[batch.anchored] @ self.bank.vectors.T / self.temperature).log_softmax(-1)
            known = (batch.anchor / self.temperature).log_softmax(-1)
            terms["anchor"] = F.kl_div(likeness, known, log_target=True, reduction="batchmean")
        return terms


class Combination(nn.Module):
    """The gates: how much each part counts in each domain.

    Fitted on rows that nothing else was trained on (`trainers.dual.calibration`): on its own training rows
    the part that has learnt them by heart looks best. A gate a domain, and not one that reads the whole
    pooled vector: few rows are held out, and they fit a dozen numbers better than thousands.

    Args:
        n_domains: kinds of conversation.
    """

    def __init__(self, n_domains: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.empty(n_domains, len(PARTS)))
        self.other = nn.Parameter(torch.empty(2))
        self.reset()

    def reset(self) -> None:
        """Every gate about 1."""
        nn.init.ones_(self.weights)
        nn.init.constant_(self.other, -6.0)

    def gates(self) -> Tensor:
        """(m, 6) of each domain; the likeness's is never below `FLOOR`.

        None is negative as long as whoever fits `weights` keeps them so.
        """
        return self.weights + self.weights.new_tensor(
            [FLOOR if part == "likeness" else 0.0 for part in PARTS]
        )

    def forward(self, domain: Tensor, values: Tensor) -> Tensor:
        """Scores (k, d).

        Args:
            domain: (k, m) log probabilities of the conversations' domains.
            values: (k, d, 6); a NaN stands for an emoji that the data do not have.
        """
        gates = domain.exp() @ self.gates()
        places = torch.tensor([PARTS.index("emoji"), PARTS.index("wide_emoji")], device=values.device)
        other = torch.zeros(len(PARTS), device=values.device).index_put((places,), self.other)
        return torch.einsum("kp,kdp->kd", gates, torch.where(values.isnan(), other, values))


def _of(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """(k, l) and (d,) to (k, d): the log probability of each sticker's label; the mean where it has none."""
    known = log_probabilities[:, labels.clamp(min=0)]
    return torch.where(labels >= 0, known, log_probabilities.mean(1, keepdim=True))


def targets(emotion: Tensor, emoji: Tensor, bank: Bank) -> tuple[Tensor, Tensor, Tensor]:
    """Which stickers carry a row's label, which are ranked at all, and their ``log n``; each (k, d).

    Rows with an emoji are ranked among the golds' pack only: elsewhere nobody said which emoji is meant. `n`
    is how many stickers carry a sticker's own emotion: taken off a score, it makes a row's probability one of
    labels and not of stickers, so that a label with few stickers is not thought the likelier for it.
    """
    emoji, emotion = emoji[:, None], emotion[:, None]
    by_emoji = (emoji >= 0) & (emoji == bank.emoji)
    by_emotion = (emoji < 0) & (emotion >= 0) & (emotion == bank.emotion)
    among = torch.where(emoji >= 0, bank.golds[None], torch.ones_like(bank.golds)[None])
    alike = (bank.emotion[:, None] == bank.emotion[None]).sum(1).float().log()
    spread = torch.where(emoji >= 0, torch.zeros_like(alike)[None], alike[None])
    return (by_emoji | by_emotion) & among, among, spread


def multi_positive(scores: Tensor, right: Tensor, among: Tensor, weights: Tensor) -> Tensor:
    """``-log sum_right softmax(scores)``, weighted, averaged over the rows that have any right one."""
    scores = scores.masked_fill(~among, -1e9)
    loss = scores.logsumexp(1) - scores.masked_fill(~right, -1e9).logsumexp(1)
    any_right = right.any(1)
    return (loss * weights * any_right).sum() / any_right.sum().clamp(min=1)


def _nll(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """The mean over rows with a label; 0 where no row has one."""
    known = labels >= 0
    taken = log_probabilities.gather(1, labels.clamp(min=0)[:, None])[:, 0]
    return -(taken * known).sum() / known.sum().clamp(min=1)


def _soft(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy with distributions; rows of zeros do not count."""
    known = targets.sum(1)
    return -(log_probabilities * targets).sum() / known.sum().clamp(min=1)
