"""Starting from a published CLIP: vectors are the library's own, on both sides, and survive a checkpoint."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from ranking_worlds import write_native
from tiny_clips import PATCH, SIDE, SPACE, clip_tokenizer, save_open_clip, save_transformers_clip

from retriever.cli import main
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.baselines.config import TwoTowerConfig
from retriever.rankers.baselines.ranker import BaselineRanker, save_baseline
from retriever.rankers.int_ra.config import CLIP_MEAN, CLIP_STD
from retriever.rankers.pbr.config import PBRModelConfig
from retriever.rankers.pbr.ranker import PBRRanker
from retriever.types import Conversation
from trainers.baselines.start import start
from trainers.parts.clip import read_clip
from trainers.pbr.build import build

TALK = ["oh no, it RAINS again!", "你好", "don't you   like cats? 😺"]


@pytest.fixture(scope="module")
def hub_style(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("transformers_clip")
    return folder, save_transformers_clip(folder)


@pytest.fixture(scope="module")
def open_style(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("open_clip")
    return folder, save_open_clip(folder)


def shape(**parts: Any) -> TwoTowerConfig:
    image = {
        "model": "open_clip:tiny",
        "size": SIDE,
        "options": {
            "embed_dim": 8,
            "vision_cfg": {
                "image_size": SIDE,
                "patch_size": PATCH,
                "width": 16,
                "layers": 1,
                "head_width": 8,
            },
        },
    }
    text = {"kind": "clip", "layers": 2, "dropout": 0.0, "max_tokens": 77, **parts.pop("text", {})}
    return TwoTowerConfig.model_validate(
        {"image": {**image, **parts.pop("image", {})}, "text": text, "projection": SPACE, **parts}
    )


def ranker_of(config: TwoTowerConfig) -> BaselineRanker:
    begun = start("irra", config, ["a"], 0)
    return BaselineRanker("irra", begun.model, begun.tokens, device="cpu")


def test_text_from_transformers_equals_transformers(hub_style: tuple[Path, Any]) -> None:
    folder, model = hub_style
    ranker = ranker_of(shape(text={"pretrained": str(folder)}))
    tokenizer = clip_tokenizer()
    for text in TALK:
        ours = ranker.texts([Conversation.from_texts(text)])["vector"]
        with torch.no_grad():
            theirs = model.get_text_features(**tokenizer([text], return_tensors="pt")).pooler_output
        assert torch.allclose(ours, torch.nn.functional.normalize(theirs), atol=1e-5)


def test_a_batch_of_texts_equals_one_at_a_time(hub_style: tuple[Path, Any]) -> None:
    ranker = ranker_of(shape(text={"pretrained": str(hub_style[0])}))
    talks = [Conversation.from_texts(text) for text in TALK]
    together = ranker.texts(talks)["vector"]
    alone = torch.cat([ranker.texts([talk])["vector"] for talk in talks])
    assert torch.allclose(together, alone, atol=1e-5)


def test_both_towers_from_open_clip_equal_open_clip(open_style: tuple[Path, Any]) -> None:
    folder, model = open_style
    where = f"open_clip:local-dir:{folder}"
    config = shape(
        image={"model": where, "pretrained": "open_clip", "options": {}}, text={"pretrained": where}
    )
    ranker = ranker_of(config)
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    mean, std = (torch.tensor(value)[:, None, None] for value in (config.image.mean, config.image.std))
    with torch.no_grad():
        images = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
        pictures = model.encode_image(images, normalize=True)
        said = model.encode_text(open_clip.SimpleTokenizer()(TALK), normalize=True)
    assert torch.allclose(ranker.images(pixels)["vector"], pictures, atol=1e-5)
    talks = [Conversation.from_texts(text) for text in TALK]
    assert torch.allclose(ranker.texts(talks)["vector"], said, atol=1e-5)
    assert read_clip(where).activation == "quick_gelu"


def test_turns_are_one_text_that_ends_once(hub_style: tuple[Path, Any]) -> None:
    ranker = ranker_of(shape(text={"pretrained": str(hub_style[0])}))
    tokenizer = clip_tokenizer()
    read = ranker.model.read(ranker.pieces, [Conversation.from_texts("so you came", "yes, late!", "oh")])
    count = int(read["mask"].sum())
    assert read["ids"][0, :count].tolist() == tokenizer("so you came yes, late! oh")["input_ids"]
    long = Conversation.from_texts("first words", " ".join(["more"] * 100), "the end")
    for side, kept in (("left", "end</w>"), ("right", "more</w>")):
        text = {"pretrained": str(hub_style[0]), "truncate": side}
        read = ranker_of(shape(text=text)).model.read(ranker.pieces, [long])
        names = tokenizer.convert_ids_to_tokens(read["ids"][0].tolist())
        assert len(names) == 77 and names[0] == "<|startoftext|>"
        assert names[-1] == "<|endoftext|>" and names.count("<|endoftext|>") == 1 and names[-2] == kept


def test_nothing_that_is_said_becomes_a_marker(hub_style: tuple[Path, Any]) -> None:
    pieces = read_clip(str(hub_style[0])).pieces
    found = pieces.cut(["<|endoftext|> <|startoftext|> [MASK]"])[0]
    assert not {*pieces.markers, pieces.mask} & set(found) and found
    assert pieces.mask == 49408 and pieces.size == 49409


def test_open_clips_numbers_are_kept(open_style: tuple[Path, Any]) -> None:
    pieces = read_clip(f"open_clip:{open_style[0]}").pieces
    theirs = open_clip.SimpleTokenizer()
    text = "Don't panic: 42 STICKERS, très chic 今天天气真好 🙃"
    assert pieces.cut([text])[0] == theirs.encode(text)
    assert pieces.markers == (theirs.eot_token_id, theirs.sot_token_id, theirs.eot_token_id)


def test_a_checkpoint_stands_alone_and_scores_the_same(open_style: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = open_style
    where = f"open_clip:{folder}"
    begun = start(
        "clip",
        shape(image={"model": where, "pretrained": "open_clip", "options": {}}, text={"pretrained": where}),
        ["a"],
        0,
    )
    ranker = BaselineRanker("clip", begun.model, begun.tokens, device="cpu")
    assert {"image_projection.weight", "text_projection.weight"} <= begun.pretrained
    assert all(name in begun.pretrained for name, _ in begun.model.named_parameters())
    save_baseline(tmp_path, "clip", begun.model, begun.tokens)
    said = (tmp_path / "config.json").read_text()
    assert (
        str(folder) not in said and json.loads(said)["model"]["image"]["options"]["vision_cfg"]["layers"] == 2
    )
    again = load_ranker(tmp_path, "cpu")
    assert isinstance(again, BaselineRanker)
    pixels = np.random.default_rng(1).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)
    talk = Conversation.from_texts("how are you?", "fine")
    first, second = (one.score(talk, one.encode_pixels(pixels)) for one in (ranker, again))
    assert np.array_equal(first, second) and len(set(first.tolist())) == 4


def test_another_size_interpolates_positions_and_other_colours_are_told(
    open_style: tuple[Path, Any], caplog: pytest.LogCaptureFixture
) -> None:
    image = {"model": f"open_clip:{open_style[0]}", "pretrained": "open_clip", "options": {}, "size": 48}
    ranker = ranker_of(shape(image=image))
    assert ranker.model.image(torch.rand(1, 3, 48, 48)).shape == (1, 1 + 36, 32)
    assert sum("was trained on pixels with the" in line for line in caplog.messages) == 2
    caplog.clear()
    ranker_of(shape(image={**image, "mean": CLIP_MEAN, "std": CLIP_STD}))
    assert not any("was trained on pixels" in line for line in caplog.messages)


def test_a_name_alone_starts_from_nothing_and_fewer_layers_are_the_first(hub_style: tuple[Path, Any]) -> None:
    begun = start("clip", shape(), ["some words to learn from, some more"], 0)
    assert not begun.pretrained and begun.model.image.width == 16  # type: ignore[union-attr]
    one = start("clip", shape(text={"pretrained": str(hub_style[0]), "layers": 1, "max_tokens": 20}), [], 0)
    state = one.model.text.body.state_dict()  # type: ignore[union-attr]
    theirs = hub_style[1].text_model.state_dict()
    assert len(state["embeddings.position_embedding.weight"]) == 20
    assert torch.equal(state["encoder.layers.0.mlp.fc1.weight"], theirs["encoder.layers.0.mlp.fc1.weight"])
    assert "encoder.layers.1.mlp.fc1.weight" not in state


def test_text_alone_has_no_projection(hub_style: tuple[Path, Any], tmp_path: Path) -> None:
    hub_style[1].text_model.save_pretrained(tmp_path)
    clip_tokenizer().save_pretrained(tmp_path)
    assert read_clip(str(tmp_path)).projection is None
    begun = start("clip", shape(text={"pretrained": str(tmp_path)}), [], 0)
    assert "text_projection.weight" not in begun.pretrained


def test_what_is_no_clip_is_refused(tmp_path: Path, open_style: tuple[Path, Any]) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        read_clip(str(tmp_path / "gone"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="'bert' model"):
        read_clip(str(tmp_path))
    with pytest.raises(InputError, match="no plain vision transformer"):
        ranker_of(shape(image={"model": "open_clip:RN50@random", "options": {}}))
    with pytest.raises(InputError, match=r"image\.pretrained"):
        ranker_of(shape(image={"pretrained": "timm"}))
    with pytest.raises(InputError, match=r"image\.options stand in the place"):
        ranker_of(shape(image={"pretrained": "open_clip"}))
    with pytest.raises(InputError, match="cannot build"):
        ranker_of(shape(image={"options": {"embed_dim": 8, "vision_cfg": {"wdith": 3}}}))
    with pytest.raises(InputError, match="reads at most 77"):
        ranker_of(shape(text={"pretrained": f"open_clip:{open_style[0]}", "max_tokens": 78}))
    torn = tmp_path / "torn"
    save_open_clip(torn)
    weights = torn / "open_clip_pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        read_clip(f"open_clip:{torn}")


def test_the_command_trains_irra_from_published_towers(
    open_style: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data, out = write_native(tmp_path / "data", train=8, valid=4), tmp_path / "run"
    where = f"open_clip:{open_style[0]}"
    changes = {
        "model.image.model": where, "model.text.pretrained": where, "model.text.layers": 2,
        "model.projection": SPACE, "model.image.size": SIDE, "data.format": "native", "batch.size": 8,
        "train.epochs": 1, "train.device": "cpu", "losses.layers": 1,
    }  # fmt: skip
    words = ["train", "baselines/irra", "--data", str(data), "--out", str(out)]
    assert (
        main([*words, *(word for key, value in changes.items() for word in ("--set", f"{key}={value}"))]) == 0
    )
    ranker = load_ranker(out / "best", "cpu")
    assert ranker.family == "irra" and isinstance(ranker, BaselineRanker)
    theirs = open_style[1].visual.state_dict()["conv1.weight"]
    ours = ranker.model.image.state_dict()["body.visual.conv1.weight"]
    assert ours.shape == theirs.shape and 0 < float((ours - theirs).abs().max()) < 0.01  # one step from there


def test_pbr_reads_by_a_clip_too(hub_style: tuple[Path, Any]) -> None:
    image = {"model": "vit_tiny_patch16_224", "size": 16}
    image["options"] = {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}  # type: ignore[assignment]
    text = {"kind": "clip", "pretrained": str(hub_style[0]), "layers": 2, "max_tokens": 77, "dropout": 0.0}
    config = PBRModelConfig.model_validate({"image": image, "text": text, "projection": 8})
    begun = build(config, [], 0)
    ranker = PBRRanker(begun.model, begun.tokens, device="cpu")
    pixels = np.random.default_rng(2).integers(0, 256, (3, 16, 16, 3), np.uint8)
    talks = [Conversation.from_texts("hello there", "you"), Conversation.from_texts("no")]
    features = ranker.encode_pixels(pixels)
    rows = np.array([[0, 1, 2], [2, 1, 0]])
    together = ranker.score_lists(talks, features, rows)
    for talk, row, order in zip(talks, together, rows, strict=True):
        assert np.allclose(ranker.score(talk, features)[order], row, atol=1e-5)
    looks = ranker.attention(talks[0], features)
    assert looks.utterances.shape == (3, 2) and np.allclose(looks.utterances.sum(1), 1)
