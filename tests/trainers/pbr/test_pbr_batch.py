"""Batches: every distinct sticker once, empty and missing slots told apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_pbr import tiny_config, tiny_data, tiny_teacher

from retriever.rankers.parts.config import TextConfig
from retriever.rankers.parts.pieces import WordPieces
from retriever.rankers.parts.tokens import ConversationTokens
from trainers.datasets.ranking import BLANK, RankingSample
from trainers.pbr.batch import make_batch
from trainers.polarity import conversation_polarity


@pytest.fixture(scope="module")
def tokens() -> ConversationTokens:
    return ConversationTokens(WordPieces.learn(["a black hat on the red one"], 60), TextConfig(max_tokens=32))


def test_every_distinct_sticker_is_there_once_and_candidates_point_at_it(tokens: ConversationTokens) -> None:
    data = tiny_data()
    samples = data.samples[:6]  # the four of one pack and two of the next: 8 distinct, 24 slots
    batch = make_batch(samples, data.stickers, tokens)
    assert batch.pixels.shape == (8, 16, 16, 3) and batch.candidates.shape == (6, 4)
    for at, sample in enumerate(samples):
        rows = batch.rows[batch.candidates[at]].tolist()
        assert [data.stickers.ids[row] for row in rows] == list(sample.candidates)
        picture = batch.pixels[batch.candidates[at, sample.gold]].numpy()
        assert np.array_equal(picture, data.stickers.pixels(np.array([data.stickers.row(sample.sticker)]))[0])
    assert batch.topic.tolist() == [0] * 4 + [1] * 4
    assert batch.polarity[2].tolist() == pytest.approx(conversation_polarity(samples[2].conversation))


def test_an_empty_slot_is_a_grey_picture_and_a_missing_one_is_nothing(tokens: ConversationTokens) -> None:
    data = tiny_data()
    first, second = data.samples[:2]
    short = replace(first, candidates=(first.sticker, None), gold=0)
    batch = make_batch([short, second], data.stickers, tokens, tiny_teacher())
    assert batch.candidates[0, 2:].tolist() == [-1, -1]
    blank = int(batch.candidates[0, 1])
    assert batch.rows[blank] == BLANK and batch.topic[blank] == -1
    assert batch.pixels[blank].unique().tolist() == [127]
    assert batch.anchors is not None and batch.anchors[blank].abs().sum() == 0


def test_what_the_teacher_says_follows_the_stickers(tokens: ConversationTokens) -> None:
    data, teacher = tiny_data(), tiny_teacher()
    batch = make_batch(data.samples[5:9], data.stickers, tokens, teacher)
    assert batch.anchors is not None and batch.logits is not None and batch.features is not None
    for at, row in enumerate(batch.rows.tolist()):
        assert torch.equal(batch.anchors[at], torch.from_numpy(teacher.anchors[row]))
        assert torch.equal(batch.logits[at], torch.from_numpy(teacher.logits[row]))
        assert torch.equal(batch.features[at], torch.from_numpy(teacher.features[row]))


def test_a_sample_keeps_its_gold(tokens: ConversationTokens) -> None:
    data = tiny_data()
    batch = make_batch(list(data.samples), data.stickers, tokens)
    golds = batch.rows[batch.candidates[torch.arange(16), batch.gold]]
    expected = [data.stickers.row(sample.sticker) for sample in data.samples]
    assert golds.tolist() == expected
    assert isinstance(data.samples[0], RankingSample) and tiny_config().batch.size == 4
