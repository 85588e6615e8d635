"""Models by short name, and what a server really offers."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from retriever.errors import ModelError

__all__ = ["Chosen", "Preset", "choose_model", "offered_models", "presets"]

_FILE = Path(__file__).with_name("presets.toml")


class Preset(BaseModel):
    """A model family under a short name.

    Attributes:
        title: as papers write it.
        paper: one of the six LLM rows of Int-RA's Table II.
        images: it takes pictures.
        ids: model ids that mean it, the usual one first.
        note: what a server needs to serve it, and what is not known.
        extra: fields of the request body that it needs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    paper: bool
    images: bool
    ids: tuple[str, ...]
    note: str
    extra: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model id at a server, and the request fields that go with it."""

    id: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@cache
def presets() -> Mapping[str, Preset]:
    """All presets by short name."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Preset.model_validate(row) for name, row in rows.items()}


def offered_models(base_url: str, *, api_key: str | None = None, timeout: float = 10.0) -> list[str]:
    """The ids that ``GET /v1/models`` lists, in the server's order.

    Raises:
        ModelError: no server answers there, or not with a list of models.
    """
    root = base_url.rstrip("/")
    url = f"{root if root.endswith('/v1') else root + '/v1'}/models"
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        response = httpx.get(url, headers=headers, timeout=timeout)
        response.raise_for_status()
        ids = [str(entry["id"]) for entry in response.json()["data"]]
    except httpx.HTTPStatusError as error:
        raise ModelError(
            f"{url} answers HTTP {error.response.status_code}; is the address and key right?"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelError(
            f"no server answers at {url} ({error or type(error).__name__}); start one first"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ModelError(
            f"{url} does not answer with a list of models; is it an OpenAI-compatible server?"
        ) from None
    if not ids:
        raise ModelError(f"{url} lists no model; load one into the server")
    return ids


def choose_model(wanted: str | None, offered: Sequence[str]) -> Chosen:
    """The offered model that is meant: by its id, by a preset's short name, or the first one for None.

    Raises:
        ModelError: it is not offered; names what is.
    """
    if wanted is None:
        return Chosen(offered[0], _extra_of(offered[0]))
    if wanted in offered:
        return Chosen(wanted, _extra_of(wanted))
    preset = presets().get(wanted.lower())
    if preset is not None:
        served = {_bare(model): model for model in reversed(offered)}
        for model_id in preset.ids:
            if _bare(model_id) in served:
                return Chosen(served[_bare(model_id)], preset.extra)
        meant = f"{preset.title} ({', '.join(preset.ids[:3])})"
        raise ModelError(
            f"the server offers none of {meant}; it offers: {', '.join(offered)}. "
            f"Start one with: vllm serve {preset.ids[0]}"
        )
    raise ModelError(
        f"the server has no model {wanted!r}; it offers: {', '.join(offered)}. "
        f"Short names are: {', '.join(presets())}"
    )


def _bare(model_id: str) -> str:
    """An id without owner, folder and case: servers are started with any of them."""
    return model_id.rstrip("/").rsplit("/", 1)[-1].lower()


def _extra_of(model_id: str) -> Mapping[str, Any]:
    bare = _bare(model_id)
    return next((p.extra for p in presets().values() if bare in map(_bare, p.ids)), {})
