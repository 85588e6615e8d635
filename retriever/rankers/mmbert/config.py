"""What an MMBERT is made of: plain data, as it stands in a training configuration and in a checkpoint."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retriever.rankers.parts.config import ImageConfig, TextConfig

__all__ = ["MMBERTModelConfig", "Score"]

Score = Literal["margin", "match"]


class MMBERTModelConfig(BaseModel):
    """An MMBERT ranker: what inference needs (section 3.2).

    Attributes:
        image: its [CLS] state stands for the sticker; a linear layer brings it to the text's width. (The
            released code takes CLIP's projection of that state to 512 numbers; being linear, it is within
            what the layer after it can learn.)
        text: a ``bert`` or a ``transformer``. `max_tokens` is of the whole input, S, image and [SEP]
            included; the released code keeps 490 dialogue tokens, which is 505 with 11 slots. `truncate` is
            of the dialogue: ``left`` keeps the newest turns; ``right`` is the released main task's.
        speakers: who is [speaker1]: whoever spoke first (``order``, the data's own way), or whoever sends
            the sticker (``sender``, ours, for conversations of more than two). Everybody else is [speaker2].
        ocr_input: whether the words in a sticker are part of the input, as in the full model. Without, S is
            there in semantic prediction alone ("-OCR" in table 2).
        slots: length of S; a sticker's words fill it from the right, at most `slots` - 1 tokens of them, and
            [MASK] the rest.
        score: what ranks. ``margin`` is the difference of the two logits, monotone in the probability that
            the paper's classifier gives; ``match`` is the released code's, the logit of class "matches"
            alone, which may order otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: ImageConfig = ImageConfig()
    text: TextConfig = TextConfig(layers=12, max_tokens=505)
    speakers: Literal["order", "sender"] = "order"
    ocr_input: bool = True
    slots: int = Field(default=11, ge=2)
    score: Score = "margin"

    @property
    def tail(self) -> int:
        """Places after the dialogue: S, the image, [SEP]."""
        return self.slots + 2

    @model_validator(mode="after")
    def _fits(self) -> "MMBERTModelConfig":
        if self.text.kind not in ("bert", "transformer"):
            raise ValueError(
                f"text.kind is {self.text.kind!r}; an MMBERT reads words and pictures in one 'bert' "
                "(or 'transformer')"
            )
        if self.text.max_tokens < self.tail + 3:
            raise ValueError(
                f"text.max_tokens is {self.text.max_tokens}, of which {self.tail} are for the sticker; "
                f"expected at least {self.tail + 3}"
            )
        return self
