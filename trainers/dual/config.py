"""What a dual ranker is made of and trained on."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from retriever.encoders.dual.marked import HISTORY
from retriever.encoders.dual.tokens import Reading
from retriever.starter import STARTER_PACK
from trainers.dual.taught import Subject
from trainers.options import TrainOptions

__all__ = ["DualConfig", "HeadsConfig", "SourceConfig"]


Term = Literal["emotion", "intention", "emoji", "domain", "retrieval", "taught", "anchor"]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SourceConfig(BaseModel):
    """One dataset and its part in the training.

    Attributes:
        path: below the configuration's `root`, or absolute: a dataset folder in the native format, or
            GoEmotions' rows of ``text`` and ``labels``.
        share: of its rows that an epoch sees, drawn anew each epoch.
        retrieval: weight of the retrieval loss on its rows.
        taught: by ``emotion`` and ``emoji``, dual checkpoints whose mean answer these rows are taught beside
            their own labels. Folders as seen from where training is started.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    share: float = Field(default=1.0, gt=0, le=1)
    retrieval: float = Field(default=1.0, ge=0)
    taught: dict[Subject, tuple[str, ...]] = Field(default_factory=dict)


class HeadsConfig(BaseModel):
    """What is read off the pooled vectors, and how.

    Attributes:
        hidden: width of a layer between a pooled vector and the labels; None for none.
        dropout: of what the heads see.
        mode: whether they are told, beside the pooled vector, what is read: a message to answer, one's own to
            add to, or a sticker's document. A tower that is trained learns to put it into its vectors.
        likeness: width of the space that likeness is measured in; None for the pooled vectors' own. A tower
            that is not trained needs one, so that there is something to learn likeness with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden: int | None = Field(default=None, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    mode: bool = False
    likeness: int | None = Field(default=None, ge=1)


class DualConfig(BaseModel):
    """The whole configuration of a run.

    Attributes:
        root: the folder that relative paths of sources and packs start from.
        start: hub id or folder of a BERT or MPNet (``config.json``, ``tokenizer.json``,
            ``model.safetensors``) to start from; ``minilm`` is the packaged all-MiniLM-L6-v2, ``e5`` the
            packaged multilingual-e5-small.
        checkpoint: a dual checkpoint of the same start, data and labels; training goes on from its weights
            with a schedule of its own. None for the published ones. Seen from where training is started.
        layers: how many of its layers are kept, from below.
        learning: how many of those learn, from above; words and the layers below stay as published. None for
            all. A tower that does not learn at all is ``train.frozen = ["reader"]``.
        dropout: within the tower, of states and attention, while it learns; drawing it is a third of a
            step on a CPU.
        reading: who spoke and what is asked is said by ``markers``, which a tower has to learn, or in
            ``words``, which it knows.
        turns: how many of the last utterances are read.
        sources: datasets by name.
        packs: packs of labelled stickers that conversations are matched with, the first one the golds';
            ``starter`` is the pack that ships.
        vocabulary: pieces kept or added.
        wide: kinds of label that a linear model over n-grams names, too. Not emotions unless asked: gates are
            fitted on rows that stand among the training rows, where names and scenes give labels away, and
            trust n-grams too much in other conversations.
        buckets: of the hashed n-grams.
        max_tokens: longest input.
        batch_tokens: padded tokens of a batch.
        documents: sticker documents in each batch, for the label heads and the anchor.
        anchor: comments and documents keep the likeness that this model gives them: ``minilm``, the folder of
            another BERT that reads English as sentence embeddings do, or empty for none.
        refresh_every: steps between two refreshes of the sticker side.
        held_out: share of each source that only the combination of the parts is fitted on, in blocks of rows
            that stand together, so that a dialogue's rows are hardly ever on both sides.
        heads: what reads labels and likeness off the tower.
        temperature: of the retrieval loss.
        valid_limit: validation rows of each source, spread evenly over the split.
        weights: of the terms of the loss, by name, where they are not the usual ones: 0.5 for ``intention``,
            0.2 for ``domain``, 1 for the others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: str = "."
    start: str = "minilm"
    checkpoint: str | None = None
    layers: int | None = Field(default=None, ge=1)
    learning: int | None = Field(default=None, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    reading: Reading = "markers"
    turns: int = Field(default=HISTORY, ge=1)
    sources: dict[str, SourceConfig] = Field(min_length=1)
    packs: tuple[str, ...] = Field(min_length=1)
    vocabulary: int = Field(default=22_000, ge=100)
    wide: tuple[Subject, ...] = ("emoji",)
    buckets: int = Field(default=1 << 17, ge=16)
    max_tokens: int = Field(default=72, ge=48, le=512)
    batch_tokens: int = Field(default=2048, ge=64)
    documents: int = Field(default=8, ge=0)
    refresh_every: int = Field(default=100, ge=1)
    anchor: str = "minilm"
    held_out: float = Field(default=0.05, ge=0, lt=0.5)
    heads: HeadsConfig = HeadsConfig()
    temperature: float = Field(default=0.05, gt=0)
    valid_limit: int = Field(default=1500, ge=1)
    weights: dict[Term, Weight] = Field(default_factory=dict)
    train: TrainOptions = TrainOptions()

    def place(self, path: str) -> Path:
        """Where a source lies."""
        return Path(self.root).expanduser() / Path(path).expanduser()

    def pack_places(self) -> list[str]:
        """Where the packs lie."""
        return [str(STARTER_PACK if pack == "starter" else self.place(pack)) for pack in self.packs]
