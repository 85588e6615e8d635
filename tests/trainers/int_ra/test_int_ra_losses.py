"""Int-RA's losses against numbers worked out by hand."""

import math

import pytest
import torch

from trainers.int_ra.losses import hinge, intention_loss, printed_hinge

POSITIVE = torch.tensor([0.5, -0.2])
OTHERS = torch.tensor([[0.4, 0.1, 0.9], [0.1, -0.9, 0.3]])
COUNTED = torch.tensor([[True, True, False], [True, True, True]])


def test_hinge_by_hand():
    # first: 0.2 - 0.5 + 0.4 = 0.1, and 0 (0.2 - 0.5 + 0.1 < 0), the third does not count: mean 0.05
    # second: 0.2 + 0.2 + 0.1 = 0.5, 0 (-0.5), 0.2 + 0.2 + 0.3 = 0.7: mean 0.4
    assert hinge(POSITIVE, OTHERS, COUNTED, 0.2).item() == pytest.approx((0.05 + 0.4) / 2)
    nobody = torch.tensor([[False] * 3, [True] * 3])
    assert hinge(POSITIVE, OTHERS, nobody, 0.2).item() == pytest.approx(0.4)
    assert hinge(POSITIVE, OTHERS, torch.zeros_like(COUNTED), 0.2).item() == 0


def test_the_printed_form_pushes_the_sent_sticker_down():
    # first: 0.4 - 0.5 + 0.2 + 0.1 - 0.5 + 0.2 = -0.1; second: (0.1 - 0.9 + 0.3) - 3 * 1.2 + 3 * 0.2 = -3.5
    assert printed_hinge(POSITIVE, OTHERS, COUNTED, 0.2).item() == pytest.approx((-0.1 - 3.5) / 2)
    for loss, direction in ((hinge, -1), (printed_hinge, 1)):
        positive = POSITIVE.clone().requires_grad_()
        loss(positive, OTHERS, COUNTED, 0.2).backward()
        assert bool((positive.grad * direction > 0).all())


def test_intention_counts_those_with_a_label():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0], [5.0, 1.0]])
    labels = torch.tensor([1, 0, -1])
    # ln 2 and ln(4 / 3)
    assert intention_loss(logits, labels).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    logits.requires_grad_()
    none = intention_loss(logits, torch.full((3,), -1))
    none.backward()
    assert none.item() == 0 and bool((logits.grad == 0).all())
