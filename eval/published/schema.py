"""The shape of a file of published numbers, and of what is read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Pool", "PublishedNumber", "PublishedRow", "Relevance", "Sheet"]

Pool = Literal["candidates", "all"]
"""What was ranked: the query's own candidate list (ten, as a rule), or every sticker."""

Relevance = Literal["gold", "label"]
"""What counted as right: the one sticker that was sent, or every sticker with the gold's label."""


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """One cell of a table.

    Attributes:
        metric: the paper's name for it, in plain letters: ``R10@1``, ``MRR_all``, ``P@1``.
        printed: the digits as printed, percent.
        measure: our name of the same quantity (`eval.measures.parse_measure`): Int-RA's ``P@1`` is ``Hit@1``.
            None where we have no such quantity (an accuracy), or where what was computed is in doubt.
        pool, relevance: what was ranked and what counted as right; None where nothing was ranked.
    """

    metric: str
    printed: str
    measure: str | None
    pool: Pool | None
    relevance: Relevance | None

    @property
    def value(self) -> float:
        """As a share, in [0, 1]; our own results are shares too."""
        return float(Decimal(self.printed) / 100)


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One row of a table: one system on one split.

    Attributes:
        paper: short name, which is also the file's: ``pbr``, ``mmbert``, ``int-ra``, ...
        title: the paper's title.
        table: ``1`` for Table 1, ``section 4.4`` for a number in the text.
        source: where exactly it stands.
        dataset: ``stickerchat``, ``dstc10-mod``, ``stickerint`` or ``ser30k``.
        split: in the paper's words.
        system: the paper's name for it.
        group: the heading above the row (a backbone, a kind of method), or "".
        numbers: its cells, in the order of the columns; cells left empty in the paper are left out.
        caveats: sentences that belong beside the row; those of the whole table first.
    """

    paper: str
    title: str
    table: str
    source: str
    dataset: str
    split: str
    system: str
    group: str
    numbers: tuple[PublishedNumber, ...]
    caveats: tuple[str, ...]

    @property
    def label(self) -> str:
        """The system with its heading: ``Ours* (ViT+BERT)``."""
        return f"{self.system} ({self.group})" if self.group else self.system

    @property
    def values(self) -> Mapping[str, float]:
        """The paper's metric name -> share in [0, 1]."""
        return {number.metric: number.value for number in self.numbers}

    def number(self, measure: str, pool: Pool, relevance: Relevance) -> PublishedNumber | None:
        """The cell that holds one of our measures, or None."""
        wanted = (measure, pool, relevance)
        cells = (cell for cell in self.numbers if (cell.measure, cell.pool, cell.relevance) == wanted)
        return next(cells, None)


_Text = Annotated[str, Field(min_length=1)]
_Printed = Annotated[str, Field(pattern=r"^\d{1,3}(\.\d+)?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """What a column means."""

    measure: _Text | None
    pool: Pool | None
    relevance: Relevance | None


class Row(_Strict):
    """A row, its values in the order of the table's columns; null is a cell left empty."""

    system: _Text
    values: tuple[_Printed | None, ...]
    group: _Text | None = None
    caveats: tuple[_Text, ...] = ()


class Table(_Strict):
    """One table on one split; a table of a paper with two splits stands here twice."""

    table: _Text
    source: _Text
    dataset: _Text
    split: _Text
    columns: tuple[_Text, ...]
    caveats: tuple[_Text, ...] = ()
    rows: tuple[Row, ...] = Field(min_length=1)


class Sheet(_Strict):
    """One file: all numbers of one paper.

    Attributes:
        columns: metric name -> what it means, for all tables of the paper.
    """

    paper: _Text
    title: _Text
    columns: dict[str, Column]
    tables: tuple[Table, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for table in self.tables:
            if unknown := [name for name in table.columns if name not in self.columns]:
                raise ValueError(f"{table.source}: columns {unknown} are not described")
            for row in table.rows:
                if len(row.values) != len(table.columns):
                    what = f"{len(row.values)} values in {len(table.columns)} columns"
                    raise ValueError(f"{table.source}, {row.system}: {what}")
        return self

    def rows(self) -> tuple[PublishedRow, ...]:
        """Every row of every table."""
        return tuple(self._row(table, row) for table in self.tables for row in table.rows)

    def _row(self, table: Table, row: Row) -> PublishedRow:
        numbers = tuple(
            PublishedNumber(name, printed, **self.columns[name].model_dump())
            for name, printed in zip(table.columns, row.values, strict=True)
            if printed is not None
        )
        return PublishedRow(
            self.paper,
            self.title,
            table.table,
            table.source,
            table.dataset,
            table.split,
            row.system,
            row.group or "",
            numbers,
            table.caveats + row.caveats,
        )
