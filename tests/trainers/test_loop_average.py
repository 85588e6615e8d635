"""The moving average of weights: what it is, that training does not see it, that a kill leaves it alone."""

import json

import pytest
import torch
from toy_task import ToyTask

from trainers.loop import train
from trainers.loop.average import WeightAverage
from trainers.options import TrainOptions


class Watching(ToyTask):
    """Notes the weights before each step and at each validation."""

    def __init__(self):
        super().__init__()
        self.trained, self.shown = [], []

    def weight(self):
        return self.module.net[0].weight.detach().clone()

    def before_step(self, step):
        super().before_step(step)
        self.trained.append(self.weight())

    def validate(self):
        self.shown.append(self.weight())
        return super().validate()


def options(**more):
    return TrainOptions(**{"epochs": 2, "lr": 1e-2, "log_every": 1, "average": 0.8, "device": "cpu", **more})


def losses(folder):
    rows = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [row["total"] for row in rows if row["kind"] == "train"]


def by_hand(weights, decay):
    """The average after each of `weights` but the first, which it begins with."""
    average, found = weights[0], []
    for n, weight in enumerate(weights[1:], start=1):
        rate = min(decay, (1 + n) / (10 + n))
        average = rate * average + (1 - rate) * weight
        found.append(average)
    return found


def test_the_average_is_what_is_validated_and_training_goes_on_as_without(tmp_path):
    task = Watching()
    train(task, options(), tmp_path / "with", show_progress=False)
    steps = [*task.trained, task.weight()]
    assert len(steps) == 13
    expected = by_hand(steps, 0.8)
    torch.testing.assert_close(task.shown, [expected[5], expected[11]])  # after each epoch
    assert not torch.allclose(task.shown[1], steps[-1], atol=1e-4)

    train(ToyTask(), options(average=0.0), tmp_path / "without", show_progress=False)
    assert losses(tmp_path / "with") == losses(tmp_path / "without")


def test_a_stopped_run_goes_on_with_its_average(tmp_path):
    whole, stopped, resumed = Watching(), Watching(), Watching()
    train(whole, options(), tmp_path / "whole", show_progress=False)
    train(stopped, options(max_steps=4, save_every=4), tmp_path / "parts", show_progress=False)
    train(resumed, options(), tmp_path / "parts", show_progress=False)
    assert len(resumed.trained) == 8
    # the cosine of the first part was shorter, so its steps are not those of the whole: by hand again
    steps = [*stopped.trained, *resumed.trained, resumed.weight()]
    torch.testing.assert_close(resumed.shown[-1], by_hand(steps, 0.8)[-1])


def test_what_is_not_trained_is_left_alone():
    module = ToyTask().module
    module.net[0].requires_grad_(False)
    average = WeightAverage(module, 0.5)
    assert set(average.state()) == {"net.3.weight", "net.3.bias", " steps"}
    with pytest.raises(KeyError):
        average.load({" steps": 3})


def test_an_error_while_it_is_shown_gives_the_weights_back():
    module = ToyTask().module
    average, before = WeightAverage(module, 0.5), module.net[0].weight.detach().clone()
    with torch.no_grad():
        module.net[0].weight.add_(1)
    with pytest.raises(RuntimeError, match="on purpose"), average.shown():
        assert torch.equal(module.net[0].weight, before)
        raise RuntimeError("on purpose")
    assert torch.equal(module.net[0].weight, before + 1)
