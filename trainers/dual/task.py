"""Training the dual ranker: what it is made of, what is measured, what is saved."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eval.datasets import Sample
from eval.metrics import average_precision, recall_at_k
from retriever.documents import document
from retriever.encoders.dual.row import Row, mode_of, pad
from retriever.encoders.dual.tokens import DualTokens
from retriever.errors import InputError
from retriever.labels import EMOTIONS
from trainers.datasets.ranking import spread_rows
from trainers.dual.batches import Batches
from trainers.dual.calibration import calibrate
from trainers.dual.config import DualConfig
from trainers.dual.data import Example, examples, read_stickers, split_off, variants
from trainers.dual.model import Bank, DualBatch, DualModule, Parts
from trainers.dual.numbers import label_numbers, number_of
from trainers.dual.reader import Reader
from trainers.dual.sources import Sources
from trainers.dual.start import start_from
from trainers.dual.wide import Grams, fit_wide
from trainers.loop.precision import mixed_precision
from trainers.task import Shard

__all__ = ["DualTask"]

WEIGHTS: Mapping[str, float] = {"intention": 0.5, "domain": 0.2, "anchor": 1.0}

_ENCODE = 128
_STANDARD = 2_000
"""Rows that mean and spread of a frozen tower's numbers are taken from."""


