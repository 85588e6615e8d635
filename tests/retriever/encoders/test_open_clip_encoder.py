"""open_clip models as encoders: a tiny one from a folder, and what names may mean."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from retriever.encoders import load_encoder
from retriever.encoders.open_clip import OpenClipEncoder
from retriever.errors import InputError, ModelError

TEXTS = ["", "hello world", "今天天气真好", "😀"]
WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def clip(tiny_open_clip: Path) -> Any:
    return load_encoder(f"open_clip:local-dir:{tiny_open_clip}")


@pytest.fixture
def copy(tiny_open_clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_open_clip, tmp_path / "copy"))


@pytest.fixture
def tiny_config(tiny_open_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiny architecture as a name that open_clip knows."""
    import open_clip
    from open_clip import factory

    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    config = json.loads((tiny_open_clip / "open_clip_config.json").read_text())["model_cfg"]
    (tmp_path / "tiny-test-model.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-test-model.json")
    return "tiny-test-model"


def test_keeps_the_protocol(clip: Any, frames: list[Image.Image]) -> None:
    for vectors, count in ((clip.encode_queries(TEXTS), 4), (clip.encode_images([frames, frames[:1]]), 2)):
        assert (vectors.shape, vectors.dtype) == ((count, 12), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert clip.encode_queries([]).shape == clip.encode_images([]).shape == (0, 12)
    assert (clip.spec.dimension, clip.spec.sticker_side, clip.spec.languages) == (12, "image", ("en",))


def test_agrees_with_open_clip_by_hand(clip: Any, tiny_open_clip: Path, frames: list[Image.Image]) -> None:
    import open_clip
    import torch

    name = f"local-dir:{tiny_open_clip}"
    model, _, transform = open_clip.create_model_and_transforms(name)
    model.eval()
    with torch.inference_mode():
        images = model.encode_image(torch.stack([transform(frame) for frame in frames]), normalize=True)
        texts = model.encode_text(open_clip.get_tokenizer(name)(TEXTS), normalize=True)
    np.testing.assert_allclose(clip.encode_images([[frame] for frame in frames]), images, atol=1e-6)
    np.testing.assert_allclose(clip.encode_queries(TEXTS), texts, atol=1e-6)


def test_mean_of_frames(clip: Any, frames: list[Image.Image]) -> None:
    singles = clip.encode_images([[frame] for frame in frames])
    mean = singles[:3].sum(axis=0)
    got = clip.encode_images([frames[:3], [frames[3]]])
    np.testing.assert_allclose(got, [mean / np.linalg.norm(mean), singles[3]], atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
def test_batches_keep_the_order(
    batch_size: int, tiny_open_clip: Path, clip: Any, frames: list[Image.Image]
) -> None:
    other = load_encoder(f"open_clip:{tiny_open_clip}", batch_size=batch_size)
    stickers = [[frames[i % 4], *frames[: i % 3]] for i in range(9)]
    np.testing.assert_allclose(other.encode_images(stickers), clip.encode_images(stickers), atol=1e-6)
    np.testing.assert_allclose(other.encode_queries(TEXTS), clip.encode_queries(TEXTS), atol=1e-6)


def test_long_query_keeps_its_end(clip: Any) -> None:
    # 16 tokens hold the start mark, 14 one-token words, the end mark
    (long,) = clip.encode_queries(["happy " + "cat " * 500 + "sad"])
    (end,) = clip.encode_queries(["cat " * 13 + "sad"])
    np.testing.assert_allclose(long, end, atol=1e-6)
    (chinese,) = clip.encode_queries(["今天" * 300 + "!!!"])
    assert chinese @ clip.encode_queries(["今天" * 300])[0] < 0.9999


def test_transparency_is_the_callers_business(clip: Any) -> None:
    with pytest.raises(InputError, match="is RGBA, expected RGB: paste it on white first"):
        clip.encode_images([[Image.new("RGBA", (8, 8))]])


def test_documents_are_refused(clip: Any) -> None:
    with pytest.raises(ModelError, match="by their image, not their document: call encode_images"):
        clip.encode_documents(["hello"])


def test_bad_texts(clip: Any) -> None:
    with pytest.raises(InputError, match="got one string"):
        clip.encode_queries("hello")


def test_checkpoint_file_of_a_known_architecture(
    tiny_config: str, tiny_open_clip: Path, clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    absolute = load_encoder(f"open_clip:{tiny_config}/{tiny_open_clip / WEIGHTS}")
    np.testing.assert_array_equal(absolute.encode_queries(TEXTS), clip.encode_queries(TEXTS))
    assert absolute.spec.model_id.startswith(f"open_clip {tiny_config}/{WEIGHTS}@")
    state = {name: torch.from_numpy(value) for name, value in load_file(tiny_open_clip / WEIGHTS).items()}
    torch.save({"state_dict": state}, tmp_path / "mine.pt")
    monkeypatch.chdir(tmp_path)
    relative = load_encoder(f"open_clip:{tiny_config}/mine.pt")
    np.testing.assert_array_equal(relative.encode_queries(TEXTS), clip.encode_queries(TEXTS))


def test_random_weights_only_on_request_and_then_always_the_same(tiny_config: str) -> None:
    first, second = (load_encoder(f"open_clip:{tiny_config}@random") for _ in range(2))
    assert first.spec == second.spec
    np.testing.assert_array_equal(first.encode_queries(TEXTS), second.encode_queries(TEXTS))
    with pytest.raises(ModelError) as caught:
        load_encoder(f"open_clip:{tiny_config}")
    assert str(caught.value) == (
        "open_clip:tiny-test-model does not say which weights; its tags are: none; "
        "or tiny-test-model/FILE for a checkpoint, tiny-test-model@random for a benchmark"
    )


def test_random_weights_leave_the_generator_alone(tiny_config: str) -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_encoder(f"open_clip:{tiny_config}@random")
    assert torch.equal(torch.rand(3), expected)


def test_unknown_tag_lists_the_tags() -> None:
    with pytest.raises(ModelError) as caught:
        load_encoder("open_clip:ViT-B-16-plus-240/no-such-tag")
    assert str(caught.value) == (
        "ViT-B-16-plus-240 has no checkpoint 'no-such-tag', and there is no such file; its tags are: "
        "laion400m_e31, laion400m_e32; or ViT-B-16-plus-240/FILE for a checkpoint, "
        "ViT-B-16-plus-240@random for a benchmark"
    )


def test_model_without_its_tag_lists_the_tags() -> None:
    with pytest.raises(ModelError, match=r"does not say which weights; its tags are: openai, .*laion2b_s34b"):
        load_encoder("open_clip:ViT-B-32")


def test_model_with_one_tag_needs_no_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ModelError, match=r"model 'ViT-B-16-SigLIP-384' cannot be loaded from the local cache"
    ):
        load_encoder("open_clip:ViT-B-16-SigLIP-384")


def test_unknown_model_suggests() -> None:
    with pytest.raises(
        ModelError, match=r"no model 'ViT-B-33', and there is no such folder; did you mean .*ViT-B-32"
    ):
        load_encoder("open_clip:ViT-B-33/openai")
    with pytest.raises(ModelError, match=r"no model '###', .*; open_clip knows \d+, such as"):
        load_encoder("open_clip:###")


@pytest.mark.parametrize("name", ["open_clip", "open_clip:", "open_clip: "])
def test_no_model_named(name: str) -> None:
    with pytest.raises(InputError, match="names no model"):
        load_encoder(name)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone is not there, expected the folder of a model"):
        load_encoder(f"open_clip:local-dir:{tmp_path / 'gone'}")


def test_folder_without_config_or_weights(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"copy has no weights .*: they would be random"):
        load_encoder(f"open_clip:{copy}")
    (copy / "open_clip_config.json").unlink()
    with pytest.raises(ModelError, match=r"copy has no open_clip_config\.json"):
        load_encoder(f"open_clip:{copy}")


def test_incomplete_weights(copy: Path) -> None:
    weights = load_file(copy / WEIGHTS)
    del weights["visual.proj"]
    save_file(weights, copy / WEIGHTS)
    with pytest.raises(ModelError, match=r"cannot be loaded: .*visual\.proj"):
        load_encoder(f"open_clip:{copy}")


def test_truncated_weights(copy: Path) -> None:
    (copy / WEIGHTS).write_bytes((copy / WEIGHTS).read_bytes()[:-4])
    with pytest.raises(ModelError, match="cannot be loaded: "):
        load_encoder(f"open_clip:{copy}")


def test_not_a_number_is_refused(copy: Path) -> None:
    weights = load_file(copy / WEIGHTS)
    weights["visual.proj"][0, 0] = np.nan
    save_file(weights, copy / WEIGHTS)
    with pytest.raises(ModelError, match="gave NaN or infinite numbers"):
        load_encoder(f"open_clip:{copy}")


def test_spec_follows_the_weights(copy: Path, clip: Any, tiny_open_clip: Path) -> None:
    same = copy.rename(copy.parent / tiny_open_clip.name)
    assert load_encoder(f"open_clip:{same}").spec.fingerprint == clip.spec.fingerprint
    weights = load_file(same / WEIGHTS)
    weights["visual.proj"][0, 0] += 1e-3
    save_file(weights, same / WEIGHTS)
    assert load_encoder(f"open_clip:{same}").spec.fingerprint != clip.spec.fingerprint


def test_text_tower_and_tokenizer_of_transformers(
    tiny_bert: Path, tmp_path: Path, frames: list[Image.Image]
) -> None:
    """A multilingual kind of model: its tokenizer cuts at the end, and queries must keep it all the same."""
    import open_clip
    from safetensors.torch import save_file as save_torch

    folder = Path(shutil.copytree(tiny_bert, tmp_path / "multilingual"))
    (folder / "model.safetensors").unlink()
    config = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {
            "hf_model_name": str(folder), "hf_tokenizer_name": str(folder), "context_length": 16,
            "hf_proj_type": "linear", "hf_pooler_type": "mean_pooler",
        },
    }  # fmt: skip
    model = open_clip.CustomTextCLIP(
        config["embed_dim"], config["vision_cfg"], config["text_cfg"] | {"hf_model_pretrained": False}
    )
    save_torch(model.state_dict(), folder / WEIGHTS)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    encoder = load_encoder(f"open_clip:{folder}")
    assert isinstance(encoder, OpenClipEncoder)
    assert encoder.spec.languages == ()
    (long,) = encoder.encode_queries(["happy " + "cat " * 100 + "sad"])
    (end,) = encoder.encode_queries(["cat " * 13 + "sad"])
    np.testing.assert_allclose(long, end, atol=1e-6)
    assert encoder.encode_images([frames]).shape == (1, 12)


def test_loading_says_nothing_and_installs_no_log_handler(
    tiny_open_clip: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    load_encoder(f"open_clip:{tiny_open_clip}").encode_queries(["hello"])
    assert logging.getLogger().handlers == []
    assert capfd.readouterr() == ("", "")


def test_cuda_where_there_is_none(tiny_open_clip: Path, frames: list[Image.Image]) -> None:
    import torch

    if torch.cuda.is_available():
        assert load_encoder(f"open_clip:{tiny_open_clip}", device="cuda").encode_images([frames]).shape == (
            1,
            12,
        )
    else:
        with pytest.raises(ModelError, match="sees no GPU here; use 'cpu' or 'auto'"):
            load_encoder(f"open_clip:{tiny_open_clip}", device="cuda")
