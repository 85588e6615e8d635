"""Encoders by name: the one place that turns ``SCHEME`` or ``SCHEME:REST`` into a loaded encoder.

The set is open. A new family (say, an encoder trained by this project) needs one module with a loader and one
line here, or from outside::

    def load_mine(request: LoadRequest) -> Encoder: ...

    register("mine", load_mine)

A loader gets what follows the colon and imports whatever is heavy inside itself; importing this module costs
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from retriever.encoders.base import Encoder
from retriever.errors import InputError

__all__ = ["DEFAULT", "LoadRequest", "Loader", "encoder_schemes", "load_encoder", "register"]

DEVICES = ("auto", "cpu", "cuda")

DEFAULT = "starter"
"""What ``auto`` stands for: it ships, and runs on what the light install brings."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a loader is asked for.

    Attributes:
        name: the whole name, as the user gave it; goes into the encoder's spec.
        rest: what follows the scheme's colon, stripped; empty if there is none.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch_size: inputs in one run of the model; None leaves it to the encoder.
    """

    name: str
    rest: str
    device: str = "auto"
    batch_size: int | None = None


Loader = Callable[[LoadRequest], Encoder]

_LOADERS: dict[str, Loader] = {}


def register(scheme: str, loader: Loader) -> None:
    """Makes `load_encoder` understand ``scheme`` and ``scheme:...``.

    Raises:
        InputError: the scheme is taken, reserved, or not a plain word.
    """
    if scheme in _LOADERS or scheme in ("auto", "none"):
        raise InputError(f"encoder scheme {scheme!r} is already taken; choose another than {_known()}")
    if not scheme or not scheme.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"encoder scheme {scheme!r} is not a plain word of letters, digits, - and _")
    _LOADERS[scheme] = loader


def encoder_schemes() -> tuple[str, ...]:
    """The registered schemes, sorted."""
    return tuple(sorted(_LOADERS))


def load_encoder(name: str, *, device: str = "auto", batch_size: int | None = None) -> Encoder:
    """Loads the encoder called `name`.

    Args:
        name: ``auto``, ``starter``, ``dual:CHECKPOINT``, ``minilm``, ``open_clip:MODEL/TAG``,
            ``sentence-transformers:MODEL`` (or ``st:MODEL``), or a registered scheme. ``none`` means no
            encoder to callers; it is refused here.
        device: ``auto`` takes a GPU where the encoder gains from one and the machine has it.
        batch_size: inputs in one run of the model; None leaves it to the encoder.

    Raises:
        InputError: no such scheme, device or batch size.
        MissingExtra: the encoder's extra is not installed.
        ModelError: the model cannot be loaded.
    """
    if device not in DEVICES:
        raise InputError(f"device is {device!r}, expected one of {', '.join(DEVICES)}")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is {batch_size}, expected 1 or more")
    if name == "auto":
        name = DEFAULT
    if name == "none":
        raise InputError("encoder 'none' means working without one; there is nothing to load")
    scheme, _, rest = name.partition(":")
    loader = _LOADERS.get(scheme)
    if loader is None:
        raise InputError(f"encoder {name!r} has an unknown scheme, expected one of {_known()}")
    return loader(LoadRequest(name, rest.strip(), device, batch_size))


def _known() -> str:
    return ", ".join(("auto", *encoder_schemes()))


def _starter(request: LoadRequest) -> Encoder:
    if request.rest:
        raise InputError(f"encoder {request.name!r}: starter takes nothing after the colon")
    return _dual(request)


def _dual(request: LoadRequest) -> Encoder:
    from retriever.encoders.dual.encoder import load_dual_encoder

    if request.name.startswith("dual") and not request.rest:
        raise InputError(f"encoder {request.name!r} names no checkpoint; expected dual:FOLDER")
    return load_dual_encoder(request.name, request.rest, device=request.device)


def _minilm(request: LoadRequest) -> Encoder:
    if request.rest:
        raise InputError(
            f"encoder {request.name!r}: minilm takes nothing after the colon, expected just 'minilm'"
        )
    from retriever.encoders.minilm import load_minilm

    return load_minilm(request.name, device=request.device, batch_size=request.batch_size)


def _open_clip(request: LoadRequest) -> Encoder:
    from retriever.encoders.open_clip_load import load_open_clip

    return load_open_clip(request.name, request.rest, device=request.device, batch_size=request.batch_size)


def _sentence_transformers(request: LoadRequest) -> Encoder:
    from retriever.encoders.sentence_transformers import load_sentence_transformers

    return load_sentence_transformers(
        request.name, request.rest, device=request.device, batch_size=request.batch_size
    )


register("starter", _starter)
register("dual", _dual)
register("minilm", _minilm)
register("open_clip", _open_clip)
register("sentence-transformers", _sentence_transformers)
register("st", _sentence_transformers)
