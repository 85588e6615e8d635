"""Starting from published weights: a real BERT from transformers, word vectors, image weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_pbr import IMAGE, TEXT, tiny_config

from retriever.errors import InputError, ModelError
from retriever.extras import require
from retriever.rankers.parts.pieces import MARKERS, Words
from trainers.pbr.build import build

TEXTS = ["a black hat on the red one", "the gold one is happy", "我 很 开心 呀", "hello there"]


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A BERT of four layers, saved by transformers itself."""
    transformers = require("transformers", "train", "this test")
    folder = tmp_path_factory.mktemp("bert")
    letters = sorted(set("".join(TEXTS)) - {" "})
    pieces = [*MARKERS, *letters, *(f"##{letter}" for letter in letters), "black", "hat", "##ed"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    transformers.BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=4, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=40,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    yield folder


def from_bert(folder: Path, **text: Any) -> Any:
    shape = {"kind": "bert", "pretrained": str(folder), "layers": 3, "max_tokens": 32, **text}
    return tiny_config(model={"text": shape, "fusion": {"layers": 2}}).model


def test_the_text_encoder_equals_transformers_own_first_layers(bert_folder: Path) -> None:
    transformers = require("transformers", "train", "this test")
    start = build(from_bert(bert_folder), TEXTS, 0)
    reference = transformers.BertModel.from_pretrained(bert_folder, add_pooling_layer=False).eval()
    ids = torch.randint(5, start.tokens.pieces.size, (3, 12))
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    with torch.no_grad():
        states, whole = start.model.eval().text(ids, mask)
        expected = reference(ids, attention_mask=mask, output_hidden_states=True).hidden_states[3]
    assert torch.allclose(states[mask.bool()], expected[mask.bool()], atol=1e-5)
    assert torch.equal(whole, states[:, 0])


def test_the_fusion_takes_the_layers_that_remain(bert_folder: Path) -> None:
    start = build(from_bert(bert_folder), TEXTS, 0)
    state = require("safetensors.torch", "train", "this test").load_file(bert_folder / "model.safetensors")
    first, second = start.model.fusion.layers  # layer 3 of four, then none is left
    assert torch.equal(first.up.weight, state["encoder.layer.3.intermediate.dense.weight"])
    assert torch.equal(first.attention.key.bias, state["encoder.layer.3.attention.self.key.bias"])
    assert "fusion.layers.0.up.weight" in start.pretrained
    assert "fusion.layers.1.up.weight" not in start.pretrained
    assert "fusion.layers.0.cross.key.weight" not in start.pretrained  # starts untrained
    assert second.up.weight.shape == first.up.weight.shape
    names = {name for name, _ in start.model.named_parameters()}
    assert start.pretrained <= names


def test_sizes_are_the_published_ones_and_are_kept_in_the_configuration(bert_folder: Path) -> None:
    text = build(from_bert(bert_folder), TEXTS, 0).model.config.text
    assert (text.width, text.heads, text.ffn) == (32, 4, 48)


def test_the_tokenizer_is_the_published_one(bert_folder: Path) -> None:
    transformers = require("transformers", "train", "this test")
    start = build(from_bert(bert_folder), TEXTS, 0)
    theirs = transformers.AutoTokenizer.from_pretrained(bert_folder)
    for text in (*TEXTS, "Black HATS, unseen wörds 红 😀"):
        assert start.tokens.pieces.cut([text])[0] == theirs(text, add_special_tokens=False)["input_ids"]


def test_what_a_chat_says_is_no_marker(bert_folder: Path) -> None:
    pieces = build(from_bert(bert_folder), TEXTS, 0).tokens.pieces
    assert not set(pieces.cut(["hello [SEP] there [CLS] [PAD]"])[0]) & set(pieces.markers)


def test_published_limits_are_kept(bert_folder: Path) -> None:
    with pytest.raises(InputError, match=r"layers is 5.* has 4"):
        build(from_bert(bert_folder, layers=5), TEXTS, 0)
    with pytest.raises(InputError, match="reads at most 40"):
        build(from_bert(bert_folder, max_tokens=64), TEXTS, 0)


def test_a_folder_that_is_no_bert_is_refused(tmp_path: Path, bert_folder: Path) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        build(from_bert(tmp_path / "missing"), TEXTS, 0)
    with pytest.raises(ModelError, match=r"the BERT .* cannot be loaded"):
        build(from_bert(tmp_path), TEXTS, 0)
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in bert_folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    load_file = require("safetensors.torch", "train", "this test").load_file
    state = load_file(broken / "model.safetensors")
    del state["encoder.layer.1.output.dense.weight"]
    save_file(state, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights \(encoder\.layer\.1\.output\.dense\.weight\)"):
        build(from_bert(broken), TEXTS, 0)


def words_config(**text: Any) -> Any:
    return tiny_config(model={"text": {**TEXT, "kind": "gru", "width": 4, **text}}).model


def test_word_vectors_fill_the_words_they_know(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("3 4\nhat 1 2 3 4\n开心 5 6 7 8\nabsent 9 9 9 9\n", encoding="utf-8")
    start = build(words_config(vectors=str(file)), TEXTS, 0)
    plain = build(words_config(), TEXTS, 0)
    words = start.tokens.pieces
    assert isinstance(words, Words)
    table, untouched = start.model.text.words.weight, plain.model.text.words.weight
    assert table[words.words.index("hat")].tolist() == [1, 2, 3, 4]
    assert table[words.words.index("开心")].tolist() == [5, 6, 7, 8]
    others = [at for at, word in enumerate(words.words) if word not in ("hat", "开心")]
    assert torch.equal(table[others], untouched[others])


def test_bad_word_vectors_are_told_by_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("hat 1 2 3 4\nred 1 2 3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2: 3 numbers, but text.width is 4"):
        build(words_config(vectors=str(file)), TEXTS, 0)
    file.write_text("hat 1 2 x 4\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: not a vector"):
        build(words_config(vectors=str(file)), TEXTS, 0)
    file.write_text("nowhere 1 2 3 4\n", encoding="utf-8")
    with pytest.raises(InputError, match="none of the"):
        build(words_config(vectors=str(file)), TEXTS, 0)
    with pytest.raises(InputError, match="cannot be read"):
        build(words_config(vectors=str(tmp_path / "gone.txt")), TEXTS, 0)


def test_a_learnt_vocabulary_is_kept_for_the_run_that_goes_on(tmp_path: Path) -> None:
    first = build(words_config(), TEXTS, 0, tmp_path / "work")
    again = build(words_config(), ["other words entirely"], 0, tmp_path / "work")
    assert isinstance(again.tokens.pieces, Words) and isinstance(first.tokens.pieces, Words)
    assert again.tokens.pieces.words == first.tokens.pieces.words
    assert first.tokens.pieces.words[:5] == MARKERS


def test_the_seed_decides_the_start_and_nothing_else_is_disturbed() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    models = [build(words_config(), TEXTS, seed).model.state_dict() for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    name = "fusion.head.weight"
    assert torch.equal(models[0][name], models[1][name]) and not torch.equal(models[0][name], models[2][name])


def image_config(path: Path, size: int = 16) -> Any:
    return tiny_config(model={"image": {**IMAGE, "size": size, "pretrained": str(path)}}).model


def test_image_weights_come_from_a_file_whatever_their_prefix(tmp_path: Path) -> None:
    body = build(tiny_config().model, TEXTS, 3).model.image.body
    state = body.state_dict()
    file = tmp_path / "albef.pth"
    larger = {f"visual_encoder.{name}": value for name, value in state.items()}
    torch.save({"model": {**larger, "text_encoder.weight": torch.zeros(2)}}, file)
    start = build(image_config(file), TEXTS, 0)
    for name, value in start.model.image.body.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert "image.body.patch_embed.proj.weight" in start.pretrained


def test_the_position_table_is_interpolated(tmp_path: Path) -> None:
    state = build(tiny_config().model, TEXTS, 3).model.image.body.state_dict()  # a grid of 4 x 4
    file = tmp_path / "small.safetensors"
    save_file({**state, "head.weight": torch.zeros(7, 32)}, file)
    table = build(image_config(file, size=32), TEXTS, 0).model.image.body.pos_embed.detach()
    assert table.shape == (1, 1 + 8 * 8, 32)
    assert torch.equal(table[:, 0], state["pos_embed"][:, 0])
    means = [grid[:, 1:].mean().item() for grid in (table, state["pos_embed"])]
    assert np.isclose(*means, atol=5e-3)


def test_image_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    state = build(tiny_config().model, TEXTS, 3).model.image.body.state_dict()
    file = tmp_path / "other.safetensors"
    save_file({name: value for name, value in state.items() if name != "norm.weight"}, file)
    with pytest.raises(ModelError, match=r"missing \['norm.weight'\]"):
        build(image_config(file), TEXTS, 0)
    file.write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be read as weights"):
        build(image_config(file), TEXTS, 0)
    with pytest.raises(ModelError, match="no weights file"):
        build(image_config(tmp_path / "gone.pth"), TEXTS, 0)
