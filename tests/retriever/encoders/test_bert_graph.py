"""The ONNX graph against transformers' own BERT, on a tiny model, and on damaged files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from retriever.encoders.base import EncoderSpec
from retriever.encoders.bert_graph import BertShape, bucket_of, build_bert_graph
from retriever.encoders.onnx_bert import OnnxBertEncoder
from retriever.encoders.onnx_graph import GraphBuilder
from retriever.errors import InputError, ModelError

SHAPE = BertShape(hidden=16, layers=2, heads=2, epsilon=1e-12)
TEXTS = ["", "hello world", "cat " * 40, "the happy cat. 你好 zzz", "x"]


def encoder(folder: Path, dimension: int = 16, **options: Any) -> OnnxBertEncoder:
    spec = EncoderSpec(name="tiny", model_id="tiny", dimension=dimension, sticker_side="document")
    return OnnxBertEncoder(folder, spec, max_tokens=24, **options)


@pytest.fixture
def copy(tiny_bert: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    for file in tiny_bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def reference(folder: Path, texts: list[str], side: str) -> np.ndarray[Any, Any]:
    """Mean over the tokens of the last hidden state, by transformers, one text at a time: no padding."""
    import torch
    from transformers import BertModel, BertTokenizer

    model = BertModel.from_pretrained(folder).eval()
    tokenizer = BertTokenizer.from_pretrained(folder)
    tokenizer.truncation_side = side
    rows = []
    with torch.inference_mode():
        for text in texts:
            inputs = tokenizer(text, truncation=True, max_length=24, return_tensors="pt")
            rows.append(model(**inputs).last_hidden_state[0].mean(0).numpy())
    stacked = np.stack(rows)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def test_agrees_with_transformers(tiny_bert: Path) -> None:
    tiny = encoder(tiny_bert)
    np.testing.assert_allclose(tiny.encode_documents(TEXTS), reference(tiny_bert, TEXTS, "right"), atol=2e-6)
    np.testing.assert_allclose(tiny.encode_queries(TEXTS), reference(tiny_bert, TEXTS, "left"), atol=2e-6)


def test_batch_size_changes_rounding_only(tiny_bert: Path) -> None:
    alone = encoder(tiny_bert, batch_size=1).encode_documents(TEXTS)
    together = encoder(tiny_bert, batch_size=5).encode_documents(TEXTS)
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_weights_are_referred_to_and_not_copied(tiny_bert: Path) -> None:
    import onnx

    file = tiny_bert / "model.safetensors"
    model = onnx.load_model_from_string(build_bert_graph(file, SHAPE, 24))
    weights = {tensor.name: tensor for tensor in model.graph.initializer if "layer" in tensor.name}
    assert len(weights) == 2 * 16
    assert not any(tensor.raw_data for tensor in weights.values())
    entry = {item.key: item.value for item in weights["encoder.layer.1.output.dense.bias"].external_data}
    assert entry["location"] == "model.safetensors"
    raw = file.read_bytes()[int(entry["offset"]) :][: int(entry["length"])]
    expected = load_file(file)["encoder.layer.1.output.dense.bias"]
    np.testing.assert_array_equal(np.frombuffer(raw, "<f4"), expected)


def test_weights_behind_a_symbolic_link(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("blobs") / "0123abcd"
    before = encoder(copy).encode_documents(TEXTS)
    (copy / "model.safetensors").rename(elsewhere)
    (copy / "model.safetensors").symlink_to(elsewhere)
    np.testing.assert_array_equal(encoder(copy).encode_documents(TEXTS), before)


def test_wrong_dimension_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="tiny gives 16 dimensions, expected 12"):
        encoder(tiny_bert, dimension=12).encode_documents(["hello"])


def test_not_a_number_is_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][3] = np.nan
    save_file(weights, copy / "model.safetensors")
    with pytest.raises(ModelError, match="tiny gave NaN or infinite numbers for 2 of 2 inputs"):
        encoder(copy).encode_documents(["hello", "cat"])


def test_token_outside_the_vocabulary_is_a_model_error(copy: Path) -> None:
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["beyond"] = 999
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"tiny failed on \(1, 3\) tokens"):
        encoder(copy).encode_documents(["beyond"])


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_truncated_weights(copy: Path, keep: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors.*reinstall the model"):
        encoder(copy)


def test_absent_weight(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["encoder.layer.1.attention.self.key.bias"]
    save_file(weights, copy / "model.safetensors")
    with pytest.raises(ModelError, match=r"has no weight 'encoder\.layer\.1\.attention\.self\.key\.bias'"):
        encoder(copy)


def test_half_precision_weights(copy: Path) -> None:
    weights = {
        name: value.astype(np.float16) for name, value in load_file(copy / "model.safetensors").items()
    }
    save_file(weights, copy / "model.safetensors")
    with pytest.raises(ModelError, match=r"is F16 .*, expected F32"):
        encoder(copy)


def test_config_that_does_not_fit_the_weights(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"hidden_size": 32}))
    with pytest.raises(ModelError, match=r"F32 \(24, 16\), expected F32 \(24, 32\)"):
        encoder(copy)


def test_too_few_positions(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="has 24 rows, expected at least 25"):
        build_bert_graph(tiny_bert / "model.safetensors", SHAPE, 25)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_absent_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(ModelError, match=file.replace(".", r"\.")):
        encoder(copy)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_file_that_is_not_json(copy: Path, file: str) -> None:
    (copy / file).write_text("{ not json")
    with pytest.raises(ModelError, match=file.replace(".", r"\.")):
        encoder(copy)


@pytest.mark.parametrize("change", [{"model_type": "gpt2"}, {"hidden_act": "gelu_new"}])
def test_other_architectures_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="expected 'bert' or 'mpnet' with 'gelu'"):
        BertShape.from_config({"model_type": "bert", "hidden_act": "gelu"} | change)


def test_config_without_a_field() -> None:
    with pytest.raises(ModelError, match="lacks 'hidden_size'"):
        BertShape.from_config({"model_type": "bert", "hidden_act": "gelu"})


def test_heads_must_divide_the_width() -> None:
    fields = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 3, "layer_norm_eps": 1e-12}
    with pytest.raises(ModelError, match="hidden_size 16, not a multiple of 3 heads"):
        BertShape.from_config({"model_type": "bert", "hidden_act": "gelu"} | fields)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_must_be_positive(tiny_bert: Path, batch_size: int) -> None:
    with pytest.raises(InputError, match=f"batch_size is {batch_size}"):
        encoder(tiny_bert, batch_size=batch_size)


def test_device_without_its_provider(tiny_bert: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(ModelError, match="no CUDAExecutionProvider: use device 'cpu'"):
        encoder(tiny_bert, device="cuda")
    with pytest.raises(InputError, match="device is 'tpu'"):
        encoder(tiny_bert, device="tpu")


def test_integer_constants_are_int64(tiny_bert: Path) -> None:
    graph = GraphBuilder(tiny_bert / "model.safetensors")
    graph.constant("c", np.array([1, 2], np.int32))
    assert graph._tensors["c"].data_type == 7  # onnx.TensorProto.INT64


def test_buckets_of_distances_are_those_of_transformers() -> None:
    import torch
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    distance = np.arange(-300, 301)
    for buckets in (8, 32):
        expected = MPNetEncoder.relative_position_bucket(torch.from_numpy(distance), num_buckets=buckets)
        np.testing.assert_array_equal(bucket_of(distance, buckets), expected.numpy())
