"""The MMBERT model as inference needs it: one transformer over dialogue, slots and sticker."""

import torch
from torch import Tensor, nn

from retriever.rankers.mmbert.config import MMBERTModelConfig, Score
from retriever.rankers.mmbert.tokens import NOTHING, DialogueTokens
from retriever.rankers.parts.text import AttentiveEncoder
from retriever.rankers.parts.vision import ImageEncoder

__all__ = ["MMBERTModel"]


class MMBERTModel(nn.Module):
    """``[CLS] dialogue [SEP] S image [SEP]`` through one BERT; [CLS] says if the two match (section 3.2).

    The second part has token type 1. Positions count what is there: padding between the dialogue and S,
    which only batches have, moves nothing.

    Args:
        config: what to build; published weights of the image encoder are read where it names some, those of
            the text are not (see `trainers.mmbert.build`).
        tokens: whose numbers it will be given.
    """

    def __init__(self, config: MMBERTModelConfig, tokens: DialogueTokens) -> None:
        super().__init__()
        self.config = config
        self.mask, self.sep = tokens.mask, tokens.sep
        self.image = ImageEncoder(config.image)
        self.text = AttentiveEncoder(config.text, tokens.size)
        width = self.text.width
        self.second = nn.Parameter(torch.zeros(width))
        """What token type 1 adds; type 0 is part of the positions, as `PublishedBert.fill_text` puts it."""
        self.picture = nn.Linear(self.image.width, width)
        self.dropout = nn.Dropout(config.text.dropout)
        self.head = nn.Linear(width, 2)

    def see(self, pixels: Tensor) -> Tensor:
        """(n, 3, size, size) in [0, 1] to the image encoder's [CLS] states (n, C_V)."""
        return self.image(pixels)[:, 0]  # type: ignore[no-any-return]

    def read(
        self,
        vectors: Tensor,
        mask: Tensor,
        pictures: Tensor,
        slots: Tensor | None,
        there: Tensor | None = None,
        first_only: bool = False,
    ) -> Tensor:
        """States of n pairs, (n, t + S + 2, width), S being 0 where `slots` is None.

        The image's is the last but one, those of the slots stand before it.

        Args:
            vectors: (n, t, width) word vectors of the dialogue with its [CLS] and [SEP].
            mask: (n, t), 1 where a token is.
            pictures: (n, width) of `picture`.
            slots: (n, S) numbers of words; `NOTHING` is shown as [MASK].
            there: (n,) whether a row has slots at all; None where all do.
            first_only: only the state of [CLS], (n, 1, width).
        """
        n, device = len(vectors), vectors.device
        words = self.text.words
        end = words(torch.full((n, 1), self.sep, device=device))
        parts, masks = [pictures[:, None].to(end.dtype), end], [mask.new_ones(n, 2)]
        if slots is not None:
            parts.insert(0, words(torch.where(slots == NOTHING, self.mask, slots)))
            seen = mask.new_ones(slots.shape)
            masks.insert(0, seen if there is None else seen * there[:, None].to(mask.dtype))
        whole = torch.cat([mask, *masks], 1)
        places = (whole.cumsum(1) - 1).clamp(min=0)
        tail = torch.cat(parts, 1) + self.second
        return self.text.encode(torch.cat([vectors, tail], 1), places, whole, first_only)

    def match(self, whole: Tensor) -> Tensor:
        """(n, 2) float32 logits, "does not match" and "matches", of [CLS] states (n, width)."""
        return self.head(self.dropout(whole)).float()  # type: ignore[no-any-return]

    def score(
        self, ids: Tensor, mask: Tensor, pictures: Tensor, slots: Tensor | None, kind: Score | None = None
    ) -> Tensor:
        """(n,) float32: how well n pairs fit. `slots` are those of `read`, None where OCR is no input."""
        states = self.read(self.text.words(ids), mask, pictures, slots, first_only=True)
        logits = self.match(states[:, 0])
        return logits[:, 1] if (kind or self.config.score) == "match" else logits[:, 1] - logits[:, 0]
