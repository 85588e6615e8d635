"""How Int-RA is trained: its two losses and their variants, the batches, the schedule."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retriever.rankers.int_ra.config import IntRAModelConfig
from trainers.options import TrainOptions
from trainers.ranking.config import BatchConfig

__all__ = ["IntRAConfig", "IntRALosses"]


class IntRALosses(BaseModel):
    """L = l1 L_ret + l2 L_int (section IV-C); both weigh 1 in the paper.

    Attributes:
        retrieval, intention: l1 and l2; an intention of 0 leaves the term out.
        variant: ``hinge`` is max(0, margin - positive + negative), averaged over the negatives: the evident
            intent. ``printed`` is equation 14 as it stands, negative - (1 - positive) + margin, summed and
            without the 0: with cosines it pushes the sent sticker away too. For audits.
        margin: the paper gives none; 0.2 is ours, in cosines.
        negatives: of a conversation: its own ``candidates``, or all other stickers of the ``batch``. The
            paper does not say. The sent sticker is never its own negative.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retrieval: float = Field(default=1.0, ge=0)
    intention: float = Field(default=1.0, ge=0)
    variant: Literal["hinge", "printed"] = "hinge"
    margin: float = Field(default=0.2, ge=0)
    negatives: Literal["candidates", "batch"] = "candidates"


class IntRAConfig(BaseModel):
    """Everything an Int-RA run is made of, but its data.

    Attributes:
        crop: bounds of the share of a picture's area that training shows; (1, 1) shows it whole.
        pretrained_scale: multiplies the learning rate of what starts from published weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: IntRAModelConfig = IntRAModelConfig()
    losses: IntRALosses = IntRALosses()
    batch: BatchConfig = BatchConfig(size=4)
    train: TrainOptions = TrainOptions()
    crop: tuple[float, float] = (0.75, 1.0)
    pretrained_scale: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> "IntRAConfig":
        if not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise ValueError(f"crop is {self.crop}; expected two shares, 0 < low <= high <= 1")
        if self.model.query == "paper" and self.losses.intention == 0:
            raise ValueError(
                "query = 'paper' ranks by the predicted label alone, and losses.intention = 0 leaves the "
                "classifier untrained; set it above 0, or query = 'fused' or 'soft'"
            )
        return self

    @property
    def classifies(self) -> bool:
        """Whether there is an intention term."""
        return self.losses.intention > 0 and self.model.query != "context"
