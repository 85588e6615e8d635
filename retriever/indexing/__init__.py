"""The indexing job: a pack goes in, the records are brought up to date, a new index is swapped in."""

from retriever.indexing.annotate import annotate
from retriever.indexing.job import index_pack, rebuild_index
from retriever.indexing.report import IndexReport

__all__ = ["IndexReport", "annotate", "index_pack", "rebuild_index"]
