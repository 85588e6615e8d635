"""Training MMBERT: matching, and its three auxiliary tasks (context, emotion, meaning)."""

from trainers.mmbert.config import MMBERTConfig, MMBERTLosses

__all__ = ["MMBERTConfig", "MMBERTLosses"]
