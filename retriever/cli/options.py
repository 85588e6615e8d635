"""Options that several subcommands share, each described once."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from retriever.chain import StickerRetriever
    from retriever.scorers.base import Scorer

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", "-l", help="Library folder (default: $STICKER_LIBRARY, else ./sticker-library).",
        show_default=False,
    ),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Where encoders run: auto, cpu or cuda.", rich_help_panel="Models")
]
HistoryOption = Annotated[
    int, typer.Option("--history", min=1, help="How many of the last utterances are read.")
]
UseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--use", help="Scorers to use, repeatable (default: all the library has).", show_default=False
    ),
]
FusionOption = Annotated[str, typer.Option("--fusion", help="How scores are fused: rrf or weighted.")]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight", help="A scorer's weight, NAME=NUMBER, repeatable (default: 1).", show_default=False
    ),
]
NormaliseOption = Annotated[
    str | None,
    typer.Option(
        "--normalise", help="For weighted fusion: minmax, zscore, rank or softmax (default: minmax).",
        show_default=False,
    ),
]  # fmt: skip
RecallOption = Annotated[
    str, typer.Option("--recall", help="exact, or hnsw (Chroma's index, for very large libraries).")
]


def parse_weights(given: list[str] | None) -> dict[str, float] | None:
    """``["lexical=0.5"]`` as ``{"lexical": 0.5}``.

    Raises:
        InputError: not NAME=NUMBER.
    """
    from retriever.errors import InputError

    weights: dict[str, float] = {}
    for item in given or ():
        name, _, number = item.rpartition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise InputError(f"got --weight {item!r}; expected NAME=NUMBER, such as lexical=0.5")
    return weights or None


def open_retriever(
    library: Path | None,
    *,
    use: list[str] | None,
    history: int,
    device: str,
    fusion: str,
    weight: list[str] | None,
    normalise: str | None,
    recall: str,
    recall_size: int = 200,
    scorers: "Sequence[Scorer]" = (),
) -> "StickerRetriever":
    """A retriever from the shared options."""
    from retriever.chain import StickerRetriever

    return StickerRetriever.open(
        library,
        use=tuple(use or ()),
        history=history,
        device=device,
        fusion=fusion,
        weights=parse_weights(weight),
        fusion_options={"normalisation": normalise} if normalise else None,
        recall=recall,  # type: ignore[arg-type]
        recall_size=recall_size,
        scorers=scorers,
    )
