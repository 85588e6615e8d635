import json

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from toy_task import OPTIONS, ToyTask

from retriever.errors import InputError, ModelError
from trainers.loop import train
from trainers.loop.logs import read_log
from trainers.loop.schedule import learning_rate
from trainers.options import TrainOptions


def options(**settings):
    return TrainOptions(**{**OPTIONS, **settings})


def losses(folder):
    return {row["step"]: row["total"] for row in read_log(folder / "log.jsonl") if row["kind"] == "train"}


def weights(task):
    return torch.cat([p.detach().flatten() for p in task.module.parameters()])


def test_it_learns_logs_every_term_and_keeps_the_best(tmp_path):
    task = ToyTask()
    outcome = train(task, options(epochs=20), tmp_path, show_progress=False)
    found = losses(tmp_path)
    assert outcome.finished and outcome.steps == 120 == len(found)
    assert found[120] < 0.3 * found[1]
    row = read_log(tmp_path / "log.jsonl")[0]
    assert {"square", "size", "total", "lr"} <= set(row)
    assert row["total"] == pytest.approx(row["square"])  # a term of weight 0 is logged, and not added
    assert json.loads((outcome.checkpoint / "metrics.json").read_text()) == outcome.metrics
    assert task.before == list(range(120))


def test_the_best_is_chosen_by_validation_and_a_tie_keeps_the_earlier(tmp_path):
    seen = []

    class Watched(ToyTask):
        def validate(self):
            seen.append({name: value.clone() for name, value in self.module.state_dict().items()})
            return super().validate()

    task = Watched()
    task.scores = [0.2, 0.7, 0.7, 0.1]
    outcome = train(task, options(), tmp_path, show_progress=False)
    assert (outcome.step, outcome.metrics) == (12, {"R@1": 0.7})
    best = torch.load(outcome.checkpoint / "weights.pt")
    assert [all(torch.equal(best[name], at[name]) for name in best) for at in seen] == [
        False, True, False, False,
    ]  # fmt: skip


