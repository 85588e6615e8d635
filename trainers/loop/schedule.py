"""The learning rate over time."""

import math

__all__ = ["learning_rate"]


def learning_rate(step: int, total: int, lr: float, final_lr: float, warmup: int = 0) -> float:
    """The rate of optimiser step `step` (0 is the first) of `total`: a linear rise, then half a cosine.

    The first step after the rise has `lr`, the last one `final_lr` (PBR section 4.2).
    """
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    span = max(1, total - 1 - warmup)
    done = min(1.0, (step - warmup) / span)
    return final_lr + (lr - final_lr) * 0.5 * (1 + math.cos(math.pi * done))
