"""MMBERT in training: the ranker, the heads that only training has, and the terms of equation 1."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.mmbert.model import MMBERTModel
from retriever.rankers.mmbert.tokens import NOTHING
from trainers.images.augment import random_crop, to_float
from trainers.mmbert.batch import MMBERTBatch
from trainers.mmbert.config import MMBERTLosses, PicturesConfig
from trainers.mmbert.losses import matching_loss, mean_cross_entropy, semantic_loss, semantic_targets
from trainers.mmbert.masking import mask_context

__all__ = ["MMBERTModule"]

RIGHT, WRONG, CONTEXT, MEANING, DESCRIBED = range(5)


class MMBERTModule(nn.Module):
    """Gives the named loss terms ``main`` and, where they are on, ``ctx``, ``emo`` and ``sem``.

    All tasks are read in one pass: K right pairs, K wrong pairs, K masked dialogues with the right sticker,
    those of the K right pairs whose sticker has words, shown without them, and where descriptions are asked
    for, the stickers that have one, without a dialogue.

    Args:
        model: what is kept after training.
        losses: which tasks.
        pictures: whether the image encoder learns.
        emotions: how many labels there are; without any there is no emotion task.
        cls: the number of [CLS].
    """

    def __init__(
        self, model: MMBERTModel, losses: MMBERTLosses, pictures: PicturesConfig, emotions: int, cls: int
    ) -> None:
        super().__init__()
        self.model = model
        self.losses = losses
        self.pictures = pictures
        self.cls = cls
        width, vocabulary = model.text.width, model.text.words.num_embeddings
        self.emotion = nn.Linear(width, emotions) if losses.emo > 0 and emotions else None
        """Reads the sticker's own state."""
        self.words = nn.Linear(width, vocabulary) if losses.ctx > 0 or losses.sem > 0 else None
        """Shared by masked context and meaning; not BERT's own, as in the released code."""
        model.image.requires_grad_(pictures.train)

    def train(self, mode: bool = True) -> "MMBERTModule":
        """A frozen image encoder stays in evaluation mode."""
        super().train(mode)
        if not self.pictures.train:
            self.model.image.eval()
        return self

    def forward(self, batch: MMBERTBatch) -> dict[str, Tensor]:
        """Every distinct sticker goes through the image encoder once."""
        model, k = self.model, len(batch.right)
        stickers = model.picture(self._see(batch))
        task, text, sticker = self._rows(batch)
        dialogues, mask = self._dialogues(batch)
        ids, chosen = dialogues[text], None
        if self.losses.ctx > 0:
            shown, chosen = self._masked(batch)
            ids = torch.cat([ids[: CONTEXT * k], shown, ids[(CONTEXT + 1) * k :]])
        slots = there = None
        if model.config.ocr_input or self.losses.sem > 0:
            asked = task >= MEANING
            slots = torch.where(asked[:, None], NOTHING, batch.words[sticker])
            if not model.config.ocr_input:
                there = asked
        states = model.read(model.text.words(ids), mask[text], stickers[sticker], slots, there)
        states = model.dropout(states)
        logits = model.head(states[:, 0]).float()
        terms = {"main": matching_loss(logits[task == RIGHT], logits[task == WRONG])}
        if self.emotion is not None:
            terms["emo"] = mean_cross_entropy(self.emotion(states[task == RIGHT, -2]), batch.emotion)
        if self.words is not None and chosen is not None:
            context = states[task == CONTEXT, : batch.ids.shape[1]][chosen]
            terms["ctx"] = mean_cross_entropy(self.words(context), batch.ids[chosen])
        if self.words is not None and self.losses.sem > 0:
            end = -2 - model.config.slots
            meant = self.words(states[task >= MEANING, end:-2])
            words = batch.words[batch.right[batch.told]]
            if batch.descriptions is not None:
                words = torch.cat([words, batch.descriptions])
            targets = semantic_targets(words, NOTHING, self.cls)
            terms["sem"] = semantic_loss(meant, targets, self.losses.sem_reduction)
        return terms

    def _dialogues(self, batch: MMBERTBatch) -> tuple[Tensor, Tensor]:
        """(K + 1, T) tokens and mask: the dialogues, and one that says nothing."""
        nothing, none = torch.zeros_like(batch.ids[:1]), torch.zeros_like(batch.mask[:1])
        nothing[0, 0], nothing[0, 1] = self.cls, self.model.sep
        none[0, :2] = 1
        return torch.cat([batch.ids, nothing]), torch.cat([batch.mask, none])

    def _rows(self, batch: MMBERTBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Of every pair that is read: its task, its dialogue, its sticker."""
        own = torch.arange(len(batch.right), device=batch.right.device)
        parts = [(RIGHT, own, batch.right), (WRONG, own, batch.wrong)]
        if self.losses.ctx > 0:
            parts.append((CONTEXT, own, batch.right))
        if self.losses.sem > 0:
            parts.append((MEANING, batch.told, batch.right[batch.told]))
            if batch.described is not None:
                silent = torch.full_like(batch.described, len(batch.right))
                parts.append((DESCRIBED, silent, batch.described))
        task = torch.cat([torch.full_like(text, number) for number, text, _ in parts])
        return task, torch.cat([text for _, text, _ in parts]), torch.cat([at for *_, at in parts])

    def _masked(self, batch: MMBERTBatch) -> tuple[Tensor, Tensor]:
        model, losses = self.model, self.losses
        allowed = batch.mask.bool()
        vocabulary = model.text.words.num_embeddings
        if not losses.mask_markers:
            marker = (batch.ids == self.cls) | (batch.ids == model.sep) | (batch.ids >= vocabulary - 2)
            allowed = allowed & ~marker
        return mask_context(batch.ids, allowed, losses.masked, model.mask, vocabulary)

    def _see(self, batch: MMBERTBatch) -> Tensor:
        """(D, C_V): the stickers' states, computed or given."""
        if batch.seen is not None:
            return batch.seen
        assert batch.pixels is not None  # one of the two is there
        images, size = to_float(batch.pixels), self.model.image.size
        if self.training and self.pictures.crop < 1:
            images = random_crop(images, size, (self.pictures.crop, 1.0))
        elif images.shape[-1] != size:
            images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        return self.model.see(images)

    @torch.no_grad()
    def emotions_of(self, ids: Tensor, mask: Tensor, stickers: Tensor, slots: Tensor | None) -> Tensor:
        """(n, labels) scores of n pairs; arguments as of `MMBERTModel.score`."""
        assert self.emotion is not None  # asked only of a module that has the task
        states = self.model.read(self.model.text.words(ids), mask, stickers, slots)
        return self.emotion(states[:, -2]).float()  # type: ignore[no-any-return]
