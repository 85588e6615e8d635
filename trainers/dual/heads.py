"""What labels are read off pooled vectors with: one layer, or two."""

from torch import Tensor, nn
from torch.nn import functional as F

from retriever.encoders.dual.row import MODES
from trainers.dual.config import HeadsConfig

__all__ = ["Head"]


class Head(nn.Linear):
    """Logits of labels.

    Args:
        width: of the pooled vectors.
        labels: how many.
        options: whether there is a layer between, of ReLUs.
    """

    def __init__(self, width: int, labels: int, options: HeadsConfig) -> None:
        width += len(MODES) if options.mode else 0
        super().__init__(options.hidden or width, labels)
        self.up = nn.Linear(width, options.hidden) if options.hidden else None
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, pooled: Tensor) -> Tensor:
        """(n, labels) of (n, width): pooled vectors and, where `options` say so, what was read."""
        if self.up is not None:
            pooled = self.dropout(F.relu(self.up(pooled)))
        return super().forward(pooled)
