"""All checks, in the order a person would ask."""

from collections.abc import Iterator
from pathlib import Path

from retriever.doctor.finding import Finding
from retriever.doctor.installation import check_installation
from retriever.doctor.records import check_records
from retriever.errors import LibraryError
from retriever.store.index import current_name, read_info
from retriever.store.library import Library
from retriever.store.lock import is_held
from retriever.store.paths import LibraryPaths
from retriever.store.probe import probe


def checkup(library: Path) -> Iterator[Finding]:
    """Check the installation and the library folder; changes nothing."""
    yield from check_installation()
    paths = LibraryPaths(library.resolve())
    if not paths.root.is_dir():
        remedy = f"sticker index PACK --library {library}"
        yield Finding("library", "note", f"there is none at {paths.root} yet", remedy)
        return
    holder = is_held(paths)
    if holder is not None:
        yield Finding("writer", "note", f"{holder} is writing; what follows may change under the check")
    yield from check_records(paths)
    yield from _check_index(paths)


def _check_index(paths: LibraryPaths) -> Iterator[Finding]:
    remedy = f"sticker doctor --repair --library {paths.root}"
    try:
        name = current_name(paths)
        read_info(paths.indexes / name)
    except LibraryError as error:
        yield Finding("index", "problem", str(error), remedy)
        return
    wrong = probe(paths.indexes / name)
    if wrong is not None:
        yield Finding("index", "problem", wrong, remedy)
        return
    library = Library.open(paths.root)
    encoders = ", ".join(spec.name for spec in library.manifest.encoders) or "no encoder"
    yield Finding("index", "ok", f"{name}: {len(library):,} stickers, {encoders}; Chroma answers")
    gone = [sticker.path for sticker in library.stickers if not Path(sticker.path).exists()]
    if gone:
        text = f"{len(gone):,} of {len(library):,} image files are gone, such as {gone[0]}"
        yield Finding("images", "problem", text, "put them back, or index the pack again")
    else:
        yield Finding("images", "ok", "every image file is where it was")
