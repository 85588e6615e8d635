"""The read side: an opened index with its stickers, matrices and BM25."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.base import EncoderSpec, Vectors
from retriever.errors import InputError, LibraryDamaged, LibraryNotFound, ManifestMismatch
from retriever.store.collections import place
from retriever.store.index import INDEX_SCHEMA, current_name, read_info
from retriever.store.manifest import Manifest
from retriever.store.paths import LibraryPaths
from retriever.store.rows import StickerRows
from retriever.store.vectors import load_matrix, matrix_name
from retriever.types import Sticker

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

    from retriever.scorers.lexical import LexicalScorer

LIBRARY_VARIABLE = "STICKER_LIBRARY"
DEFAULT_LIBRARY = "sticker-library"


def default_library() -> Path:
    """Where commands look when no library is named: ``$STICKER_LIBRARY``, else ``sticker-library`` here."""
    return Path(os.environ.get(LIBRARY_VARIABLE) or DEFAULT_LIBRARY)


class Library:
    """An index, opened for reading; needs no lock and sees no later change (`open` again for that).

    Attributes:
        stickers: all stickers in row order (sorted by id).
        manifest: what the index was made with.
        name: the name of the index, which grows with every change.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.paths = LibraryPaths(root)
        self.name = name
        self.folder = self.paths.indexes / name
        info = read_info(self.folder)
        if info["schema"] != INDEX_SCHEMA:
            raise ManifestMismatch(
                f"{self.folder} has index schema {info['schema']}, this version reads {INDEX_SCHEMA}; "
                "run `sticker index --rebuild`"
            )
        self.content: str = info["content"]
        self.manifest = Manifest.from_json(info["manifest"], str(self.folder / "index.json"))
        self._collections: dict[str, str] = info["collections"]
        self._tables: dict[str, dict[str, Any]] = info["tables"]
        self.stickers = StickerRows(self.folder)

    @classmethod
    def open(cls, root: str | Path | None = None) -> "Library":
        """Open the index in use.

        Args:
            root: the library folder; None means `default_library()`.

        Raises:
            LibraryNotFound: no such folder, or nothing was indexed into it.
            LibraryDamaged: the index is not complete.
        """
        folder = (default_library() if root is None else Path(root)).resolve()
        if not folder.is_dir():
            raise LibraryNotFound(
                f"there is no library at {folder}; run `sticker index PACK --library {folder}` first"
            )
        name = current_name(LibraryPaths(folder))
        while True:
            try:
                return cls(folder, name)
            except LibraryDamaged:
                newer = current_name(LibraryPaths(folder))
                if newer == name:
                    raise
                name = newer  # writers swapped in others while this one was being opened

    def __len__(self) -> int:
        return len(self.stickers)

    @property
    def retired(self) -> bool:
        """Whether later indexing removed this index.

        What is open or mapped stays good: rows, matrices, BM25. Chroma opens its files again now and then,
        for one more connection; it then fails, and may make an empty folder of that name.
        """
        return not (self.folder / "index.json").exists()

    def rows_of(self, stickers: Sequence[Sticker]) -> NDArray[np.intp]:
        """The rows of `stickers`, int array (len(stickers),).

        Raises:
            InputError: a sticker that is not in this library.
        """
        rows = [self.stickers.row_of(sticker.id) for sticker in stickers]
        for sticker, row in zip(stickers, rows, strict=True):
            if row is None:
                raise InputError(f"sticker {sticker.id!r} is not in {self.paths.root}; index its pack first")
        return np.asarray(rows, dtype=np.intp)

    def vectors(self, spec: EncoderSpec) -> Vectors:
        """The matrix of an encoder's vectors, (n, dimension), mapped from the disk, read-only."""
        return load_matrix(self.folder / matrix_name(spec.fingerprint))

    def lexical(self, history: int = 3) -> "LexicalScorer":
        """The BM25 scorer over this library, reading `history` utterances."""
        from retriever.scorers.lexical import LexicalScorer

        return LexicalScorer.load(self.folder / "lexical", self.stickers.ids, history=history)

    def collection(self, spec: EncoderSpec | None = None, *, table: str | None = None) -> "Collection":
        """The Chroma collection of an encoder (None: the first, or the only one of a lexical library).

        Args:
            table: ``attributes`` or ``inferences`` in place of the stickers.

        The client stays open as long as the process.

        Raises:
            InputError: the index has no such table.
            LibraryDamaged: the collection does not open, or was retired by later runs.
            LibraryError: the Chroma server does not answer.
        """
        from retriever.store.chroma import close, connect_existing

        if table is not None and table not in self._tables:
            raise InputError(
                f"{self.paths.root} has no table {table!r}; it has {', '.join(self._tables) or 'none'}; "
                "`sticker describe` and `sticker infer` make them"
            )
        fingerprint = spec.fingerprint if spec else next(iter(self._collections))
        name = self._tables[table]["name"] if table else self._collections[fingerprint]
        client = connect_existing(place(self.folder, self.manifest))
        try:
            return client.get_collection(name, embedding_function=None)
        except Exception as error:
            close(client)
            raise LibraryDamaged(
                f"Chroma collection {name} does not open ({error}); open the library again if it was indexed "
                "meanwhile, else run `sticker index --rebuild`"
            ) from error
