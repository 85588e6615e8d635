"""Loading models that may lie on a hub: from the cache where the hub is out of reach, and never a long wait.

The hub libraries retry every file five times before they give up: half a minute a model. So one short probe
decides beforehand, and where it fails they are told to use their cache only. ``HF_HUB_OFFLINE`` does the same
without the probe; the libraries read it at their import, here it is looked at on every load.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

from retriever.errors import ModelError, StickerError
from retriever.extras import require

__all__ = ["PROBE_SECONDS", "existing_folder", "hub_reachable", "load_from_hub", "load_local", "looks_local"]

PROBE_SECONDS = 3.0
PURPOSE = "a model by hub id"

logger = logging.getLogger(__name__)
_loading = RLock()  # "cache only" is a switch of the whole process

T = TypeVar("T")


def looks_local(name: str) -> bool:
    """Whether `name` can only be meant as a path: it exists, is absolute, or begins like a relative path."""
    path = Path(name).expanduser()
    return path.is_absolute() or name.startswith(("./", "../", ".\\", "..\\", "~")) or path.exists()


def existing_folder(name: str) -> Path:
    """`name` as an absolute path to a folder that is there.

    Raises:
        ModelError: there is nothing, or a file, at that path.
    """
    path = Path(name).expanduser().absolute()
    if not path.is_dir():
        raise ModelError(
            f"{path} is {'a file' if path.exists() else 'not there'}, expected the folder of a model"
        )
    return path


def hub_reachable(seconds: float = PROBE_SECONDS) -> bool:
    """Whether the hub gives any answer within that time; proxies are used as for real requests."""
    answered = Event()

    def ask() -> None:
        try:
            require("huggingface_hub", "torch", PURPOSE).get_session().head(_endpoint(), timeout=seconds)
        except Exception as error:  # whatever is wrong with the network, a hook or a proxy: no answer
            logger.debug("no answer from the hub: %s", error)
        else:
            answered.set()

    # A daemon, not a pool: an address that never answers must hold up neither the caller nor the exit.
    thread = Thread(target=ask, name="hub-probe", daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def load_from_hub(what: str, load: Callable[[], T]) -> T:
    """Runs `load`, which may ask the hub; where that is switched off or does not answer, from the cache.

    Args:
        what: the model, for the message.
        load: does the loading, through a library built on `huggingface_hub`.

    Raises:
        ModelError: `load` failed; the message says whether the hub was part of it and what to do.
    """
    with _loading:
        obstacle = _obstacle()
        try:
            with _cache_only() if obstacle else nullcontext():
                return load()
        except StickerError:
            raise
        except Exception as error:  # each library raises its own, up to bare RuntimeError
            if obstacle:
                raise ModelError(
                    f"{what} cannot be loaded from the local cache, and {obstacle}: "
                    f"name a folder with its files instead, or load it once online ({_first_line(error)})"
                ) from error
            raise ModelError(f"{what} cannot be loaded: {_first_line(error)}") from error


def load_local(what: str, load: Callable[[], T]) -> T:
    """Runs `load` on local files; only if that fails and the hub answers, again with the hub.

    A folder may name parts that lie elsewhere, such as the tokenizer of a text tower.

    Raises:
        ModelError: `load` failed.
    """
    with _loading:
        try:
            with _cache_only():
                return load()
        except StickerError:
            raise
        except Exception as error:  # each library raises its own, up to bare RuntimeError
            if _obstacle():
                raise ModelError(f"{what} cannot be loaded: {_first_line(error)}") from error
        return load_from_hub(what, load)


def _obstacle() -> str | None:
    """Why the hub cannot be asked, or None."""
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(variable, "").strip().upper() in ("1", "ON", "YES", "TRUE"):
            return f"{variable} is set"
    if _constants().is_offline_mode():
        return "the hub is switched off (HF_HUB_OFFLINE)"
    if not hub_reachable():
        return f"{urlsplit(_endpoint()).hostname} does not answer"
    return None


@contextmanager
def _cache_only() -> Iterator[None]:
    """Tells the hub libraries to use their cache only: they look at this constant on each request."""
    constants = _constants()
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _constants() -> Any:
    return require("huggingface_hub.constants", "torch", PURPOSE)


def _endpoint() -> str:
    """The hub's address; the library takes it from ``HF_ENDPOINT``."""
    return str(_constants().ENDPOINT)


def _first_line(error: BaseException) -> str:
    """The beginning of an error's text: some libraries put pages into it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
