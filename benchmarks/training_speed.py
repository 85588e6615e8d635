"""Training samples a second: the loop against a plain one written as the PBR paper describes it.

Both train the same model with the same losses on the same data. The plain loop takes batches of four (section
4.2), reads and decodes the picture of every one of the ten candidates of every sample when its turn comes,
sends each through the image encoder, and computes in float32 with a stock AdamW. Ours is `trainers.loop` as
`sticker train` runs it: every distinct sticker of a larger batch once, pixels out of the cache, the next
batch made beside the step, bfloat16 where the processor has it. The two take turns; ratios are taken turn by
turn.

Where there is a GPU both are on it: `--config pbr/table1-vit-bert-ours --batch 128 --compile`, with `--set
model.image.pretrained=null` and the like for weights that are not at hand. `--set data.teacher=FOLDER` and
`--config pbr/table1-vit-bert-ours-star` have all losses on.

The work of a step is counted by torch (matrix products and convolutions, forward and backward) and set
against what a large matrix product reaches in the same precision on the same machine: the utilisation.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retriever.packs import open_pack
from retriever.packs.decode import decode
from retriever.packs.entry import Quarantined
from retriever.rankers.parts.pixels import square
from trainers.config import find_config, load_config, parse_settings
from trainers.datasets.load import RankingSplits, load_ranking
from trainers.datasets.ranking import RankingSample
from trainers.loop import train
from trainers.loop.data import to_device
from trainers.loop.precision import mixed_precision
from trainers.pbr.batch import PBRBatch
from trainers.pbr.config import PBRConfig
from trainers.pbr.task import PBRTask

PAPERS_BATCH = 4
DEVICE = torch.accelerator.current_accelerator() or torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="pbr/small", help="a PBR configuration, by name or file")
    parser.add_argument("--data", required=True, help="a dataset's folder in the native format")
    parser.add_argument("--pack", action="append", default=[], required=True, help="its stickers' packs")
    parser.add_argument("--batch", type=int, default=64, help="conversations a step of our loop")
    parser.add_argument("--samples", type=int, default=256, help="samples a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="of our loop")
    parser.add_argument("--compile", action="store_true", help="torch.compile in our loop")
    parser.add_argument("--set", action="append", default=[], help="OPTION=VALUE of the configuration")
    parser.add_argument("--ours-alone", action="store_true", help="leave the plain loop out")
    arguments = parser.parse_args()

    loaded = load_config(
        find_config(arguments.config),
        parse_settings(arguments.set),
        data=arguments.data,
        packs=arguments.pack,
    )
    run: Any = loaded.config
    config = PBRConfig(**{name: getattr(run, name) for name in PBRConfig.model_fields})
    data = load_ranking(run.data, config.model.image.size, config.model.image.fit)
    files = _files(arguments.pack)
    precision = "fp32" if mixed_precision(arguments.precision, DEVICE.type == "cpu") == "no" else "bf16"
    turns: dict[str, list[Turn]] = {"plain": [], "ours": []}
    for number in range(arguments.rounds + 1):
        made = {}
        if not arguments.ours_alone:
            made["plain"] = _turn(config, data, arguments.samples, PAPERS_BATCH, "fp32", files)
        made["ours"] = _turn(
            config, data, arguments.samples, arguments.batch, precision, None, arguments.compile
        )
        if number:  # the first turn warms up
            for name, turn in made.items():
                turns[name].append(turn)
            print(json.dumps({name: turn.rounded() for name, turn in made.items()}), flush=True)
    ratios = [
        ours.samples / plain.samples for plain, ours in zip(turns["plain"], turns["ours"], strict=False)
    ]
    if ratios:
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"ours over plain, samples a second: median {median(ratios):.2f}, {spread}")
    print(f"ours: median {median(turn.samples for turn in turns['ours']):.1f} samples a second, {precision}")


@dataclass(frozen=True)
class Turn:
    """What a turn reached: a second, and the share of the machine's matrix product rate."""

    samples: float
    images: float
    utilisation: float

    def rounded(self) -> dict[str, float]:
        """As it is printed."""
        return {
            "samples_s": round(self.samples, 2),
            "images_s": round(self.images),
            "utilisation": round(self.utilisation, 3),
        }


