"""Finding and loading what an ``open_clip:...`` name means; `retriever.encoders.open_clip` lists them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from json import dumps
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from retriever.encoders.base import EncoderSpec
from retriever.encoders.checks import unit_rows
from retriever.encoders.hub import existing_folder, load_from_hub, load_local, looks_local
from retriever.encoders.open_clip import PURPOSE, OpenClipEncoder
from retriever.encoders.torch_models import pick_device, weights_digest
from retriever.errors import InputError, ModelError
from retriever.extras import require

__all__ = ["Source", "create_model", "find_source", "load_open_clip", "run_for"]

HUB, FOLDER, RANDOM = "hf-hub:", "local-dir:", "@random"
CONFIG = "open_clip_config.json"
WEIGHTS = (".safetensors", ".bin", ".pth")  # what open_clip looks for in a folder


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from.

    Attributes:
        model: what open_clip calls it.
        weights: tag or file; None where `model` says it, or for random weights.
        label: short and free of local paths, for the spec.
        local: nothing of it should lie on a hub.
    """

    model: str
    weights: str | None
    label: str
    local: bool
    random: bool = False


def load_open_clip(
    name: str, rest: str, *, device: str = "auto", batch_size: int | None = None
) -> OpenClipEncoder:
    """Loads a model in float32 and encodes one text and one image with it as a check.

    Args:
        name: what the encoder's spec is called.
        rest: what follows the scheme: see `retriever.encoders.open_clip`.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch_size: frames or texts in one run of the model, 32 if None.

    Raises:
        InputError: `rest` is empty.
        ModelError: no such model, tag, file or folder; weights that would be random; bad output.
        MissingExtra: open_clip is not installed.
    """
    if not rest:
        raise InputError(
            f"encoder {name!r} names no model, expected open_clip:MODEL/TAG or :local-dir:FOLDER"
        )
    library = require("open_clip", "torch", PURPOSE)
    source = find_source(rest, library)
    target = pick_device(device)
    what = f"open_clip model {rest!r}"
    model, transform, tokenizer = run_for(source, what, lambda: _create(library, source))
    digest = weights_digest(model)
    model = model.to(target).eval()
    spec = EncoderSpec(
        name=name,
        model_id=f"open_clip {source.label}@{digest}",
        dimension=_dimension(model, tokenizer, transform, target, what),
        sticker_side="image",
        languages=("en",) if isinstance(tokenizer, library.SimpleTokenizer) else (),
        preprocessing=_preprocessing(model, tokenizer, library.__version__),
    )
    return OpenClipEncoder(model, transform, tokenizer, spec, target, batch_size)


def run_for(source: Source, what: str, load: Callable[[], T]) -> T:
    """Runs `load`, which reads from `source`: see `retriever.encoders.hub`.

    Raises:
        ModelError: it failed.
    """
    return load_local(what, load) if source.local else load_from_hub(what, load)


def find_source(rest: str, library: Any) -> Source:
    """What `rest`, one of the spellings in `retriever.encoders.open_clip`, means.

    Raises:
        ModelError: no such model, tag, file or folder.
    """
    if rest.startswith(HUB):
        return Source(rest, None, rest, local=False)
    if rest.startswith(FOLDER) or (looks_local(rest) and Path(rest).expanduser().is_dir()):
        folder = existing_folder(rest.removeprefix(FOLDER))
        _check_folder(folder)
        return Source(f"{FOLDER}{folder}", None, folder.name, local=True)
    if rest.endswith(RANDOM):
        model = _known_model(rest.removesuffix(RANDOM), library)
        return Source(model, None, rest, local=True, random=True)
    model, slash, weights = rest.partition("/")
    model = _known_model(model, library)
    if not slash:
        return _only_tag(model, library)
    if Path(weights).expanduser().is_file():
        path = Path(weights).expanduser().absolute()
        return Source(model, str(path), f"{model}/{path.name}", local=True)
    if weights in library.list_pretrained_tags_by_model(model):
        return Source(model, weights, f"{model}/{weights}", local=False)
    raise ModelError(
        f"{model} has no checkpoint {weights!r}, and there is no such file; {_choices(model, library)}"
    )


