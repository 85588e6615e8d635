"""What a teacher says of all stickers of a data set, computed once.

::

    teacher-<teacher>-<stickers>/features.npy    (n, f) float32
    teacher-<teacher>-<stickers>/logits.npy      (n, 7) float32
    teacher-<teacher>-<stickers>/anchors-60.npy  (n, 7 * 60) float32: features times anchors

Both parts of the name are hashes, of the teacher's weights and of the images' hashes in their order.
"""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retriever.checkpoints import content_id
from retriever.errors import ModelError
from retriever.progress import bar
from retriever.store.atomic import new_folder, temporary_beside
from trainers.datasets.ranking import StickerImages, TeacherOutputs
from trainers.teacher.anchors import anchors_of

__all__ = ["class_scores", "teacher_outputs"]

_CHUNK = 1024


def teacher_outputs(
    teacher: Path,
    stickers: StickerImages,
    clusters: int,
    cache: Path,
    device: str = "auto",
    show_progress: bool | None = None,
) -> TeacherOutputs:
    """Memory-mapped outputs for every row of `stickers`.

    Images of another side than the teacher's are resized for it.

    Args:
        teacher: a folder that `sticker train teacher` wrote.
        clusters: M; any for which the teacher has features enough (see `cluster`).
        cache: where outputs are kept, by hash.

    Raises:
        ModelError: no usable teacher there.
    """
    folder = Path(teacher).expanduser()
    anchors = anchors_of(folder, clusters)
    place = _place(folder, stickers, cache, device, show_progress)
    features = np.load(place / "features.npy", mmap_mode="r")
    if features.shape[1] != anchors.shape[1]:
        raise ModelError(
            f"{folder}: features have {features.shape[1]} numbers, anchors {anchors.shape[1]}; train it again"
        )
    mark = hashlib.sha256(anchors.tobytes()).hexdigest()[:8]
    products = place / f"anchors-{clusters}-{mark}.npy"
    if not products.exists():
        _multiply(features, anchors, products)
    return TeacherOutputs(
        np.load(products, mmap_mode="r"), np.load(place / "logits.npy", mmap_mode="r"), features
    )


def class_scores(
    teacher: Path,
    stickers: StickerImages,
    cache: Path,
    device: str = "auto",
    show_progress: bool | None = None,
) -> NDArray[np.float32]:
    """(n, 7) class scores alone, for which a teacher needs no anchors; otherwise as `teacher_outputs`."""
    place = _place(Path(teacher).expanduser(), stickers, cache, device, show_progress)
    return np.asarray(np.load(place / "logits.npy", mmap_mode="r"))


def _place(folder: Path, stickers: StickerImages, cache: Path, device: str, show: bool | None) -> Path:
    """Where features and class scores lie; computed now where they are not there yet."""
    named = hashlib.sha256("\n".join((str(stickers.side), *stickers.sha256)).encode()).hexdigest()[:12]
    place = cache / f"teacher-{content_id(folder)}-{named}"
    if not (place / "logits.npy").exists():
        _describe(folder, stickers, place, device, show)
    return place


def _describe(folder: Path, stickers: StickerImages, place: Path, device: str, show: bool | None) -> None:
    import torch

    from trainers.teacher.checkpoint import load_teacher
    from trainers.teacher.describe import describe_rows

    gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    module = load_teacher(folder).to("cuda" if gpu else "cpu")
    with bar("Teacher", len(stickers), show) as advance:
        features, logits = describe_rows(module, stickers, np.arange(len(stickers)), advance)
    try:
        with new_folder(place) as made:
            np.save(made / "features.npy", features)
            np.save(made / "logits.npy", logits)
    except OSError:
        if not (place / "logits.npy").exists():  # else another process was faster
            raise


def _multiply(features: NDArray[np.float32], anchors: NDArray[np.float32], place: Path) -> None:
    temporary = temporary_beside(place)
    try:
        shape = (len(features), len(anchors))
        products = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
        for start in range(0, len(features), _CHUNK):
            products[start : start + _CHUNK] = features[start : start + _CHUNK] @ anchors.T
        products.flush()
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
