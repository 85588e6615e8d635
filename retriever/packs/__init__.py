"""Stickers in: read from folders and archives, decoded within limits, or quarantined with a reason."""

from retriever.packs.decode import DecodedImage, ImageInfo, decode, probe
from retriever.packs.entry import Annotations, PackEntry, Quarantined
from retriever.packs.limits import DEFAULT_LIMITS, Limits
from retriever.packs.quarantine import REASONS
from retriever.packs.readers.open import open_pack
from retriever.packs.readers.pack import Pack

__all__ = [
    "DEFAULT_LIMITS",
    "REASONS",
    "Annotations",
    "DecodedImage",
    "ImageInfo",
    "Limits",
    "Pack",
    "PackEntry",
    "Quarantined",
    "decode",
    "open_pack",
    "probe",
]
