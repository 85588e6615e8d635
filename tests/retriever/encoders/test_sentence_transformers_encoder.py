"""sentence-transformers models as encoders: a BERT, one with prompts, a CLIP; all tiny, all real."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from retriever.encoders import load_encoder
from retriever.encoders.sentence_transformers import SentenceTransformersEncoder
from retriever.errors import InputError, ModelError

TEXTS = ["", "hello world", "the cat", "你好", "zzz"]


@pytest.fixture(scope="module")
def bert(tiny_bert: Path) -> Any:
    return load_encoder(f"st:{tiny_bert}")


@pytest.fixture(scope="module")
def clip(tiny_clip: Path) -> Any:
    return load_encoder(f"sentence-transformers:{tiny_clip}")


@pytest.fixture(scope="module")
def clip_images(tiny_clip: Path) -> Any:
    return load_encoder(f"st:{tiny_clip}#image")


@pytest.fixture
def copy(tiny_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bert, tmp_path / "copy"))


def test_both_schemes_and_both_kinds_keep_the_protocol(bert: Any, clip: Any, clip_images: Any) -> None:
    for encoder, dimension in ((bert, 16), (clip, 12), (clip_images, 12)):
        vectors = encoder.encode_queries(TEXTS)
        assert (vectors.shape, vectors.dtype) == ((5, dimension), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert encoder.encode_queries([]).shape == (0, dimension)
        assert encoder.spec.dimension == dimension
    assert bert.encode_documents([]).shape == (0, 16)
    assert clip_images.encode_images([]).shape == (0, 12)


def test_agrees_with_the_library(bert: Any, tiny_bert: Path) -> None:
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(tiny_bert), device="cpu").encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(bert.encode_documents(TEXTS), expected, atol=1e-6)
    np.testing.assert_allclose(bert.encode_queries(TEXTS), expected, atol=1e-6)


def test_prompts_are_used(tiny_prompted: Path, bert: Any) -> None:
    prompted = load_encoder(f"st:{tiny_prompted}")
    np.testing.assert_allclose(
        prompted.encode_queries(["cat"]), bert.encode_queries(["news cat"]), atol=1e-6
    )  # what the fixture set as query prompt
    np.testing.assert_allclose(
        prompted.encode_documents(["cat"]), bert.encode_documents(["old cat"]), atol=1e-6
    )
    assert prompted.spec.fingerprint != bert.spec.fingerprint


def test_queries_keep_their_end_and_documents_their_start(bert: Any, tiny_prompted: Path) -> None:
    # 24 positions hold [CLS], 22 words, [SEP]
    text = "happy " + "cat " * 40 + "sad"
    np.testing.assert_allclose(
        bert.encode_queries([text]), bert.encode_queries(["cat " * 21 + "sad"]), atol=1e-6
    )
    start = bert.encode_documents(["happy " + "cat " * 21])
    np.testing.assert_allclose(bert.encode_documents([text]), start, atol=1e-6)
    # a prompt of one word stays in front and takes one of the 22
    prompted = load_encoder(f"st:{tiny_prompted}")
    np.testing.assert_allclose(
        prompted.encode_queries([text]), bert.encode_queries(["news " + "cat " * 20 + "sad"]), atol=1e-6
    )


def test_text_and_image_sides_share_a_space(clip: Any, clip_images: Any) -> None:
    np.testing.assert_array_equal(clip.encode_queries(TEXTS), clip_images.encode_queries(TEXTS))
    assert (clip.spec.sticker_side, clip_images.spec.sticker_side) == ("document", "image")
    assert clip.spec.fingerprint != clip_images.spec.fingerprint


def test_each_side_refuses_the_other(clip: Any, clip_images: Any, frames: list[Image.Image]) -> None:
    with pytest.raises(ModelError, match="by their document, not their image"):
        clip.encode_images([frames])
    with pytest.raises(ModelError, match="by their image, not their document"):
        clip_images.encode_documents(["hello"])


def test_mean_of_frames(clip_images: Any, frames: list[Image.Image]) -> None:
    singles = clip_images.encode_images([[frame] for frame in frames])
    mean = (singles[0] + singles[1] + singles[3]) / 3
    got = clip_images.encode_images([[frames[0], frames[1], frames[3]], [frames[2]]])
    np.testing.assert_allclose(got[0], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(got[1], singles[2], atol=1e-6)
    assert abs(singles[0] @ singles[3]) < 0.9999


def test_text_that_is_the_path_of_an_image_is_text(
    clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 40), "red").save("cat.png")
    (with_file,) = clip.encode_queries(["cat.png"])
    (tmp_path / "cat.png").unlink()
    (without_file,) = clip.encode_queries(["cat.png"])
    np.testing.assert_array_equal(with_file, without_file)
    np.testing.assert_array_equal(clip.encode_documents(["cat.png"])[0], without_file)


@pytest.fixture
def image_server() -> Iterator[tuple[str, list[str]]]:
    """The address of an image, and the paths that were asked for."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/cat.png", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_text_that_is_an_address_is_not_fetched(clip: Any, image_server: tuple[str, list[str]]) -> None:
    address, seen = image_server
    data = "data:image/png;base64,AAAA"
    assert clip.encode_queries([address, data, "hello"]).shape == (3, 12)
    assert seen == []


