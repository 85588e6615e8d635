"""Datasets as they are on disk, in the native format and in those of the papers.

In the native format a dataset is a folder with any of ``train.jsonl``, ``valid.jsonl``, ``test.jsonl``, or
one ``.jsonl`` file. A row is a conversation (`retriever.conversations`) plus, each optional: ``sticker`` (the
gold's id), ``candidates`` (ids, the gold among them), ``dialogue``, and what the sticker must express:
``emotion``, ``emoji`` or ``intention`` (also read as ``intent``).
"""

from eval.datasets.dataset import SPLITS, Dataset, count_lines, open_dataset, open_stickers, splits_of
from eval.datasets.native import parse_sample
from eval.datasets.reader import SampleReader
from eval.datasets.samples import Sample

__all__ = [
    "SPLITS",
    "Dataset",
    "Sample",
    "SampleReader",
    "count_lines",
    "open_dataset",
    "open_stickers",
    "parse_sample",
    "splits_of",
]
