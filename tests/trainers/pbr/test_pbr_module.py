"""The training module: every weight moves, variants differ where they should, batches can be taken apart."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tiny_pbr import IMAGE, TEXT, tiny_config, tiny_data, tiny_teacher

from retriever.errors import InputError
from trainers.datasets.ranking import RankingData
from trainers.pbr.batch import PBRBatch
from trainers.pbr.config import PBRLosses
from trainers.pbr.module import Negatives, PBRModule
from trainers.pbr.task import PBRTask

BASE: dict[str, Any] = {"ekd": 0, "intra": 0, "inter": 0, "mining": {"strategy": "semantic"}}


def make_task(data: RankingData | None = None, **parts: Any) -> PBRTask:
    data = data or tiny_data()
    return PBRTask(tiny_config(**parts), data, data)


def still(task: PBRTask, monkeypatch: pytest.MonkeyPatch) -> PBRModule:
    """The module without dropout and without chance in its pictures."""
    monkeypatch.setattr("trainers.pbr.module.random_crop", lambda images, size, scale: images)
    task.module.eval()
    return task.module


def total(task: PBRTask, terms: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.stack([task.weights.get(name, 1.0) * term for name, term in terms.items()]).sum()


# timm starts a ResNet's branches at 0, so that the first step cannot reach into them; here it can
RESNET = {"model": "resnet10t", "size": 64, "options": {"zero_init_last": False}}
MODELS: dict[str, dict[str, Any]] = {
    "vit and bert": {},
    "resnet and lstm": {"image": RESNET, "text": {**TEXT, "kind": "lstm"}},
    "resnet and gru, another fusion width": {
        "image": RESNET,
        "text": {**TEXT, "kind": "gru", "bidirectional": False},
        "fusion": {"layers": 1, "width": 16, "heads": 2},
    },
    "vit and transformer": {"text": {**TEXT, "kind": "transformer"}},
}


@pytest.mark.parametrize("name", MODELS)
def test_after_one_step_every_weight_has_moved(name: str) -> None:
    model = MODELS[name]
    data = tiny_data()
    if "image" in model:
        stickers = replace(data.stickers, images=data.stickers.images.repeat(4, 1).repeat(4, 2))
        data = replace(data, stickers=stickers)
    task = make_task(data, model=model)
    optimizer = torch.optim.AdamW(task.parameter_groups(), lr=1e-2, weight_decay=0)
    before = {key: value.detach().clone() for key, value in task.module.named_parameters()}
    task.module.train()
    total(task, task.module(task.batch(data.samples))).backward()
    optimizer.step()
    unmoved = [
        key for key, value in task.module.named_parameters() if torch.equal(before[key], value.detach())
    ]
    # softmax does not see a shift of all its scores, which is all that a key's bias is
    assert [key for key in unmoved if not key.endswith("key.bias")] == []


def test_all_terms_are_there_and_only_those_that_are_on() -> None:
    data = tiny_data()
    full = make_task(data)
    assert set(full.module(full.batch(data.samples))) == {
        "i2t", "t2i", "match", "ekd", "intra", "inter", "label_entropy",
    }  # fmt: skip
    base = make_task(tiny_data(teacher=False), losses=BASE)
    assert set(base.module(base.batch(data.samples))) == {"i2t", "t2i", "match"}
    assert base.module.emotion is None and base.module.contrast is None


def test_the_total_is_equation_10() -> None:
    task = make_task()
    assert task.weights == {
        "i2t": 0.5, "t2i": 0.5, "match": 1, "ekd": 0.5, "intra": 0.5, "inter": 0.5, "label_entropy": 0,
    }  # fmt: skip


def test_eight_at_once_equal_eight_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a term is a mean over conversations: t2i, distillation, matching with fixed negatives.

    i2t is not: its negatives are the rest of the batch.
    """
    # every sample has its own stickers here: distillation counts slots, and so do its single batches
    data = tiny_data()
    task = make_task(data, losses={**BASE, "ekd": 0.5, "negatives": "one_sided"})
    module = still(task, monkeypatch)
    samples = data.samples[:8]
    golds = [data.stickers.row(sample.sticker) for sample in samples]

    def fixed(batch: PBRBatch, *_: object) -> Negatives:
        """The first candidate that is not the gold."""
        places = (batch.gold == 0).long()
        rows = batch.candidates[torch.arange(len(places)), places]
        yes = torch.ones(len(places), dtype=torch.bool)
        return Negatives(rows, torch.zeros_like(rows), yes, yes)

    monkeypatch.setattr(module, "mine", fixed)
    with torch.no_grad():
        together = module(task.batch(samples))
        single = [module(task.batch([sample])) for sample in samples]
    for name in ("t2i", "match", "ekd"):
        mean = torch.stack([terms[name] for terms in single]).mean()
        assert torch.allclose(together[name], mean, atol=1e-5), name
    assert len(set(golds)) == 8
    assert all(terms["i2t"] == 0 for terms in single) and together["i2t"] > 0.1


