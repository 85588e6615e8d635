"""Language models among the systems that ``sticker eval --systems`` takes."""

from functools import partial
from typing import TYPE_CHECKING

from retriever.cli import opening
from retriever.cli.llm_specs import journal_name, server_of
from retriever.errors import InputError

if TYPE_CHECKING:
    from eval.systems import SystemSpec
    from retriever.cli.systems import Builder

__all__ = ["llm_spec", "wanted_spec"]


def llm_spec(builder: "Builder", rest: str, name: str | None) -> "list[SystemSpec]":
    """``llm:MODEL@URL``: it scores candidates.

    Raises:
        InputError, ModelError: no such address, or no server there.
    """
    from eval.systems import SystemSpec
    from llm_tools.prompts import load_prompt
    from llm_tools.scorer import LlmScorer
    from retriever.documents import DOCUMENT_FIELDS

    model, url = server_of("llm", rest, builder.api_key)
    prompt = LlmScorer.at(url, model, method=builder.llm_method).method.prompt
    identity = {
        "model": model,
        "method": builder.llm_method,
        "prompt": load_prompt(prompt, "en").hash,
        "fields": list(DOCUMENT_FIELDS),
        "content": builder.content,
    }
    title = name or f"llm:{model}"
    opener = partial(
        opening.llm,
        builder.library,
        title,
        model,
        url,
        builder.llm_method,
        builder.journals / journal_name(title),
        builder.api_key,
    )
    return [SystemSpec(title, opener, scope="candidates", identity=identity, by_list=True)]


def wanted_spec(builder: "Builder", rest: str, name: str | None) -> "list[SystemSpec]":
    """``wanted:MODEL@URL``: Int-RA's baseline, which writes the sticker it would want.

    Raises:
        InputError, ModelError: no such address, no server there, or a library without an encoder.
    """
    from eval.systems import SystemSpec
    from llm_tools.prompts import load_prompt

    model, url = server_of("wanted", rest, builder.api_key)
    encoders = builder.library.manifest.encoders
    if not encoders:
        raise InputError(
            "the LLM baseline matches texts with the library's encoder, and this one has none; "
            "index with --encoder minilm --reencode"
        )
    title = name or f"wanted:{model}" + ("+intention" if builder.with_intention else "")
    identity = {
        "model": model,
        "prompt": load_prompt("wanted", "en").hash,
        "encoder": encoders[0].fingerprint,
        "with_intention": builder.with_intention,
        "content": builder.content,
    }
    return [
        SystemSpec(
            title,
            partial(
                opening.wanted,
                builder.library,
                title,
                model,
                url,
                builder.with_intention,
                builder.journals / journal_name("wanted"),
                builder.api_key,
                builder.device,
            ),
            identity=identity,
        )
    ]
