"""The loop: batches in, named losses out; schedule, validation, states to resume from, a best checkpoint."""

import logging
import math
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from retriever.caches import cache_folder
from retriever.checkpoints import BEST
from retriever.errors import InputError, ModelError
from retriever.extras import require
from retriever.progress import bar
from retriever.store.atomic import TEMPORARY, new_folder, remove_folder
from trainers.loop.allocator import keep_freed_memory
from trainers.loop.data import prefetch, to_device
from trainers.loop.freeze import freeze, keep_read
from trainers.loop.logs import RunLog
from trainers.loop.precision import mixed_precision
from trainers.loop.schedule import learning_rate
from trainers.loop.state import Progress, load_state, save_state
from trainers.options import TrainOptions
from trainers.task import Shard, Task

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["STATE", "Outcome", "train"]

logger = logging.getLogger(__name__)

STATE = "state.pt"
_BETTER = f"{BEST}-new"
"""What takes its place next."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        checkpoint: the folder of the best checkpoint.
        metrics: its validation metrics.
        step: the optimiser step it was taken at; `steps` is how many there were.
        seconds: spent training, validation included, over all starts of the run.
        finished: False where the run was stopped by a signal; the same call goes on.
    """

    checkpoint: Path
    metrics: Mapping[str, float]
    step: int
    steps: int
    seconds: float
    finished: bool


def train(task: Task, options: TrainOptions, folder: Path, show_progress: bool | None = None) -> Outcome:
    """Train `task`; a folder with a state in it is a run that goes on where it was.

    The folder gets ``log.jsonl``, ``tensorboard/``, ``state.pt`` and ``best/``, the best checkpoint by
    ``options.select`` on the validation split. Randomness inside a step depends on the seed and the step
    alone, so a run that was killed has, once resumed, the losses it would have had. SIGTERM and SIGINT end
    the step in progress, save the state and return. Under ``torchrun`` every process calls this; the first
    one writes.

    Raises:
        InputError: the task has no batches, `options.select` is not among its metrics, or no such device.
        ModelError: a loss or gradient is not finite (the state before it is kept), the folder's state is of
            another model, or its checkpoint is gone.
    """
    return _Run(task, options, folder, show_progress).go()


