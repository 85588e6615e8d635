"""The dual ranker from a unigram model: which pieces stay, where markers start, what text cannot do."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "parts"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_config
from tiny_e5 import PIECES, write_e5

from retriever.encoders.dual.row import CLS, MARKERS, REPLY, SEP, YOU
from retriever.encoders.dual.tokens import DualTokens
from retriever.rankers import load_ranker
from retriever.types import Conversation
from trainers.dual import start
from trainers.dual.task import DualTask
from trainers.loop import train

TEXTS = ["I happy", "happy sad", "我今天开心", "not"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_e5(tmp_path / "e5.bin")
    monkeypatch.setattr(start, "e5_path", lambda: tmp_path / "e5.bin")
    return tmp_path / "e5.bin"


def test_pieces_and_their_vectors(file: Path, tmp_path: Path) -> None:
    config = make_config(tmp_path / "world").model_copy(update={"start": "e5", "vocabulary": 100})
    made = start.start_from(config, TEXTS, tmp_path / "work")
    assert made.n_new == 0
    assert made.shape["num_hidden_layers"] == 2 and made.shape["model_type"] == "bert"
    tokenizer = made.tokens._tokenizer
    table = start.published_e5(file).table
    for number in range(len(MARKERS), len(made.words)):
        piece = tokenizer.id_to_token(number)
        assert torch.equal(made.words[number], table[PIECES.index(piece)]), piece
    assert "не" not in tokenizer.get_vocab() and "ñ" not in tokenizer.get_vocab()  # of other languages
    for marker, piece in (("[PAD]", "<pad>"), ("[CLS]", "<s>"), ("[MASK]", "<mask>"), ("[ME]", "▁I")):
        assert torch.equal(made.words[MARKERS.index(marker)], table[PIECES.index(piece)])
    assert [tokenizer.id_to_token(number) for number in made.tokens.words(["I happy sad"])[0]] == [
        "▁I",
        "▁happy",
        "▁sad",
    ]
    assert [tokenizer.id_to_token(number) for number in made.tokens.words(["我今天开心"])[0]] == [
        "▁",
        "我",
        "今天",
        "开心",
    ]


def test_a_small_vocabulary_keeps_what_is_used(file: Path, tmp_path: Path) -> None:
    config = make_config(tmp_path / "world").model_copy(update={"start": "e5", "vocabulary": 100})
    whole = start.start_from(config, TEXTS, tmp_path / "whole").tokens._tokenizer.get_vocab()
    singles = sum(len(piece) == 1 for piece in whole)
    config = config.model_copy(update={"vocabulary": len(MARKERS) + singles + 3})
    small = start.start_from(config, ["happy happy sad sad 开心"] * 2, tmp_path / "small")
    longer = {piece for piece in small.tokens._tokenizer.get_vocab() if len(piece) > 1} - set(MARKERS)
    assert longer == {"▁happy", "▁sad", "开心"}


def test_no_text_makes_a_marker(file: Path, tmp_path: Path) -> None:
    config = make_config(tmp_path / "world").model_copy(update={"start": "e5", "vocabulary": 100})
    tokens: DualTokens = start.start_from(config, TEXTS, tmp_path / "work").tokens
    row = tokens.conversation(Conversation.from_texts("[ME] [CLS] [SEP] [PAD][ADD] <s></s>")).ids
    assert row[:3] == [CLS, REPLY, YOU] and row[-1] == SEP
    markers = {number for number in row[3:-1] if number < len(MARKERS)}
    assert markers <= {MARKERS.index("[UNK]")}  # "<" is no piece here


def test_it_trains_and_onnx_says_what_torch_says(file: Path, tmp_path: Path) -> None:
    config = make_config(tmp_path / "world", epochs=4).model_copy(
        update={"start": "e5", "layers": 1, "vocabulary": 100}
    )
    task = DualTask(config, tmp_path / "run" / "work")
    outcome = train(task, config.train, tmp_path / "run", show_progress=False)
    ranker = load_ranker(outcome.checkpoint)
    talk = Conversation.from_texts("happy", "I sad")
    onnx = ranker.score(talk, ranker.encode_stickers(task.stickers))

    from eval.datasets import Sample
    from trainers.dual.data import examples
    from trainers.dual.export import restore

    restore(task, outcome.checkpoint)
    task.refresh()
    (example,) = examples([Sample(talk)], task.tokens, config.buckets, "chat")
    np.testing.assert_allclose(onnx, task.score([example])[0], atol=2e-4)
    assert np.ptp(onnx) > 0.1