def test_patience_ends_a_run(tmp_path):
    task = ToyTask()
    task.scores = [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    outcome = train(task, options(epochs=6, patience=2), tmp_path, show_progress=False)
    assert outcome.steps == 18 and outcome.step == 6 and outcome.finished


def test_accumulating_equals_a_large_batch_for_a_mean_loss(tmp_path):
    small, large = ToyTask(size=4, dropout=0.0), ToyTask(size=8, dropout=0.0)
    train(small, options(accumulate=2), tmp_path / "small", show_progress=False)
    train(large, options(), tmp_path / "large", show_progress=False)
    assert torch.allclose(weights(small), weights(large), atol=1e-6)
    assert losses(tmp_path / "small") == pytest.approx(losses(tmp_path / "large"), abs=1e-6)


def test_the_last_group_of_an_epoch_weighs_its_own_size(tmp_path):
    # 5 batches in groups of 2: the third group has one batch, and counts as a mean over that one
    sent = []
    task = ToyTask(rows=20, size=4, dropout=0.0, sent=sent)
    train(task, options(accumulate=2, epochs=1, clip_norm=0), tmp_path, show_progress=False)
    assert task.before == [0, 1, 2]
    plain = ToyTask(rows=20, size=4, dropout=0.0)
    optimizer = torch.optim.AdamW(plain.module.parameters(), weight_decay=0.02)
    for step, group in enumerate((sent[:2], sent[2:4], sent[4:])):
        for parameters in optimizer.param_groups:
            parameters["lr"] = learning_rate(step, 3, 1e-2, 1e-3)
        rows = [row for batch in group for row in batch]
        loss = ((plain.module.net(plain.x[rows]) - plain.y[rows]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.allclose(weights(task), weights(plain), atol=1e-6)


def test_a_run_in_two_halves_is_the_run_in_one(tmp_path):
    train(ToyTask(), options(), tmp_path / "whole", show_progress=False)

    class Stopped(ToyTask):
        def before_step(self, step):
            if step == 10:
                raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(Stopped(), options(), tmp_path / "halves", show_progress=False)
    assert (tmp_path / "halves" / "state.pt").exists()
    second = ToyTask()
    outcome = train(second, options(), tmp_path / "halves", show_progress=False)
    assert outcome.finished and second.before[0] == 9  # the last state is of step 9
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")
    rows = [row["step"] for row in read_log(tmp_path / "halves" / "log.jsonl") if row["kind"] == "train"]
    assert rows == list(range(1, 25))  # no step stands twice


def test_a_finished_run_is_not_trained_again(tmp_path):
    first = train(ToyTask(), options(), tmp_path, show_progress=False)
    task = ToyTask()
    again = train(task, options(), tmp_path, show_progress=False)
    assert task.before == [] and again.metrics == first.metrics and again.step == first.step


def test_without_steps_the_model_is_measured_and_kept_as_it_is(tmp_path):
    task = ToyTask()
    before = {name: value.clone() for name, value in task.module.state_dict().items()}
    once = train(task, options(max_steps=0), tmp_path, show_progress=False)
    assert once.finished and (once.step, once.steps) == (0, 0) and task.before == []
    kept = torch.load(once.checkpoint / "weights.pt")
    assert all(torch.equal(kept[name], before[name]) for name in before)
    again = ToyTask()
    again.scores = []  # asked once more, it would fail
    assert train(again, options(max_steps=0), tmp_path, show_progress=False).metrics == once.metrics
    once.checkpoint.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="of step 0, is gone"):
        train(ToyTask(), options(max_steps=0), tmp_path, show_progress=False)


def test_a_loss_that_is_not_finite_names_the_terms_and_keeps_the_state(tmp_path):
    class Poisoned(ToyTask):
        def before_step(self, step):
            self.module.poison = step == 7

    with pytest.raises(ModelError, match=r"not finite at step 8 \(square nan, size \d"):
        train(Poisoned(), options(), tmp_path, show_progress=False)
    task = ToyTask()
    assert train(task, options(), tmp_path, show_progress=False).finished
    assert task.before[0] == 6


@pytest.mark.parametrize("clip", [1.0, 0.0])
def test_a_gradient_that_is_not_finite_reaches_neither_weights_nor_state(tmp_path, clip):
    class Poisoned(ToyTask):
        def before_step(
            self, step
        ):  # the loss is finite, its gradient is not; a state is due after this step
            super().before_step(step)
            if step == 8:
                self.module.net[3].bias.register_hook(lambda gradient: gradient * float("nan"))

    with pytest.raises(ModelError, match=r"the gradient is not finite at step 9; lower lr"):
        train(Poisoned(), options(clip_norm=clip), tmp_path, show_progress=False)
    train(ToyTask(), options(clip_norm=clip), tmp_path / "whole", show_progress=False)
    task = ToyTask()
    assert train(task, options(clip_norm=clip), tmp_path, show_progress=False).finished
    assert task.before[0] == 6 and losses(tmp_path) == losses(tmp_path / "whole")


def test_a_kill_after_a_better_checkpoint_leaves_the_state_that_tells_of_it(tmp_path):
    class Cut(ToyTask):
        def before_step(self, step):
            if step == 12:
                raise RuntimeError("power cut")

    cut, again = Cut(), ToyTask()
    cut.scores, again.scores = [0.40, 0.41], [0.1, 0.1]
    settings = options(save_every=1000)
    with pytest.raises(RuntimeError, match="power cut"):
        train(cut, settings, tmp_path, show_progress=False)
    outcome = train(again, settings, tmp_path, show_progress=False)
    assert (outcome.step, outcome.metrics) == (12, {"R@1": 0.41})
    assert json.loads((outcome.checkpoint / "metrics.json").read_text()) == {"R@1": 0.41}


def test_a_checkpoint_that_is_gone_is_found_again_or_told(tmp_path):
    first = train(ToyTask(), options(), tmp_path, show_progress=False)
    (tmp_path / "best").rename(tmp_path / "best-new")  # where a kill between two renames leaves it
    again = train(ToyTask(), options(), tmp_path, show_progress=False)
    assert json.loads((again.checkpoint / "metrics.json").read_text()) == first.metrics
    (tmp_path / "best").rename(tmp_path / "elsewhere")
    with pytest.raises(
        ModelError, match=r"best, the checkpoint of step \d+, is gone; put it back, or remove"
    ):
        train(ToyTask(), options(), tmp_path, show_progress=False)


def test_what_a_killed_run_left_of_a_checkpoint_is_swept_away(tmp_path):
    left = tmp_path / ".tmp-1-abc-best-new"
    left.mkdir()
    (left / "weights.pt").write_bytes(b"half")
    train(ToyTask(), options(), tmp_path, show_progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {"best", "log.jsonl", "state.pt", "tensorboard"}


def test_a_metric_that_is_not_a_number_is_an_error(tmp_path):
    task = ToyTask()
    task.scores = [float("nan")]
    with pytest.raises(ModelError, match=r"R@1 .*nan"):
        train(task, options(), tmp_path, show_progress=False)


def test_what_is_selected_has_to_be_measured(tmp_path):
    with pytest.raises(InputError, match=r"select is 'MAP'.*there are R@1"):
        train(ToyTask(), options(select="MAP"), tmp_path, show_progress=False)


def test_no_batch_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no whole batch"):
        train(ToyTask(rows=4, size=8), options(), tmp_path, show_progress=False)


def test_fewer_batches_than_promised_is_an_error_and_no_endless_loop(tmp_path):
    class Short(ToyTask):
        def steps(self, shard):
            return 9

    with pytest.raises(ModelError, match="6 of 9 batches"):
        train(Short(), options(), tmp_path, show_progress=False)


def test_a_state_of_another_model_is_refused(tmp_path):
    train(ToyTask(), options(), tmp_path, show_progress=False)
    other = ToyTask()
    other.module.net = torch.nn.Linear(6, 1)
    with pytest.raises(ModelError, match="cannot be resumed"):
        train(other, options(epochs=5), tmp_path, show_progress=False)
    (tmp_path / "state.pt").write_bytes(b"torn")
    with pytest.raises(ModelError, match="cannot be resumed"):
        train(ToyTask(), options(), tmp_path, show_progress=False)


def test_batches_that_fail_fail_the_run(tmp_path):
    class Broken(ToyTask):
        def batches(self, epoch, start, shard):
            yield from list(super().batches(epoch, start, shard))[:2]
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        train(Broken(), options(), tmp_path, show_progress=False)


def test_clipping_bounds_the_step(tmp_path):
    moved = {}
    for name, clip in (("free", 0.0), ("clipped", 1e-6)):
        task = ToyTask(dropout=0.0)
        task.parameter_groups = lambda task=task: [{"params": list(task.module.parameters()), "eps": 1.0}]
        before = weights(task)
        train(
            task, options(clip_norm=clip, max_steps=1, weight_decay=0), tmp_path / name, show_progress=False
        )
        moved[name] = float((weights(task) - before).norm())
    assert 0 < moved["clipped"] < 1e-3 * moved["free"]


def test_the_scale_of_a_group_multiplies_the_rate(tmp_path):
    task = ToyTask(dropout=0.0)
    first, last = list(task.module.net[0].parameters()), list(task.module.net[3].parameters())
    task.parameter_groups = lambda: [{"params": first, "scale": 0.0}, {"params": last}]
    before = [p.clone() for p in (*first, *last)]
    train(task, options(max_steps=2), tmp_path, show_progress=False)
    moved = [bool((a != b).any()) for a, b in zip(before, (*first, *last), strict=True)]
    assert moved == [False, False, True, True]


def test_frozen_parts_stay_and_the_others_learn(tmp_path):
    task = ToyTask()
    before = {name: value.clone() for name, value in task.module.named_parameters()}
    train(task, options(max_steps=3, frozen=("net.0",)), tmp_path, show_progress=False)
    moved = {name for name, value in task.module.named_parameters() if (value != before[name]).any()}
    assert moved == {"net.3.weight", "net.3.bias"}


def test_a_run_with_frozen_parts_goes_on_as_it_would_have(tmp_path):
    class Stopped(ToyTask):
        def before_step(self, step):
            if step == 10:
                raise RuntimeError("power cut")

    settings = options(frozen=("net.0",))
    train(ToyTask(), settings, tmp_path / "whole", show_progress=False)
    with pytest.raises(RuntimeError, match="power cut"):
        train(Stopped(), settings, tmp_path / "halves", show_progress=False)
    train(ToyTask(), settings, tmp_path / "halves", show_progress=False)
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")


def test_frozen_parts_leave_what_they_read_to_runs_of_the_same_precision(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    class Reading(nn.Linear):
        folder, kept = None, 0

        def frozen(self, folder=None):
            self.folder = folder

        def keep(self):
            self.kept += 1

    for frozen, precision in ((("net.0",), "fp32"), ((), None)):
        task = ToyTask()
        task.module.net[0] = Reading(6, 16)
        train(task, options(max_steps=2, frozen=frozen), tmp_path / f"run-{precision}", show_progress=False)
        place = tmp_path / "cache" / "sticker-retriever" / "texts" / str(precision)
        assert task.module.net[0].folder == (place if precision else None)
        assert task.module.net[0].kept == 1


@pytest.mark.parametrize(
    "frozen, words",
    [
        (("net.9",), "names 'net.9', which the model has not; it has net.3, net.0"),
        (("net",), "leaves nothing"),
    ],
)
def test_what_cannot_be_frozen_is_said(tmp_path, frozen, words):
    with pytest.raises(InputError, match=words):
        train(ToyTask(), options(frozen=frozen), tmp_path, show_progress=False)


def test_betas_reach_the_optimizer_and_have_to_be_below_one(tmp_path):
    train(ToyTask(), options(max_steps=3), tmp_path / "usual", show_progress=False)
    train(ToyTask(), options(max_steps=3, betas=(0.0, 0.98)), tmp_path / "short", show_progress=False)
    assert losses(tmp_path / "usual")[1] == losses(tmp_path / "short")[1]
    assert losses(tmp_path / "usual")[3] != losses(tmp_path / "short")[3]
    with pytest.raises(ValidationError, match="less than 1"):
        options(betas=(0.9, 1.0))


def test_bf16_trains_too(tmp_path):
    train(ToyTask(), options(precision="bf16", epochs=20), tmp_path, show_progress=False)
    found = losses(tmp_path)
    assert found[120] < 0.4 * found[1]


def test_a_processor_without_bf16_trains_in_float32_and_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("trainers.loop.precision._processor_has_bf16", lambda: False)
    train(ToyTask(), options(precision="bf16", device="cpu"), tmp_path / "a", show_progress=False)
    assert "cannot calculate in bf16" in caplog.text
    train(ToyTask(), options(precision="fp32", device="cpu"), tmp_path / "b", show_progress=False)
    assert losses(tmp_path / "a") == losses(tmp_path / "b")


def test_the_rate_rises_then_falls_by_half_a_cosine():
    rates = [learning_rate(step, 11, 1.0, 0.1, warmup=0) for step in range(11)]
    assert rates[0] == 1.0 and rates[-1] == pytest.approx(0.1)
    assert rates[5] == pytest.approx(0.55)  # halfway
    assert rates == sorted(rates, reverse=True)
    assert [learning_rate(step, 10, 1.0, 0.1, warmup=3) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate(0, 1, 1.0, 0.1) == 1.0
