"""Word vectors to start from: word2vec's text format, plain or compressed."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch
from torch import nn

from retriever.errors import InputError
from retriever.rankers.parts.pieces import MARKERS, Words

__all__ = ["read_vectors"]

_OPENERS: dict[str, Callable[..., IO[Any]]] = {".gz": gzip.open, ".bz2": bz2.open}


def read_vectors(path: Path, words: Words, table: nn.Embedding) -> int:
    """Fill the rows of `table` whose words the file has; the others stay as they are.

    A line is ``word number number ...``; a first line of two numbers (word2vec's header) is skipped. A word
    may not contain spaces; a repeated word keeps its first vector, as gensim does.

    Returns:
        How many words were found.

    Raises:
        InputError: no such file, a line that is no vector, another width than the table's, or no word of
            the vocabulary in it.
    """
    width = table.embedding_dim
    wanted = {word: row for row, word in enumerate(words.words) if row >= len(MARKERS)}
    found = 0
    opener = _OPENERS.get(path.suffix, open)
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace") as lines, torch.no_grad():
            for number, line in enumerate(lines, 1):
                word, *values = line.rstrip().split(" ")
                if number == 1 and len(values) == 1:
                    continue
                if len(values) != width:
                    raise InputError(
                        f"{path}, line {number}: {len(values)} numbers, but text.width is {width}; set "
                        "text.width to the vectors' width"
                    )
                row = wanted.pop(word.lower(), None)
                if row is None:
                    continue
                try:
                    table.weight[row] = torch.tensor([float(value) for value in values])
                except ValueError as error:
                    raise InputError(f"{path}, line {number}: not a vector ({error})") from error
                found += 1
    except OSError as error:
        raise InputError(f"the word vectors {path} cannot be read ({error})") from error
    if not found:
        raise InputError(f"{path} has none of the {len(words.words)} words of the vocabulary")
    return found
