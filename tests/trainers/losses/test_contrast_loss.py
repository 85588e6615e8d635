"""Topic contrast against slow loops written from the formulas."""

import math

import pytest
import torch
from torch import Tensor

from trainers.losses.contrast import printed_contrast, simclr_contrast


def views(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*shape, generator=generator), torch.randn(*shape, generator=generator)


def everything(sets: int, n: int) -> tuple[Tensor, Tensor]:
    return torch.ones(sets, n, dtype=torch.bool), torch.ones(sets, n, n, dtype=torch.bool)


def slow_simclr(first: Tensor, second: Tensor, temperature: float) -> float:
    """NT-Xent as Chen et al. 2020 write it: 2n views, each one's partner against all others."""
    z = [row / row.norm() for row in (*first, *second)]
    n, total = len(first), 0.0
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        scores = {k: math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n) if k != i}
        total -= math.log(scores[partner] / sum(scores.values()))
    return total / (2 * n)


def slow_printed(first: Tensor, second: Tensor) -> float:
    total = 0.0
    for i, anchor in enumerate(first):
        scores = [math.exp(float(anchor @ other)) for other in second]
        total -= math.log(scores[i] / sum(scores))
    return total / len(first)


def test_simclr_by_hand() -> None:
    """Two stickers whose views agree and are at right angles: every view sees its partner (cosine 1) and two
    others (cosine 0); at temperature 1 the loss is log((e + 2) / e).
    """
    z = torch.eye(2)[None]
    loss = simclr_contrast(z, z, *everything(1, 2), temperature=1.0)
    assert loss.item() == pytest.approx(math.log((math.e + 2) / math.e), abs=1e-6)


def test_printed_by_hand() -> None:
    """The same two, equation 7: one other, log((e + 1) / e)."""
    z = torch.eye(2)[None]
    assert printed_contrast(z, z, *everything(1, 2)).item() == pytest.approx(
        math.log((math.e + 1) / math.e), abs=1e-6
    )


def test_sets_equal_slow_loops_set_by_set() -> None:
    first, second = views(3, 5, 4)
    flags = everything(3, 5)
    slow = sum(slow_simclr(first[s], second[s], 0.1) for s in range(3)) / 3
    assert simclr_contrast(first, second, *flags, temperature=0.1).item() == pytest.approx(slow, rel=1e-5)
    slow = sum(slow_printed(first[s], second[s]) for s in range(3)) / 3
    assert printed_contrast(first, second, *flags).item() == pytest.approx(slow, rel=1e-5)


@pytest.mark.parametrize("loss", [printed_contrast, lambda *given: simclr_contrast(*given, temperature=0.1)])
def test_empty_places_are_as_if_they_were_not_there(loss) -> None:  # type: ignore[no-untyped-def]
    first, second = views(2, 5, 4)
    present, apart = everything(2, 5)
    present[:, 3:] = False
    assert torch.allclose(
        loss(first, second, present, apart), loss(first[:, :3], second[:, :3], *everything(2, 3))
    )


def test_a_set_without_any_sticker_does_not_dilute_the_mean() -> None:
    first, second = views(2, 3, 4)
    present, apart = everything(2, 3)
    present[1] = False
    alone = simclr_contrast(first[:1], second[:1], *everything(1, 3), temperature=0.1)
    assert torch.allclose(simclr_contrast(first, second, present, apart, temperature=0.1), alone)


def test_what_is_not_apart_is_no_negative() -> None:
    """The same sticker twice in a set: neither is the other's negative."""
    first, second = views(1, 3, 4)
    present, apart = everything(1, 3)
    apart[0, 0, 1] = apart[0, 1, 0] = False
    z = torch.nn.functional.normalize(torch.cat([first[0], second[0]]), dim=-1)
    scores = (z @ z.T / 0.1).exp()
    total = 0.0
    for i in range(6):
        partner = (i + 3) % 6
        others = [
            k for k in range(6) if k != i and (k == partner or ({i % 3, k % 3} != {0, 1} and i % 3 != k % 3))
        ]
        total -= math.log(scores[i, partner] / sum(scores[i, k] for k in others))
    assert simclr_contrast(first, second, present, apart, 0.1).item() == pytest.approx(total / 6, rel=1e-5)
