"""What every job over the batch runner lets its caller choose about prompt and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from llm_tools.prompts import Prompt, load_prompt
from llm_tools.task import Policy, Task

__all__ = ["AskOptions"]


@dataclass(frozen=True, kw_only=True)
class AskOptions:
    """How a model is asked; a job adds what is its own.

    Attributes:
        language: of the prompt, ``en`` or ``zh``.
        prompt: a prompt file of your own in place of the shipped one.
        policy: when decoding is forced into the schema; free first is faster with a model that knows JSON.
        max_tokens: the most tokens of an answer.
        max_tries: how often one question is asked.
        extra: further fields of the request body.
    """

    job: ClassVar[str]
    """Names the shipped prompt, the task and its rows."""

    language: str = "en"
    prompt: Path | None = None
    policy: Policy = "free-then-guided"
    max_tokens: int = 384
    temperature: float = 0.0
    seed: int = 0
    max_tries: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict)

    def load_prompt(self) -> Prompt:
        """The prompt to use.

        Raises:
            InputError: it does not exist.
        """
        return load_prompt(self.prompt or self.job, self.language)

    def _task(self, answer: type[BaseModel], prompt: Prompt, **options: Any) -> Task:
        """What the runner is told; `options` are further settings that change answers."""
        return Task(
            self.job,
            answer,
            prompt.hash,
            reask=prompt.reask,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            seed=self.seed,
            policy=self.policy,
            max_tries=self.max_tries,
            options=options,
            extra=self.extra,
        )
