"""What papers have printed, as data, so that a report on a real dataset shows the paper's row beside ours.

One JSON file a paper, transcribed by hand from its tables: values as the digits that were printed, percent.
Every row says where it stands in the paper, and what makes it hard to compare (`PublishedRow.caveats`): where
a paper contradicts itself, another paper or its own released code.
"""

from eval.published.load import datasets_with_numbers, published, rows_for
from eval.published.schema import PublishedNumber, PublishedRow

__all__ = ["PublishedNumber", "PublishedRow", "datasets_with_numbers", "published", "rows_for"]
