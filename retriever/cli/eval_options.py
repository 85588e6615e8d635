"""Options of `sticker eval`: which rows are measured on, and how they are judged."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eval.costs import Price
    from eval.datasets import Dataset

__all__ = ["Judging", "Source"]

JUDGING, DATA = "How it is judged", "Data"


@dataclass(frozen=True)
class Source:
    """Which rows are measured on."""

    split: Annotated[
        str | None,
        typer.Option(
            help="Which of the dataset's splits (default: valid).", show_default=False, rich_help_panel=DATA
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="The dataset's format (default: found out).",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None
    policy: Annotated[
        str | None,
        typer.Option(
            help="How candidates are chosen (default: those of the rows, or the format's own).",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None
    policy_seed: Annotated[int, typer.Option(help="Of the policy.", rich_help_panel=DATA)] = 42
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Only the first so many rows.", show_default=False, rich_help_panel=DATA),
    ] = None
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first bad row.", rich_help_panel=DATA)
    ] = False

    def open(self, place: str) -> "Dataset":
        """The dataset at `place`."""
        from eval.datasets import open_dataset

        return open_dataset(place, self.split, self.format, policy=self.policy, seed=self.policy_seed)


@dataclass(frozen=True)
class Judging:
    """What counts as right, and how sure the result is."""

    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--protocol", "-p",
            help="c10: the rows' candidates; all: every sticker, by sticker and by label; intent: every "
            "sticker, by label alone; words: every sticker, apart by whether the right one has words on it. "
            "Repeatable, or with commas (default: c10,all).",
            show_default=False, rich_help_panel=JUDGING,
        ),
    ] = None  # fmt: skip
    label: Annotated[
        str | None,
        typer.Option(
            help="What makes a sticker relevant: emotion, emoji or intention (default: what the rows have).",
            show_default=False,
            rich_help_panel=JUDGING,
        ),
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option(
            help="The system that the others are compared with (default: the most frequent label).",
            show_default=False,
            rich_help_panel=JUDGING,
        ),
    ] = None
    ties: Annotated[
        str,
        typer.Option(
            help="Equal scores: expected (the mean over their orders), optimistic or pessimistic.",
            rich_help_panel=JUDGING,
        ),
    ] = "expected"
    resamples: Annotated[
        int, typer.Option(min=1, help="Of the bootstrap behind the intervals.", rich_help_panel=JUDGING)
    ] = 1000
    resample: Annotated[
        str,
        typer.Option(
            help="What intervals and tests draw: whole dialogues, whose queries are not independent, or "
            "single queries; auto: dialogues where one has several queries.",
            metavar="[auto|dialogue|query]",
            rich_help_panel=JUDGING,
        ),
    ] = "auto"
    seed: Annotated[int, typer.Option(help="Of the bootstrap, and of `random`.", rich_help_panel=JUDGING)] = 0
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Ask a system about no more conversations at once than this; with 1 the times are those of "
            "single picks (default: what suits the system).",
            show_default=False,
            rich_help_panel=JUDGING,
        ),
    ] = None
    price_in: Annotated[
        float | None,
        typer.Option(
            min=0, help="Money for a million tokens read.", show_default=False, rich_help_panel=JUDGING
        ),
    ] = None
    price_out: Annotated[
        float | None,
        typer.Option(
            min=0, help="And written: prices a thousand picks.", show_default=False, rich_help_panel=JUDGING
        ),
    ] = None

    def price(self) -> "Price | None":
        """What tokens cost.

        Raises:
            InputError: half a price.
        """
        from eval.costs import Price
        from retriever.errors import InputError

        if self.price_in is None and self.price_out is None:
            return None
        if self.price_in is None or self.price_out is None:
            raise InputError("a price needs both --price-in and --price-out; give 0 for what is free")
        return Price(self.price_in, self.price_out)
