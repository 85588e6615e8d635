"""Semantic prediction that also says what is written about stickers ("+data" of table 2, our stand-in)."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mod_world import write_mod
from tiny_mmbert import IMAGE, TEXT, tiny_config, tiny_data
from torch.nn import functional as F

from retriever.cli import main
from retriever.errors import InputError
from retriever.rankers.mmbert.tokens import NOTHING
from retriever.types import Attributes
from trainers.datasets.knowledge import stickers_in_words
from trainers.mmbert.batch import descriptions
from trainers.mmbert.config import MMBERTConfig
from trainers.mmbert.losses import semantic_targets
from trainers.mmbert.task import MMBERTTask

ONLY = {"ctx": 0.0, "emo": 0.0, "sem": 0.1, "descriptions": True}
WRITTEN = {"green": "a lawn", "gold": "shines  a lot"}


def words_of(data):
    return [replace(one, description=WRITTEN.get(one.id, "")) for one in stickers_in_words(data.stickers)]


def made(**parts):
    data = tiny_data()
    task = MMBERTTask(tiny_config(**parts), data, data, None, words_of(data))
    return task, task.batch([task.train.draw(at) for at in range(8)])


def test_what_is_written_is_the_description_or_how_it_looks():
    one = words_of(tiny_data())[0]
    looks = Attributes(gesture="waves ", posture="", facial_expression="a\ngrin", verbal="hi")
    listed = [one, replace(one, attributes=looks), replace(one, attributes=looks, description=" so  it is ")]
    assert descriptions(listed) == ["", "waves; a grin", "so it is"]


def test_every_sticker_of_the_batch_that_has_one_is_asked_for_once():
    task, batch = made(losses=ONLY)
    ids = ["red", "green", "blue", "gold"]
    assert batch.described.tolist() == [ids.index("green"), ids.index("gold")]
    assert torch.equal(batch.descriptions, torch.from_numpy(task.tokens.words(["a lawn", "shines a lot"])))
    assert (batch.descriptions != NOTHING).any(1).all()


@pytest.mark.parametrize("ocr", [True, False])
def test_the_term_by_hand(ocr):
    """Over all targets: words behind dialogues, descriptions behind none."""
    task, batch = made(losses=ONLY, model={"ocr_input": ocr})
    module, model = task.module.eval(), task.module.model
    with torch.no_grad():
        found = module(batch)["sem"]
        pictures = model.picture(module._see(batch))
        masks = torch.full((1, model.config.slots), NOTHING)
        total, count = 0.0, 0
        asked = [
            (batch.ids[at], batch.mask[at], batch.right[at], batch.words[batch.right[at]])
            for at in batch.told
        ]
        alone = torch.tensor([task.tokens.pieces.markers[1], task.tokens.sep])
        for at, said in zip(batch.described, batch.descriptions, strict=True):
            asked.append((alone, torch.ones_like(alone), at, said))
        for ids, mask, sticker, said in asked:
            states = model.read(model.text.words(ids[None]), mask[None], pictures[sticker][None], masks)
            logits = module.words(states[0, -2 - model.config.slots : -2])
            target = semantic_targets(said[None], NOTHING, module.cls)[0]
            total += float(F.cross_entropy(logits, target, reduction="sum"))
            count += int((target >= 0).sum())
    assert len(asked) == 6 and float(found) == pytest.approx(total / count, rel=1e-4)


def test_the_other_terms_do_not_notice():
    task, batch = made(losses={"ctx": 0.05, "emo": 0.2, "sem": 0.1, "descriptions": True})
    bare = replace(batch, described=None, descriptions=None)
    terms = []
    with torch.no_grad():
        for given in (batch, bare):
            torch.manual_seed(0)  # of what is masked
            terms.append(task.module.eval()(given))
    for name in ("main", "emo", "ctx"):
        assert float(terms[0][name]) == pytest.approx(float(terms[1][name]), abs=1e-5)
    assert abs(float(terms[0]["sem"]) - float(terms[1]["sem"])) > 1e-4


def test_it_learns_what_is_written():
    task, batch = made(losses=ONLY)
    optimiser = torch.optim.AdamW(task.module.parameters(), lr=3e-3)
    first = last = 0.0
    for step in range(40):
        loss = task.module.train()(batch)["sem"]
        first, last = (float(loss.detach()), last) if step == 0 else (first, float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert last < 0.3 * first


def test_what_cannot_be_is_refused():
    data = tiny_data()
    with pytest.raises(InputError, match="nothing is about any of 4; write it with `sticker describe`"):
        MMBERTTask(tiny_config(losses=ONLY), data, data)
    with pytest.raises(ValueError, match="set sem above 0"):
        MMBERTConfig.model_validate({"losses": {"sem": 0.0, "descriptions": True}})


def test_the_command_reads_the_journal(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = write_mod(tmp_path / "mod")
    tiny = {
        "model.image.model": IMAGE["model"], "model.image.size": 16, "model.image.options": IMAGE["options"],
        "model.image.pretrained": "null", "model.text.pretrained": "null", "model.text.width": 16,
        "model.text.layers": 1, "model.text.heads": 2, "model.text.max_tokens": TEXT["max_tokens"],
        "train.device": "cpu", "train.epochs": 1, "batch.size": 4, "train.precision": "fp32",
    }  # fmt: skip
    words = ["train", "mmbert/table2-ctx-emo-sem-data", "--data", str(root), "--out", str(tmp_path / "run")]
    for key, value in tiny.items():
        text = json.dumps(value).replace(":", " =") if isinstance(value, dict) else str(value)
        words += ["--set", f"{key}={text}"]
    assert main(words) == 2 and "nothing is about any of" in capsys.readouterr().err
    pictures = sorted(path for path in root.rglob("*") if path.suffix in (".png", ".jpg", ".gif"))
    rows = [
        {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "attributes": {"gesture": "挥手"}}
        for path in pictures[:3]
    ]
    (root / "attributes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(words) == 0
    notes = json.loads((tmp_path / "run" / "data.json").read_text())
    assert '"stickers/with_description": 3' in json.dumps(notes)
