"""From a model's text to a validated answer, or the reason why not. Never a default value."""

import json
import re
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

__all__ = ["BadAnswer", "BadAnswerReason", "parse_answer"]

BadAnswerReason = Literal["empty", "not_json", "control_characters", "wrong_schema", "cut_off"]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_THINKING = re.compile(r"^.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\r?\n(.*?)```", re.DOTALL)
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DECODER = json.JSONDecoder(strict=False)


class BadAnswer(Exception):
    """An answer that cannot be used.

    Attributes:
        reason: a stable word for counting.
        message: what is wrong, in words that a model can act on.
    """

    def __init__(self, reason: BadAnswerReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


def parse_answer(text: str, model: type[AnswerT], *, finish_reason: str = "stop") -> AnswerT:
    """The answer in `text`, validated.

    Args:
        text: the reply as it came; the object may stand in a code fence or between sentences, since some
            servers accept a schema and do not keep to it.
        model: what the answer must be.
        finish_reason: ``length`` explains why JSON does not end.

    Raises:
        BadAnswer: there is none, or it does not validate.
    """
    if not text.strip():
        raise BadAnswer("empty", "the reply is empty")
    try:
        found = _first_object(text)
    except ValueError as error:
        if finish_reason == "length":
            raise BadAnswer(
                "cut_off", "the reply was cut off before the JSON object ended; be shorter"
            ) from None
        raise BadAnswer("not_json", f"the reply is not a JSON object ({error})") from None
    if where := _unwanted(found):
        raise BadAnswer("control_characters", f"{where} holds a line break or another control character")
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise BadAnswer("wrong_schema", _in_words(error)) from None


def _first_object(text: str) -> Any:
    """The first JSON object in `text`, after any thinking, inside a fence or in the open."""
    text = _THINKING.sub("", text, count=1)
    for part in (*_FENCED.findall(text), text):
        start = part.find("{")
        while start >= 0:
            try:
                return _DECODER.raw_decode(part, start)[0]
            except ValueError as error:
                problem = error
            # An object that began and broke is the answer, broken; a lone brace in a sentence is not.
            if part[start + 1 :].lstrip().startswith('"'):
                raise problem
            start = part.find("{", start + 1)
    raise ValueError("no { in it" if "{" not in text else "no object after {")


def _unwanted(value: Any, where: str = "the answer") -> str | None:
    """Where a string with a control character or half a surrogate pair is; None if nowhere."""
    if isinstance(value, str):
        return where if _UNWANTED.search(value) else None
    children: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        children = [(str(key), child) for key, child in value.items()]
        if any(_UNWANTED.search(key) for key, _ in children):
            return "a key"
    elif isinstance(value, list):
        children = [(f"{where}[{i}]", child) for i, child in enumerate(value)]
    return next((found for name, child in children if (found := _unwanted(child, name))), None)


def _in_words(error: ValidationError) -> str:
    """The first three errors as ``key: what is wrong``, short enough for a prompt."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    words = [
        f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}" for problem in problems[:3]
    ]
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return ("; ".join(words) + more)[:500]
