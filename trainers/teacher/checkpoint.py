"""A teacher on disk.

::

    config.json                 {"family": "teacher", "schema": 1, "image": ..., "emotions": ...}
    model.safetensors           the weights
    features.safetensors        "features" (n, f) float32 and "emotion" (n,) int64 of the training images
    anchors-60.safetensors      "anchors" (7 * 60, f), emotion by emotion; others are made from the features
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from retriever.checkpoints import CONFIG, SCHEMA, WEIGHTS, read_config
from retriever.errors import ModelError
from retriever.labels import EMOTIONS
from retriever.rankers.parts.config import ImageConfig
from retriever.store.atomic import write_json
from trainers.teacher.config import TeacherConfig
from trainers.teacher.model import TeacherModule

__all__ = ["load_teacher", "save_teacher"]


def save_teacher(
    folder: Path, module: TeacherModule, config: TeacherConfig, metrics: Mapping[str, float]
) -> None:
    """Write weights and configuration into `folder`; features and anchors are added when training ends."""
    state = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    image = config.image.model_dump(mode="json") | {"pretrained": None}
    told: dict[str, Any] = {
        "family": "teacher",
        "schema": SCHEMA,
        "image": image,
        "emotions": list(EMOTIONS),
        "metrics": dict(metrics),
    }
    write_json(folder / CONFIG, told)


def load_teacher(folder: str | Path) -> TeacherModule:
    """The teacher in `folder`, in ``eval`` mode on the CPU.

    Raises:
        ModelError: no teacher there, a ranker, a damaged one, or weights that are missing or too many.
    """
    place = Path(folder).expanduser()
    config = read_config(place)
    if config["family"] != "teacher":
        raise ModelError(
            f"{place} is a {config['family']!r}; give a folder that `sticker train teacher` wrote"
        )
    if config.get("emotions") != list(EMOTIONS):
        raise ModelError(f"{place} knows the emotions {config.get('emotions')}; expected {list(EMOTIONS)}")
    module = TeacherModule(ImageConfig.model_validate(config["image"]))
    try:
        module.load_state_dict(load_file(place / WEIGHTS))
    except Exception as error:  # safetensors and torch raise a dozen kinds for a damaged or foreign file
        said = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{place / WEIGHTS} does not fit its configuration ({said}); copy it again"
        ) from error
    return module.eval()
