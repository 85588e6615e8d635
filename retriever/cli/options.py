"""Options that several subcommands share, each described once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
RecallOption = Annotated[
    str, typer.Option("--recall", help="exact, or hnsw (Chroma's index, for very large libraries).")
]


@dataclass(frozen=True)
class Scoring:
    """Which scorers of a library are used, on how much of a conversation, and how they are fused."""

    use: Annotated[
        list[str] | None,
        typer.Option(
            "--use", help="Scorers to use, repeatable (default: all the library has).", show_default=False
        ),
    ] = None
    ranker: Annotated[
        str,
        typer.Option(
            "--ranker",
            help="A trained ranker's checkpoint folder; auto: the one that ships, where the library was "
            "indexed with its encoder; none: no ranker.",
        ),
    ] = "auto"
    history: Annotated[
        int, typer.Option("--history", min=1, help="How many of the last utterances are read.")
    ] = 3
    fusion: Annotated[
        str,
        typer.Option(
            "--fusion",
            help="How scores are fused: weighted (a sum of scores on one scale), rrf (of reciprocal "
            "ranks), or a file that `sticker fuse` wrote (.toml).",
        ),
    ] = "weighted"  # retriever.fusion.default.METHOD, which would load numpy for every command
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight",
            help="A scorer's weight, NAME=NUMBER, repeatable (default: 2 for ranker, 1 for others).",
            show_default=False,
        ),
    ] = None
    normalise: Annotated[
        str | None,
        typer.Option(
            "--normalise", help="For weighted fusion: minmax, zscore, rank or softmax (default: minmax).",
            show_default=False,
        ),
    ] = None  # fmt: skip

    def open(
        self,
        library: Path | None,
        *,
        device: str,
        recall: str = "exact",
        recall_size: int = 200,
        scorers: "Sequence[Scorer]" = (),
    ) -> "StickerRetriever":
        """The retriever of a library.

        Raises:
            InputError: a weight is not NAME=NUMBER, or a fusion file needs a language model.
        """
        from retriever.chain import StickerRetriever
        from retriever.cli.llm_specs import llm_of_fusion, need_llm
        from retriever.errors import InputError
        from retriever.fusion.file import is_file

        asked = llm_of_fusion(self.fusion)
        if asked is not None and asked.scorer not in {scorer.name for scorer in scorers}:
            raise need_llm(self.fusion, asked, "`sticker pick --llm URL` says where it runs")
        if is_file(self.fusion) and (self.weight or self.normalise):
            raise InputError(f"{self.fusion} has its own weights; leave --weight and --normalise out")
        return StickerRetriever.open(
            library,
            use=tuple(self.use or ()),
            ranker=None if self.ranker == "none" else self.ranker,
            history=self.history,
            device=device,
            fusion=self.fusion,
            weights=parse_weights(self.weight),
            fusion_options={"normalisation": self.normalise} if self.normalise else None,
            recall=recall,  # type: ignore[arg-type]
            recall_size=recall_size,
            scorers=scorers,
        )

    def record(self) -> dict[str, Any]:
        """What was chosen, as an evaluation writes it down; a fusion file is named by what it holds."""
        from retriever.fusion.file import file_id

        return {
            "use": sorted(self.use or ()),
            "ranker": self.ranker,
            "history": self.history,
            "fusion": file_id(self.fusion),
            "weights": parse_weights(self.weight),
            "normalise": self.normalise,
        }


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