def test_accumulated_gradients_equal_those_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_data()
    task = make_task(data, losses={**BASE, "i2t": 0, "match": 0, "ekd": 0.5})
    module = still(task, monkeypatch)

    def gradient(batches: list[PBRBatch]) -> torch.Tensor:
        module.zero_grad()
        for batch in batches:
            (total(task, module(batch)) / len(batches)).backward()
        return torch.cat([p.grad.flatten() for p in module.model.image.parameters() if p.grad is not None])

    whole = gradient([task.batch(data.samples[:8])])
    parts = gradient([task.batch([sample]) for sample in data.samples[:8]])
    assert whole.abs().sum() > 0 and torch.allclose(whole, parts, atol=1e-5)


def test_a_sticker_is_encoded_once_however_often_it_is_a_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_data()
    task = make_task(data)
    seen: list[int] = []
    encoder = task.module.model.image
    inner = encoder.forward
    monkeypatch.setattr(encoder, "forward", lambda pixels: seen.append(len(pixels)) or inner(pixels))
    task.module(task.batch(data.samples[:8]))  # two packs: 8 distinct, 32 slots; one plain view and two more
    assert seen == [24]


def repeated_gold() -> PBRBatch:
    """Two conversations with the same gold, and one that lists its gold twice."""
    data = tiny_data()
    first, second, third = data.samples[0], data.samples[4], data.samples[8]
    twin = replace(first, id="twin", conversation=second.conversation)
    twice = replace(third, candidates=(*third.candidates, third.sticker))
    return make_task().batch([first, twin, twice, second])


def test_false_negatives_are_masked_or_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = repeated_gold()
    terms = {}
    for choice in ("mask", "keep"):
        task = make_task(losses={**BASE, "false_negatives": choice})
        with torch.no_grad():
            terms[choice] = still(task, monkeypatch)(batch)
    assert terms["mask"]["i2t"] < terms["keep"]["i2t"]
    assert terms["mask"]["t2i"] < terms["keep"]["t2i"]


def test_mining_never_draws_a_true_pair_and_never_a_blank() -> None:
    data = tiny_data()
    first = data.samples[0]
    hollow = replace(first, id="hollow", candidates=(first.sticker, None, None), gold=0)
    task = make_task(data)
    batch = task.batch([hollow, replace(first, id="again"), *data.samples[1:4]])
    model = task.module.model.eval()
    k = len(batch.gold)
    gold = batch.candidates[torch.arange(k), batch.gold]
    texts, stickers = (  # all much alike, so that everything that may be drawn is
        torch.nn.functional.normalize(1 + 0.1 * torch.randn(count, 16), dim=-1)
        for count in (k, len(batch.rows))
    )
    emotion = torch.randn(len(batch.rows), 14)
    drawn_stickers, drawn_texts = set(), set()
    for seed in range(200):
        torch.manual_seed(seed)
        found = task.module.mine(batch, texts, stickers, gold, emotion)
        assert found.has_sticker.all() and found.has_text.all()
        assert (found.sticker != gold).all()
        assert (batch.rows[found.sticker] >= 0).all()
        assert (gold[found.text] != gold).all()
        drawn_stickers |= set(found.sticker[:1].tolist())
        drawn_texts |= set(found.text[:1].tolist())
    assert len(drawn_stickers) == 3  # the others of the pack, which other conversations bring in
    assert drawn_texts == {2, 3, 4}  # not itself, not the one with the same gold
    assert model.temperature.item() == pytest.approx(0.07)


