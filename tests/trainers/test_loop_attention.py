"""Attention in float32 within a step in bf16: as exact as it claims, the same types, and really in use."""

from contextlib import nullcontext

import torch
from torch import nn
from torch.nn import functional as F
from toy_task import Toy, ToyBatch, ToyTask

from trainers.loop import train
from trainers.loop.attention import Float32Attention
from trainers.options import TrainOptions


def sides(kind=torch.float32):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(2, 2, 5, 8, generator=generator).to(kind).requires_grad_() for _ in range(3)]


def gradients(narrow, inside, mask=None):
    """What attention gives under autocast, and the gradient of its first argument."""
    query, key, value = sides()
    with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        if inside:
            with Float32Attention():
                seen = F.scaled_dot_product_attention(query, key, value=value, attn_mask=mask)
        else:
            seen = F.scaled_dot_product_attention(query, key, value=value, attn_mask=mask)
    seen.float().square().sum().backward()
    return seen, query.grad


def test_it_is_float32_to_the_last_bit():
    mask = torch.ones(5, 5).tril().bool()
    for each in (None, mask, torch.randn(5, 5).to(torch.bfloat16).float()):
        exact = gradients(False, False, each)
        seen = gradients(True, True, each)
        assert torch.equal(exact[0], seen[0]) and torch.equal(exact[1], seen[1])
        assert not torch.equal(exact[0], gradients(True, False, each)[0].float())


def test_types_stay_as_they_were():
    query, key, value = sides(torch.bfloat16)
    mask = torch.zeros(5, 5, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16), Float32Attention():
        seen = F.scaled_dot_product_attention(query, key, value, mask)
        product = query @ key.transpose(-1, -2)
    assert seen.dtype == product.dtype == torch.bfloat16
    torch.testing.assert_close(
        seen.float(), F.scaled_dot_product_attention(*(side.float() for side in (query, key, value))),
        atol=2e-2, rtol=2e-2,
    )  # fmt: skip


class Looking(Toy):
    """The toy's net with a look at all rows before it; notes the type of that, and what made it last."""

    def __init__(self):
        super().__init__()
        self.mix, self.made = nn.Linear(6, 6), []

    def forward(self, batch):
        x = self.mix(batch.x)[None, None]
        seen = F.scaled_dot_product_attention(x, x, x)
        self.made.append((seen.dtype, "ToCopy" in seen.grad_fn.name()))
        return super().forward(ToyBatch(seen[0, 0] + batch.x, batch.y))


def looks(folder, precision, **more):
    task = ToyTask()
    task.module = Looking()
    options = TrainOptions(precision=precision, epochs=1, device="cpu", **more)
    train(task, options, folder, show_progress=False)
    return set(task.module.made)


def test_the_loop_uses_it(tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.loop.precision._processor_has_bf16", lambda: True)
    assert looks(tmp_path / "a", "bf16") == {(torch.bfloat16, True)}  # rounded after, not before
    assert looks(tmp_path / "b", "fp32") == {(torch.float32, False)}
    monkeypatch.setattr("trainers.loop.attention.Float32Attention", nullcontext)
    assert looks(tmp_path / "c", "bf16") == {(torch.bfloat16, False)}
