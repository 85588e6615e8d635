"""Moved to `trainers.ranking.scoring`: other families score pairs too."""

from trainers.ranking.scoring import score_samples

__all__ = ["score_samples"]
