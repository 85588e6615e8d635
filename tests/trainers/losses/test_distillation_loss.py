"""Distillation against sums written out, and what it must be at its best."""

import math

import pytest
import torch

from trainers.losses.distillation import (
    feature_distillation,
    soft_label_distillation,
    soft_label_entropy,
)

ONCE = torch.ones(1, dtype=torch.int64)


def test_soft_labels_by_hand() -> None:
    """Teacher (3/4, 1/4), student (1/2, 1/2): 3/4 log 3/2 + 1/4 log 1/2."""
    teacher = torch.tensor([[math.log(3), 0.0]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert soft_label_distillation(torch.zeros(1, 2), teacher, ONCE).item() == pytest.approx(
        expected, abs=1e-6
    )


def test_the_teacher_is_the_target_and_not_the_other_way_round() -> None:
    student, teacher = torch.tensor([[0.0, 2.0]]), torch.tensor([[math.log(3), 0.0]])
    forward = soft_label_distillation(student, teacher, ONCE).item()
    assert forward != pytest.approx(soft_label_distillation(teacher, student, ONCE).item(), rel=0.01)
    p, q = torch.tensor([0.75, 0.25]), student[0].softmax(0)
    assert forward == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-6)


def test_images_count_as_often_as_said() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(3, 6, generator=generator) for _ in range(2))
    counts = torch.tensor([2, 0, 1])
    repeated = torch.tensor([0, 0, 2])
    three = torch.ones(3, dtype=torch.int64)
    for loss in (soft_label_distillation, feature_distillation):
        assert torch.allclose(
            loss(student, teacher, counts), loss(student[repeated], teacher[repeated], three)
        )


def test_nothing_is_lost_where_the_student_says_the_same() -> None:
    scores = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    four = torch.ones(4, dtype=torch.int64)
    assert soft_label_distillation(scores + 7, scores, four).abs() < 1e-6
    assert feature_distillation(3 * scores, scores, four) < 1e-10
    assert soft_label_distillation(scores * 2, scores, four, temperature=0.5).abs() < 1e-6


def test_features_by_hand() -> None:
    """Unit vectors at a right angle, width 2: squared distance 2, times 2 for the scale, over 2 entries."""
    loss = feature_distillation(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 5.0]]), ONCE)
    assert loss.item() == pytest.approx(2.0, abs=1e-6)


def test_large_products_stay_finite() -> None:
    """Dot products of unnormalised features are in the hundreds: the labels are one-hot, not NaN."""
    teacher = torch.tensor([[4000.0, -4000.0, 0.0]])
    student = torch.zeros(1, 3, requires_grad=True)
    loss = soft_label_distillation(student, teacher, ONCE)
    assert loss.item() == pytest.approx(math.log(3), abs=1e-6)
    loss.backward()
    assert student.grad is not None and student.grad.isfinite().all()
    assert soft_label_entropy(teacher, ONCE).item() == 0
    assert soft_label_entropy(torch.zeros(1, 3), ONCE).item() == pytest.approx(math.log(3), abs=1e-6)
