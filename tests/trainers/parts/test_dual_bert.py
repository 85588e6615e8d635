"""Rankers that start from the text tower of the ranker that ships."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from retriever.checkpoints import STARTER
from retriever.encoders.dual.encoder import open_text
from retriever.encoders.dual.row import pad
from retriever.errors import InputError, ModelError
from retriever.rankers.parts.config import TextConfig
from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.tokens import ConversationTokens
from retriever.types import Conversation, Utterance
from trainers.parts.bert import read_bert
from trainers.parts.published import PublishedBert
from trainers.parts.text_start import start_text


def test_the_encoder_says_what_the_shipped_tower_says() -> None:
    bert = read_bert("starter")
    start = start_text(TextConfig(pretrained="starter", layers=6, max_tokens=72), [])
    encoder = text_encoder(start.config, start.pieces.size).eval()
    filled = bert.fill_text(encoder)
    assert {name.removeprefix("text.") for name, _ in encoder.named_parameters()} == filled_names(filled)
    text = open_text(STARTER)
    batch = pad([text.tokens.utterance(said) for said in ("I passed the exam!", "今天好累", "ok")])
    with torch.no_grad():
        states, _ = encoder(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
    ours = (states.numpy() * batch.pool[:, :, None]).sum(1)
    theirs = text.pooled([text.tokens.utterance(said) for said in ("I passed the exam!", "今天好累", "ok")])
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def filled_names(filled: set[str]) -> set[str]:
    return {name.removeprefix("text.") for name in filled}


def test_conversations_are_read_and_pooled_as_the_shipped_ranker_does() -> None:
    settings = {"layers": 6, "max_tokens": 72, "reading": "speakers", "pool": "last"}
    start = start_text(TextConfig.model_validate({**settings, "pretrained": "starter"}), [])
    encoder = text_encoder(start.config, start.pieces.size).eval()
    assert isinstance(start.published, PublishedBert)
    start.published.fill_text(encoder)
    long = Conversation((Utterance("a", "so " * 90), Utterance("b", "and then")), "supplement", "a")
    talks = [
        Conversation.from_texts("did you hear?", "no 😂", "", "我考上了!"),
        Conversation.from_texts("[SEP] [ME] hello"),
        long,
    ]
    batch = ConversationTokens(start.pieces, start.config).batch(talks)
    text = open_text(STARTER)
    assert [row.ids for row in map(text.tokens.conversation, talks)] == [
        ids[mask == 1].tolist() for ids, mask in zip(batch.ids, batch.mask, strict=True)
    ]
    assert batch.turn[0][batch.mask[0] == 1].tolist()[-2:] == [3, -1]  # utterances keep their numbers
    with torch.no_grad():
        _, ours = encoder(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
    theirs = text.conversations(talks)
    assert np.abs(ours.numpy() - theirs).max() < 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("source", [None, "minilm"])
def test_marks_of_speakers_need_a_tower_that_knows_them(source: str | None) -> None:
    with pytest.raises(InputError, match="no marks of speakers; start from 'starter'"):
        start_text(TextConfig(pretrained=source, reading="speakers", max_tokens=64), ["hello there"])


def test_a_folder_of_a_dual_checkpoint_is_read_like_the_shipped_one(tmp_path: Path) -> None:
    shutil.copytree(STARTER, tmp_path / "own")
    own, shipped = read_bert(str(tmp_path / "own")), read_bert("starter")
    assert own.positions == shipped.positions == 72
    assert all(torch.equal(own.state[name], value) for name, value in shipped.state.items())


def test_more_tokens_than_it_has_positions_are_refused() -> None:
    with pytest.raises(InputError, match=r"text.max_tokens is 128, but starter reads at most 72"):
        start_text(TextConfig(pretrained="starter", layers=6, max_tokens=128), [])


def test_a_cut_file_of_weights_is_named(tmp_path: Path) -> None:
    shutil.copytree(STARTER, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:10_000])
    with pytest.raises(ModelError, match="copy the checkpoint again"):
        read_bert(str(tmp_path / "cut"))


def test_a_checkpoint_of_another_family_is_no_bert(tmp_path: Path) -> None:
    shutil.copytree(STARTER, tmp_path / "other")
    config = json.loads((tmp_path / "other" / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, "family": "pbr"}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot be loaded|lacks \d+ weights"):
        read_bert(str(tmp_path / "other"))
