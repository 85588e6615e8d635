"""One training loop for every ranker."""

from trainers.loop.run import Outcome, train

__all__ = ["Outcome", "train"]
