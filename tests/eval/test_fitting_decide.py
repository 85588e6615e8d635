"""When to send: calibration on known probabilities, thresholds, and the pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.fitting.decide import (
    Target,
    calibrate,
    calibration_error,
    cross_calibrate,
    reliability,
    risk_coverage,
    threshold_for,
)
from eval.fitting.pictures import draw_reliability, draw_risk_coverage
from retriever.errors import InputError

EVEN = np.full(4, 0.25)
P = np.array([0.9, 0.6, 0.6, 0.2])
RIGHT = np.array([1.0, 0.0, 1.0, 0.0])


def world(n: int, seed: int = 0, bend: bool = False):  # type: ignore[no-untyped-def]
    """Features, what was right, and the probabilities that it was drawn by."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    z = 1.5 * features[:, 0] - 0.5 * features[:, 1] - 0.3
    p = np.where(z > 0, 0.9, 0.2) if bend else 1 / (1 + np.exp(-z))
    return features, (rng.random(n) < p).astype(float), p


def test_known_probabilities_are_recovered() -> None:
    features, right, p = world(8000)
    decider = calibrate(features, right, np.full(8000, 1 / 8000), "platt")
    assert np.abs(decider.probability(features) - p).mean() < 0.02
    isotonic = calibrate(features, right, np.full(8000, 1 / 8000), "isotonic")
    assert np.abs(isotonic.probability(features) - p).mean() < 0.03


def test_steps_beat_a_curve_where_there_are_steps() -> None:
    features, right, p = world(6000, bend=True)
    weight, fold = np.full(6000, 1 / 6000), np.arange(6000) % 5
    found = cross_calibrate(lambda _: features, lambda _: right, fold, weight, Target())
    assert found.method == "isotonic" and found.error < 0.03 and found.brier < found.base
    assert np.abs(found.p - p).mean() < 0.05


def test_held_out_figures_do_not_flatter() -> None:
    """Features that say nothing, as many as would fit noise: held out they are worth less than the mean."""
    rng = np.random.default_rng(1)
    features, right = rng.normal(size=(200, 60)), rng.integers(0, 2, 200).astype(float)
    weight, fold = np.full(200, 1 / 200), np.arange(200) % 5
    found = cross_calibrate(lambda _: features, lambda _: right, fold, weight, Target(precision=0.9))
    assert found.brier > found.base
    assert found.precision is None or found.precision < 0.75
    seen = calibrate(features, right, weight, "platt").probability(features)
    assert weight @ (seen - right) ** 2 < 0.8 * found.base  # what would have been claimed


def test_a_fold_is_judged_by_what_it_did_not_see() -> None:
    """Lies about what is right in a fold move the probabilities of the others, not its own."""
    features, right, _ = world(300)
    weight, fold = np.full(300, 1 / 300), np.arange(300) % 3
    asked: list[int | None] = []

    def of(number: int | None) -> np.ndarray:
        asked.append(number)
        return features

    honest = cross_calibrate(of, lambda _: right, fold, weight, Target())
    assert set(asked) == {0, 1, 2, None}
    lies = right.copy()
    lies[fold == 0] = 1 - lies[fold == 0]
    lied = cross_calibrate(lambda _: features, lambda _: lies, fold, weight, Target())
    assert honest.method == lied.method == "platt"
    assert np.array_equal(honest.p[fold == 0], lied.p[fold == 0])
    assert not np.array_equal(honest.p[fold == 1], lied.p[fold == 1])


def test_calibration_error_by_hand() -> None:
    """Two bins of two: 0.3 is said where half are right, 0.8 where all are."""
    p, right = np.array([0.2, 0.4, 0.7, 0.9]), np.array([0.0, 1.0, 1.0, 1.0])
    assert reliability(p, right, EVEN, bins=2) == [
        pytest.approx((0.5, 0.3, 0.5)),
        pytest.approx((0.5, 0.8, 1.0)),
    ]
    assert calibration_error(p, right, EVEN, bins=2) == pytest.approx(0.5 * 0.2 + 0.5 * 0.2)


def test_risk_and_coverage_by_hand() -> None:
    """The two at 0.6 go together: half of them are right."""
    coverage, risk = risk_coverage(P, RIGHT, EVEN)
    assert coverage == pytest.approx([0.25, 0.75, 1.0])
    assert risk == pytest.approx([0.0, 1 / 3, 0.5])


@pytest.mark.parametrize(
    ("target", "threshold"),
    [
        (Target(), 0.5),
        (Target(send_rate=1.0), 0.2),
        (Target(send_rate=0.75), 0.6),
        (Target(send_rate=0.5), 0.9),  # both at 0.6 would make 0.75
        (Target(send_rate=0.2), 1.01),  # not even one
        (Target(precision=1.0), 0.9),
        (Target(precision=0.6), 0.6),
        (Target(precision=0.5), 0.2),
    ],
)
def test_thresholds_by_hand(target: Target, threshold: float) -> None:
    assert threshold_for(P, RIGHT, EVEN, target) == threshold


def test_targets_that_cannot_be() -> None:
    for wrong in ({"send_rate": 0.0}, {"send_rate": 1.5}, {"precision": -1.0}, {"precision": float("nan")}):
        with pytest.raises(InputError, match="expected a number above 0, at most 1"):
            Target(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="all right or all wrong"):
        calibrate(np.ones((4, 2)), np.ones(4), EVEN, "platt")


def test_a_precision_out_of_reach_sends_nothing_and_says_so() -> None:
    features, right, _ = world(400)
    right[np.argmax(features[:, 0] - features[:, 1] / 3)] = 0.0  # the surest of all is wrong
    found = cross_calibrate(
        lambda _: features, lambda _: right, np.arange(400) % 4, np.full(400, 1 / 400), Target(precision=1.0)
    )
    assert found.decider.threshold > 1
    assert not (found.p >= found.decider.threshold).any()


def test_the_pictures_are_drawn(tmp_path: Path) -> None:
    features, right, _ = world(300)
    found = cross_calibrate(
        lambda _: features, lambda _: right, np.arange(300) % 3, np.full(300, 1 / 300), Target(send_rate=0.3)
    )
    for draw, name in ((draw_reliability, "a.png"), (draw_risk_coverage, "b.png")):
        draw(found, tmp_path / "deeper" / name)
        with Image.open(tmp_path / "deeper" / name) as image:
            assert image.width > 600 and len(image.convert("RGB").getcolors(1 << 20) or []) > 20
