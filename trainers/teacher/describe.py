"""Features and class scores of many stickers."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.datasets.ranking import StickerImages
from trainers.teacher.model import TeacherModule

__all__ = ["describe_rows"]

_BATCH = 64


@torch.no_grad()
def describe_rows(
    module: TeacherModule,
    stickers: StickerImages,
    rows: NDArray[np.int64],
    advance: Callable[[int], None] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, f) pooled features and (n, 7) class scores, float32, without augmentation.

    Args:
        advance: told how many more are done.
    """
    device = next(module.parameters()).device
    was = module.training
    module.eval()
    features = np.empty((len(rows), module.body.width), np.float32)
    logits = np.empty((len(rows), module.head.out_features), np.float32)
    for start in range(0, len(rows), _BATCH):
        chunk = slice(start, start + _BATCH)
        pixels = torch.from_numpy(stickers.pixels(rows[chunk])).to(device)
        found = module.describe(pixels)
        features[chunk], logits[chunk] = (values.cpu().numpy() for values in found)
        if advance is not None:
            advance(len(pixels))
    module.train(was)
    return features, logits
