"""The written report of an evaluation: tables, figures and one self-contained page, all from its folder.

Importing this package does no work. The tables need nothing beside the core; the page and its figures need
the extra ``report``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.report_page.load import load_report
    from eval.report_page.page import write

_HOME = {"load_report": "eval.report_page.load", "write": "eval.report_page.page"}

__all__ = ["load_report", "write"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'eval.report_page' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
