"""MMBERT in the real loop: it learns, resumes, and saves what inference opens."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_mmbert import TEXT, WORDS, tiny_config, tiny_data

from retriever.errors import InputError
from retriever.rankers import load_ranker
from retriever.rankers.mmbert.ranker import MMBERTRanker
from trainers.loop import train
from trainers.loop.logs import read_log
from trainers.mmbert.scoring import features_of, score_samples
from trainers.mmbert.task import MMBERTTask
from trainers.ranking.measure import measure

SCHEDULE: dict[str, Any] = {"lr": 3e-3, "final_lr": 3e-4, "device": "cpu", "log_every": 1}


def make_task(work: Path | None = None, **parts: Any) -> MMBERTTask:
    data = tiny_data(16)
    return MMBERTTask(tiny_config(**parts), data, data, work)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[MMBERTTask, Path]:
    """A full MMBERT that has learnt which colour a dialogue asks for, and its run's folder."""
    schedule = {**SCHEDULE, "epochs": 110, "eval_every": 55, "log_every": 5}
    model = {"text": {**TEXT, "dropout": 0.0}}
    task = make_task(model=model, batch={"size": 16}, train=schedule, negatives={"when": "epoch"})
    folder = tmp_path_factory.mktemp("learnt")
    assert train(task, task.config.train, folder, False).finished
    return task, folder


def test_it_learns_its_tiny_world(learnt: tuple[MMBERTTask, Path]) -> None:
    _, folder = learnt
    rows = read_log(folder / "log.jsonl")
    first, *_, last = (row for row in rows if row["kind"] == "train")
    for term in ("main", "ctx", "emo", "sem"):
        assert last[term] < 0.7 * first[term], term
    best = max((row for row in rows if row["kind"] == "valid"), key=lambda row: row["R@1"])
    assert best["R@1"] >= 75 and best["emotion"] >= 90  # by chance 25 and 33


def test_the_best_checkpoint_opens_and_scores_the_same(learnt: tuple[MMBERTTask, Path]) -> None:
    task, folder = learnt
    ranker = load_ranker(folder / "best", device="cpu")
    assert isinstance(ranker, MMBERTRanker)
    assert not any(name.startswith(("emotion", "words")) for name in ranker.model.state_dict())
    scores = score_samples(ranker, task.valid.samples, task.valid.stickers)
    best = max(row["R@1"] for row in read_log(folder / "log.jsonl") if row["kind"] == "valid")
    assert measure(task.valid.samples, scores)["R@1"] == best


def test_training_and_inference_score_alike(tmp_path: Path) -> None:
    for pictures in ({"train": True}, {"train": False}):
        task = make_task(pictures=pictures)
        folder = tmp_path / str(pictures["train"])
        folder.mkdir()
        task.save(folder, {"R@1": 1.0})
        ranker = load_ranker(folder, device="cpu")
        assert isinstance(ranker, MMBERTRanker)
        before = task.score(task.valid.samples)
        after = score_samples(ranker, task.valid.samples, task.valid.stickers)
        assert np.allclose(before, after, atol=1e-5)
        # one by one, of the stickers' features alone
        sample = task.valid.samples[3]
        rows = task.valid.stickers.rows(sample.candidates)
        features = features_of(ranker, task.valid.stickers, rows)
        assert np.allclose(ranker.score(sample.conversation, features), before[3], atol=1e-5)
        # and what the training module's own pass says of the two candidates of a batch
        batch = task.batch([task.train.draw(at) for at in range(4)])
        module = task.module.eval()
        stickers = module.model.picture(module._see(batch))
        margin = module.model.score(batch.ids, batch.mask, stickers[batch.right], batch.words[batch.right])
        for at in range(4):
            own = before[at][task.valid.samples[at].gold]
            assert own == pytest.approx(margin[at].item(), abs=1e-5)


