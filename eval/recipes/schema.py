"""The shape of recipe files."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DatasetFile", "RecipeFile", "SystemEntry"]

_Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SystemEntry(_Strict):
    """One row of the table that can be trained.

    Attributes:
        name: as in `eval.published.PublishedRow.label`.
        config: a training configuration that ships (`sticker train --list`).
        teacher: whether training it needs the emotion teacher.
        settings: what differs from the configuration (``--set``).
    """

    name: _Text
    config: Annotated[str, Field(pattern=r"^[\w/-]+$")]
    teacher: bool = False
    settings: tuple[_Text, ...] = ()


class DataEntry(_Strict):
    """Which split of which dataset."""

    dataset: _Text
    split: _Text


class RecipeFile(_Strict):
    """One recipe.

    Attributes:
        paper, table, split: where its numbers stand (`eval.published`); several splits where a table prints
            parts of one.
        protocol: as `sticker eval --protocol` takes them.
        systems: rows that can be trained.
        printed_only: rows that cannot, by label.
        weights: published weights that training starts from.
    """

    paper: _Text
    table: _Text
    split: _Text | tuple[_Text, ...]
    protocol: tuple[Literal["c10", "all", "intent", "words"], ...] = Field(min_length=1)
    data: DataEntry
    systems: tuple[SystemEntry, ...] = Field(min_length=1)
    printed_only: tuple[_Text, ...] = ()
    weights: tuple[_Text, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The printed splits."""
        return (self.split,) if isinstance(self.split, str) else self.split


class DatasetFile(_Strict):
    """What a dataset's folder must hold.

    Attributes:
        access: how people get it.
        files: each a list of patterns, one of which must be found in the folder or up to two below it.
        splits: the same for the file of each split.
    """

    title: _Text
    access: _Text
    files: tuple[tuple[_Text, ...], ...]
    splits: dict[str, tuple[_Text, ...]] = {}

    def wanted(self, split: str) -> tuple[tuple[str, ...], ...]:
        """Everything that must be there for a split."""
        return self.files + ((self.splits[split],) if split in self.splits else ())
