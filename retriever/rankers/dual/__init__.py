"""The dual ranker: a text tower and label heads on ONNX Runtime; what ships as the starter ranker."""

from retriever.rankers.dual.ranker import DualRanker, load_dual

__all__ = ["DualRanker", "load_dual"]
