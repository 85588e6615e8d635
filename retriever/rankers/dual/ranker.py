"""The dual ranker: one text tower for conversations and stickers, label heads, and one matrix product.

``score(c, s) = sum_i gate_i(c) * part_i(c, s)`` over six parts: the log probability, given the conversation,
of the sticker's emotion and of its emoji (each by the tower, and by a linear model over n-grams), of its
intention, and the cosine of the two pooled vectors over a temperature. What a part counts depends on the kind
of conversation: ``gate_i(c) = sum_m p(m | c) * gate_mi`` over the domains that training data came from. Every
part is a product of something of the conversation and something of the sticker, so a library is scored by one
matrix-vector product, and a pick can say what was expected (`expected`). A two-tower ranker in the sense of
DPR (Karpukhin et al. 2020, arXiv:2004.04906) whose gates are a mixture of experts by domain (Jacobs et al.
1991); the parts and how they are combined are this project's own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from retriever.checkpoints import WEIGHTS, content_id
from retriever.documents import document
from retriever.encoders.dual.encoder import open_text
from retriever.encoders.dual.row import ADD, MODES, REPLY
from retriever.encoders.dual.text import REMEMBERED, DualText
from retriever.errors import ModelError
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.rankers.base import StickerFeatures
from retriever.rankers.dual.features import KINDS, balance, ngrams
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["DualRanker", "load_dual"]

Floats = NDArray[np.float32]


class DualRanker:
    """A dual checkpoint, ready to score. Instances may be shared by threads.

    Attributes:
        labels: what `read` gives log probabilities of, by kind of label; no emoji where none were learnt.

    Features: ``vector`` (n, h), unit vectors, and ``labels`` (n, 7 + 28 + e + 1), the labels as shares.
    """

    family = "dual"
    dense = True

    def __init__(
        self, folder: Path, config: Mapping[str, Any], device: str = "auto", text: DualText | None = None
    ) -> None:
        """Open the checkpoint in `folder`.

        Args:
            folder, config: the checkpoint and its ``config.json``.
            device: for its text tower.
            text: its text side, where it is open already.

        Raises:
            ModelError: a file is missing, damaged, or does not fit the configuration.
            MissingExtra: ONNX Runtime or the tokenizer library is not installed.
        """
        try:
            tensors = load_file(folder / WEIGHTS)
            self._emoji: list[str] = list(config["emoji"])
            self.labels: dict[str, list[str]] = {
                "emotion": list(EMOTIONS),
                "intention": list(INTENTIONS),
                "emoji": self._emoji,
            }
            self._told_mode = bool(config.get("mode"))
            self._buckets, self._temperature = int(config["buckets"]), float(config["temperature"])
            self._heads = {
                head: _layers(tensors, f"heads.{head}.")
                for head in ("emotion", "intention", "emoji", "domain")
            }
            self._wide = {
                name: (
                    tensors[f"wide_{name}.weight"],
                    tensors.get(f"wide_{name}.weight.scale"),
                    tensors[f"wide_{name}.bias"],
                )
                for name in ("emotion", "emoji")
                if f"wide_{name}.weight" in tensors
            }
            if self._wide and config.get("ngrams") != KINDS:
                raise ModelError(
                    f"{folder} counts n-grams in another way ({config.get('ngrams')!r}, this version: "
                    f"{KINDS!r}); train it again"
                )
            self._gates: Floats = tensors["gates"]
            self._other: list[float] = tensors["other_emoji"].tolist()
            self.text = text or open_text(folder.resolve(), device)
        except KeyError as error:
            raise ModelError(f"{folder} lacks {error}: it is not a whole dual checkpoint") from error
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"{folder / WEIGHTS} cannot be read ({error}); copy the checkpoint again"
            ) from error
        self.model_id = f"dual@{content_id(folder)}"

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """Features from the stickers' documents and labels; images are not looked at."""
        return self.features(stickers, self.text.documents([document(sticker) for sticker in stickers]))

    def features(self, stickers: Sequence[Sticker], vectors: Floats) -> StickerFeatures:
        """Features of stickers whose documents have the unit vectors `vectors` (n, h)."""
        emotion = _shares(EMOTIONS, [sticker.emotion for sticker in stickers])
        intention = _shares(INTENTIONS, [sticker.intention for sticker in stickers])
        emoji = np.zeros((len(stickers), len(self._emoji) + 1), np.float32)
        places = {_plain(label): place for place, label in enumerate(self._emoji)}
        for row, sticker in enumerate(stickers):
            emoji[row, places.get(_plain(sticker.emoji or ""), -1)] = 1
        return {"vector": vectors, "labels": np.concatenate([emotion, intention, emoji], axis=1)}

    def prepare(self, conversations: Sequence[Conversation]) -> None:
        """Read the conversations of the next questions at once; `score` and `expected` find them read."""
        self.text.conversations(conversations[:REMEMBERED])

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        """(n,) scores; two stickers with equal features score equal to the last bit."""
        pooled = self.text.conversations([conversation])[0]
        seen = self._seen(conversation, pooled)
        emotion, wide_emotion, intention, emoji, wide_emoji = self._log_probabilities(conversation, seen)
        gates = self._weights(seen)
        labels = np.concatenate(
            [
                gates[0] * emotion + gates[1] * wide_emotion,
                gates[2] * intention,
                gates[3] * np.append(emoji, self._other[0])
                + gates[4] * np.append(wide_emoji, self._other[1]),
            ]
        ).astype(np.float32)
        query = (gates[5] / self._temperature * self.text.vectors(pooled[None])[0]).astype(np.float32)
        # einsum, not BLAS: there a row's sum depends on its place, and twins would differ in the last bit
        likeness = np.einsum("nd,d->n", features["vector"], query)
        return np.asarray(likeness + np.einsum("nd,d->n", features["labels"], labels), np.float64)

    def expected(self, conversation: Conversation) -> dict[str, dict[str, float]]:
        """What is expected of the answer: probabilities of emotions and of intentions, each adding to 1.

        The emotion is the geometric mean of what the tower and the n-grams say, weighted as in the score.
        """
        seen = self._seen(conversation, self.text.conversations([conversation])[0])
        emotion, wide_emotion, intention, _, _ = self._log_probabilities(conversation, seen)
        gates = self._weights(seen)
        weight = max(float(gates[0] + gates[1]), 1e-6)
        both = _log_softmax(np.asarray((gates[0] * emotion + gates[1] * wide_emotion) / weight, np.float32))
        return {
            "emotion": dict(zip(EMOTIONS, np.exp(both).tolist(), strict=True)),
            "intention": dict(zip(INTENTIONS, np.exp(intention).tolist(), strict=True)),
        }

    def read(self, conversations: Sequence[Conversation]) -> dict[str, Floats]:
        """Log probabilities (n, labels) of each kind in `labels`, by the tower alone, without n-grams."""
        pooled = self.text.pooled([self.text.tokens.conversation(talk) for talk in conversations])
        seen = [self._seen(talk, vector) for talk, vector in zip(conversations, pooled, strict=True)]
        return {
            kind: np.array([self._said(kind, row) for row in seen], np.float32).reshape(
                len(seen), len(labels)
            )
            for kind, labels in self.labels.items()
        }

    def _seen(self, conversation: Conversation, pooled: Floats) -> Floats:
        """What heads see: the pooled vector and, where they were trained so, which of `MODES` this is."""
        if not self._told_mode:
            return pooled
        mode = ADD if conversation.mode == "supplement" else REPLY
        return np.append(pooled, np.array([mode == each for each in MODES], np.float32))

    def _weights(self, seen: Floats) -> Floats:
        """What each of the six parts counts for this conversation, (6,)."""
        domain = np.exp(_log_softmax(_logits(seen, self._heads["domain"])))
        return np.asarray(domain @ self._gates, np.float32)

    def _log_probabilities(
        self, conversation: Conversation, seen: Floats
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        grams = ngrams(conversation, self._buckets)
        return (
            self._said("emotion", seen),
            self._counted("emotion", grams),
            self._said("intention", seen),
            self._said("emoji", seen),
            self._counted("emoji", grams),
        )

    def _counted(self, kind: str, grams: NDArray[np.int64]) -> Floats:
        """What the linear model over n-grams says; zeros where the checkpoint has none of `kind`."""
        labels = len(self.labels[kind])
        if kind not in self._wide:
            return np.zeros(labels, np.float32)
        return _log_softmax(_wide(grams, *self._wide[kind]))[:labels]

    def _said(self, kind: str, seen: Floats) -> Floats:
        """What a head says; a head that learnt no labels has one of no meaning, which is left out."""
        return _log_softmax(_logits(seen, self._heads[kind]))[: len(self.labels[kind])]


def load_dual(folder: Path, config: Mapping[str, Any], device: str = "auto") -> DualRanker:
    """The loader of the family; see `retriever.rankers.registry`."""
    return DualRanker(folder, config, device)


def _layers(tensors: Mapping[str, Floats], prefix: str) -> list[tuple[Floats, Floats]]:
    """Weights and bias of a head's layers: the one before the labels' where it has one, and the labels'."""
    before = ["up."] if f"{prefix}up.weight" in tensors else []
    return [(tensors[f"{prefix}{part}weight"], tensors[f"{prefix}{part}bias"]) for part in (*before, "")]


def _logits(vector: Floats, head: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Of a head: ReLUs between its layers."""
    for number, (weight, bias) in enumerate(head):
        vector = np.asarray(weight @ (np.maximum(vector, 0) if number else vector) + bias, np.float32)
    return vector


def _wide(grams: NDArray[np.int64], table: NDArray[Any], scale: Floats | None, bias: Floats) -> Floats:
    """Logits of the linear model, (labels,): the balanced sum of the n-grams' columns, and the bias."""
    summed = table[:, grams].astype(np.float32) @ balance(grams, table.shape[1])
    if scale is not None:
        summed = summed * scale
    return np.asarray(summed + bias, np.float32)


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()), np.float32)


def _shares(labels: Sequence[str], given: Sequence[str | None]) -> Floats:
    """(n, l): all on the label, or spread evenly where there is none."""
    shares = np.full((len(given), len(labels)), 1 / len(labels), np.float32)
    for row, label in enumerate(given):
        if label in labels:
            shares[row] = 0
            shares[row, labels.index(label)] = 1
    return shares


def _plain(emoji: str) -> str:
    return emoji.translate({0xFE0E: None, 0xFE0F: None}).strip()
