"""MMBERT's analyses over DSTC10-MOD in its own layout: numbers by hand, PNGs that open, the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mod_world import write_mod
from PIL import Image

from retriever.cli import main
from retriever.rankers.mmbert.ranker import MMBERTRanker
from trainers.analyses.diversity import prediction_diversity, spread
from trainers.analyses.everything import among_all, drawn, open_split, scores_of
from trainers.analyses.saliency import word_saliency
from trainers.analyses.subjects import Subject, open_subject
from trainers.analyses.text_split import text_split
from trainers.ranking.measure import measure

TINY = (
    "data.negatives=2",
    "model.image.model=vit_tiny_patch16_224",
    "model.image.pretrained=null",
    "model.image.size=16",
    "model.image.options={patch_size = 8, embed_dim = 16, depth = 1, num_heads = 2}",
    "model.text.pretrained=null",
    "model.text.layers=2",
    "model.text.width=32",
    "model.text.heads=2",
    "model.text.max_tokens=50",
    "batch.size=2",
    "train.max_steps=2",
    "train.device=cpu",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The full model of table 1, trained for two steps at toy sizes by the command."""
    folder = tmp_path_factory.mktemp("mod")
    root = write_mod(folder / "data")
    changes = (f"data.cache={folder / 'cache'}", *TINY)
    given = [part for change in changes for part in ("--set", change)]
    train = ["train", "mmbert/table1-ctx-emo-sem", "--data", str(root), "--out", str(folder / "run"), *given]
    assert main(train) == 0
    return folder / "run" / "best"


def test_the_run_says_what_it_was_trained_on(checkpoint: Path) -> None:
    told = json.loads((checkpoint / "training.json").read_text())
    assert told["family"] == "mmbert" and set(told["metrics"]) >= {"R@1", "MAP"}
    assert {"c_train.json", "c_val_task2.json", "stickers"} == set(told["data"])
    notes = told["notes"]
    assert (notes["train"], notes["train/with_emotion"], notes["emotions"]) == (4, 3, 3)
    assert (notes["stickers"], notes["stickers/with_words"], notes["valid/candidates_3"]) == (6, 3, 2)
    assert "one pass of the whole BERT" in (checkpoint / "README.md").read_text()


def of(checkpoint: Path, **data: Any) -> Subject[MMBERTRanker]:
    return open_subject(checkpoint, MMBERTRanker, device="cpu", **data)


def test_saliency_names_every_piece_of_every_turn(checkpoint: Path, tmp_path: Path) -> None:
    subject = of(checkpoint)
    told = word_saliency(subject, tmp_path / "s.png", count=2)
    assert [row["id"] for row in told] == ["valid/1", "valid/2"]
    for row, sample in zip(told, subject.data.samples, strict=False):
        for turn, utterance in enumerate(sample.conversation.utterances):
            assert "".join(text for at, text, _ in row["saliency"] if at == turn) == utterance.text
        assert all(value >= 0 for *_, value in row["saliency"]) and any(v > 0 for *_, v in row["saliency"])
    with Image.open(tmp_path / "s.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    one = word_saliency(subject, tmp_path / "t.png", ["valid/2"])
    assert one == told[1:]


def test_diversity_counts_what_comes_first(checkpoint: Path, tmp_path: Path) -> None:
    subject, data = open_split(checkpoint, "hard", device="cpu")
    told = prediction_diversity([(subject, data)], tmp_path / "d.png")[0]
    scores = scores_of(subject.ranker, among_all(data), data.stickers)
    first = [data.stickers.ids[int(row.argmax())] for row in scores]
    assert told["samples"] == 2 and told["stickers"] == 6 and told["most_predicted"] in first
    assert told["predicted"]["distinct"] == len(set(first))
    assert told["sent"] == {"distinct": 2, "entropy": 1.0, "largest": 50.0}
    assert (tmp_path / "d.png").stat().st_size > 5000


def test_spread_by_hand() -> None:
    assert spread(np.array([2, 0, 1, 1])) == {"distinct": 3, "entropy": 1.5, "largest": 50.0}
    assert spread(np.array([0, 7])) == {"distinct": 1, "entropy": 0.0, "largest": 100.0}


def test_the_split_by_words_is_a_split(checkpoint: Path) -> None:
    subject, data = open_split(checkpoint, "hard", device="cpu")
    rows = {(row["candidates"], row["group"]): row for row in text_split(subject, data)}
    # both golds, 003 and 000: the second has words; training sent 000 and never 003
    counts = {group: rows["all", group]["samples"] for group in ("all", "text", "no text", "seen", "unseen")}
    assert counts == {"all": 2, "text": 1, "no text": 1, "seen": 1, "unseen": 1}
    for kind, samples in (("all", among_all(data)), ("given", drawn(data))):
        scores = scores_of(subject.ranker, samples, data.stickers)
        by_hand = {"no text": measure(samples[:1], scores[:1]), "text": measure(samples[1:], scores[1:])}
        for name, found in by_hand.items():
            assert rows[kind, name]["MAP"] == pytest.approx(found["MAP"], abs=0.01)
            assert rows[kind, "seen" if name == "text" else "unseen"]["MAP"] == rows[kind, name]["MAP"]
        gap = by_hand["text"]["MAP"] - by_hand["no text"]["MAP"]
        assert rows[kind, "difference"]["MAP"] == pytest.approx(gap, abs=0.01)
        mean = (by_hand["text"]["MAP"] + by_hand["no text"]["MAP"]) / 2
        assert rows[kind, "all"]["MAP"] == pytest.approx(mean, abs=0.01)


def test_the_commands(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*given: str) -> tuple[int, str, str]:
        code = main(["analyse", *given, str(checkpoint), "--device", "cpu"])
        said = capsys.readouterr()
        return code, said.out, said.err

    png = str(tmp_path / "a.png")
    code, out, _ = run("saliency", "--out", png, "--count", "1", "--json")
    assert code == 0 and json.loads(out)["sticker"] == "003" and (tmp_path / "a.png").is_file()
    code, out, _ = run("diversity", "--split", "easy", "--out", png, "--json")
    assert code == 0 and json.loads(out)["samples"] == 1
    code, out, _ = run("text-split", "--split", "hard", "--json")
    assert code == 0
    assert {json.loads(line)["group"] for line in out.splitlines()} >= {"text", "no text", "difference"}
    assert "no text" in run("text-split", "--split", "hard")[1]
    code, _, err = run("diversity", "--split", "x", "--out", png)
    assert code == 2 and "split is 'x'; mod data have valid, easy, hard" in err
    code, _, err = run("attention", "--out", png)
    assert code == 2 and "pbr rankers only" in err
