"""Int-RA at inference: one vector a sticker, the same alone or among others, checkpoints that fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_int_ra_model import KNOWN, SHAPE, talk, tiny_int_ra, told_stickers

from retriever.errors import ModelError
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.rankers import load_ranker
from retriever.rankers.base import DenseRanker, Expecting, take
from retriever.rankers.cache import FeatureCache
from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.int_ra.ranker import IntRARanker, save_int_ra
from retriever.rankers.int_ra.tokens import sticker_texts
from retriever.types import Attributes, Sticker

TALK = talk("hello there", "this is a happy cat", known=KNOWN)
VARIANTS = [
    {"query": "fused"}, {"query": "soft"}, {"query": "paper"}, {"query": "context"}, {"relation": "gate"},
    {"attributes": []}, {"attributes": ["verbal"], "labels": "emotion"}, {"stand_in": "names"},
]  # fmt: skip


@pytest.mark.parametrize("parts", VARIANTS, ids=str)
def test_alone_among_others_cached_and_reloaded_are_the_same(parts, tmp_path):
    ranker = tiny_int_ra(**parts)
    stickers = told_stickers(tmp_path)
    features = ranker.encode_stickers(stickers)
    assert features["vector"].shape == (5, 16) and features["vector"].dtype == np.float32
    assert np.allclose(np.linalg.norm(features["vector"], axis=1), 1, atol=1e-5)
    scores = ranker.score(TALK, features)
    assert np.ptp(scores) > 1e-3 and np.abs(scores).max() <= 1 + 1e-6
    for at, sticker in enumerate(stickers):
        alone = ranker.score(TALK, ranker.encode_stickers([sticker]))
        assert alone == pytest.approx(scores[at : at + 1], abs=1e-5)
    assert ranker.score(TALK, take(features, np.array([3, 0]))) == pytest.approx(scores[[3, 0]], abs=1e-6)
    cached = FeatureCache(ranker, tmp_path / "cache")
    cached(stickers)
    again = FeatureCache(ranker, tmp_path / "cache")(stickers)
    assert ranker.score(TALK, again) == pytest.approx(scores, abs=1e-6)
    folder = tmp_path / "saved"
    folder.mkdir()
    save_int_ra(folder, ranker.model, ranker.tokens)
    loaded = load_ranker(folder, "cpu")
    assert isinstance(loaded, IntRARanker) and loaded.model_id.startswith("int_ra-")
    assert loaded.score(TALK, loaded.encode_stickers(stickers)) == pytest.approx(scores, abs=1e-6)


def test_many_conversations_at_once_are_as_one_by_one(tmp_path):
    ranker = tiny_int_ra()
    vectors = ranker.encode_stickers(told_stickers(tmp_path))["vector"]
    talks = [TALK, talk("so sad today"), talk(*["hello there"] * 9), talk("我很开心", known=KNOWN)]
    together = ranker.cosines(talks, vectors)
    for row, one in zip(together, talks, strict=True):
        assert ranker.score(one, {"vector": vectors}) == pytest.approx(row, abs=1e-5)


def test_it_is_dense_and_says_what_it_expects(tmp_path):
    ranker = tiny_int_ra()
    assert isinstance(ranker, DenseRanker) and ranker.dense and isinstance(ranker, Expecting)
    expected = ranker.expected(TALK)["intention"]
    assert tuple(expected) == INTENTIONS and sum(expected.values()) == pytest.approx(1)
    assert tuple(tiny_int_ra(labels="emotion").expected(TALK)["emotion"]) == EMOTIONS
    assert tiny_int_ra(query="context").expected(TALK) == {}
    assert ranker.encode_stickers([])["vector"].shape == (0, 16)
    assert ranker.score(TALK, {"vector": np.empty((0, 16), np.float32)}).shape == (0,)


def test_paper_has_one_ranking_a_label_and_the_others_more(tmp_path):
    vectors = {"vector": tiny_int_ra().encode_stickers(told_stickers(tmp_path))["vector"]}
    talks = [talk("hello there"), talk("so sad today"), talk("a happy cat", "sad")]
    literal = tiny_int_ra(query="paper")
    with torch.no_grad():
        literal.model.classifier.bias[INTENTIONS.index("joy")] = 1000
    scores = [literal.score(one, vectors) for one in talks]
    assert all(np.array_equal(scores[0], other) for other in scores[1:])
    for query in ("fused", "context"):
        scores = [tiny_int_ra(query=query).score(one, vectors) for one in talks]
        assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_soft_is_the_labels_weighted_by_their_probabilities(tmp_path):
    ranker = tiny_int_ra(query="soft")
    model = ranker.model
    found = ranker.queries([TALK])
    with torch.no_grad():
        labels = model.encode_labels()
        meant = sum(p * row for p, row in zip(found.logits[0].softmax(0), labels, strict=True))
        by_hand = torch.nn.functional.normalize(model.intention(meant), dim=0)
    assert torch.allclose(found.vector[0], by_hand, atol=1e-5)


@pytest.mark.parametrize("relation", ["score", "gate"])
def test_the_relation_by_hand(relation, tmp_path):
    """Equations 11 and 12 with loops over heads, attributes and regions."""
    ranker = tiny_int_ra(relation=relation)
    part = ranker.model.relations
    torch.manual_seed(1)
    regions, texts = torch.randn(1, 3, 24), torch.randn(1, 4, 32)
    known = torch.tensor([[True, False, True, False]])
    with torch.no_grad():
        vector, maps = part(regions, texts, known)
        seen, told = part.regions(regions[0]), part.descriptions(texts[0])
        weights = torch.zeros(2, 4, 3)  # heads, attributes, regions
        for head in range(2):
            cols = slice(8 * head, 8 * head + 8)
            for at in range(4):
                query = part.query(told[at])[cols]
                scores = [query @ part.key(seen[r])[cols] / 8**0.5 for r in range(3)]
                weights[head, at] = torch.tensor(scores).softmax(0)
        score = [max(weights[:, at, r].mean().item() for at in (0, 2)) for r in range(3)]
        assert maps[0].tolist() == pytest.approx(score, abs=1e-5)
        if relation == "score":
            by_hand = sum(score[r] * seen[r] for r in range(3))
        else:
            outputs = torch.stack(
                [
                    torch.cat(
                        [
                            sum(
                                weights[head, at, r] * part.values(seen[r])[8 * head : 8 * head + 8]
                                for r in range(3)
                            )
                            for head in range(2)
                        ]
                    )
                    for at in (0, 2)
                ]
            )
            by_hand = outputs.max(0).values * seen.mean(0)
    assert torch.allclose(vector[0], by_hand, atol=1e-4)


@pytest.mark.parametrize("relation", ["score", "gate"])
def test_without_attributes_every_region_counts_the_same(relation, tmp_path):
    stickers = told_stickers(tmp_path)
    ranker = tiny_int_ra(relation=relation)
    maps = ranker.relations(stickers)
    assert maps.shape == (5, 16) and np.ptp(maps[0]) > 1e-4 and np.allclose(maps[2:], 1 / 16)
    stripped = [replace(sticker, attributes=Attributes()) for sticker in stickers]
    bare, told = (ranker.encode_stickers(some)["vector"] for some in (stripped, stickers))
    assert np.allclose(bare[2:], told[2:]) and np.abs(bare[:2] - told[:2]).max() > 1e-3
    # and a text that a subset leaves out changes nothing
    subset = tiny_int_ra(relation=relation, attributes=["posture"])
    second = [replace(stickers[1], attributes=replace(stickers[1].attributes, verbal="wide"))]
    assert np.allclose(
        subset.encode_stickers(second)["vector"], subset.encode_stickers(stickers[1:2])["vector"]
    )


def test_names_stand_in_only_where_nothing_is_described():
    config = IntRAModelConfig.model_validate({**SHAPE, "stand_in": "names", "languages": ["en"]})
    named = Sticker("a", "p", "0", "", name={"en": "grin", "zh": "嘿"}, keywords={"en": ("happy", "face")})
    assert sticker_texts(named, config) == ("grin. happy, face.",) * 4
    told = replace(named, attributes=Attributes(posture=" sitting  down "))
    assert sticker_texts(told, config) == ("", "sitting down", "", "")
    nothing = config.model_copy(update={"stand_in": "nothing"})
    assert sticker_texts(named, nothing) == ("", "", "", "")


def test_knowledge_follows_the_newest_words_and_is_cut_at_its_end():
    ranker = tiny_int_ra(history=2)
    tokens, pieces = ranker.tokens, ranker.tokens.pieces
    _, cls, sep = pieces.markers

    def row(conversation):
        rows = tokens.conversations([conversation])
        return rows.ids[0][: rows.mask[0].sum()].tolist()

    def cut(text):
        return pieces.cut([text])[0]

    said = row(talk("hello there", "so sad", "a happy cat", known=KNOWN))
    talked = [cls, *cut("so sad"), sep, *cut("a happy cat"), sep]
    known = [*cut("to cheer; to grin"), sep, *cut("happy"), sep]
    assert said == talked + (known if len(known) <= 12 else [*known[:11], sep])
    assert row(talk("a", "so sad", "a happy cat")) == talked
    blind = tiny_int_ra(history=2, knowledge=False)
    assert (
        blind.tokens.conversations([talk("hello there", known=KNOWN)]).mask.sum()
        == len(cut("hello there")) + 2
    )
    long = row(talk("hello " * 80, "so sad " * 80, known=KNOWN))
    assert len(long) == 40 and long[0] == cls and long[-1] == sep and long[-13] == sep
    assert long[-12:] == row(talk("hello", known=KNOWN))[-12:]


def test_knowledge_changes_scores_unless_it_is_off(tmp_path):
    stickers = told_stickers(tmp_path)
    for knowledge in (True, False):
        ranker = tiny_int_ra(knowledge=knowledge)
        features = ranker.encode_stickers(stickers)
        apart = ranker.score(TALK, features) - ranker.score(replace(TALK, inferences=None), features)
        assert (np.abs(apart).max() > 1e-3) == knowledge


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"width": 18, "heads": 4}, "width 18 is not a multiple of heads 4"),
        ({"attributes": ["verbal", "verbal"]}, "name each once"),
        ({"knowledge_tokens": 40}, "knowledge_tokens is 40; expected less than text.max_tokens, 40"),
        ({"attributes": ["hat"]}, "gesture"),
    ],
)
def test_a_configuration_that_cannot_be(wrong, told):
    with pytest.raises(ValidationError, match=told):
        IntRAModelConfig.model_validate({**SHAPE, **wrong})


def test_torn_and_mixed_checkpoints_are_refused(tmp_path: Path):
    ranker = tiny_int_ra()
    folder = tmp_path / "saved"
    folder.mkdir()
    save_int_ra(folder, ranker.model, ranker.tokens)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        load_ranker(folder, "cpu")
    other = tmp_path / "other"
    other.mkdir()
    without = tiny_int_ra(query="context")
    save_int_ra(other, without.model, without.tokens)
    weights.write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"missing .*classifier"):
        load_ranker(folder, "cpu")
    weights.write_bytes(whole)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"fused"', '"fussed"'))
    with pytest.raises(ModelError, match="describes no Int-RA model"):
        load_ranker(folder, "cpu")
    (folder / "config.json").write_text(config)
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="tokenizer"):
        load_ranker(folder, "cpu")


def test_scores_that_are_no_numbers_are_an_error(tmp_path):
    ranker = tiny_int_ra()
    features = ranker.encode_stickers(told_stickers(tmp_path))
    with torch.no_grad():
        ranker.model.context.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        ranker.score(TALK, features)
