"""Stickers in: decoded within limits, read from folders and archives; or quarantined."""

from retriever.packs.decode import DecodedImage, ImageInfo, decode, probe
from retriever.packs.entry import Annotations, PackEntry, Quarantined
from retriever.packs.limits import DEFAULT_LIMITS, Limits
from retriever.packs.quarantine import REASONS

__all__ = [
    "DEFAULT_LIMITS",
    "REASONS",
    "Annotations",
    "DecodedImage",
    "ImageInfo",
    "Limits",
    "PackEntry",
    "Quarantined",
    "decode",
    "probe",
]