def test_batch_size_changes_rounding_only(tiny_bert: Path, bert: Any) -> None:
    one = load_encoder(f"st:{tiny_bert}", batch_size=1)
    np.testing.assert_allclose(one.encode_documents(TEXTS), bert.encode_documents(TEXTS), atol=1e-6)


def test_spec_follows_the_weights_and_not_the_place(tiny_bert: Path, copy: Path, bert: Any) -> None:
    same = Path(shutil.copytree(copy, copy.parent / "elsewhere" / tiny_bert.name))
    assert load_encoder(f"st:{same}").spec.fingerprint == bert.spec.fingerprint
    weights = load_file(same / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][5, 0] += 1e-3
    save_file(weights, same / "model.safetensors", {"format": "pt"})
    assert load_encoder(f"st:{same}").spec.fingerprint != bert.spec.fingerprint


def test_half_precision_checkpoint_runs_in_single(copy: Path) -> None:
    weights = {
        name: value.astype(np.float16) for name, value in load_file(copy / "model.safetensors").items()
    }
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    encoder = load_encoder(f"st:{copy}")
    assert isinstance(encoder, SentenceTransformersEncoder)
    assert str(encoder._model.dtype) == "torch.float32"
    assert encoder.encode_queries(["hello"]).dtype == np.float32


def drop(folder: Path, *names: str) -> None:
    weights = load_file(folder / "model.safetensors")
    for name in names:
        del weights[name]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_weights_that_would_be_random_are_refused(copy: Path) -> None:
    drop(copy, "encoder.layer.1.output.dense.weight")
    with pytest.raises(ModelError, match=r"lacks 1 weights \(encoder\.layer\.1\.output\.dense\.weight\)"):
        load_encoder(f"st:{copy}")


def test_an_absent_pooler_does_no_harm(copy: Path, bert: Any) -> None:
    drop(copy, "pooler.dense.weight", "pooler.dense.bias")
    np.testing.assert_allclose(
        load_encoder(f"st:{copy}").encode_queries(TEXTS), bert.encode_queries(TEXTS), atol=1e-6
    )


def test_loading_says_nothing(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    drop(copy, "pooler.dense.weight")
    load_encoder(f"st:{copy}").encode_queries(["hello"])
    assert capfd.readouterr() == ("", "")


def test_not_a_number_is_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][0] = np.nan
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="gave NaN or infinite numbers"):
        load_encoder(f"st:{copy}")


def test_truncated_weights(copy: Path) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ModelError, match=r"sentence-transformers model '/.*copy' cannot be loaded: "):
        load_encoder(f"st:{copy}")


def test_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded: "):
        load_encoder(f"st:{tmp_path}")


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone is not there, expected the folder of a model"):
        load_encoder(f"st:{tmp_path / 'gone'}")


def test_image_side_of_a_model_without_one(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="sees text only: leave out '#image'"):
        load_encoder(f"st:{tiny_bert}#image")


@pytest.mark.parametrize("name", ["st:", "sentence-transformers:", "st:#image"])
def test_no_model_named(name: str) -> None:
    with pytest.raises(InputError, match="names no model"):
        load_encoder(name)


def test_cuda_where_there_is_none(tiny_bert: Path) -> None:
    import torch

    if torch.cuda.is_available():
        assert load_encoder(f"st:{tiny_bert}", device="cuda").encode_queries(["hello"]).shape == (1, 16)
    else:
        with pytest.raises(ModelError, match="sees no GPU here; use 'cpu' or 'auto'"):
            load_encoder(f"st:{tiny_bert}", device="cuda")