class DualTask:
    """A `trainers.task.Task`; its rows are read once.

    Attributes:
        notes: how many stickers, comments and validation rows are left out and rows held out, by name.
    """

    def __init__(self, config: DualConfig, work: Path) -> None:
        """Read the data and build the model.

        Args:
            config: what to train on.
            work: a folder for the tokenizer that is built from the data.

        Raises:
            InputError: data are missing or of another shape, or there is nothing to choose a checkpoint by.
            ModelError: what it starts from cannot be had or does not fit.
        """
        self.config = config
        read = read_stickers(config.pack_places())
        packs, self._place = read.packs, read.places
        self.stickers = [sticker for pack in packs for sticker in pack]
        sources = Sources(config)
        self.emoji = sources.emoji
        self.domains = sorted(sources.names)
        known = [*sources.texts(), *(document(sticker) for sticker in self.stickers)]
        start = start_from(config, list(dict.fromkeys(known)), work)
        self.tokens: DualTokens = start.tokens
        self.start = start
        # Initial values of the heads are part of the seed's randomness.
        torch.manual_seed(config.train.seed)
        emotion, intention, emoji = label_numbers(self.stickers, self.emoji)
        golds = torch.arange(len(self.stickers)) < len(packs[0])
        nothing = torch.zeros(len(self.stickers), config.heads.likeness or start.words.shape[1])
        self._module = DualModule(
            Reader(start.tower, start.words, start.n_new),
            config.heads,
            max(1, len(self.emoji)),
            len(self.domains),
            config.buckets,
            config.temperature,
            Bank(nothing, emotion, intention, emoji, golds),
        )
        if config.checkpoint is not None:
            from trainers.dual.export import begin_from

            begin_from(self, Path(config.checkpoint).expanduser())
        if config.learning is not None:
            self._module.reader.learns(config.learning)
        rows: dict[str, list[Example]] = {}
        self._held_out: list[Example] = []
        held_out: dict[str, int] = {}
        for name in sources.names:
            every = sources.examples(name, self.tokens, self.emoji)
            rows[name], held = split_off(every, config.held_out)
            self._held_out += held
            held_out[name] = len(held)
        if self._held_out and not any(row.emotion or row.emoji for row in self._held_out):
            raise InputError(
                "no held-out row has an emotion or an emoji, which the gates are fitted on; raise held_out"
            )
        self._rows = rows
        self._fit_wide()
        self._batches = Batches(config, rows, self.stickers, self.emoji, self.domains, self.tokens)
        self._valid, unjudged = self._judged(sources.valid(config.valid_limit))
        self.notes = {
            "stickers_left_out": read.left_out,
            **{f"{name}/left_out": count for name, count in sources.left_out.items()},
            **{f"{name}/held_out": held for name, held in held_out.items()},
            **{f"{name}/valid_left_out": count for name, count in unjudged.items()},
        }

    def _judged(
        self, valid: Mapping[str, Sequence[Sample]]
    ) -> tuple[dict[str, list[tuple[Sample, list[int]]]], dict[str, int]]:
        """Rows with their gold among candidates of the packs, these gold first; how many others there are."""
        found: dict[str, list[tuple[Sample, list[int]]]] = {}
        for name, samples in valid.items():
            rows = found.setdefault(name, [])
            for sample in samples:
                others = [c for c in sample.candidates or () if c != sample.gold and c in self._place]
                if sample.gold in (sample.candidates or ()) and sample.gold in self._place and others:
                    rows.append((sample, [self._place[c] for c in (sample.gold, *others)]))
        if not any(found.values()):
            raise InputError(
                f"no validation row of {', '.join(self._rows)} has candidates of the packs with its sticker "
                "among them: there is nothing to choose a checkpoint by; give a source a valid.jsonl"
            )
        return found, {name: len(valid[name]) - len(rows) for name, rows in found.items()}

    def _fit_wide(self) -> None:
        rows = [example for own in self._rows.values() for example in own]
        grams = [example.grams for example in rows]
        if "emotion" in self.config.wide:
            emotion = np.array([number_of(EMOTIONS, example.emotion) for example in rows])
            fit_wide(self._module.wide_emotion, grams, emotion)
        if "emoji" in self.config.wide:
            emoji = np.array([number_of(self.emoji, example.emoji) for example in rows])
            fit_wide(self._module.wide_emoji, grams, emoji)

    @property
    def module(self) -> DualModule:
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        return {**WEIGHTS, **{str(name): weight for name, weight in self.config.weights.items()}}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The tower at the base rate; what starts from nothing learns faster."""
        fast: list[Tensor] = []
        plain: list[Tensor] = []
        matrices: list[Tensor] = []
        for name, parameter in self._module.named_parameters():
            if name.startswith("combination."):
                parameter.requires_grad_(False)  # not by gradient steps, but on held-out rows
            elif name.startswith("wide_"):
                continue  # fitted before
            elif not name.startswith(("reader.tower.", "reader.words")):
                fast.append(parameter)
            elif parameter.ndim < 2:
                plain.append(parameter)
            else:
                matrices.append(parameter)
        return [
            {"params": matrices},
            {"params": plain, "weight_decay": 0.0},
            {"params": fast, "scale": 10.0, "weight_decay": 0.0},
        ]

    def steps(self, shard: Shard) -> int:
        epochs = range(self.config.train.epochs)
        return len(shard.of(min(self._batches.count(epoch) for epoch in epochs)))

    def batches(self, epoch: int, start: int, shard: Shard) -> Iterator[DualBatch]:
        mine = shard.of(self._batches.count(epoch))[: self.steps(shard)]
        for number in mine[start:]:
            yield self._batches.batch(epoch, number)

    def before_step(self, step: int) -> None:
        """Encode the stickers anew now and then, each with a document of varying completeness."""
        if step == 0 and self._module.reader.memory and self.config.checkpoint is None:
            self._standardise()  # heads of a checkpoint have their own scale in them
        if step % self.config.refresh_every == 0:
            self.refresh(random.Random(f"{self.config.train.seed} bank {step}"))

    def refresh(self, rng: random.Random | None = None) -> None:
        """Bring the sticker side up to date; whole documents where no `rng` is given."""
        texts = [variants(sticker, rng) if rng else document(sticker) for sticker in self.stickers]
        vectors = self.encode([self.tokens.document(text) for text in texts])
        with torch.no_grad():
            self._module.get_buffer("bank_vectors").copy_(self._module.vectors(vectors))

    def _standardise(self) -> None:
        """By rows spread over every source, as many of each: a tower that stays as it is needs it once."""
        for_each = _STANDARD // len(self._rows)
        rows = [own[at] for own in self._rows.values() for at in spread_rows(len(own), for_each)]
        self._module.standardise(self.encode([example.row for example in rows]))

    @cached_property
    def _in_bf16(self) -> bool:
        """Whether the loop computes in bf16: what is encoded beside it is to be the same."""
        on_cpu = self._module.reader.words.device.type == "cpu"
        return mixed_precision(self.config.train.precision, on_cpu) == "bf16"

    @torch.no_grad()
    def encode(self, rows: Sequence[Row]) -> Tensor:
        """Pooled vectors of any rows, (n, h), without dropout."""
        module = self._module
        device = module.reader.words.device
        was = module.training
        module.eval()
        order = sorted(range(len(rows)), key=lambda at: len(rows[at].ids))
        found = torch.empty(len(rows), module.reader.width, device=device)
        for start in range(0, len(order), _ENCODE):
            chosen = order[start : start + _ENCODE]
            batch = pad([rows[at] for at in chosen])
            tensors = (torch.from_numpy(a).to(device) for a in (batch.ids, batch.mask, batch.pool))
            with torch.autocast(device.type, torch.bfloat16, enabled=self._in_bf16):
                found[chosen] = module.reader(*tensors)
        module.train(was)
        return found

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Percent, by source: R@1, R@2, R@5 and AP over each row's candidates; ``R@1`` is their mean."""
        before = self._module.get_buffer("bank_vectors").clone()
        self.refresh()
        self.calibrate()
        metrics: dict[str, float] = {}
        for name, judged in self._valid.items():
            if judged:
                samples = [sample for sample, _ in judged]
                scores = self.score(list(examples(samples, self.tokens, self.config.buckets, name)))
                metrics.update(_judge(name, [rows for _, rows in judged], scores))
        firsts = [value for key, value in metrics.items() if key.endswith("/R@1")]
        metrics["R@1"] = float(np.mean(firsts))
        self._module.get_buffer("bank_vectors").copy_(before)
        return metrics

    @torch.no_grad()
    def calibrate(self) -> None:
        """Fit the gates on the rows held out from training; needs a fresh bank."""
        rows, module = self._held_out, self._module
        if not rows:
            return
        was = module.training
        module.eval()
        parts = self._parts(rows)
        device = parts.vector.device
        calibrate(
            module.combination,
            parts.domain,
            module.values(parts, module.bank),
            torch.tensor([number_of(EMOTIONS, example.emotion) for example in rows], device=device),
            torch.tensor([number_of(self.emoji, example.emoji) for example in rows], device=device),
            module.bank,
            torch.tensor([self.domains.index(example.source) for example in rows], device=device),
            closed=[f"wide_{kind}" for kind in ("emotion", "emoji") if kind not in self.config.wide],
        )
        module.train(was)

    def _parts(self, rows: Sequence[Example]) -> Parts:
        pooled = self.encode([example.row for example in rows])
        mode = torch.from_numpy(mode_of([example.row for example in rows]))
        grams = Grams.of([example.grams for example in rows], self.config.buckets)
        return self._module.parts(pooled, mode.to(pooled.device), grams.to(pooled.device))

    @torch.no_grad()
    def score(self, rows: Sequence[Example]) -> np.ndarray:
        """(n, d) scores of the bank's stickers for conversations."""
        module = self._module
        was = module.training
        module.eval()
        parts = self._parts(rows)
        module.train(was)
        return module.score(parts, module.bank).float().cpu().numpy()

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        from trainers.dual.export import save_checkpoint

        save_checkpoint(self, folder, metrics)


def _judge(name: str, candidates: Sequence[Sequence[int]], scores: np.ndarray) -> dict[str, float]:
    """Percent.

    Args:
        name: of the source.
        candidates: rows of the bank, the gold one first; six designers' stickers of one emoji are one.
        scores: (n, d) of the bank's stickers.
    """
    values: dict[str, list[float]] = {}
    for rows, row in zip(candidates, scores.astype(np.float64), strict=True):
        chosen, truth = row[list(rows)], np.arange(len(rows)) == 0
        for k in (1, 2, 5):
            values.setdefault(f"{name}/R@{k}", []).append(float(recall_at_k(chosen, truth, k)[0]))
        values.setdefault(f"{name}/AP", []).append(float(average_precision(chosen, truth)[0]))
    return {measure: 100 * float(np.mean(found)) for measure, found in values.items()}
