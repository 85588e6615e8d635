"""The dual ranker from an MPNet: which pieces it takes over, what its checkpoint says, what it refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from dual_world import make_bert, make_config, make_mpnet

from eval.datasets import Sample
from retriever.encoders.dual.row import MARKERS
from retriever.errors import ModelError
from retriever.rankers import load_ranker
from retriever.types import Conversation
from trainers.dual.config import DualConfig
from trainers.dual.data import examples
from trainers.dual.export import restore
from trainers.dual.mpnet import as_bert, as_mpnet
from trainers.dual.published import published_text
from trainers.dual.start import start_from
from trainers.dual.task import DualTask
from trainers.loop import train
from trainers.parts.bert import read_bert

TEXTS = ["i am so happy", "我今天开心"]
TALKS = [
    Conversation.from_texts("what a day", "i am so happy we won " * 4),
    Conversation.from_texts("oh no"),
]


@pytest.fixture
def config(tmp_path: Path) -> DualConfig:
    folder = make_mpnet(tmp_path / "mpnet")
    return make_config(tmp_path / "world", epochs=4).model_copy(
        update={"start": str(folder), "vocabulary": 5000}
    )


def test_pieces_and_their_vectors(config: DualConfig, tmp_path: Path) -> None:
    made = start_from(config, TEXTS, tmp_path / "work")
    published = published_text(config.start)
    numbers = json.loads((Path(config.start) / "tokenizer.json").read_text())["model"]["vocab"]
    vocabulary = made.tokens._tokenizer.get_vocab()
    for marker, piece in (("[PAD]", "<pad>"), ("[SEP]", "</s>"), ("[MASK]", "<mask>"), ("[DOC]", "image")):
        assert torch.equal(made.words[MARKERS.index(marker)], published.table[numbers[piece]])
    for piece in ("happy", "##y", "!"):
        assert torch.equal(made.words[vocabulary[piece]], published.table[numbers[piece]])
    special = {piece for piece in vocabulary if piece[0] in "[<" and len(piece) > 1}
    assert special == set(MARKERS)  # none that text could trigger: no <mask>, no [unused3]
    assert vocabulary["今"] >= len(made.words) - made.n_new


def test_as_bert_and_back(config: DualConfig) -> None:
    state = {name: value.numpy() for name, value in published_text(config.start).tower.state_dict().items()}
    del state["embeddings.word_embeddings.weight"]
    back = as_mpnet(as_bert(state))
    assert back.keys() == state.keys()
    for name, value in state.items():
        first = 2 if "position" in name else 0
        np.testing.assert_array_equal(back[name][first:], value[first:])


def test_it_trains_and_onnx_says_what_torch_says(config: DualConfig, tmp_path: Path) -> None:
    task = DualTask(config, tmp_path / "run" / "work")
    outcome = train(task, config.train, tmp_path / "run", show_progress=False)
    ranker = load_ranker(outcome.checkpoint)
    features = ranker.encode_stickers(task.stickers)
    onnx = np.stack([ranker.score(talk, features) for talk in TALKS])
    restore(task, outcome.checkpoint)
    task.refresh()
    rows = list(examples([Sample(talk) for talk in TALKS], task.tokens, config.buckets, "chat"))
    np.testing.assert_allclose(onnx, task.score(rows), atol=2e-4)
    assert np.ptp(onnx) > 0.1
    with pytest.raises(ModelError, match=r"'mpnet'; others start from a BERT"):
        read_bert(str(outcome.checkpoint))  # other rankers' layers know no distances


def test_distances_count(config: DualConfig, tmp_path: Path) -> None:
    """Without the bias for distances the same words in another order would differ by places alone."""
    task = DualTask(config, tmp_path / "work")
    bias = task.module.reader.tower.encoder.relative_attention_bias.weight  # type: ignore[union-attr]
    rows = list(examples([Sample(talk) for talk in TALKS], task.tokens, config.buckets, "chat"))
    before = task.encode([row.row for row in rows])
    with torch.no_grad():
        bias.add_(torch.randn(bias.shape))  # type: ignore[operator, arg-type]
    assert not torch.allclose(before, task.encode([row.row for row in rows]), atol=1e-3)


def test_what_cannot_be_started_from(tmp_path: Path) -> None:
    bert = make_bert(tmp_path / "bert")
    described = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(described | {"model_type": "gpt2"}))
    with pytest.raises(ModelError, match="'gpt2' model; expected a BERT or MPNet: 'bert' or 'mpnet'"):
        published_text(str(bert))
    with pytest.raises(ModelError, match="no folder"):
        published_text(str(tmp_path / "absent"))
    (bert / "config.json").unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        published_text(str(bert))
    with pytest.raises(ModelError, match="cannot be loaded"):
        published_text("nobody/has-this-model")
