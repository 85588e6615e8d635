"""Reading the published numbers, all of them or those of one dataset."""

import re
from functools import cache
from importlib.resources import files

from pydantic import ValidationError

from eval.published.schema import PublishedNumber, PublishedRow, Sheet
from retriever.errors import InputError

__all__ = ["all_rows", "datasets_with_numbers", "parse_sheet", "published", "rows_for"]

_ALSO = {
    "stickerchat": ("stickerchat",),
    "dstc10-mod": ("dstc10mod", "dstc10", "mod", "modzh"),
    "stickerint": ("stickerint",),
    "ser30k": ("ser30k",),
}
"""Dataset -> what folders of it are called, in lower case letters and digits."""


def rows_for(dataset_name: str, format: str | None = None) -> list[PublishedRow]:
    """What papers have printed on a dataset; empty for one that no paper at hand used.

    Args:
        dataset_name: of the dataset or of its folder: ``StickerChat``, ``dstc10_mod``, ``MOD-Dataset``. The
            English half of MOD is another dataset: nothing was printed on it.
        format: of its files (`eval.datasets.formats`), for a folder whose name tells nothing: the papers'
            formats have one dataset each.
    """
    words = [word for word in re.split(r"[^a-z0-9]+", dataset_name.lower()) if word]
    if "en" in words or "english" in words:
        return []
    for spelled in ({*words, "".join(words)}, {format}):
        found = next((name for name, also in _ALSO.items() if spelled & set(also)), None)
        if found is not None:
            break
    return [row for row in all_rows() if row.dataset == found]


def published(
    dataset: str | None = None, metric: str | None = None, paper: str | None = None, table: str | None = None
) -> list[tuple[PublishedRow, PublishedNumber]]:
    """Single numbers, each with the row it stands in.

    Args:
        dataset: as in `rows_for`; None for all.
        metric: the paper's name of it (``R10@1``) or ours (``Hit@1``); None for all.
        paper, table: as in `PublishedRow`; None for all.
    """
    rows = all_rows() if dataset is None else rows_for(dataset)
    return [
        (row, number)
        for row in rows
        if paper in (None, row.paper) and table in (None, row.table)
        for number in row.numbers
        if metric in (None, number.metric, number.measure)
    ]


def datasets_with_numbers() -> tuple[str, ...]:
    """Names of the datasets that `rows_for` knows."""
    return tuple(_ALSO)


@cache
def all_rows() -> tuple[PublishedRow, ...]:
    """Every row of every paper, papers by name."""
    sheets = sorted(
        (path for path in files("eval.published").iterdir() if path.name.endswith(".json")),
        key=lambda path: path.name,
    )
    return tuple(row for path in sheets for row in parse_sheet(path.read_bytes(), path.name).rows())


def parse_sheet(text: str | bytes, name: str) -> Sheet:
    """One file of published numbers.

    Raises:
        InputError: it is not of the shape that `eval.published.schema` describes; says where and why.
    """
    try:
        return Sheet.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{name}: {where}: {first['msg']}") from None
