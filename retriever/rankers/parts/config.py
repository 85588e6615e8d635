"""What encoders are made of: plain data, as it stands in a training configuration and in a checkpoint."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Fit", "ImageConfig", "Shape", "TextConfig"]

Fit = Literal["pad", "stretch", "crop"]


class ImageConfig(BaseModel):
    """The image encoder, by its name in timm or open_clip. Defaults: the paper's ViT-B/16 at 128 pixels.

    Attributes:
        model: any timm model, or ``open_clip:`` and a vision transformer as encoders spell it (``MODEL/TAG``,
            ``MODEL/FILE``, ``hf-hub:ID``, ``local-dir:FOLDER``, ``MODEL@random``); its position table is
            interpolated to `size`.
        size: pixels along an edge.
        fit: how a picture becomes square: white beside it, its sides scaled apart, its middle cut out.
        pretrained: ``timm`` (timm's own weights of `model`), ``open_clip`` (those that `model` names), a
            ``.safetensors`` or ``.pth`` file for a timm model (ALBEF's checkpoint works as it is: its
            ``visual_encoder``), or None: from nothing.
        options: passed to timm's constructor, to make a small one (``embed_dim``, ``depth``, ...); of an
            open_clip model its whole architecture as open_clip spells it (``embed_dim``, ``vision_cfg``,
            ``quick_gelu``), in the place of the one that `model` names.
        mean, std: of the pixels in [0, 1]; ImageNet's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "vit_base_patch16_224"
    size: int = Field(default=128, ge=8)
    fit: Fit = "pad"
    pretrained: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


class TextConfig(BaseModel):
    """The text encoder. Defaults: the paper's, the first six layers of a BERT.

    Attributes:
        kind: of encoder; the [CLS] vector of ``lstm`` and ``gru`` is the mean of all states (section 3.1),
            that of ``clip``, whose tokens see only those before them, the state of its end token. ``gpt2`` is
            the decoder of MOD-GPT alone.
        pretrained: of a ``bert``: a hub id, a local folder, ``minilm`` (the packaged all-MiniLM-L6-v2),
            ``starter`` (the text tower of the ranker that ships; a folder with another dual checkpoint will
            do, too). Of a ``clip``: the hub id or folder of a CLIP of transformers, or ``open_clip:`` as for
            pictures. Of a ``gpt2``: a hub id or folder. Or None: from nothing, with word pieces learnt from
            the training texts. With it, `width`, `heads`, `ffn` and `activation` are the checkpoint's.
        reading: of a conversation: ``turns`` one after the other, as in the papers, or ``speakers``: the last
            three, who said each, and whether the sticker answers, as ``starter`` was trained.
        pool: what stands for the whole text: the state of [CLS], as in the papers, the ``mean`` of all
            states, as ``minilm`` was trained, or that of the ``last`` utterance, as ``starter`` was.
        layers: the first so many of the published ones, or the depth.
        width: C_T of the states.
        heads: of attention.
        ffn: width of the feed-forward layers; 4 times `width` if None.
        activation: of a ``clip`` (OpenAI's have ``quick_gelu``) or ``gpt2`` (``gelu_tanh``); the others have
            ``gelu``.
        dropout: everywhere in the encoder.
        max_tokens: N_T; 512 with BERT and 256 with the others in the paper, 77 in a published CLIP.
        truncate: which end of a long conversation goes: ``left`` keeps the newest turns; ``right`` is the
            released code's.
        remove_spaces: take spaces out of every utterance, as the released code does to StickerChat's
            segmented Chinese. It glues words of other scripts together.
        vocabulary: at most so many word pieces or words, where they are learnt.
        segment: of ``lstm``, ``gru`` and ``transformer``, whose tokens are words: ``jieba`` cuts Chinese
            text, ``spaces`` takes it as already cut (StickerChat is).
        vectors: word vectors to start from, a word2vec text file (the paper's are Li et al. 2018).
        bidirectional: of ``lstm`` and ``gru``, half of `width` each way; the paper does not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["bert", "transformer", "lstm", "gru", "clip", "gpt2"] = "bert"
    pretrained: str | None = None
    reading: Literal["turns", "speakers"] = "turns"
    pool: Literal["cls", "mean", "last"] = "cls"
    layers: int = Field(default=6, ge=1)
    width: int = Field(default=768, ge=2)
    heads: int = Field(default=12, ge=1)
    ffn: int | None = Field(default=None, ge=1)
    activation: Literal["gelu", "quick_gelu", "gelu_tanh"] = "gelu"
    dropout: float = Field(default=0.1, ge=0, lt=1)
    max_tokens: int = Field(default=512, ge=4)
    truncate: Literal["left", "right"] = "left"
    remove_spaces: bool = False
    vocabulary: int = Field(default=50_000, ge=16)
    segment: Literal["jieba", "spaces"] = "jieba"
    vectors: str | None = None
    bidirectional: bool = True

    @property
    def reads_pieces(self) -> bool:
        """Whether its tokens are pieces of words, and not words."""
        return self.kind in ("bert", "clip", "gpt2")

    @model_validator(mode="after")
    def _fits(self) -> "TextConfig":
        if not self.reads_pieces and self.pretrained is not None:
            raise ValueError(
                f"pretrained is {self.pretrained!r}, but a {self.kind} has no checkpoint; use vectors"
            )
        if self.reads_pieces and self.vectors is not None:
            raise ValueError(f"vectors are for words, and a {self.kind} reads word pieces; use pretrained")
        if self.kind in ("clip", "gpt2") and self.pool != "cls":
            raise ValueError(f"pool is {self.pool!r}, but a {self.kind} has its whole text at its end alone")
        if self.kind in ("clip", "gpt2") and self.reading != "turns":
            raise ValueError(f"reading is {self.reading!r}, but a {self.kind} knows no speakers' marks")
        if self.kind not in ("clip", "gpt2") and self.activation != "gelu":
            raise ValueError(f"activation is {self.activation!r}, but a {self.kind} has 'gelu'")
        if self.kind not in ("lstm", "gru") and self.pretrained is None and self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.kind in ("lstm", "gru") and self.bidirectional and self.width % 2:
            raise ValueError(f"width is {self.width}; a bidirectional {self.kind} needs an even one")
        return self


class Shape(Protocol):
    """What every family's model is made of, two encoders among it: a pydantic model with at least these."""

    @property
    def image(self) -> ImageConfig: ...

    @property
    def text(self) -> TextConfig: ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]: ...
