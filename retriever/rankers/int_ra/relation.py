"""Which regions of a sticker matter, as its attributes tell: Int-RA equations 10 to 12."""

import torch
from torch import Tensor, nn

from retriever.rankers.int_ra.config import IntRAModelConfig

__all__ = ["Relations"]


class Relations(nn.Module):
    """Cross attention from a sticker's attribute texts to its regions.

    Args:
        config: `attributes` and `relation`.
        image_width, text_width: of the encoders' states.
    """

    def __init__(self, config: IntRAModelConfig, image_width: int, text_width: int) -> None:
        super().__init__()
        self.kind, self.heads = config.relation, config.heads
        width = config.width
        self.regions = nn.Linear(image_width, width)  # f_vis
        self.descriptions: nn.Linear | None = None  # f_des
        self.values: nn.Linear | None = None
        if config.attributes:
            self.descriptions = nn.Linear(text_width, width)
            self.query = nn.Linear(width, width, bias=False)
            self.key = nn.Linear(width, width, bias=False)
            if self.kind == "gate":
                self.values = nn.Linear(width, width, bias=False)

    def forward(self, regions: Tensor, texts: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The relation-aware vectors H^R and the relation scores.

        Without any attribute (of the model, or of a sticker) every region counts the same.

        Args:
            regions: (d, s, image width).
            texts: (d, a, text width).
            known: (d, a) boolean, whether there is such a text.

        Returns:
            (d, width), not normalised, and (d, s): how much each region counts, in [0, 1].
        """
        seen = self.regions(regions)
        if self.descriptions is None:
            even = seen.new_full(seen.shape[:2], 1 / seen.shape[1])
            return seen.mean(1), even
        weights = self.attention(seen, texts)
        described = known.any(1)
        maps = weights.mean(1).masked_fill(~known[:, :, None], 0).amax(1)
        maps = torch.where(described[:, None], maps, 1 / seen.shape[1])
        if self.values is None:
            return (maps[:, :, None].to(seen.dtype) * seen).sum(1), maps
        values = self.values(seen).unflatten(-1, (self.heads, -1))
        outputs = torch.einsum("dhas,dshw->dahw", weights.to(values.dtype), values).flatten(2)
        lowest = torch.finfo(outputs.dtype).min
        gate = outputs.masked_fill(~known[:, :, None], lowest).amax(1)
        gate = torch.where(described[:, None], gate, 1)
        return gate * seen.mean(1), maps

    def attention(self, seen: Tensor, texts: Tensor) -> Tensor:
        """(d, h, a, s) float32: softmax over the regions, equation 11.

        Args:
            seen: (d, s, width), projected regions.
            texts: (d, a, text width).
        """
        assert self.descriptions is not None
        query = self.query(self.descriptions(texts)).unflatten(-1, (self.heads, -1))
        key = self.key(seen).unflatten(-1, (self.heads, -1))
        scores = torch.einsum("dahw,dshw->dhas", query, key).float() * query.shape[-1] ** -0.5
        weights: Tensor = scores.softmax(-1)
        return weights
