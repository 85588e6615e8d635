"""From a trained module to a checkpoint that ONNX Runtime and torch both read: int8 matrices."""

import json
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor

from retriever.checkpoints import CONFIG, GRAPH, SCHEMA, WEIGHTS
from retriever.encoders.dual.text import build_graph
from retriever.errors import ModelError
from retriever.rankers.dual.features import KINDS
from retriever.store.atomic import write_json
from trainers.dual.alike import TOKENIZER, refuse_another_make, weights_of
from trainers.dual.heads import Head
from trainers.dual.model import FLOOR, PARTS, WIDE, DualModule
from trainers.dual.mpnet import as_bert, as_mpnet
from trainers.parts.int8 import SCALE, quantise

if TYPE_CHECKING:
    from trainers.dual.task import DualTask

__all__ = ["begin_from", "describe", "restore", "save_checkpoint", "tensors"]

POSITIONS = "embeddings.position_embeddings.weight"

HEADS = ("emotion", "intention", "emoji", "domain")

LIKENESS = "likeness.weight"

SMALL = 1 << 15
"""Matrices below this many numbers stay float32, as all heads do: they cost little, and labels want it."""


def tensors(task: "DualTask", int8: bool = True) -> dict[str, NDArray[Any]]:
    """Every weight by the name that inference asks for; an int8 ``x`` has its scales in ``x.scale``."""
    module, reader = task.module, task.module.reader
    state = {name: value.detach().float().cpu().numpy() for name, value in reader.tower.state_dict().items()}
    if task.start.is_mpnet:
        state = as_bert(state)
    state[POSITIONS] = state[POSITIONS][: task.config.max_tokens]
    words = torch.cat([reader.words, reader.new_words]).detach().float().cpu().numpy()
    state["embeddings.word_embeddings.weight"] = words
    for head in HEADS:
        for part, value in _plain(getattr(module, head), module).items():
            state[f"heads.{head}.{part}"] = value.float().cpu().numpy()
    if module.likeness is not None:
        state[LIKENESS] = module.likeness.weight.detach().float().cpu().numpy()
    # n-gram tables label by label: one scale a label, and a row of the file is a label
    for table in (f"wide_{kind}" for kind in task.config.wide):
        wide = getattr(module, table)
        state[f"{table}.weight"] = wide.table.weight.float().cpu().numpy().T
        state[f"{table}.bias"] = wide.bias.float().cpu().numpy()
    state["gates"] = module.combination.gates().detach().float().cpu().numpy()
    state["other_emoji"] = module.combination.other.detach().float().cpu().numpy()
    found: dict[str, NDArray[Any]] = {}
    for name, value in state.items():
        small = value.size < SMALL or name.startswith(("heads.", LIKENESS)) or "position" in name
        if int8 and value.ndim == 2 and not small:
            found[name], found[f"{name}{SCALE}"] = quantise(np.ascontiguousarray(value))
        else:
            found[name] = np.ascontiguousarray(value)
    return found


def _plain(head: Head, module: DualModule) -> dict[str, Tensor]:
    """The head's weights for pooled vectors as they are, not standardised."""
    found = {name: value.detach() for name, value in head.state_dict().items()}
    prefix = "up." if head.up is not None else ""
    width = module.reader.width  # after which the mode's weights come
    weight, mode = found[f"{prefix}weight"].split([width, found[f"{prefix}weight"].shape[1] - width], 1)
    weight = weight / module.get_buffer("spread")
    found[f"{prefix}bias"] = found[f"{prefix}bias"] - weight @ module.get_buffer("center")
    found[f"{prefix}weight"] = torch.cat([weight, mode], 1)
    return found


def restore(task: "DualTask", folder: Path) -> None:
    """Put a checkpoint's weights, rounded as they are, back into the task's module.

    Raises:
        ModelError: they cannot be read.
        RuntimeError: they are of another architecture.
    """
    stored = weights_of(folder)
    module = task.module
    state = module.state_dict()
    words = stored.pop("embeddings.word_embeddings.weight")
    n_old = len(module.reader.words)
    new: dict[str, NDArray[Any]] = {"reader.words": words[:n_old], "reader.new_words": words[n_old:]}
    new["center"], new["spread"] = (
        np.zeros(words.shape[1]),
        np.ones(words.shape[1]),
    )  # heads have them in them
    if LIKENESS in stored:
        new[LIKENESS] = stored.pop(LIKENESS)
    for table in WIDE:
        if f"{table}.weight" in stored:
            new[f"{table}.table.weight"] = stored.pop(f"{table}.weight").T
            new[f"{table}.bias"] = stored.pop(f"{table}.bias")
        else:  # as they are
            for name in (f"{table}.table.weight", f"{table}.bias"):
                new[name] = state[name].cpu().numpy()
    new["combination.other"] = stored.pop("other_emoji")
    likeness = PARTS.index("likeness")
    gates = stored.pop("gates")
    gates[:, likeness] -= np.float32(FLOOR)
    new["combination.weights"] = gates
    heads = {name: stored.pop(name) for name in list(stored) if name.startswith("heads.")}
    new |= {name.removeprefix("heads."): value for name, value in heads.items()}
    tower = as_mpnet(stored) if task.start.is_mpnet else stored
    new |= {f"reader.tower.{name}": value for name, value in tower.items()}
    position = f"reader.tower.{POSITIONS}"
    whole = state[position].float().cpu().numpy().copy()
    whole[: len(new[position])] = new[position]
    new[position] = whole
    new["bank_vectors"] = state["bank_vectors"].cpu().numpy()
    if module.reader.memory:  # of the weights before
        module.reader.frozen()
    module.load_state_dict(
        {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in new.items()}
    )


def describe(task: "DualTask") -> dict[str, Any]:
    """What ``config.json`` says of a task's checkpoints before any is measured."""
    config = task.config
    return {
        "family": "dual",
        "schema": SCHEMA,
        **task.start.shape,
        "max_tokens": config.max_tokens,
        "reading": config.reading,
        "turns": config.turns,
        "buckets": config.buckets,
        "ngrams": KINDS,
        "mode": config.heads.mode,
        "likeness": config.heads.likeness,
        "temperature": config.temperature,
        "emoji": task.emoji,
        "domains": task.domains,
        "validation": {},
    }


def save_checkpoint(task: "DualTask", folder: Path, metrics: Mapping[str, float], int8: bool = True) -> None:
    """Write a whole checkpoint into the empty `folder`."""
    validation = {name: round(float(value), 2) for name, value in metrics.items()}
    described = describe(task) | {"validation": validation}
    write_json(folder / CONFIG, described)
    save_file(tensors(task, int8), folder / WEIGHTS)
    (folder / GRAPH).write_bytes(build_graph(folder / WEIGHTS, described))
    copyfile(task.start.tokenizer_file, folder / TOKENIZER)


def begin_from(task: "DualTask", folder: Path) -> None:
    """Give a task that has not begun the weights of a checkpoint of the same make.

    N-grams and gates come too, where both have them, and are fitted anew as in any run.

    Raises:
        ModelError: it cannot be read, or is of another family, shape, tokenizer or labels.
    """
    # through JSON: a list is a list and a number a number, as they are in what is read
    refuse_another_make(folder, json.loads(json.dumps(describe(task))), task.start.tokenizer_file)
    try:
        restore(task, folder)
    except (KeyError, RuntimeError) as error:  # such as heads with another layer in them
        raise ModelError(
            f"{folder} has weights of another architecture ({' '.join(str(error).split())[:200]}); train on "
            "from a checkpoint of the same configuration"
        ) from error
