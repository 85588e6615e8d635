"""One training loop for every ranker."""

from trainers.loop.run import BEST, STATE, Outcome, train

__all__ = ["BEST", "STATE", "Outcome", "train"]