def test_a_batch_of_one_conversation_has_no_text_to_draw_and_still_a_loss() -> None:
    data = tiny_data()
    task = make_task(data)
    terms = task.module(task.batch(data.samples[:1]))
    assert all(term.isfinite() for term in terms.values())


@pytest.mark.parametrize(
    "losses",
    [
        {"distillation": {"kind": "logit"}},
        {"distillation": {"kind": "feature"}, "mining": {"strategy": "semantic"}},
        {"distillation": {"kind": "none"}, "mining": {"labels": "teacher"}},
        {"contrast": {"variant": "printed", "hidden": 8, "width": 4}, "negatives": "one_sided"},
        {"contrast": {"inter_negatives": "other_topics"}, "mining": {"variant": "printed", "pooling": "sum"}},
        {"intra": 0}, {"inter": 0}, {"mining": {"strategy": "random"}}, {"mining": {"sharp_t2i": True}},
        {"false_negatives": "keep", "i2t": 1, "t2i": 1},
    ],
    ids=str,
)  # fmt: skip
def test_every_variant_has_finite_losses_and_gradients(losses: dict[str, Any]) -> None:
    given = {**losses, "distillation": {"clusters": 2, **losses.get("distillation", {})}}
    task = make_task(losses=given)
    terms = task.module(task.batch(tiny_data().samples))
    total(task, terms).backward()
    assert all(term.isfinite() for term in terms.values())
    gradients = [p.grad for p in task.module.parameters()]
    assert all(grad is not None and grad.isfinite().all() for grad in gradients)


def test_bfloat16_losses_are_near_those_of_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_data()
    task = make_task(data, losses={**BASE, "ekd": 0.5})
    module = still(task, monkeypatch)
    batch = task.batch(data.samples)
    with torch.no_grad():
        torch.manual_seed(0)
        exact = module(batch)
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16):
            rough = module(batch)
    assert all(term.dtype == torch.float32 for term in rough.values())
    for name in ("i2t", "t2i", "ekd"):
        assert torch.allclose(rough[name], exact[name], rtol=0.05, atol=0.02), name


def test_what_the_losses_need_and_the_data_lack_is_said_at_once() -> None:
    with pytest.raises(InputError, match="sticker train teacher"):
        make_task(tiny_data(teacher=False))
    few = replace(tiny_data(), teacher=tiny_teacher(clusters=3))
    with pytest.raises(InputError, match=r"3 anchors.*clusters is 2"):
        make_task(few)
    with pytest.raises(InputError, match="cached at 16 pixels, the model sees 32"):
        make_task(model={"image": {**IMAGE, "size": 32}})
    with pytest.raises(ValidationError, match="needs distillation"):
        PBRLosses(ekd=0)
    with pytest.raises(ValidationError, match="no emotion scores"):
        PBRLosses.model_validate({"distillation": {"kind": "feature"}})


def test_batches_reach_a_device_whole() -> None:
    from trainers.loop.data import to_device

    batch = make_task().batch(tiny_data().samples[:3])
    moved = to_device(batch, torch.device("cpu"))
    for field in fields(batch):
        assert torch.equal(getattr(moved, field.name), getattr(batch, field.name))
