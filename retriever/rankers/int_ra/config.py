"""What an Int-RA model is made of: plain data, as it stands in training configurations and in checkpoints."""

from dataclasses import fields
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retriever.encoders.dual.spelling import spell_emoji
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.rankers.parts.config import ImageConfig, TextConfig
from retriever.types import Attributes

__all__ = ["ATTRIBUTES", "CLIP_MEAN", "CLIP_STD", "Attribute", "IntRAModelConfig", "Query"]

Attribute = Literal["gesture", "posture", "facial_expression", "verbal"]
ATTRIBUTES: tuple[str, ...] = tuple(field.name for field in fields(Attributes))

Query = Literal["fused", "soft", "paper", "context"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

_CLIP = ImageConfig(model="vit_base_patch16_clip_224.openai", size=224, mean=CLIP_MEAN, std=CLIP_STD)


class IntRAModelConfig(BaseModel):
    """An Int-RA ranker: what inference needs. Reply with Sticker, section IV.

    Attributes:
        text: one encoder for conversations, labels and attributes; the paper's is multilingual BERT.
        image: the paper's is CLIP's ViT; it does not say which.
        width: d, the common space (equation 10); the paper gives no number.
        heads: h of the cross attention; a divisor of `width`.
        query: what a sticker is compared with (H^Y of equation 13). ``paper`` is literal, the encoded label
            of the highest probability alone: one ranking for each label, and no gradient from retrieval to
            the classifier. ``soft`` has the encoded labels weighted by their probabilities in its place.
            ``fused`` (ours, as "intention-fused" suggests) adds the context's own vector to that. ``context``
            is the context alone: the ablation without intention.
        labels: the classes: GoEmotions' 28 intentions, SER30K's seven emotions, or the ``emoji`` of training
            samples (ours, for data that have no other labels), which are read by their Unicode names.
        classes: of ``emoji``, which ones; empty in a training configuration takes those that samples have.
        knowledge: read the five relations inferred for a conversation, where it has them.
        attributes: which of a sticker's four texts point at its regions; none is the ablation.
        relation: M of equations 11 and 12, which contradict each other (a scalar that is an attention's
            output). ``score`` (default; the text and figure 6 speak of a score over the sticker): every
            region is weighted by its highest attention weight over the attributes, the heads averaged.
            ``gate``: the attention's outputs, their maximum over the attributes number by number, times the
            mean region.
        history: how many of the last utterances are read; the paper found 6 best of 2 to 10. None: all.
        knowledge_tokens: at most so many tokens of a conversation are inferred knowledge.
        attribute_tokens: at most so many of an attribute's text.
        stand_in: what stands for the attributes of a sticker that has none of the four texts: nothing, or
            its ``names`` and keywords (ours, for packs that no model has described).
        languages: of these names and keywords; empty takes all there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: TextConfig = TextConfig(layers=12)
    image: ImageConfig = _CLIP
    width: int = Field(default=512, ge=2)
    heads: int = Field(default=8, ge=1)
    query: Query = "fused"
    labels: Literal["intention", "emotion", "emoji"] = "intention"
    classes: tuple[str, ...] = ()
    knowledge: bool = True
    attributes: tuple[Attribute, ...] = ("gesture", "posture", "facial_expression", "verbal")
    relation: Literal["score", "gate"] = "score"
    history: int | None = Field(default=6, ge=1)
    knowledge_tokens: int = Field(default=128, ge=2)
    attribute_tokens: int = Field(default=32, ge=2)
    stand_in: Literal["nothing", "names"] = "nothing"
    languages: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes, in the order of the classifier's outputs."""
        if self.labels == "emoji":
            return self.classes
        return INTENTIONS if self.labels == "intention" else EMOTIONS

    @property
    def label_texts(self) -> tuple[str, ...]:
        """What the text encoder reads of each class: its name, of an emoji that in Unicode."""
        if self.labels != "emoji":
            return self.label_names
        return tuple(spell_emoji(name).strip() or name for name in self.classes)

    @model_validator(mode="after")
    def _fits(self) -> "IntRAModelConfig":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.classes and self.labels != "emoji":
            raise ValueError(f"classes are those of labels = 'emoji'; labels is {self.labels!r}")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes name an emoji twice; name each once")
        if len(set(self.attributes)) < len(self.attributes):
            raise ValueError(f"attributes are {list(self.attributes)}; name each once")
        for name in ("knowledge_tokens", "attribute_tokens"):
            if getattr(self, name) >= self.text.max_tokens:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected less than text.max_tokens, "
                    f"{self.text.max_tokens}"
                )
        return self
