"""The rows of tables 1 and 2, at the paper's sizes and at toy ones."""

from dataclasses import replace

import pytest
import torch
from tiny_mmbert import IMAGE, tiny_data

from trainers.config import find_config, load_config, shipped
from trainers.datasets.knowledge import stickers_in_words
from trainers.families import family
from trainers.mmbert.config import MMBERTConfig
from trainers.mmbert.task import MMBERTTask

ROWS = [name for name in shipped() if name.startswith("mmbert/") and name != "mmbert/small"]
TERMS = {
    "mmbert/table1-mmbert": ({"main"}, False),
    "mmbert/table1-ctx": ({"main", "ctx"}, False),
    "mmbert/table1-ctx-emo": ({"main", "ctx", "emo"}, False),
    "mmbert/table1-ctx-emo-sem": ({"main", "ctx", "emo", "sem"}, True),
    "mmbert/table2-ctx-emo": ({"main", "ctx", "emo"}, False),
    "mmbert/table2-ctx-emo-sem": ({"main", "ctx", "emo", "sem"}, True),
    "mmbert/table2-ctx-emo-sem-no-ocr": ({"main", "ctx", "emo", "sem"}, False),
    "mmbert/table2-ctx-emo-sem-data": ({"main", "ctx", "emo", "sem"}, False),
}
TINY = {
    "model.image": {**IMAGE, "pretrained": "null"}, "model.text.pretrained": "null",
    "model.text.layers": 1, "model.text.width": 16,
    "model.text.heads": 2, "model.text.max_tokens": 50, "train.device": "cpu", "batch.size": 4,
}  # fmt: skip


def test_the_papers_rows_are_all_there() -> None:
    assert set(ROWS) == set(TERMS) and "mmbert/small" in shipped()


def test_full_sizes_are_the_papers() -> None:
    for name in ROWS:
        config = load_config(find_config(name), data="somewhere").config
        assert isinstance(config, MMBERTConfig)
        assert (config.train.lr, config.train.epochs, config.batch.size) == (9e-6, 10, 8)
        assert config.model.text.layers == 12 and config.model.slots == 11 and not config.pictures.train
        assert config.model.text.max_tokens - config.model.tail - 2 == 490
        assert (config.negatives.when, config.negatives.pool) == ("fixed", "seen")
        losses = config.losses
        assert losses.ctx in (0, 0.05) and losses.emo in (0, 0.2) and losses.sem in (0, 0.1)
        assert config.data.format == "mod" and config.model.score == "margin"  # type: ignore[attr-defined]


def test_timm_has_the_image_encoder() -> None:
    from retriever.extras import require

    timm = require("timm", "train", "a test")
    assert timm.is_model(load_config(find_config(ROWS[0])).config.model.image.model)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*ROWS, "mmbert/small"])
def test_every_configuration_builds_and_gives_its_terms(name: str) -> None:
    run = load_config(find_config(name), TINY).config
    own = MMBERTConfig(**{field: getattr(run, field) for field in MMBERTConfig.model_fields})
    data = tiny_data()
    words = [replace(one, description="a square") for one in stickers_in_words(data.stickers)]
    task = MMBERTTask(own, data, data, None, words)
    assert bool(task.written) == own.losses.descriptions == name.endswith("-data")
    torch.manual_seed(0)
    terms = task.module.train()(task.batch([task.train.draw(at) for at in range(4)]))
    wanted, ocr = TERMS.get(name, ({"main", "ctx", "emo", "sem"}, True))
    assert set(terms) == wanted and task.config.model.ocr_input == ocr
    sum(task.weights[term] * value for term, value in terms.items()).backward()


def test_the_family_is_known() -> None:
    found = family("mmbert")
    assert found.settings("d", ["p"]) == {"data": {"path": "d", "packs": ["p"]}}
    assert "MMBERT" in found.about(None)
