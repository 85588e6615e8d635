"""What must be installed before a ranker on torch can be imported."""

from retriever.extras import require

__all__ = ["require_torch"]


def require_torch(purpose: str) -> None:
    """Import what a ranker on torch is built with.

    Args:
        purpose: what it is needed for, to begin the message with.

    Raises:
        MissingExtra: torch, timm or tokenizers is not installed.
    """
    for module in ("torch", "timm", "tokenizers"):
        require(module, "train", purpose)
