"""Everything that ``sticker train`` can train, by the name that a configuration gives as ``family``."""

from trainers.families.base import Built, Family
from trainers.families.registry import family, names

__all__ = ["Built", "Family", "family", "names"]