def test_lists_of_any_length_and_empty_slots_are_scored() -> None:
    task = make_task()
    samples = list(task.valid.samples)
    samples[3] = replace(samples[3], candidates=(samples[3].sticker, None), gold=0)
    samples[7] = replace(samples[7], candidates=(*samples[7].candidates, "red"))
    one = score_samples(task.ranker(), samples, task.valid.stickers, size=1)
    many = score_samples(task.ranker(), samples, task.valid.stickers, size=100)
    assert [len(row) for row in one] == [len(sample.candidates) for sample in samples]
    for a, b in zip(one, many, strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_a_run_that_stopped_goes_on_with_the_losses_it_would_have_had(tmp_path: Path) -> None:
    def losses(folder: Path, *stops: int) -> list[float]:
        for steps in stops:
            schedule = {**SCHEDULE, "epochs": 2, "save_every": 1}
            task = make_task(folder / "work", train=schedule, pictures={"train": False})
            changes = {"final_lr": task.config.train.lr, "max_steps": steps or None}
            train(task, task.config.train.model_copy(update=changes), folder / "run", False)
        rows = read_log(folder / "run" / "log.jsonl")
        return [row["total"] for row in rows if row["kind"] == "train"]

    whole = losses(tmp_path / "whole", 0)
    broken = losses(tmp_path / "broken", 3, 5, 0)
    assert len(whole) == 8 and broken == pytest.approx(whole, abs=1e-6)


def test_the_vocabulary_knows_the_words_in_stickers() -> None:
    task = make_task()
    cut = task.tokens.pieces.cut([" ".join(WORDS.values())])[0]
    assert task.tokens.pieces.cut(["[UNK]"]) and 1 not in cut


def test_pictures_that_are_too_small_are_refused() -> None:
    data = tiny_data()
    config = tiny_config()
    image = config.model.image.model_copy(update={"size": 32})
    config = config.model_copy(update={"model": config.model.model_copy(update={"image": image})})
    with pytest.raises(InputError, match="cached at 16 pixels, the model sees 32"):
        MMBERTTask(config, data, data)


def test_published_weights_with_their_token_types(tmp_path: Path) -> None:
    """A BERT of transformers' own gives the same states for the same two-part input."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from retriever.rankers.mmbert.config import MMBERTModelConfig
    from retriever.rankers.parts.pieces import WordPieces
    from trainers.mmbert.build import build

    pieces = WordPieces.learn(["hello there you", "so sad today"], 60)
    pieces.save(tmp_path)
    PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json")).save_pretrained(tmp_path)
    torch.manual_seed(1)
    shape = BertConfig(
        vocab_size=pieces.size,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=40,
    )
    bert = BertModel(shape, add_pooling_layer=False).eval()
    with torch.no_grad():
        bert.embeddings.token_type_embeddings.weight.normal_()
    bert.save_pretrained(tmp_path)
    text = {"kind": "bert", "layers": 2, "max_tokens": 30, "pretrained": str(tmp_path)}
    image = tiny_config().model.image.model_dump()
    config = MMBERTModelConfig.model_validate({"image": image, "text": text, "slots": 5})
    start = build(config, [], seed=0)
    model = start.model.eval()
    assert {"second", "text.words.weight", "text.layers.1.down.weight"} <= start.pretrained
    ids = torch.tensor([[2, 9, 10, 11, 3]])
    slots = torch.tensor([[-1, -1, 7, 8, 9]])
    picture = torch.randn(1, 16)
    with torch.inference_mode():
        states = model.read(model.text.words(ids), torch.ones_like(ids), picture, slots)
        mask = start.tokens.mask
        table = bert.embeddings.word_embeddings
        tail = table(torch.tensor([[mask, mask, 7, 8, 9]]))
        whole = torch.cat([table(ids), tail, picture[:, None], table(torch.tensor([[3]]))], 1)
        types = torch.tensor([[0] * 5 + [1] * 7])
        expected = bert(inputs_embeds=whole, token_type_ids=types).last_hidden_state
    assert torch.allclose(states, expected, atol=1e-5)
