"""A report back from the file that an evaluation left."""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from eval.results import Report
from retriever.errors import InputError

__all__ = ["load_report"]

_AGAIN = "run the evaluation again to write it anew"


def load_report(folder: Path) -> Report:
    """Read ``report.json``.

    Raises:
        InputError: the folder has none (the evaluation has not come to its end), or it is damaged.
    """
    path = folder / "report.json"
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the --out folder of an evaluation")
    if not path.is_file():
        raise InputError(
            f"{folder} has no report.json; run its `sticker eval ... --out {folder}` again to finish it"
        )
    try:
        # not pydantic's own JSON, which has no half surrogate pairs
        return TypeAdapter(Report).validate_python(json.loads(path.read_bytes()))
    except ValueError as error:
        if not isinstance(error, ValidationError):
            raise InputError(f"{path} is no JSON ({error}); {_AGAIN}") from None
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{path} is no report ({where}: {first['msg']}); {_AGAIN}") from None
