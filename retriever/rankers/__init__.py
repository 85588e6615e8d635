"""Trained rankers: one package a model family, opened by `load_ranker`."""

from retriever.rankers.base import Ranker, StickerFeatures
from retriever.rankers.registry import load_ranker

__all__ = ["Ranker", "StickerFeatures", "load_ranker"]
