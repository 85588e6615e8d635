"""``llm:MODEL@URL``: a language model named as a scorer, and what a fusion file says of one."""

import re
from typing import TYPE_CHECKING

from retriever.errors import InputError

if TYPE_CHECKING:
    from retriever.fusion.fitted import LanguageModel

__all__ = ["apart", "journal_name", "llm_of_fusion", "need_llm", "server_of"]

_AT = re.compile(r"(?P<model>.*)@(?P<url>https?://.+)")


def apart(scorers: str | None) -> tuple[list[str], list[str]]:
    """``"ranker,llm:MODEL@URL"`` as the library's scorers and the language models."""
    named = [name.strip() for name in (scorers or "").split(",") if name.strip()]
    llms = [name for name in named if name.startswith("llm:")]
    return [name for name in named if name not in llms], llms


def server_of(kind: str, rest: str, api_key: str | None) -> tuple[str, str]:
    """Model and address; a server's only model is asked for, so that results can say which it was.

    Args:
        kind: what stood before the colon, for messages.
        rest: ``MODEL@URL``, or ``@URL``.

    Raises:
        InputError: something else, or a server of several models where none is named.
        ModelError: no server answers there.
    """
    found = _AT.fullmatch(rest)
    if found is None:
        raise InputError(f"got {kind}:{rest}; expected {kind}:MODEL@http://HOST:PORT/v1")
    if found["model"]:
        return found["model"], found["url"]
    from llm_tools.presets import offered_models

    offered = offered_models(found["url"], api_key=api_key)
    if len(offered) != 1:
        raise InputError(
            f"{found['url']} offers {', '.join(offered) or 'no model'}; say which: {kind}:MODEL@URL"
        )
    return offered[0], found["url"]


def journal_name(name: str) -> str:
    """The file that keeps what a language model answers under that name."""
    return re.sub(r"[^\w.+-]+", "-", name) + ".answers.jsonl"


def llm_of_fusion(fusion: str) -> "LanguageModel | None":
    """The language model that a fusion file was fitted with; None for a method, or without one.

    Raises:
        InputError: the file cannot be read.
    """
    from retriever.fusion.file import is_file, load_fusion

    return load_fusion(fusion).llm if is_file(fusion) else None


def need_llm(fusion: str, model: "LanguageModel", instead: str) -> InputError:
    """The error of a fusion whose language model is not here.

    Args:
        instead: how to name a server of it.
    """
    return InputError(
        f"{fusion} was fitted with the language model {model.model} ({model.method}), which is not here: "
        f"{instead}, or fit one without it by `sticker fuse --scorers`"
    )
