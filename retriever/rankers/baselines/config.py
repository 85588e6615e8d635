"""What the published baselines are made of: plain data, a class a family; defaults are the papers' sizes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retriever.rankers.parts.config import ImageConfig, TextConfig

__all__ = [
    "CONFIGS",
    "BaselineConfig",
    "LgurConfig",
    "ModGptConfig",
    "PcmeConfig",
    "SrsConfig",
    "TwoTowerConfig",
]


class BaselineConfig(BaseModel):
    """What all of them have.

    Attributes:
        turns: only the last so many utterances with text are read; None reads all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: ImageConfig = ImageConfig()
    text: TextConfig = TextConfig()
    turns: int | None = Field(default=None, ge=1)


class TwoTowerConfig(BaselineConfig):
    """Two encoders and a common space: `clip` and `irra` (which differ in what they learn by).

    Attributes:
        projection: C, the common space; 512 in CLIP ViT-B.
    """

    projection: int = Field(default=512, ge=1)


class PcmeConfig(BaselineConfig):
    """Probabilistic embeddings. Chun et al. 2021, sections 3.2 and 4.1.

    Attributes:
        projection: C, of means and variances.
        samples: J, draws a side.
        scale, shift: where a and b of the match probability start (15 in the released configuration).
        log_variance: where the log-variance of both sides starts; 0 in the released code.
        score: what ranks. ``sampled`` is the match probability over J x J fixed draws; ``closed`` takes the
            expected squared distance instead (PCME++'s, Chun 2024); ``mean`` the distance of the means.
    """

    projection: int = Field(default=1024, ge=1)
    samples: int = Field(default=7, ge=1)
    scale: float = Field(default=15.0, gt=0)
    shift: float = 15.0
    log_variance: float = 0.0
    score: Literal["sampled", "closed", "mean"] = "sampled"


class LgurConfig(BaselineConfig):
    """A shared dictionary and shared prototypes. Shao et al. 2022, sections 3.2 and 3.3.

    Attributes:
        width: of dictionary and prototypes, to which both encoders' states are mapped.
        heads: of attention in both modules; a divisor of `width`.
        dictionary: entries of the multi-modality shared dictionary.
        dictionary_layers, prototype_layers: of the two decoders.
        prototypes: learnt queries, each with a projection of its own.
        projection: of one prototype's feature; a vector has prototypes x projection numbers.
        dropout: in the decoders.
    """

    width: int = Field(default=384, ge=2)
    heads: int = Field(default=6, ge=1)
    dictionary: int = Field(default=400, ge=1)
    dictionary_layers: int = Field(default=1, ge=1)
    prototype_layers: int = Field(default=2, ge=1)
    prototypes: int = Field(default=6, ge=1)
    projection: int = Field(default=512, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _divides(self) -> "LgurConfig":
        _divide(self.width, self.heads)
        return self


class SrsConfig(BaselineConfig):
    """Sticker response selector. Gao et al. 2020; its image encoder is convolutional.

    Attributes:
        hidden: of fusion; the interaction is 2 x `hidden` wide.
        utterances, words: read of a conversation (its last) and of an utterance (its first).
        layers, heads: of the fusion transformer.
        dropout: in it.
    """

    hidden: int = Field(default=100, ge=2)
    utterances: int = Field(default=15, ge=1)
    words: int = Field(default=30, ge=1)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> "SrsConfig":
        if self.text.max_tokens < self.words:
            raise ValueError(
                f"text.max_tokens is {self.text.max_tokens}, fewer than words ({self.words}); raise it"
            )
        if self.text.reads_pieces:
            raise ValueError("srs reads words; set text.kind to transformer, gru or lstm")
        _divide(self.hidden, self.heads)
        return self


class ModGptConfig(BaselineConfig):
    """One decoder over text and sticker vectors: MOD-GPT (Fei et al. 2021), GPT-2 in shape.

    `text` gives the decoder's sizes (12 layers of 768 in the released one). Its ``kind`` says what it may
    start from: a ``gpt2``, all of it, or a ``bert``, whose word pieces and word table alone are taken.
    """

    @model_validator(mode="after")
    def _fits(self) -> "ModGptConfig":
        if self.text.kind not in ("bert", "gpt2"):
            raise ValueError(f"text.kind is {self.text.kind!r}; mod_gpt starts from a bert's words or a gpt2")
        if self.text.activation == "quick_gelu":
            raise ValueError("text.activation 'quick_gelu' is CLIP's; a gpt2 has 'gelu_tanh' or 'gelu'")
        return self


def _divide(width: int, heads: int) -> None:
    if width % heads:
        raise ValueError(f"{width} is not a multiple of heads ({heads})")


CONFIGS: dict[str, type[BaselineConfig]] = {
    "clip": TwoTowerConfig,
    "irra": TwoTowerConfig,
    "pcme": PcmeConfig,
    "lgur": LgurConfig,
    "srs": SrsConfig,
    "mod_gpt": ModGptConfig,
}
"""By family."""
