"""Reads a prompt file. A prompt that has answered once is never edited: its next version is a new file."""

import tomllib
from functools import cached_property
from hashlib import sha256
from json import dumps
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from retriever.errors import InputError

__all__ = ["Prompt", "load_prompt"]

_FOLDER = Path(__file__).parent


class Prompt(BaseModel):
    """One prompt, as its file has it.

    Attributes:
        name, language, version: as in the file's name, ``describe.en.v1.toml``.
        system: the head, the same for every call.
        question: what is asked, after the images or texts.
        questions: further questions by name, each asked in a call of its own.
        reask: what is said after an answer that cannot be used; holds ``{problem}``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    language: str
    version: int
    system: str
    question: str
    questions: dict[str, str] = {}
    reask: str

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits that change with any word of the prompt."""
        content = self.model_dump(mode="json", exclude={"name", "language", "version"})
        return sha256(dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """Name, language, version and hash, for rows and messages: ``describe.en.v1:0123456789ab``."""
        return f"{self.name}.{self.language}.v{self.version}:{self.hash}"


def load_prompt(name: str | Path, language: str = "en", version: int | None = None) -> Prompt:
    """A prompt that ships with the package, or one from a file of your own.

    Args:
        name: ``describe``, ``infer``, ...; or the path of a TOML file, for which the rest is ignored.
        language: ``en`` or ``zh``.
        version: None takes the newest.

    Raises:
        InputError: there is no such prompt, or the file is none.
    """
    if isinstance(name, Path) or str(name).endswith(".toml"):
        return _read(Path(name))
    shipped = {path.name: path for path in _FOLDER.glob("*.toml")}
    versions = [int(key.split(".")[2][1:]) for key in shipped if key.startswith(f"{name}.{language}.v")]
    wanted = version if version is not None else max(versions, default=0)
    path = shipped.get(f"{name}.{language}.v{wanted}.toml")
    if path is None:
        asked = f"{name}.{language}" + (f".v{version}" if version is not None else "")
        raise InputError(f"there is no prompt {asked}; shipped are: {', '.join(sorted(shipped))}")
    return _read(path)


def _read(path: Path) -> Prompt:
    try:
        prompt = Prompt.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise InputError(f"{path} is no prompt file: {' '.join(str(error).split())}") from error
    if "{problem}" not in prompt.reask:
        raise InputError(
            f"{path}: reask must hold {{problem}}, which stands for what was wrong with the answer"
        )
    return prompt
