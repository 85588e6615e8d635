"""The MMBERT ranker: what it reads, and the same scores however they are computed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pbr_model import IMAGE, TEXTS, draw_stickers

from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.base import take
from retriever.rankers.cache import FeatureCache
from retriever.rankers.mmbert.config import MMBERTModelConfig
from retriever.rankers.mmbert.model import MMBERTModel
from retriever.rankers.mmbert.ranker import MMBERTRanker, save_mmbert
from retriever.rankers.mmbert.tokens import NOTHING, DialogueTokens
from retriever.rankers.parts.pieces import WordPieces, Words
from retriever.types import Attributes, Conversation, Sticker, Utterance

TEXT = {"kind": "bert", "layers": 2, "width": 32, "heads": 2, "ffn": 48, "max_tokens": 60}
TALK = Conversation.from_texts("hello there", "this is a happy cat", "so sad")
OTHER = Conversation.from_texts("我 很 开心")


def tiny_ranker(seed: int = 0, text: dict[str, Any] | None = None, **parts: Any) -> MMBERTRanker:
    config = MMBERTModelConfig.model_validate({"image": IMAGE, "text": text or TEXT, "slots": 5, **parts})
    bert = config.text.kind == "bert"
    pieces = WordPieces.learn(TEXTS, 80) if bert else Words.learn(TEXTS, 80, "jieba")
    tokens = DialogueTokens(pieces, config)
    torch.manual_seed(seed)
    model = MMBERTModel(config, tokens)
    with torch.no_grad():  # spread widely, so that differences show
        model.second.normal_()
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and not name.startswith("image."):
                parameter.mul_(3)
    return MMBERTRanker(model, tokens, device="cpu")


@pytest.fixture(scope="module")
def stickers(tmp_path_factory: pytest.TempPathFactory) -> list[Sticker]:
    from dataclasses import replace

    drawn = draw_stickers(tmp_path_factory.mktemp("drawn"))
    said = ("", "happy cat", "so", "", "hello hello hello hello hello hello")
    return [
        replace(sticker, attributes=Attributes(verbal=words))
        for sticker, words in zip(drawn, said, strict=True)
    ]


@pytest.fixture(scope="module")
def ranker() -> MMBERTRanker:
    return tiny_ranker()


def test_a_dialogue_is_read_with_its_speakers(ranker: MMBERTRanker) -> None:
    tokens, pieces = ranker.tokens, ranker.tokens.pieces
    talk = Conversation((Utterance("x", "hello there"), Utterance("y", " "), Utterance("y", "so sad")))
    batch = tokens.dialogues([talk, OTHER])
    first, second = pieces.cut(["hello there", "so sad"])
    one, two = pieces.size, pieces.size + 1
    row = [pieces.markers[1], one, *first, two, *second, pieces.markers[2]]
    assert batch.ids[0, batch.mask[0] == 1].tolist() == row and batch.ids.shape[1] % 8 == 0
    assert batch.turn[0, : len(row)].tolist() == [-1, *[0] * (len(first) + 1), *[2] * (len(second) + 1), -1]
    shown = tokens.shown(talk)
    assert [turn for turn, _ in shown] == batch.turn[0, : len(row)].tolist()
    assert "".join(text for _, text in shown).replace(" ", "") == "hellotheresosad"
    by_sender = DialogueTokens(pieces, ranker.model.config.model_copy(update={"speakers": "sender"}))
    sent = Conversation(talk.utterances, "supplement", "y")
    assert by_sender.dialogues([sent]).ids[0, 1] == two
    assert tokens.dialogues([sent]).ids[0, 1] == one
    # nothing that a chat says is a speaker's tag or a marker
    said = tokens.dialogues([Conversation.from_texts("[speaker1] [SEP] [MASK] [CLS]")]).ids[0]
    assert (said == pieces.markers[2]).sum() == 1 and (said == one).sum() == 1 and tokens.mask not in said


@pytest.mark.parametrize("end", ["left", "right"])
def test_a_long_dialogue_loses_the_other_end(end: str) -> None:
    tokens = tiny_ranker(text={**TEXT, "truncate": end, "max_tokens": 27}).tokens  # 20 for the dialogue
    pieces = tokens.pieces
    talk = Conversation.from_texts(*["this is a happy cat"] * 5, "so sad")
    whole = []
    for at, turn in enumerate(talk.utterances):
        whole += [pieces.size + at % 2, *pieces.cut([turn.text])[0]]
    batch = tokens.dialogues([talk])
    kept = whole[-18:] if end == "left" else whole[:18]
    assert batch.ids[0].tolist() == [pieces.markers[1], *kept, pieces.markers[2]]
    shown = tokens.shown(talk)
    assert len(shown) == 20
    last = "sad" if end == "left" else ""
    assert (shown[-2][1] == last) or end == "right"


def test_words_fill_the_slots_from_the_right(ranker: MMBERTRanker) -> None:
    cut = ranker.tokens.pieces.cut(["happy cat", "hello hello hello hello hello hello"])
    found = ranker.tokens.words(["", "happy cat", "hello hello hello hello hello hello"])
    assert found[0].tolist() == [NOTHING] * 5
    short = cut[0][:4]
    assert found[1].tolist() == [NOTHING] * (5 - len(short)) + short
    assert found[2].tolist() == [NOTHING, *cut[1][:4]]  # the first tokens are kept


def test_positions_skip_padding(ranker: MMBERTRanker) -> None:
    model, tokens = ranker.model, ranker.tokens
    batch = tokens.dialogues([OTHER])
    ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
    length = int(mask.sum())
    picture, slots = torch.randn(1, 32), torch.tensor([[NOTHING, NOTHING, 7, 8, 9]])
    with torch.inference_mode():
        tight = model.score(ids[:, :length], mask[:, :length], picture, slots)
        wide = torch.nn.functional.pad(ids, (0, 13), value=3), torch.nn.functional.pad(mask, (0, 13))
        assert torch.allclose(model.score(*wide, picture, slots), tight, atol=1e-5)
        absent = model.read(model.text.words(ids), mask, picture, slots, torch.tensor([0]))[:, 0]
        without = model.read(model.text.words(ids), mask, picture, None)[:, 0]
        assert torch.allclose(absent, without, atol=1e-5)
        present = model.read(model.text.words(ids), mask, picture, slots)[:, 0]
        assert not torch.allclose(present, without, atol=1e-3)


def test_scores_tell_stickers_words_and_conversations_apart(
    ranker: MMBERTRanker, stickers: list[Sticker]
) -> None:
    features = ranker.encode_stickers(stickers)
    assert features["vector"].shape == (5, 32) and features["words"].shape == (5, 5)
    scores = ranker.score(TALK, features)
    assert scores.shape == (5,) and len({round(score, 5) for score in scores}) == 5
    assert not np.allclose(scores, ranker.score(OTHER, features))
    wordless = {**features, "words": np.full_like(features["words"], NOTHING)}
    changed = np.abs(ranker.score(TALK, wordless) - scores) > 1e-5
    assert changed.tolist() == [False, True, True, False, True]
    blind = tiny_ranker(ocr_input=False)
    assert set(blind.encode_stickers(stickers)) == {"vector"}


def test_the_kinds_of_score_by_their_definitions(ranker: MMBERTRanker, stickers: list[Sticker]) -> None:
    features = ranker.encode_stickers(stickers)
    batch = ranker.tokens.dialogues([TALK])
    ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
    with torch.inference_mode():
        logits = [
            ranker.model.match(
                ranker.model.read(
                    ranker.model.text.words(ids), mask, *ranker.sticker_inputs(features, np.array([at]))
                )[:, 0]
            )[0]
            for at in range(5)
        ]
    margin = [float(pair[1] - pair[0]) for pair in logits]
    assert np.allclose(ranker.score(TALK, features), margin, atol=1e-5)
    assert np.allclose(ranker.score(TALK, features, "margin"), margin, atol=1e-5)
    assert np.allclose(ranker.score(TALK, features, "match"), [float(p[1]) for p in logits], atol=1e-5)


def test_alone_among_others_and_in_chunks_it_is_the_same_score(
    ranker: MMBERTRanker, stickers: list[Sticker], monkeypatch: pytest.MonkeyPatch
) -> None:
    features = ranker.encode_stickers(stickers)
    together = ranker.score(TALK, features)
    for at, sticker in enumerate(stickers):
        fresh = ranker.encode_stickers([sticker])
        assert np.allclose(ranker.score(TALK, fresh), together[at], atol=1e-5)
    order = np.array([3, 0, 3])
    assert np.allclose(ranker.score(TALK, take(features, order)), together[order], atol=1e-5)
    long = Conversation.from_texts(*["this is a happy cat, really"] * 6)
    rows = np.array([[0, 1, 2], [4, 3, 3], [2, 0, 1]])
    talks = [TALK, long, OTHER]
    for pairs in (64, 2):
        monkeypatch.setattr("retriever.rankers.mmbert.ranker._PAIRS", pairs)
        table = ranker.score_lists(talks, features, rows)
        for at, talk in enumerate(talks):
            assert np.allclose(table[at], ranker.score(talk, features)[rows[at]], atol=1e-5)


def test_cached_or_not_and_none_at_all(ranker: MMBERTRanker, stickers: list[Sticker], tmp_path: Path) -> None:
    fresh = ranker.score(TALK, ranker.encode_stickers(stickers))
    FeatureCache(ranker, tmp_path)(stickers)
    again = FeatureCache(ranker, tmp_path)(stickers)  # of the disk
    assert np.allclose(ranker.score(TALK, again), fresh, atol=1e-5)
    nothing = ranker.encode_stickers([])
    assert nothing["vector"].shape == (0, 32) and nothing["words"].shape == (0, 5)
    assert ranker.score(TALK, nothing).shape == (0,)


@pytest.mark.parametrize("kind", ["bert", "transformer"])
def test_saved_and_loaded_it_scores_the_same(tmp_path: Path, stickers: list[Sticker], kind: str) -> None:
    ranker = tiny_ranker(text={**TEXT, "kind": kind}, score="match")
    save_mmbert(tmp_path, ranker.model, ranker.tokens, {"metrics": {"R@1": 1.0}})
    loaded = load_ranker(tmp_path, device="cpu")
    assert isinstance(loaded, MMBERTRanker) and loaded.model_id.startswith("mmbert-")
    expected = ranker.score(TALK, ranker.encode_stickers(stickers))
    assert np.allclose(loaded.score(TALK, loaded.encode_stickers(stickers)), expected, atol=1e-5)


def test_damaged_or_mixed_checkpoints_are_told(tmp_path: Path, ranker: MMBERTRanker) -> None:
    def fresh() -> None:
        save_mmbert(tmp_path, ranker.model, ranker.tokens)

    fresh()
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        load_ranker(tmp_path)
    fresh()
    state = load_file(weights)
    save_file({name: value for name, value in state.items() if name != "second"}, weights)
    with pytest.raises(ModelError, match=r"1 missing \(second\)"):
        load_ranker(tmp_path)
    fresh()
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="tokenizer"):
        load_ranker(tmp_path)
    fresh()
    config = json.loads((tmp_path / "config.json").read_text())
    for wrong in ({"slots": 1}, {"text": {**TEXT, "layers": 1}}, {"nonsense": 4}):
        changed = {**config, "model": {**config["model"], **wrong}}
        (tmp_path / "config.json").write_text(json.dumps(changed))
        with pytest.raises(ModelError):
            load_ranker(tmp_path)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"text": {**TEXT, "kind": "gru"}}, "one 'bert'"),
        ({"text": {**TEXT, "max_tokens": 8}}, "7 are for the sticker"),
    ],
)
def test_what_cannot_be_built_is_refused(parts: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        tiny_ranker(**parts)


def test_saliency_is_the_gradient_of_the_loss(ranker: MMBERTRanker, stickers: list[Sticker]) -> None:
    features = take(ranker.encode_stickers(stickers), np.array([1, 4]))
    found = ranker.saliency(TALK, features)
    shown = ranker.tokens.shown(TALK)
    assert found.shape == (2, len(shown)) and (found > 0).any() and not np.allclose(found[0], found[1])
    # against the slope along one token's own direction
    model = ranker.model
    batch = ranker.tokens.dialogues([TALK])
    ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
    inputs = ranker.sticker_inputs(features, np.array([0]))
    vectors = model.text.words(ids).detach().double()

    def loss(moved: torch.Tensor) -> float:
        with torch.inference_mode():
            logits = model.match(model.read(moved.float(), mask, *inputs)[:, 0])
        return float(-logits.double().log_softmax(-1)[0, 1])

    at, slope = 2, np.zeros(32)
    for axis in range(32):
        step = torch.zeros_like(vectors)
        step[0, at, axis] = 1e-2
        slope[axis] = (loss(vectors + step) - loss(vectors - step)) / 2e-2
    assert np.linalg.norm(slope) == pytest.approx(found[0, at], rel=0.05)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_device_that_is_not_there(ranker: MMBERTRanker) -> None:
    with pytest.raises(InputError, match="expected auto, cpu or cuda"):
        MMBERTRanker(ranker.model, ranker.tokens, device="tpu")
