"""What a PBR model is made of: plain data, as it stands in a training configuration and in a checkpoint."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from retriever.rankers.parts.config import ImageConfig, TextConfig

__all__ = ["FusionConfig", "PBRModelConfig", "Score"]

Score = Literal["match", "margin", "alignment", "sum"]


class FusionConfig(BaseModel):
    """The multimodal encoder: layers whose queries are words and which also look at the sticker's regions.

    Attributes:
        layers: how many. Of a pretrained BERT, those after the text encoder's are taken as far as they go;
            cross attention always starts untrained.
        width: None takes the text encoder's; another width puts a linear layer between.
        heads, ffn: None takes the text encoder's (a recurrent one's `heads` are meant for this).
        dropout: in every layer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(default=6, ge=1)
    width: int | None = Field(default=None, ge=2)
    heads: int | None = Field(default=None, ge=1)
    ffn: int | None = Field(default=None, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class PBRModelConfig(BaseModel):
    """A PBR ranker: what inference needs. Perceive before Respond, sections 3.1 and 4.2.

    Attributes:
        projection: C, the common space of stickers and conversations.
        temperature: where the learnable one starts. The paper prints none; the released code has 0.07.
        score: what ranks. ``match`` is the released code's, the logit of class "matches"; ``margin`` is that
            minus the other class's (monotone in the probability); ``alignment`` is the cosine of the
            projected [CLS] vectors; ``sum`` is ``margin`` plus the cosine over the temperature.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: ImageConfig = ImageConfig()
    text: TextConfig = TextConfig()
    fusion: FusionConfig = FusionConfig()
    projection: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.07, gt=0)
    score: Score = "match"
