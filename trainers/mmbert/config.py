"""How MMBERT is trained: its tasks and what they weigh, its negatives, its pictures, the schedule."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retriever.rankers.mmbert.config import MMBERTModelConfig
from trainers.options import TrainOptions
from trainers.ranking.config import BatchConfig

__all__ = ["MMBERTConfig", "MMBERTLosses", "NegativesConfig", "PicturesConfig"]


class MMBERTLosses(BaseModel):
    """What the tasks of equation 1 weigh beside matching, which weighs 1; 0 leaves a task and its head out.

    Attributes:
        ctx: alpha, masked context prediction (section 3.3).
        emo: beta, sticker emotion classification (3.4). Appendix B prints 0.2; the released code has 0.1.
        sem: gamma, sticker semantic prediction (3.5).
        masked: share of the dialogue's tokens that are to be predicted: 80 % of them are shown as [MASK],
            10 % as they are, 10 % as any other token.
        mask_markers: whether [CLS], [SEP] and the speakers' tags may be among them, as in the released code.
        sem_reduction: ``mean`` over all tokens of the batch's labels (released), or ``sum`` over a label's
            tokens, averaged over the stickers that have one (section 3.5 as printed).
        descriptions: let semantic prediction also say what is written about the batch's stickers, without a
            dialogue: our stand-in for the paper's further sticker-description pairs ("+data", appendix C),
            whose source it does not name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ctx: float = Field(default=0.05, ge=0)
    emo: float = Field(default=0.2, ge=0)
    sem: float = Field(default=0.1, ge=0)
    masked: float = Field(default=0.15, gt=0, lt=1)
    mask_markers: bool = True
    sem_reduction: Literal["mean", "sum"] = "mean"
    descriptions: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "MMBERTLosses":
        if self.descriptions and not self.sem:
            raise ValueError("descriptions are part of semantic prediction; set sem above 0")
        return self


class NegativesConfig(BaseModel):
    """The one wrong sticker that every right one is trained against.

    Attributes:
        when: ``fixed`` draws it once for all epochs (released); ``epoch`` draws another each epoch, as
            section 3.6 can be read.
        pool: ``seen``, the stickers that training samples sent (released), or the sample's own
            ``candidates``: those in its row, or those that the data's policy draws.
        seed: of the draw; 2021 is the released code's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: Literal["fixed", "epoch"] = "fixed"
    pool: Literal["seen", "candidates"] = "seen"
    seed: int = 2021


class PicturesConfig(BaseModel):
    """What becomes of the image encoder.

    Attributes:
        train: learn it too. The paper's stays as published ("we fix the image encoder", appendix B); then
            every sticker is encoded once, before training begins, and not cropped.
        scale: multiplies its learning rate (appendix B has 5e-7 beside 9e-6 where CLIP is fine-tuned).
        crop: the least share of a picture's area that a random crop leaves; 1 crops nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: bool = False
    scale: float = Field(default=1.0, gt=0)
    crop: float = Field(default=1.0, gt=0, le=1)


class MMBERTConfig(BaseModel):
    """Everything an MMBERT run is made of, but its data. The defaults are the full model (+ctx+emo+sem).

    Attributes:
        pretrained_scale: multiplies the learning rate of what starts from published weights, the image
            encoder excepted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: MMBERTModelConfig = MMBERTModelConfig()
    losses: MMBERTLosses = MMBERTLosses()
    negatives: NegativesConfig = NegativesConfig()
    pictures: PicturesConfig = PicturesConfig()
    batch: BatchConfig = BatchConfig()
    train: TrainOptions = TrainOptions()
    pretrained_scale: float = Field(default=1.0, gt=0)
