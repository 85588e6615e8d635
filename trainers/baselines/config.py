"""How the published baselines are trained: a class of losses and one of everything for each family."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from retriever.rankers.baselines.config import (
    BaselineConfig,
    LgurConfig,
    ModGptConfig,
    PcmeConfig,
    SrsConfig,
    TwoTowerConfig,
)
from trainers.options import TrainOptions
from trainers.ranking.config import BatchConfig

__all__ = [
    "SETTINGS",
    "BaselineLosses",
    "BaselineSettings",
    "ClipLosses",
    "ClipSettings",
    "IrraLosses",
    "IrraSettings",
    "LgurLosses",
    "LgurSettings",
    "ModGptLosses",
    "ModGptSettings",
    "PcmeLosses",
    "PcmeSettings",
    "SrsLosses",
    "SrsSettings",
]


class BaselineLosses(BaseModel):
    """What a family learns by; a field named as a term is its weight."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClipLosses(BaselineLosses):
    """In-batch contrast (Radford et al. 2021).

    Attributes:
        i2t, t2i: its two directions; CLIP takes their mean.
        temperature: where the learnt one starts; 1 / temperature stays within 1 and 100.
        false_negatives: equal stickers of a batch: ``mask`` leaves them out of each other's negatives
            (ours), ``keep`` is CLIP's.
    """

    i2t: float = Field(default=0.5, ge=0)
    t2i: float = Field(default=0.5, ge=0)
    temperature: float = Field(default=0.07, gt=0)
    false_negatives: Literal["mask", "keep"] = "mask"


class IrraLosses(BaselineLosses):
    """IRRA's three terms, equation 10 (Jiang and Ye 2023).

    Attributes:
        sdm: similarity distribution matching.
        mlm: masked words, told by the picture (implicit relation reasoning).
        identity: which of the training stickers it is, told from either side.
        temperature: of SDM, fixed.
        masked: share of words that are hidden.
        layers, heads: of the transformer above the cross attention.
    """

    sdm: float = Field(default=1.0, ge=0)
    mlm: float = Field(default=1.0, ge=0)
    identity: float = Field(default=1.0, ge=0)
    temperature: float = Field(default=0.02, gt=0)
    masked: float = Field(default=0.15, gt=0, lt=1)
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=8, ge=1)


class PcmeLosses(BaselineLosses):
    """PCME's terms (Chun et al. 2021, section 3.2.3).

    Attributes:
        match: soft contrast over all pairs of a batch.
        kl: to the unit Gaussian; 1e-5 in the released code.
        uniform: of Wang and Isola 2020, over all draws; 0 in the released COCO configuration.

    The released code draws with exp(head) as a standard deviation and takes the same head as a log-variance
    in its KL; here it is a log-variance in both.
    """

    match: float = Field(default=1.0, ge=0)
    kl: float = Field(default=1e-5, ge=0)
    uniform: float = Field(default=0.0, ge=0)


class LgurLosses(BaselineLosses):
    """LGUR's terms (Shao et al. 2022, section 3.4).

    Attributes:
        identity: which of the training stickers it is, told from either side, before and after the
            dictionary.
        ranking: triplets with semi-hard negatives: image and text before and after the dictionary, and each
            side's two forms with each other.
        margin: of the triplets.
    """

    identity: float = Field(default=1.0, ge=0)
    ranking: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, gt=0)


class SrsLosses(BaselineLosses):
    """SRS's terms (Gao et al. 2020, section 4.7).

    Attributes:
        rank: the hinge between the gold and each other candidate.
        emoji: the label of every candidate, told from its picture.
        margin: of the hinge.
        smoothing: of the labels.
        label: what `emoji` tells: the packs' ``emoji``, or where they have none, their ``emotion``.
        labels: at most so many emoji, the most frequent.
        image_first: steps at the beginning that train on `emoji` alone; 1,000 in the released code.
    """

    rank: float = Field(default=1.0, ge=0)
    emoji: float = Field(default=1.0, ge=0)
    margin: float = Field(default=1.0, gt=0)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    label: Literal["emoji", "emotion"] = "emoji"
    labels: int = Field(default=300, ge=1)
    image_first: int = Field(default=0, ge=0)


class ModGptLosses(BaselineLosses):
    """MOD-GPT's terms.

    Attributes:
        sticker: what the decoder says at [TAG]: ``nearest`` is a softmax over the batch's stickers by their
            distance, in the place of the distributed version's softmax over its 304 ids; ``mse`` is the
            single version's mean squared error to the gold's vector, of an image encoder that stays as it is.
        temperature: divides the distances of ``nearest``; vectors that differ little are told apart by it.
        language: the next piece of the last utterance (``last``: the sender's own words come last in MOD, its
            history is not learnt), or of every one (``all``).
    """

    sticker: float = Field(default=1.0, ge=0)
    language: float = Field(default=1.0, ge=0)
    target: Literal["nearest", "mse"] = "nearest"
    temperature: float = Field(default=0.1, gt=0)
    utterances: Literal["last", "all"] = "last"


class BaselineSettings(BaseModel):
    """A run of any of them, but its data.

    Attributes:
        pretrained_scale: multiplies the learning rate of what starts from published weights.
        image_scale: multiplies the image encoder's.
        crop: bounds of the share of a picture's area that training sees of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: BatchConfig = BatchConfig()
    train: TrainOptions = TrainOptions()
    pretrained_scale: float = Field(default=1.0, gt=0)
    image_scale: float = Field(default=1.0, gt=0)
    crop: tuple[float, float] = (0.75, 1.0)
    model: BaselineConfig
    losses: BaselineLosses


class ClipSettings(BaselineSettings):
    """CLIP, fine-tuned."""

    model: TwoTowerConfig = TwoTowerConfig()
    losses: ClipLosses = ClipLosses()


class IrraSettings(BaselineSettings):
    """IRRA."""

    model: TwoTowerConfig = TwoTowerConfig()
    losses: IrraLosses = IrraLosses()


class PcmeSettings(BaselineSettings):
    """PCME."""

    model: PcmeConfig = PcmeConfig()
    losses: PcmeLosses = PcmeLosses()


class LgurSettings(BaselineSettings):
    """LGUR."""

    model: LgurConfig = LgurConfig()
    losses: LgurLosses = LgurLosses()


class SrsSettings(BaselineSettings):
    """SRS."""

    model: SrsConfig
    losses: SrsLosses = SrsLosses()


class ModGptSettings(BaselineSettings):
    """MOD-GPT."""

    model: ModGptConfig = ModGptConfig()
    losses: ModGptLosses = ModGptLosses()


SETTINGS: dict[str, type[BaselineSettings]] = {
    "clip": ClipSettings,
    "irra": IrraSettings,
    "pcme": PcmeSettings,
    "lgur": LgurSettings,
    "srs": SrsSettings,
    "mod_gpt": ModGptSettings,
}
"""By family."""
