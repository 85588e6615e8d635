"""How an emotion teacher is trained."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from retriever.rankers.parts.config import Fit, ImageConfig
from trainers.options import TrainOptions

__all__ = ["TeacherConfig", "TeacherData"]


class TeacherData(BaseModel):
    """Labelled stickers.

    Attributes:
        path: SER30K's folder (``Annotations`` and ``Images``); None where `packs` are given.
        packs: packs whose stickers carry an emotion, in the native format; ``starter`` is the one that ships.
        cache: where decoded images are kept; None is `trainers.images.default_cache`.
        fit: how a picture becomes square; the paper scales SER30K's to 128 x 128.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    packs: tuple[str, ...] = ()
    cache: str | None = None
    fit: Fit = "stretch"


class TeacherConfig(BaseModel):
    """The whole configuration of a run. Defaults are the paper's (supplement, section 3), but for two things.

    The loop's schedule is a cosine where the paper divides the rate by ten after epochs 50 and 80, and its
    optimiser is AdamW without decay, which is the paper's Adam. The paper does not say how far images are
    turned.

    Attributes:
        image: the classifier's body, any timm model by name.
        rotation: images are turned by up to so many degrees either way; what comes in is white.
        flip: share of images with left and right turned around.
        batch: images.
        clusters: M, anchors an emotion, made when training ends (others can be made later from the features).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["teacher"] = "teacher"
    data: TeacherData = TeacherData()
    image: ImageConfig = ImageConfig(model="resnet50", pretrained="timm", fit="stretch")
    rotation: float = Field(default=15.0, ge=0, le=180)
    flip: float = Field(default=0.5, ge=0, le=1)
    batch: int = Field(default=128, ge=1)
    clusters: int = Field(default=60, ge=1)
    train: TrainOptions = TrainOptions(epochs=100, final_lr=1e-6, weight_decay=0.0, select="accuracy")
