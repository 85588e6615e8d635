"""Emotion anchors: k-means centroids of the teacher's features, M an emotion (PBR section 3.2)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError, ModelError
from retriever.extras import require
from retriever.labels import EMOTIONS
from retriever.store.atomic import temporary_beside

__all__ = ["FEATURES", "anchors_of", "cluster", "save_features"]

FEATURES = "features.safetensors"
SEED = 42
"""Of k-means, as in the released code."""


def cluster(
    features: NDArray[np.float32], emotion: NDArray[np.int64], clusters: int, seed: int = SEED
) -> NDArray[np.float32]:
    """(7M, f) float32: the centroids of each emotion's features, in the order of `retriever.labels.EMOTIONS`.

    An emotion with fewer distinct features than M gives them all, repeated in turn until there are M, so that
    each emotion has the same share of the softmax; one with none gives zeros (the released code sets missing
    centroids to zero).

    Args:
        features: (n, f) of the training images.
        emotion: (n,) their labels, 0 to 6.
        clusters: M.

    Raises:
        InputError: lengths differ, or M is below 1.
    """
    if len(features) != len(emotion) or clusters < 1:
        raise InputError(
            f"{len(features)} features, {len(emotion)} labels, {clusters} clusters; expected as many"
        )
    sklearn = require("sklearn.cluster", "train", "clustering")
    anchors = np.zeros((len(EMOTIONS), clusters, features.shape[1]), np.float32)
    for at in range(len(EMOTIONS)):
        own = features[emotion == at].astype(np.float64)
        distinct = np.unique(own, axis=0)
        if len(distinct) > clusters:
            means = sklearn.KMeans(clusters, n_init=10, random_state=seed).fit(own)
            anchors[at] = means.cluster_centers_
        elif len(distinct):
            anchors[at] = distinct[np.arange(clusters) % len(distinct)]
    return anchors.reshape(-1, features.shape[1])


def save_features(folder: Path, features: NDArray[np.float32], emotion: NDArray[np.int64]) -> None:
    """Keep the training images' features beside the teacher, so that any M can be clustered later."""
    _save(folder / FEATURES, {"features": features, "emotion": emotion})


def anchors_of(folder: Path, clusters: int) -> NDArray[np.float32]:
    """(7M, f) anchors of the teacher in `folder`: read, or clustered now and kept.

    Raises:
        ModelError: the teacher has neither them nor its features, or a file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    place = folder / f"anchors-{clusters}.safetensors"
    try:
        if place.exists():
            return np.asarray(load_file(place)["anchors"])
        kept = load_file(folder / FEATURES)
    except FileNotFoundError:
        raise ModelError(
            f"{folder} has no {FEATURES}, so no anchors can be made; run `sticker train teacher` to its end"
        ) from None
    except (SafetensorError, KeyError, OSError) as error:
        raise ModelError(f"{folder}: anchors or features cannot be read ({error}); copy it again") from error
    anchors = cluster(kept["features"], kept["emotion"], clusters)
    _save(place, {"anchors": anchors})
    return anchors


def _save(place: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    from safetensors.numpy import save_file

    temporary = temporary_beside(place)
    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