def _known_model(model: str, library: Any) -> str:
    known = library.list_models()
    if model in known:
        return model
    close = get_close_matches(model, known, n=5, cutoff=0.5)
    hint = (
        f"did you mean {', '.join(close)}" if close else f"open_clip knows {len(known)}, such as {known[0]}"
    )
    raise ModelError(f"open_clip has no model {model!r}, and there is no such folder; {hint}?")


def _only_tag(model: str, library: Any) -> Source:
    tags = library.list_pretrained_tags_by_model(model)
    if len(tags) != 1:
        raise ModelError(f"open_clip:{model} does not say which weights; {_choices(model, library)}")
    return Source(model, tags[0], f"{model}/{tags[0]}", local=False)


def _choices(model: str, library: Any) -> str:
    tags = ", ".join(library.list_pretrained_tags_by_model(model)) or "none"
    return f"its tags are: {tags}; or {model}/FILE for a checkpoint, {model}{RANDOM} for a benchmark"


def _check_folder(folder: Path) -> None:
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{folder} has no {CONFIG}, expected a model saved by open_clip")
    if not any(path.suffix in WEIGHTS for path in folder.iterdir()):
        raise ModelError(f"{folder} has no weights ({', '.join(WEIGHTS)}): they would be random")


def _create(library: Any, source: Source) -> tuple[Any, Any, Any]:
    """Model on the CPU in float32, image transform, tokenizer."""
    model = create_model(library, source)
    with _handled_root_logger():
        tokenizer = library.get_tokenizer(source.model)
    preprocess = library.transform.PreprocessCfg(**model.visual.preprocess_cfg)
    transform = library.transform.image_transform_v2(preprocess, is_train=False)
    return model, transform, tokenizer


def create_model(library: Any, source: Source, image_size: int | None = None) -> Any:
    """The model on the CPU in float32, with its weights; random ones are the same each time.

    Args:
        library: open_clip.
        image_size: pixels along an edge, to which its position table is interpolated; its own if None.
    """
    torch = require("torch", "torch", PURPOSE)
    options: dict[str, Any] = {"pretrained": source.weights, "require_pretrained": not source.random}
    if source.random:
        options["pretrained_text"] = False
    tag = library.get_pretrained_cfg(source.model, source.weights) if source.weights else {}
    if tag.get("quick_gelu"):
        options["force_quick_gelu"] = True  # else the activation differs from training, with only a warning
    if image_size is not None:
        options["force_image_size"] = image_size
    with _handled_root_logger(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return library.create_model(source.model, precision="fp32", device="cpu", **options)


@contextmanager
def _handled_root_logger() -> Iterator[None]:
    """open_clip calls `logging.info()`, which installs a printing handler where the root logger has none."""
    root, nothing = logging.getLogger(), logging.NullHandler()
    root.addHandler(nothing)
    try:
        yield
    finally:
        root.removeHandler(nothing)


def _dimension(model: Any, tokenizer: Any, transform: Any, device: str, what: str) -> int:
    """The length of a real vector, after both sides gave a usable one of the same length."""
    torch = require("torch", "torch", PURPOSE)
    image = require("PIL.Image", "torch", PURPOSE).new("RGB", (64, 64), "white")
    with torch.inference_mode():
        text = model.encode_text(tokenizer(["a"]).to(device)).float().cpu().numpy()
        picture = model.encode_image(transform(image)[None].to(device)).float().cpu().numpy()
    if text.ndim != 2:
        raise ModelError(f"{what} gives text vectors of shape {text.shape}, expected one vector")
    dimension = int(text.shape[1])
    unit_rows(text, 1, dimension, what)
    unit_rows(np.asarray(picture), 1, dimension, what)
    return dimension


def _preprocessing(model: Any, tokenizer: Any, version: str) -> str:
    """What changes vectors beside the weights: image options, length limit, tokenizer, major version."""
    facts = {
        "image": model.visual.preprocess_cfg,
        "tokens": tokenizer.context_length,
        "tokenizer": type(tokenizer).__name__,
        "frames": "mean",
    }
    return f"open_clip {version.partition('.')[0]} {dumps(facts, sort_keys=True, default=str)}"
