"""Sticker images for training: decoded once, kept as uint8 in a memory-mapped file."""

from trainers.images.cache import CachedImages, cache_images, default_cache
from trainers.images.sources import ImageSource, array_source, entry_source, file_source, pack_sources

__all__ = [
    "CachedImages",
    "ImageSource",
    "array_source",
    "cache_images",
    "default_cache",
    "entry_source",
    "file_source",
    "pack_sources",
]
