"""Systems by their specs: what ``sticker eval --systems`` takes, and how each is built.

The set of rankers is open: a folder is whatever family its checkpoint says, so a family that is registered
later (`retriever.rankers.registry`) needs no change here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.cli import opening
from retriever.cli.llm_specs import llm_of_fusion, need_llm
from retriever.cli.llm_systems import llm_spec, wanted_spec
from retriever.errors import InputError

if TYPE_CHECKING:
    from eval.systems import SystemSpec
    from retriever.cli.options import Scoring
    from retriever.store.library import Library

__all__ = ["KINDS", "Builder", "Built", "default_specs", "split_specs"]

KINDS = {
    "embedding": "the library's encoder",
    "embedding:ENCODER": "any encoder of documents",
    "lexical or bm25": "shared words",
    "ranker": "the trained ranker of --ranker",
    "starter": "the ranker that ships",
    "FOLDER": "a trained ranker's checkpoint, of any family",
    "fused": "the library's scorers, fused",
    "fused:FILE.toml": "what `sticker fuse` learned",
    "llm:MODEL@URL": "a language model scores the candidates",
    "wanted:MODEL@URL": "it writes the sticker it would want",
    "random": "chance, drawn",
    "popularity": "how often a sticker was sent in training",
    "most_frequent": "how often its label was",
    "label_alone": "the same, among labels that stand once in the list of candidates",
}
"""What a spec may be; each may be named: ``NAME=SPEC``."""

_NAMED = re.compile(r"(?P<name>[^=/:@]+)=(?P<body>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Built:
    """Systems to hand to `eval.harness.evaluate`, and references that it makes of the train split."""

    specs: "list[SystemSpec]"
    references: list[str]


def split_specs(given: Sequence[str]) -> list[str]:
    """``["a,b", "c"]`` as ``["a", "b", "c"]``; the name of a folder may hold a comma."""
    found = []
    for words in given:
        parts = [words] if Path(words).expanduser().exists() else words.split(",")
        found += [part.strip() for part in parts if part.strip()]
    return list(dict.fromkeys(found))


def default_specs(library: "Library", scoring: "Scoring") -> list[str]:
    """What is measured when nobody says: every scorer in use, and their fusion."""
    from retriever.scorers.of_library import library_scorers

    there = library_scorers(library, None if scoring.ranker == "none" else scoring.ranker)
    unknown = [name for name in scoring.use or () if name not in there]
    if unknown:
        raise InputError(f"{library.paths.root} has no scorer {unknown[0]!r}; it has {', '.join(there)}")
    return [*(name for name in there if name in (scoring.use or there)), "fused"]


@dataclass(frozen=True)
class Builder:
    """Builds systems; nothing heavy is loaded before a system is opened.

    Attributes:
        library: whose stickers.
        scoring: how the library's scorers are used.
        device: for models that can choose.
        seed: of ``random``.
        journals: a folder for what language models answer.
        api_key: of their servers.
        llm_method: pointwise or listwise.
        with_intention: of ``wanted``: documents hold the intention (a leak that the paper has).
    """

    library: "Library"
    scoring: "Scoring"
    device: str
    seed: int
    journals: Path
    api_key: str | None = None
    llm_method: str = "pointwise"
    with_intention: bool = False

    def build(self, specs: Sequence[str]) -> Built:
        """Systems in the order of their specs.

        Raises:
            InputError: a spec that is none (lists the kinds), or two of one name.
            ModelError: a folder that is no checkpoint.
        """
        from eval.references import REFERENCES
        from eval.systems import check_names

        built, references = [], []
        for text in specs:
            named = _NAMED.fullmatch(text) if not Path(text).expanduser().is_dir() else None
            name, body = (named["name"].strip(), named["body"].strip()) if named else (None, text)
            if body in REFERENCES:
                references.append(body)
            else:
                built += self._of(body, name)
        try:
            check_names(spec.name for spec in built)
        except InputError as error:
            raise InputError(f"{error}; tell them apart by --systems NAME=SPEC") from None
        return Built(built, references)

    def _of(self, body: str, name: str | None) -> "list[SystemSpec]":
        kind, colon, rest = body.partition(":")
        if kind in _MAKERS and (rest or not colon):
            return _MAKERS[kind](self, rest, name)
        if Path(body).expanduser().is_dir():
            return [self.checkpoint(Path(body).expanduser(), name)]
        if "/" in body and not colon:
            raise InputError(
                f"there is no folder {body}; a checkpoint is a folder that `sticker train` wrote"
            )
        raise InputError(f"there is no system {body!r}; expected one of {', '.join(KINDS)} (or NAME=SPEC)")

    def _embedding(self, rest: str, name: str | None) -> "list[SystemSpec]":
        from retriever.scorers.of_library import embedding_names

        specs = self.library.manifest.encoders
        there = dict(zip(embedding_names(self.library), specs, strict=True))
        if rest:
            own = [scorer for scorer, spec in there.items() if rest == spec.name]
            if not own:
                return [self._foreign_encoder(rest, name or f"embedding:{rest}")]
            there = {own[0]: there[own[0]]}
        elif not there:
            raise InputError(
                f"{self.library.paths.root} was made without an encoder; name one: embedding:ENCODER"
            )
        if name and len(there) > 1:
            raise InputError(f"the library has {len(there)} encoders; say which: {name}=embedding:ENCODER")
        title = f"embedding:{rest}" if rest else None
        return [
            self._scorer(scorer, name or title or scorer, {"encoder": spec.fingerprint})
            for scorer, spec in there.items()
        ]

    def _lexical(self, rest: str, name: str | None, called: str = "lexical") -> "list[SystemSpec]":
        from retriever.tokenize import TOKENIZER_VERSION

        _no_rest(called, rest)
        return [self._scorer("lexical", name or called, {"tokenizer": TOKENIZER_VERSION})]

    def _ranker(self, rest: str, name: str | None) -> "list[SystemSpec]":
        from retriever.checkpoints import STARTER

        _no_rest("ranker", rest)
        chosen = self.scoring.ranker
        if chosen == "none":
            raise InputError("--ranker none leaves no ranker to measure; leave it out, or name a checkpoint")
        return [self.checkpoint(STARTER if chosen == "auto" else Path(chosen).expanduser(), name or "ranker")]

    def _starter(self, rest: str, name: str | None) -> "list[SystemSpec]":
        from retriever.checkpoints import STARTER

        _no_rest("starter", rest)
        return [self.checkpoint(STARTER, name or "starter")]

    def _random(self, rest: str, name: str | None) -> "list[SystemSpec]":
        from eval.systems import SystemSpec

        _no_rest("random", rest)
        return [
            SystemSpec(
                name or "random",
                partial(opening.chance, self.library, name or "random", self.seed),
                identity={"seed": self.seed},
            )
        ]

    def _fused(self, rest: str, name: str | None) -> "list[SystemSpec]":
        from dataclasses import replace

        from eval.systems import SystemSpec

        scoring = self.scoring
        if rest:
            scoring = replace(scoring, fusion=str(Path(rest).expanduser()), weight=None, normalise=None)
        if (llm := llm_of_fusion(scoring.fusion)) is not None:
            raise need_llm(
                scoring.fusion, llm, "an evaluation ranks whole libraries, so `sticker fuse` has its figures"
            )
        identity = {
            **scoring.record(),
            "ranker": self._ranker_identity(),
            "encoders": [spec.fingerprint for spec in self.library.manifest.encoders],
            "content": self.content,
        }
        title = name or (f"fused:{Path(rest).stem}" if rest else "fused")
        return [
            SystemSpec(
                title,
                partial(opening.fused, self.library, scoring, title, self.device),
                identity=identity,
                by_list=True,
            )
        ]

    def _scorer(self, scorer: str, name: str, identity: dict[str, Any]) -> "SystemSpec":
        from eval.systems import SystemSpec

        known = {**identity, "history": self.scoring.history, "content": self.content}
        known["document_fields"] = list(self.library.manifest.document_fields)
        return SystemSpec(
            name,
            partial(opening.scorer, self.library, scorer, name, self.scoring.history, self.device),
            identity=known,
        )

    def _foreign_encoder(self, encoder: str, name: str) -> "SystemSpec":
        from eval.systems import SystemSpec

        identity = {
            "encoder": encoder,
            "history": self.scoring.history,
            "document_fields": list(self.library.manifest.document_fields),
            "content": self.content,
        }
        return SystemSpec(
            name,
            partial(opening.encoder, self.library, encoder, name, self.scoring.history, self.device),
            identity=identity,
        )

    def checkpoint(self, folder: Path, name: str | None) -> "SystemSpec":
        from eval.systems import SystemSpec
        from retriever.checkpoints import checkpoint_in, checkpoint_name, content_id, read_config

        folder = checkpoint_in(folder)
        family = read_config(folder)["family"]
        title = name or checkpoint_name(folder)
        identity = {"family": family, "checkpoint": content_id(folder), "content": self.content}
        return SystemSpec(
            title, partial(opening.checkpoint, self.library, folder, title, self.device), identity=identity
        )

    def _ranker_identity(self) -> str | None:
        from retriever.checkpoints import STARTER, checkpoint_in, content_id
        from retriever.scorers.of_library import library_scorers

        chosen = None if self.scoring.ranker == "none" else self.scoring.ranker
        if "ranker" not in library_scorers(self.library, chosen):
            return None
        return content_id(STARTER if chosen in (None, "auto") else checkpoint_in(chosen))

    @cached_property
    def content(self) -> str:
        """What scorers may read of the stickers, in twelve digits; places and licences do not count."""
        from retriever.rankers.cache import feature_key

        digest = sha256()
        for sticker in self.library.stickers:
            digest.update(f"{sticker.id} {feature_key(sticker)}\n".encode())
        return digest.hexdigest()[:12]


def _no_rest(kind: str, rest: str) -> None:
    if rest:
        raise InputError(f"got {kind}:{rest}; {kind} takes nothing after the colon")


_Maker = Callable[[Builder, str, str | None], "list[SystemSpec]"]

_MAKERS: dict[str, _Maker] = {
    "embedding": Builder._embedding,
    "lexical": Builder._lexical,
    "bm25": lambda builder, rest, name: builder._lexical(rest, name, "bm25"),
    "ranker": Builder._ranker,
    "starter": Builder._starter,
    "fused": Builder._fused,
    "llm": llm_spec,
    "wanted": wanted_spec,
    "random": Builder._random,
}
