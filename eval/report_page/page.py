"""The page: one HTML file that needs nothing beside itself, and the files of its figures."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from eval.exports import write_tables
from eval.report_page.columns import iterate
from eval.report_page.examples import Example, Thumbnails, choose, make_examples
from eval.report_page.figures.style import Drawing
from eval.report_page.findings import Findings, read_findings
from eval.report_page.sections import Contents, contents
from eval.results import Report
from eval.runs import write_atomically
from retriever.errors import MissingExtra
from retriever.extras import require
from retriever.visible import visible

__all__ = ["write"]


def write(
    folder: Path,
    report: Report,
    *,
    baselines: Sequence[str] | None = None,
    images: Mapping[str, Path] | None = None,
    examples: int = 6,
) -> Path:
    """Write ``report.html`` and ``figures/``, and the tables anew, into an evaluation's folder.

    Nothing is scored. The page is the same for the same folder.

    Args:
        folder: an evaluation's, finished.
        report: its result.
        baselines: systems to test the others against; None takes the report's.
        images: where the pictures of stickers lie, by id; None takes the places noted in the folder, as far
            as there is a file.
        examples: conversations to show at most.

    Returns:
        Where the page is.

    Raises:
        MissingExtra: jinja2 is not installed. Without matplotlib the page is written without figures.
        InputError: the folder has no records, or a baseline is no system.
    """
    require("jinja2", "report", "the HTML report")
    findings = read_findings(folder, report, baselines)
    write_tables(folder, findings)
    figures, absent = _figures(findings)
    _write_figures(folder, figures)
    shown, note = _examples(folder, findings, images, examples)
    page = render(contents(findings), figures, absent, shown, note)
    write_atomically(folder / "report.html", [page])
    return folder / "report.html"


def render(
    report: Contents,
    figures: Sequence[Drawing] = (),
    absent: Sequence[str] = (),
    examples: Sequence[Example] = (),
    example_note: str = "",
) -> str:
    """The page as text; everything in it but the figures' own drawing is escaped.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    require("jinja2", "report", "the HTML report")
    from jinja2 import Environment, StrictUndefined

    # what stands in a sheet may come from anywhere: also what no browser shows is made visible
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_shown)
    place = files("eval.report_page")
    template = environment.from_string(place.joinpath("page.html.j2").read_text(encoding="utf-8"))
    from markupsafe import Markup

    return template.render(
        report=report,
        figures=figures,
        absent=absent,
        examples=examples,
        example_note=example_note,
        style=Markup(place.joinpath("style.css").read_text(encoding="utf-8")),
    )


def _shown(value: object) -> object:
    """Plain text without steering characters; what is markup already stays."""
    return visible(value) if type(value) is str else value


def _figures(findings: Findings) -> tuple[list[Drawing], list[str]]:
    try:
        from eval.report_page.figures.build import draw_all

        return draw_all(findings)
    except MissingExtra as error:
        return [], [f"All of them: {error}."]


def _write_figures(folder: Path, figures: Sequence[Drawing]) -> None:
    place = folder / "figures"
    place.mkdir(exist_ok=True)
    for figure in figures:
        (place / f"{figure.key}.svg").write_bytes(figure.svg)
        (place / f"{figure.key}.png").write_bytes(figure.png)
    # a figure that an earlier report had and this one has not would be read as this one's
    kept = {f"{figure.key}{suffix}" for figure in figures for suffix in (".svg", ".png")}
    for path in place.iterdir():
        if path.suffix in (".svg", ".png") and path.name not in kept:
            path.unlink()


def _examples(
    folder: Path, findings: Findings, images: Mapping[str, Path] | None, count: int
) -> tuple[list[Example], str]:
    found = next((found for found in findings.protocols if found.main is not None), None)
    places = [] if found is None or count < 1 else choose(found, count)
    if found is None or not places:
        return [], ""
    thumbnails = Thumbnails(_noted(folder) if images is None else images)
    shown = make_examples(iterate(folder, findings.report.n_rows), places, found, thumbnails)
    note = (
        f"Queries of {found.result.protocol} on which the contenders' results vary most, labels taking "
        "turns; chosen to show differences, so no sample of the whole. Each system's first place is shown."
    )
    if thumbnails.unreadable:
        note += f" {len(thumbnails.unreadable)} pictures could not be read."
    return shown, note


def _noted(folder: Path) -> dict[str, Path]:
    """Where the run found the pictures of its stickers, as far as there still is a file."""
    from eval.record_file import read_lines
    from eval.run_folder import STICKERS

    noted: dict[str, Any] = {line.get("id", ""): line.get("path") for line in read_lines(folder / STICKERS)}
    places = {id: Path(path) for id, path in noted.items() if isinstance(path, str) and path}
    return {id: path for id, path in places.items() if path.is_file()}
