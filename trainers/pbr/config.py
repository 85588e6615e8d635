"""How PBR is trained: its losses and their variants, the batches, the schedule."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retriever.rankers.pbr.config import PBRModelConfig
from trainers.options import TrainOptions
from trainers.ranking.config import BatchConfig

__all__ = ["ContrastConfig", "DistillationConfig", "MiningConfig", "PBRConfig", "PBRLosses"]


class DistillationConfig(BaseModel):
    """Emotion knowledge distillation (section 3.2).

    Attributes:
        kind: what the student learns of the teacher. ``anchors`` is EKD, equation 6; ``logit`` and
            ``feature`` are the methods it is compared with in table 5; ``none`` leaves it out.
        clusters: M, anchors an emotion (table 4); checked against what the teacher gives.
        temperature: divides the teacher's f E^T before the softmax. 1 is literal (printed and released);
            products of unnormalised features make the target almost one-hot, which a larger one softens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["none", "anchors", "logit", "feature"] = "anchors"
    clusters: int = Field(default=60, ge=1)
    temperature: float = Field(default=1.0, gt=0)


class ContrastConfig(BaseModel):
    """Topic-level semantic contrastive learning (section 3.3); its two weights are in `PBRLosses`.

    Attributes:
        variant: ``simclr`` is the released code's (unit vectors, temperature, both views as negatives, both
            directions); ``printed`` is equations 7 and 8 as they stand (plain products, one direction).
        temperature: of ``simclr``.
        inter_negatives: ``all`` stickers of the batch (equation 8, released) or those of ``other_topics``
            (the text of section 3.3).
        hidden, width: of the MLP psi: 1024, batch normalisation, ReLU, 256.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["simclr", "printed"] = "simclr"
    temperature: float = Field(default=0.1, gt=0)
    inter_negatives: Literal["all", "other_topics"] = "all"
    hidden: int = Field(default=1024, ge=1)
    width: int = Field(default=256, ge=1)


class MiningConfig(BaseModel):
    """Which negatives the matching loss sees (section 3.4, algorithm 1).

    Attributes:
        strategy: ``polarity`` is PHSM; ``semantic`` is by likeness alone (the paper's Base); ``random`` draws
            evenly.
        variant: ``l1``, 2 - (|dP| + |dN|), is the evident intent and the released code; ``printed``,
            2 - |dP + dN|, is the same for every pair, because P + N = 1: it mines by likeness alone.
        pooling: an emotion group's polarity is its ``max`` (released) or ``sum`` (printed, which favours the
            four negative emotions over the two positive ones).
        labels: the ``student``'s distribution, V W_E (released), or the ``teacher``'s, V_e E (the row "PHSM
            without EKD").
        weight: multiplies softmax(SEN), whose entries are small beside the likeness; 1 is literal.
        sharp_t2i: divide the conversation-to-sticker likeness by the temperature too; the released code does
            so for sticker-to-conversation only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Literal["polarity", "semantic", "random"] = "polarity"
    variant: Literal["l1", "printed"] = "l1"
    pooling: Literal["max", "sum"] = "max"
    labels: Literal["student", "teacher"] = "student"
    weight: float = Field(default=1.0, ge=0)
    sharp_t2i: bool = False


class PBRLosses(BaseModel):
    """The terms of equation 10 and what they weigh. The defaults are the full model ("Ours*").

    Attributes:
        i2t, t2i: alignment. The released code halves them; equation 10 prints 1 and 1.
        match: sticker-dialogue matching.
        ekd, intra, inter: alpha, beta, gamma; 0 leaves the term and its head out.
        negatives: of the matching loss: ``two_sided`` averages over 3K pairs, one negative sticker and one
            negative conversation each (released); ``one_sided`` is equation 5 as printed, negative stickers
            only, log P(pos) + log(1 - P(neg)).
        false_negatives: what happens to pairs that only look negative because the same sticker occurs twice
            (another conversation of the batch has the same gold, the gold is listed twice): ``mask`` leaves
            them out (ours), ``keep`` is printed and released.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    i2t: float = Field(default=0.5, ge=0)
    t2i: float = Field(default=0.5, ge=0)
    match: float = Field(default=1.0, ge=0)
    ekd: float = Field(default=0.5, ge=0)
    intra: float = Field(default=0.5, ge=0)
    inter: float = Field(default=0.5, ge=0)
    negatives: Literal["two_sided", "one_sided"] = "two_sided"
    false_negatives: Literal["mask", "keep"] = "mask"
    distillation: DistillationConfig = DistillationConfig()
    contrast: ContrastConfig = ContrastConfig()
    mining: MiningConfig = MiningConfig()

    @property
    def distils(self) -> bool:
        """Whether there is a distillation term."""
        return self.ekd > 0 and self.distillation.kind != "none"

    @property
    def needs_teacher(self) -> bool:
        """Whether training data must come with a teacher's outputs."""
        mining = self.mining
        return self.distils or (mining.strategy == "polarity" and mining.labels == "teacher")

    @model_validator(mode="after")
    def _fits(self) -> "PBRLosses":
        if self.mining.strategy == "polarity" and self.mining.labels == "student":
            if not self.distils:
                raise ValueError(
                    "mining by polarity with the student's labels needs distillation, which is off; set "
                    "mining.labels = 'teacher', mining.strategy = 'semantic', or ekd above 0"
                )
            if self.distillation.kind == "feature":
                raise ValueError(
                    "feature distillation gives the student no emotion scores to mine by; set "
                    "mining.labels = 'teacher' or mining.strategy = 'semantic'"
                )
        return self


class PBRConfig(BaseModel):
    """Everything a PBR run is made of, but its data.

    Attributes:
        pretrained_scale: multiplies the learning rate of what starts from published weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: PBRModelConfig = PBRModelConfig()
    losses: PBRLosses = PBRLosses()
    batch: BatchConfig = BatchConfig()
    train: TrainOptions = TrainOptions()
    pretrained_scale: float = Field(default=1.0, gt=0)