def _turn(
    config: PBRConfig,
    data: RankingSplits,
    n_samples: int,
    batch: int,
    precision: str,
    files: dict[str, Path] | None,
    compiled: bool = False,
) -> Turn:
    steps = max(2, n_samples // batch)
    options = config.train.model_copy(
        update={
            "max_steps": steps + 1,  # the first step is not timed
            "precision": precision,
            "eval_every": 10**9,
            "save_every": 10**9,
            "compile": compiled,
        }
    )
    own = config.model_copy(
        update={"train": options, "batch": config.batch.model_copy(update={"size": batch, "valid_limit": 1})}
    )
    with tempfile.TemporaryDirectory() as folder:
        task = (Plain if files is not None else Timed)(own, data.train, data.valid, Path(folder))
        task.files = files or {}
        work = _work(task, precision)
        if files is None:
            train(task, options, Path(folder) / "run", False)
            seconds = task.times[-1] - task.times[0]
        else:
            seconds = _plain_loop(task, steps)
    return Turn(
        steps * batch / seconds, steps * task.images / seconds, steps * work / seconds / _peak(precision)
    )


class Timed(PBRTask):
    """The task with a clock: `times` has when each step but the first began, and when the last one ended."""

    files: dict[str, Path]

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.times: list[float] = []
        self.images = 0

    def before_step(self, step: int) -> None:
        super().before_step(step)
        if step:
            self.times.append(_now() if step == 1 else time.perf_counter())

    def validate(self) -> dict[str, float]:
        """The end of training: what a validation costs is not asked here."""
        self.times.append(_now())
        return {self.config.train.select: 0.0}

    def batch(self, samples: Sequence[RankingSample]) -> PBRBatch:
        made = super().batch(samples)
        self.images = len(made.rows)
        return made


class Plain(Timed):
    """Every candidate of every sample is a picture of its own, read when it is needed."""

    def batch(self, samples: Sequence[RankingSample]) -> PBRBatch:
        made = super().batch(samples)
        of_slot = made.candidates.reshape(-1)
        ids = [sticker for sample in samples for sticker in sample.candidates]
        side = self.config.model.image.size
        pixels = np.stack([self._read(sticker, side) for sticker in ids])
        self.images = len(ids)
        every: dict[str, Any] = {
            name: None if getattr(made, name) is None else getattr(made, name)[of_slot]
            for name in ("rows", "topic", "anchors", "logits", "features")
        }
        slots = torch.arange(len(ids)).reshape(made.candidates.shape)
        return replace(made, pixels=torch.from_numpy(pixels), candidates=slots, **every)

    def _read(self, sticker: str | None, side: int) -> NDArray[np.uint8]:
        assert sticker is not None, "the benchmark's data have no empty slots"
        return square(decode(self.files[sticker].read_bytes()).frames[0], side, self.config.model.image.fit)


def _plain_loop(task: Timed, steps: int) -> float:
    task.module.to(DEVICE).train()
    optimizer = torch.optim.AdamW(task.parameter_groups(), lr=task.config.train.lr)
    batches = _again(task)
    started = 0.0
    for step in range(steps + 1):
        if step == 1:
            started = _now()
        terms = task.module(to_device(next(batches), DEVICE))
        sum(task.weights.get(name, 1.0) * term for name, term in terms.items()).backward()
        torch.nn.utils.clip_grad_norm_(task.module.parameters(), task.config.train.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        task.module.model.clamp_temperature()
    return _now() - started


def _now() -> float:
    """Seconds, when everything that was asked of the device is done."""
    if DEVICE.type != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter()


def _again(task: PBRTask) -> Iterator[PBRBatch]:
    from trainers.task import Shard

    epoch = 0
    while True:
        yield from task.batches(epoch, 0, Shard())
        epoch += 1


def _work(task: PBRTask, precision: str) -> float:
    """Floating-point operations of a step."""
    from torch.utils.flop_counter import FlopCounterMode

    batch = to_device(next(_again(task)), DEVICE)
    task.module.to(DEVICE)
    with (
        FlopCounterMode(display=False) as counter,
        torch.autocast(DEVICE.type, torch.bfloat16, precision == "bf16"),
    ):
        terms = task.module(batch)
        sum(terms.values()).backward()
    task.module.zero_grad()
    return float(counter.get_total_flops())


def _peak(precision: str, seconds: float = 0.5) -> float:
    """Operations a second of a square matrix product."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    size = 2048 if DEVICE.type == "cpu" else 8192
    left, right = (torch.randn(size, size, device=DEVICE, dtype=kind) for _ in range(2))
    left @ right
    started, n = _now(), 0
    while _now() - started < seconds:
        left @ right
        n += 1
    return n * 2 * size**3 / (_now() - started)


def _files(packs: Sequence[str]) -> dict[str, Path]:
    from retriever.starter import STARTER_PACK

    found = {}
    for name in packs:
        with open_pack(str(STARTER_PACK) if name == "starter" else name) as pack:
            for entry in pack:
                if not isinstance(entry, Quarantined):
                    if entry.path is None:
                        raise SystemExit(f"{entry.origin}: give a folder, the plain loop reads files")
                    found[entry.id] = entry.path
    return found


if __name__ == "__main__":
    main()