class _Run:
    def __init__(self, task: Task, options: TrainOptions, folder: Path, show_progress: bool | None) -> None:
        require("torch", "train", "training")
        accelerate = require("accelerate", "train", "training")
        import torch

        from trainers.loop.attention import Float32Attention
        from trainers.loop.average import WeightAverage

        if options.device == "cuda" and not torch.cuda.is_available():
            raise InputError("device is 'cuda', but torch finds no GPU here; use 'auto' or 'cpu'")
        _forget_other_runs()
        on_cpu = options.device == "cpu" or not torch.accelerator.is_available()
        if on_cpu:
            keep_freed_memory()
        self.accelerator = accelerate.Accelerator(
            mixed_precision=mixed_precision(options.precision, on_cpu),
            cpu=options.device == "cpu",
            gradient_accumulation_steps=options.accumulate,
        )
        self.task, self.options, self.folder, self.show = task, options, folder, show_progress
        in_bf16 = on_cpu and self.accelerator.mixed_precision == "bf16"
        steady = in_bf16 and not options.compile
        self.attention: AbstractContextManager[Any] = Float32Attention() if steady else nullcontext()
        self.shard = Shard(self.accelerator.process_index, self.accelerator.num_processes)
        self.first = self.accelerator.is_main_process
        per_epoch = task.steps(self.shard)
        if per_epoch < 1:
            raise InputError("there is no whole batch to train on; give more data or a smaller batch size")
        self.per_epoch = per_epoch
        whole = -(-per_epoch // options.accumulate) * options.epochs
        self.total = whole if options.max_steps is None else min(whole, options.max_steps)
        precision = self.accelerator.mixed_precision.replace("no", "fp32")  # what was read differs by it
        freeze(task.module, options.frozen, cache_folder("texts") / precision)
        optimizer = torch.optim.AdamW(
            task.parameter_groups(),
            lr=options.lr,
            betas=options.betas,
            weight_decay=options.weight_decay,
            fused=True,
        )
        for group in optimizer.param_groups:
            group.setdefault("scale", 1.0)
        module = torch.compile(task.module, dynamic=True) if options.compile else task.module
        self.plain = task.module
        self.progress = Progress()
        self.average = WeightAverage(task.module, options.average) if options.average else None
        if (folder / STATE).exists():
            task.module.to(self.accelerator.device)
            self.progress = load_state(folder / STATE, task.module, optimizer, self.average)
            if self.first:
                self._find_best()
        self.module, self.optimizer = self.accelerator.prepare(module, optimizer)
        self.stopped = False

    def go(self) -> Outcome:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = RunLog(self.folder, self.progress.step) if self.first else None
        began = time.monotonic() - self.progress.seconds
        try:
            with (
                self._stop_on_signals(),
                bar("Training", self.total, self.show if self.first else False, unit="steps") as advance,
            ):
                advance(self.progress.step)
                while self.progress.step < self.total and not self.stopped and not self._out_of_patience():
                    self._epoch(advance, began)
                if not self.stopped and not self.progress.best_metrics:
                    self._validate()
                self.progress.seconds = time.monotonic() - began
                self._save()
                if self.first:
                    keep_read(self.plain)
        finally:
            if self.log is not None:
                self.log.close()
        return Outcome(
            self.folder / BEST,
            self.progress.best_metrics,
            self.progress.best_step,
            self.progress.step,
            self.progress.seconds,
            finished=not self.stopped,
        )

    def _epoch(self, advance: Any, began: float) -> None:
        progress, options = self.progress, self.options
        batches = self.task.batches(progress.epoch, progress.batch, self.shard)
        with _closing(prefetch(batches)) as fetched:
            group: list[Any] = []
            for batch in fetched:
                group.append(batch)
                last = progress.batch + len(group) >= self.per_epoch
                if len(group) < options.accumulate and not last:
                    continue
                terms = self._step(group)
                progress.batch += len(group)
                progress.step += 1
                progress.seconds = time.monotonic() - began
                group = []
                advance(1)
                self._after_step(terms, at_end=last)
                if last or self.stopped or progress.step >= self.total or self._out_of_patience():
                    break
            else:
                self._check_whole(progress.batch + len(group))
        if progress.batch >= self.per_epoch:
            progress.epoch, progress.batch = progress.epoch + 1, 0

    def _step(self, group: list[Any]) -> dict[str, "Tensor"]:
        """One optimiser step over the micro-batches of `group`; the terms' means."""
        import torch

        step, options = self.progress.step, self.options
        rate = learning_rate(step, self.total, options.lr, options.final_lr, options.warmup_steps)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate * parameters["scale"]
        self.task.before_step(step)
        self.module.train()
        sums: dict[str, Tensor] = {}
        for number, batch in enumerate(group):
            # One stream of randomness a micro-batch, whatever happened before it.
            torch.manual_seed(((options.seed * 1_000_003 + step) * 1009 + number) * 131 + self.shard.index)
            final = number == len(group) - 1
            with _sync(self.accelerator, self.module, final), self.accelerator.autocast(), self.attention:
                terms = self.module(to_device(batch, self.accelerator.device))
                total = sum(self.task.weights.get(name, 1.0) * term for name, term in terms.items())
                self._check(total, terms)
                # accelerate divides by its own accumulation count; the last group of an epoch may be shorter
                self.accelerator.backward(total * (options.accumulate / len(group)))
            for name, term in {"total": total, **terms}.items():
                sums[name] = sums.get(name, torch.zeros((), device=term.device)) + term.detach().float()
        norm = self.accelerator.clip_grad_norm_(self.module.parameters(), options.clip_norm or math.inf)
        if not torch.isfinite(norm):  # weights that it reaches are lost, and the next state with them
            raise ModelError(f"the gradient is not finite at step {step + 1}; {self._what_to_do()}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average:
            self.average.update()
        return {name: value / len(group) for name, value in sums.items()} | {"lr": torch.tensor(rate)}

    def _check_whole(self, batches: int) -> None:
        if batches < self.per_epoch:  # going on would ask for the missing ones for ever
            raise ModelError(
                f"epoch {self.progress.epoch + 1} ended after {batches} of {self.per_epoch} batches; "
                "`Task.steps` and `Task.batches` have to agree"
            )

    def _check(self, total: "Tensor", terms: Mapping[str, "Tensor"]) -> None:
        import torch

        if not torch.isfinite(total):
            values = ", ".join(f"{name} {float(term.detach()):.4g}" for name, term in terms.items())
            raise ModelError(
                f"the loss is not finite at step {self.progress.step + 1} ({values}); {self._what_to_do()}"
            )

    def _what_to_do(self) -> str:
        return f"lower lr, or look at the data: the last saved state is in {self.folder}"

    def _after_step(self, terms: Mapping[str, "Tensor"], at_end: bool) -> None:
        step, options = self.progress.step, self.options
        if self.log is not None and (step % options.log_every == 0 or step == self.total or step == 1):
            self.log.write("train", step, {name: float(value) for name, value in terms.items()})
        due = step % options.eval_every == 0 if options.eval_every else at_end
        if due or step == self.total:
            self._validate()
        # with every better checkpoint, too, so that a kill leaves none that the state does not tell of
        if step % options.save_every == 0 or step == self.progress.best_step:
            self._save()
        self._agree_to_stop()

    def _agree_to_stop(self) -> None:
        """A signal reaches processes at different steps; one that stops alone leaves the others waiting."""
        if self.shard.count > 1:
            import torch

            flag = torch.tensor(float(self.stopped), device=self.accelerator.device)
            self.stopped = bool(self.accelerator.reduce(flag, "sum") > 0)

    def _validate(self) -> None:
        progress = self.progress
        if self.first:
            self.plain.eval()
            with self.average.shown() if self.average else nullcontext():
                self._judge()
        if self.shard.count > 1:
            import torch

            shared = [(progress.best, progress.best_step, progress.best_metrics, progress.waited)]
            torch.distributed.broadcast_object_list(shared, src=0)
            progress.best, progress.best_step, progress.best_metrics, progress.waited = shared[0]

    def _judge(self) -> None:
        """Measure the module as it is, and keep it where it is the best so far."""
        progress = self.progress
        metrics = dict(self.task.validate())
        if self.options.select not in metrics:
            raise InputError(
                f"select is {self.options.select!r}, which is not measured; there are {', '.join(metrics)}"
            )
        if not math.isfinite(metrics[self.options.select]):
            raise ModelError(
                f"{self.options.select} is {metrics[self.options.select]} at step {progress.step}; the "
                "model gives scores that are not finite, or there is nothing to validate on"
            )
        assert self.log is not None
        self.log.write("valid", progress.step, metrics)
        if metrics[self.options.select] > progress.best:
            progress.best, progress.best_step = metrics[self.options.select], progress.step
            progress.best_metrics, progress.waited = metrics, 0
            self._keep(metrics)
        else:
            progress.waited += 1

    def _find_best(self) -> None:
        """A kill may have come while a better checkpoint took the place of the last one."""
        place, beside = self.folder / BEST, self.folder / _BETTER
        if not place.exists() and beside.exists():
            beside.rename(place)
        if self.progress.best_metrics and not place.exists():
            raise ModelError(
                f"{place}, the checkpoint of step {self.progress.best_step}, is gone; put it back, or remove "
                f"{self.folder / STATE} to start over"
            )

    def _keep(self, metrics: Mapping[str, float]) -> None:
        place, beside = self.folder / BEST, self.folder / _BETTER
        if beside.exists():
            remove_folder(beside)
        with new_folder(beside) as folder:
            self.task.save(folder, metrics)
        if place.exists():
            remove_folder(place)
        beside.rename(place)
        for left in self.folder.glob(f"{TEMPORARY}*-{BEST}*"):  # of runs that were killed while saving
            shutil.rmtree(left, ignore_errors=True)

    def _save(self) -> None:
        if self.first:
            save_state(self.folder / STATE, self.plain, self.optimizer, self.progress, self.average)
        self.accelerator.wait_for_everyone()

    def _out_of_patience(self) -> bool:
        patience = self.options.patience
        return patience is not None and self.progress.waited >= patience

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True
            logger.warning("stopping after this step; the same command goes on (once more to stop at once)")

        try:
            before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread: whoever runs us handles signals
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _forget_other_runs() -> None:
    """Let a run have another device or precision than the one before it in this process."""
    import torch
    from accelerate.state import AcceleratorState

    alone = not (torch.distributed.is_available() and torch.distributed.is_initialized())
    AcceleratorState._reset_state(reset_partial_state=alone)


@contextmanager
def _sync(accelerator: Any, module: Any, final: bool) -> Iterator[None]:
    """Gradients travel between processes once a step, with its last micro-batch."""
    if final:
        yield
    else:
        with accelerator.no_sync(module):
            yield


@contextmanager
def _closing(batches: Iterator[Any]) -> Iterator[Iterator[Any]]:
    try:
        yield batches
    finally:
        batches.close()  # type: ignore[attr-defined]
