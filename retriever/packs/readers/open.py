"""`open_pack`: from a path to a stream of stickers."""

import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from retriever.errors import BadImage, PackError
from retriever.packs.entry import Annotations, PackEntry, Quarantined
from retriever.packs.limits import DEFAULT_LIMITS, Limits
from retriever.packs.readers.archive import ZipTree
from retriever.packs.readers.folder import FolderTree, read_file, read_head
from retriever.packs.readers.names import clean_name, language_of, words_of_stem
from retriever.packs.readers.native import INDEX_NAME, count_rows, native_entries
from retriever.packs.readers.pack import Pack
from retriever.packs.readers.plain import count_images, plain_entries
from retriever.packs.readers.tree import Tree
from retriever.packs.sniff import READABLE, REFUSED_IMAGES, SNIFF_BYTES, sniff

_EXPECTED = f"expected a folder of images, a folder with {INDEX_NAME}, a {INDEX_NAME}, a zip or an image"


def open_pack(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Pack:
    """Open whatever holds stickers.

    A folder with a ``stickers.jsonl`` (or that file itself) is native; any other folder is a tree of images,
    its sub-folders packs; a zip is read as the folder that was packed; an image is a pack of one.

    Args:
        path: of the folder or file.
        limits: what is too large.

    Returns:
        A `Pack` whose stickers are found as it is iterated. Close it, or use it in ``with``.

    Raises:
        PackError: there is nothing at `path`, nothing readable, or no sticker in it.
    """
    given = os.fspath(path)
    if not given or "\0" in given:
        raise PackError(f"{given!r} is no path; {_EXPECTED}")
    try:
        found = Path(given).expanduser().resolve(strict=True)
        pack = _open_folder(found, limits) if found.is_dir() else _open_file(found, limits)
    except FileNotFoundError as error:
        raise PackError(f"{given} is not there; {_EXPECTED}") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, or no home folder for ~
        raise PackError(f"{given} cannot be read ({getattr(error, 'strerror', None) or error})") from error
    return _checked(pack, given)


def _open_folder(folder: Path, limits: Limits) -> Pack:
    os.listdir(folder)  # noqa: PTH208 - an unreadable folder is an error of the whole pack
    if (folder / INDEX_NAME).is_file():
        return _native(FolderTree(folder, limits), INDEX_NAME, limits)
    inner = sorted(entry.parent.name for entry in folder.glob(f"*/{INDEX_NAME}"))
    if inner:
        raise PackError(
            f"{folder} has no {INDEX_NAME}, but {len(inner)} of its sub-folders have: {', '.join(inner[:3])}"
            f"{', ...' * (len(inner) > 3)}; open them one by one"
        )
    return _plain(FolderTree(folder, limits))


def _open_file(file: Path, limits: Limits) -> Pack:
    if not file.is_file():
        raise PackError(f"{file} is a device or pipe; {_EXPECTED}")
    try:
        head = read_head(file, SNIFF_BYTES)
    except BadImage as error:
        raise PackError(f"{file} cannot be read ({error.detail})") from error
    kind = sniff(head)
    if kind == "zip":
        return _open_zip(ZipTree(file, limits), limits)
    if kind in READABLE | REFUSED_IMAGES:
        return _single(file, limits)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise PackError(f"{file} is UTF-16 text; save it as UTF-8")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") or (file.name == INDEX_NAME and head):
        return _native(FolderTree(file.parent, limits), file.name, limits)
    what = {"html": "a web page", "empty": "an empty file", "unknown": "no known kind of file"}.get(
        kind, kind
    )
    raise PackError(f"{file} is {what}; {_EXPECTED}")


def _open_zip(tree: ZipTree, limits: Limits) -> Pack:
    return _native(tree, INDEX_NAME, limits) if tree.has(INDEX_NAME) else _plain(tree)


def _native(tree: Tree, index: str, limits: Limits) -> Pack:
    return Pack(
        tree.source,
        "native zip" if isinstance(tree, ZipTree) else "native",
        lambda _ignored: native_entries(tree, index, limits),
        partial(count_rows, tree, index),
        tree.close,
    )


def _plain(tree: Tree) -> Pack:
    return Pack(
        tree.source,
        "zip" if isinstance(tree, ZipTree) else "folder",
        partial(plain_entries, tree),
        partial(count_images, tree),
        tree.close,
    )


def _single(file: Path, limits: Limits) -> Pack:
    def entries(_ignored: Counter[str]) -> Iterator[PackEntry | Quarantined]:
        try:
            name = clean_name(file.name)
        except BadImage as error:
            shown = file.name.encode("utf-8", "backslashreplace").decode()
            yield Quarantined(shown, shown, error.reason, error.detail)
            return
        words = words_of_stem(name)
        annotations = Annotations(name={language_of(words): words} if words else {})
        read = partial(read_file, file, limits.max_file_bytes)
        yield PackEntry(name, file.parent.name or "pack", str(file), file, read, annotations)

    return Pack(str(file), "image", entries, lambda: 1, lambda: None)


def _checked(pack: Pack, given: str) -> Pack:
    """`pack`, after making sure that there is a first item."""
    if next(iter(pack), None) is None:
        passed_over = (
            f" ({sum(pack.ignored.values())} files of other kinds passed over)" if pack.ignored else ""
        )
        pack.close()
        raise PackError(f"no stickers in {given}{passed_over}; {_EXPECTED}")
    return pack
