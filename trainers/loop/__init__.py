"""One training loop for every ranker."""

from trainers.loop.run import STATE, Outcome, train

__all__ = ["STATE", "Outcome", "train"]
