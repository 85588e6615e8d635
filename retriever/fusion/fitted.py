"""A fusion that was learned from data: weights of the scorers, the same for all conversations or gated."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from retriever.errors import InputError
from retriever.fusion.decision import Decider
from retriever.fusion.normalise import NORMALISATIONS, softmax
from retriever.fusion.traits import TRAITS

__all__ = ["FittedFusion", "Gate", "LanguageModel"]

logger = logging.getLogger(__name__)

Finite = Annotated[float, Field(allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Gate:
    """How the traits of a conversation move weight among scorers.

    The share of scorer s is ``softmax_s(bias_s + slopes_s . (trait - mean) / spread)``; it multiplies the
    scorer's weight. Shares add to 1 over the scorers that the gate was fitted with.

    Attributes:
        mean, spread: of each of `retriever.fusion.traits.TRAITS`.
        bias: by scorer name.
        slopes: by scorer name, one a trait.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    mean: tuple[Finite, ...]
    spread: tuple[Above0, ...]
    bias: dict[str, Finite]
    slopes: dict[str, tuple[Finite, ...]]

    def shares(self, traits: NDArray[np.float64]) -> dict[str, float]:
        """By scorer name, each in [0, 1], for one conversation's traits ``(len(TRAITS),)``."""
        known = (traits - np.array(self.mean)) / np.array(self.spread)
        scores = softmax([self.bias[name] + float(known @ np.array(self.slopes[name])) for name in self.bias])
        return {name: float(share) for name, share in zip(self.bias, scores, strict=True)}


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """The language model among the scorers of a fusion: what has to be asked, wherever it runs.

    Attributes:
        scorer: the name of its scores.
        model: its id at the server.
        method: how it scores: ``pointwise`` or ``listwise``.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    scorer: str
    model: str
    method: str


@dataclass(frozen=True, slots=True)
class FittedFusion:
    """A learned fusion; `retriever.fusion.file` reads and writes it.

    Attributes:
        method: of `retriever.fusion`.
        normalisation: of ``weighted``; one of `NORMALISATIONS`.
        weights: by scorer name.
        scorers: what each scorer was (`retriever.scorers.identity`), by name.
        temperatures: of ``softmax``, by scorer name.
        k: of ``rrf``.
        gate: None where the weights are the same for all conversations.
        decision: when to send at all, or None.
        checkpoints: by scorer name, where the rankers lay that were named by their checkpoints.
        llm: the language model among the scorers, or None.
        provenance: data, hashes, seed and figures, for people.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    method: Literal["rrf", "weighted"]
    weights: dict[str, Weight]
    scorers: dict[str, str]
    normalisation: str | None = None
    temperatures: dict[str, Above0] = field(default_factory=dict)
    k: Weight = 60.0
    gate: Gate | None = None
    decision: Decider | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)
    llm: LanguageModel | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = None
        names = set(self.weights)
        if not names or not any(self.weights.values()):
            wrong = "no scorer has a weight above 0"
        elif names != set(self.scorers):
            wrong = f"weights of {sorted(names)}, but scorers {sorted(self.scorers)}"
        elif self.method == "weighted" and self.normalisation not in NORMALISATIONS:
            wrong = f"the normalisation is {self.normalisation!r}; there are {', '.join(NORMALISATIONS)}"
        elif self.normalisation == "softmax" and names != set(self.temperatures):
            wrong = "softmax needs a temperature for every scorer"
        elif self.llm is not None and self.llm.scorer not in names:
            wrong = f"the language model {self.llm.scorer!r} is none of its scorers"
        elif self.gate is not None and not _fits(self.gate, names):
            wrong = (
                f"the gate needs a bias and {len(TRAITS)} slopes for every scorer, and {len(TRAITS)} means"
            )
        if wrong:
            raise InputError(f"this fusion cannot be used: {wrong}")

    @property
    def options(self) -> dict[str, Any]:
        """The options of the method, for `retriever.fusion.fuse`."""
        if self.method == "rrf":
            return {"k": self.k}
        if self.normalisation == "softmax":
            each = {name: partial(softmax, temperature=t) for name, t in self.temperatures.items()}
            return {"normalisation": each}
        return {"normalisation": self.normalisation}

    def weights_for(self, traits: NDArray[np.float64]) -> dict[str, float]:
        """The weight of each scorer for a conversation with these `traits` (`retriever.fusion.traits`)."""
        if self.gate is None:
            return dict(self.weights)
        shares = self.gate.shares(traits)
        return {name: weight * shares[name] for name, weight in self.weights.items()}

    def without(self, absent: Collection[str]) -> "FittedFusion":
        """The same with some scorers missing: the others keep their weights, and nothing decides any more.

        Raises:
            InputError: what is left has no weight.
        """
        left = {name: weight for name, weight in self.weights.items() if name not in absent}
        if not any(left.values()):
            raise InputError(
                f"this fusion rests on {', '.join(sorted(absent))}, absent here; "
                "use those scorers, or fit a fusion without them"
            )
        return replace(
            self,
            weights=left,
            scorers=_only(self.scorers, left),
            temperatures=_only(self.temperatures, left),
            decision=None,
            llm=self.llm if self.llm is not None and self.llm.scorer in left else None,
        )

    def bound_to(self, here: Mapping[str, str]) -> tuple["FittedFusion", tuple[str, ...]]:
        """The fusion for the scorers that are here, and the names of those it misses, which are logged.

        Args:
            here: identities (`retriever.scorers.identity`) by scorer name.

        Raises:
            InputError: a scorer the fusion does not know, another one than it was fitted with, or none of
                those it rests on.
        """
        if unknown := [name for name in here if name not in self.scorers]:
            raise InputError(
                f"the fusion was fitted with {', '.join(self.scorers)}, not with {unknown[0]!r}; leave that "
                "scorer out, or run `sticker fuse` with it"
            )
        for name, identity in here.items():
            if identity != self.scorers[name]:
                raise InputError(
                    f"the fusion was fitted with another {name!r} ({self.scorers[name]}; here: {identity}); "
                    "use that one, or run `sticker fuse` again"
                )
        absent = tuple(name for name in self.scorers if name not in here)
        if not absent:
            return self, ()
        logger.warning(
            "the fusion was fitted with %s too, absent here: the others keep their weights, and nothing "
            "decides whether to send",
            ", ".join(absent),
        )
        return self.without(absent), absent


def _fits(gate: Gate, names: set[str]) -> bool:
    sizes = {len(gate.mean), len(gate.spread), *(len(slopes) for slopes in gate.slopes.values())}
    return names <= set(gate.bias) and set(gate.bias) == set(gate.slopes) and sizes == {len(TRAITS)}


def _only(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
