"""A tree of images: every image file is a sticker, every sub-folder a pack or a label (ImageFolder)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from retriever.errors import BadImage
from retriever.packs.entry import Annotations, PackEntry, Quarantined
from retriever.packs.limits import DEFAULT_LIMITS, Limits
from retriever.packs.readers.image_folder import METADATA, layout_of, read_metadata
from retriever.packs.readers.names import IMAGE_SUFFIXES, language_of, suffix_of, words_of_stem
from retriever.packs.readers.tree import Tree
from retriever.packs.sniff import READABLE, REFUSED_IMAGES, SNIFF_BYTES, sniff


def plain_entries(
    tree: Tree, ignored: Counter[str], limits: Limits = DEFAULT_LIMITS
) -> Iterator[PackEntry | Quarantined]:
    """Every image below the tree's root, in order, with what metadata say of it.

    A file is taken for an image when its name or its first bytes say so; a README or a licence is neither,
    and is only counted.

    Args:
        tree: where the images lie.
        ignored: counts, by suffix, the files that were passed over; added to.
        limits: bounds of a file of metadata.
    """
    layout = layout_of(tree)
    said = read_metadata(tree, layout, limits)
    yield from said.problems
    for file in tree.files():
        if isinstance(file, Quarantined):
            suffix = suffix_of(file.id)
            if suffix and suffix not in IMAGE_SUFFIXES:  # a dangling link called notes.txt
                ignored[suffix] += 1
            else:
                yield file
            continue
        suffix = suffix_of(file.name)
        if file.name.rpartition("/")[2] in METADATA:
            continue
        if suffix not in IMAGE_SUFFIXES:
            try:
                kind = sniff(file.head(SNIFF_BYTES))
            except BadImage as error:
                yield Quarantined(file.name, file.origin, error.reason, error.detail)
                continue
            if kind == "zip" and suffix == ".zip":
                detail = "an archive inside a pack is not opened; unpack it or give it by itself"
                yield Quarantined(file.name, file.origin, "unsupported_kind", detail)
                continue
            if kind not in READABLE | REFUSED_IMAGES:
                ignored[suffix or file.name] += 1
                continue
        words = words_of_stem(file.name)
        annotations, notices, pack = said.rows.get(file.name, (Annotations(), (), None))
        if words and not annotations.name:
            annotations = replace(annotations, name={language_of(words): words})
        yield PackEntry(
            file.name,
            pack or layout.pack(file.name, tree.name),
            file.origin,
            file.path,
            file.read,
            layout.said(file.name, annotations),
            notices,
        )


def count_images(tree: Tree) -> int:
    """How many files below the root have an image's suffix or cannot be used."""
    return sum(
        isinstance(file, Quarantined) or suffix_of(file.name) in IMAGE_SUFFIXES for file in tree.files()
    )
