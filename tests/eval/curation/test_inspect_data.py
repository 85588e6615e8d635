"""Statistics counted by hand, and leaks put there on purpose."""

import json

import pytest
from curation_worlds import blocks, write_world
from format_worlds import WRITERS, write_rows
from ranking_worlds import dialogue, write_ser30k, write_stickerchat

from eval.curation.inspect import inspect
from eval.curation.looks import alike, looks_of
from eval.curation.statistics import words_in
from eval.curation.talk import pair_keys, text_key
from eval.datasets import open_stickers
from retriever.errors import InputError
from retriever.types import Conversation


@pytest.mark.parametrize(
    ("text", "segmented", "n"),
    [
        ("so it goes", False, 3),
        ("你好吗", False, 3),
        ("你 好吗", True, 2),
        ("我用 Python 3, 好！", False, 5),  # 我 用 Python 3 好
        ("Ünïcode is fun", False, 3),
        ("", False, 0),
    ],
)
def test_words(text, segmented, n):
    assert words_in(text, segmented) == n


def test_a_split_is_counted_by_hand(tmp_path):
    rows = [
        {"id": "1", "mode": "supplement", "utterances": [{"speaker": "A", "text": "so it goes"}],
         "sticker": "p/1", "emotion": "Joy", "dialogue": "d"},
        {"id": "2", "utterances": ["hi", "你好"], "sticker": "p/2", "candidates": ["p/1", "p/3"],
         "dialogue": "d"},
        {"id": "3", "utterances": ["hm"], "candidates": ["p/1"]},
        "{",
    ]  # fmt: skip
    write_rows(tmp_path / "train.jsonl", *rows)
    found = inspect(tmp_path)
    assert found.stickers is None and "has no stickers/ folder" in found.no_stickers
    counts = found.as_dict()["splits"]["train"]
    problem, remark = counts.pop("problems")
    assert "train.jsonl, line 4: not JSON" in problem and problem.endswith("expected an object a line")
    assert remark.endswith(
        "train.jsonl, line 2: candidates: got p/1, p/3; expected the gold 'p/2' among them"
    )
    assert counts == {
        "rows": 3, "bad_rows": 1, "left_out": {}, "dialogues": 1,
        "utterances": 4, "utterances_per_row": 1.333,
        "words_per_utterance": 1.75, "characters_per_utterance": 3.5, "speakers_per_row": 1.333,
        "modes": {"reply": 2, "supplement": 1}, "rows_with_sticker": 2, "stickers_sent": 2,
        "rows_with_candidates": 2, "candidates": {"1": 1, "2": 1}, "gold_not_a_candidate": 1,
        "labels": {"emotion": {"joy": 1}},
    }  # fmt: skip


def test_stickers_that_were_sent_and_are_not_there(tmp_path):
    world = write_world(tmp_path / "world")
    write_rows(world / "valid.jsonl", {"id": "v", "utterances": ["hi"], "sticker": "gone/1"})
    found = inspect(world, images=False).as_dict()
    assert found["sent_but_not_there"] == {"stickers": 1, "rows": 1, "first": ["gone/1"]}
    assert found["stickers"]["near_groups"] is None
    assert found["stickers"]["labels"]["emotion"] == {"anger": 9, "fear": 9, "happiness": 7}


def test_the_same_talk_is_found_however_it_is_cut(tmp_path):
    world = write_world(tmp_path / "world")
    rows = [
        {"id": "again", "utterances": ["In dialogue 3   SOMEBODY says number 0"], "sticker": "p/0"},
        {"id": "part", "utterances": ["before it", "in dialogue 4 somebody says number 1",
                                      "in dialogue 4 somebody says number 2"], "sticker": "p/1"},
        {"id": "stock", "utterances": ["hi", "hello"], "sticker": "p/copy-1"},
        {"id": "d0-0", "utterances": ["something else entirely"], "sticker": "p/0"},
    ]  # fmt: skip
    write_rows(world / "valid.jsonl", *rows)
    train = world / "train.jsonl"
    kept = [line for line in train.read_text().splitlines() if json.loads(line)["sticker"] != "p/copy-1"]
    train.write_text("\n".join([*kept, json.dumps({"id": "hi", "utterances": ["hi", "hello", "x"]})]) + "\n")
    (leak,) = inspect(world).leaks
    assert (leak.split, leak.within, leak.rows) == ("valid", "train", 4)
    assert (leak.same_conversation, leak.shared_turns, leak.same_id) == (1, 1, 1)
    assert leak.examples == ("again", "part")
    # p/copy-1 is never sent in train, but what it is a copy of is
    assert (leak.unseen_rows, leak.unseen_stickers, leak.like_seen) == (1, 1, 1)
    assert inspect(world, images=False).leaks[0].like_seen is None


def test_keys_of_talk():
    said = Conversation.from_texts("Ｈｅｌｌｏ  there my friend", "and how are you?")
    same = Conversation.from_texts("hello there my FRIEND", "and how are  you?", mode="supplement")
    assert text_key(said) == text_key(same) and list(pair_keys(said)) == list(pair_keys(same))
    assert text_key(said) != text_key(Conversation.from_texts("hello there my friend and how are you?"))
    assert not list(pair_keys(Conversation.from_texts("ok", "fine")))
    assert len(list(pair_keys(Conversation.from_texts("你觉得这个怎么样", "我觉得很好", "好")))) == 1


def test_copies_across_the_splits_of_pictures(tmp_path):
    root = write_ser30k(tmp_path / "ser", per_emotion=1)
    topic = root / "Images" / "train-cat"
    for at in range(1, 8):
        blocks(at).save(topic / f"sticker_{at}0.jpg", quality=95)
        blocks(50 + at).save(root / "Images" / "val-cat" / f"sticker_{at}0.jpg", quality=95)
    other = root / "Images" / "val-cat"
    (other / "sticker_10.jpg").write_bytes((topic / "sticker_10.jpg").read_bytes())
    blocks(2, 4).save(other / "sticker_20.jpg", quality=90)
    found = inspect(root)
    assert (found.stickers.exact_groups, found.stickers.near_groups) == (1, 1)
    assert (found.stickers.across_exact, found.stickers.across_near) == (1, 1)
    assert found.stickers.across[0] == ("train/train-cat/sticker_10.jpg", "val/val-cat/sticker_10.jpg")
    assert not found.splits and found.stickers.stickers == 14


def test_looks_are_kept_and_not_looked_at_again(tmp_path):
    world = write_world(tmp_path / "world", copies=2)
    cache = tmp_path / "cache" / "looks.jsonl"
    entries = list(open_stickers(world))
    first = list(looks_of(entries, cache))
    assert alike(first) == [(0, 20), (1, 21)]
    n = len(cache.read_text().splitlines())
    cache.write_bytes(cache.read_bytes()[:-50])  # a kill in the middle of a line
    assert list(looks_of(entries, cache)) == first
    assert len([line for line in cache.read_text().splitlines() if line.endswith("]")]) == n
    for path in (world / "stickers" / "images").glob("*.png"):
        status = path.stat()
        path.write_bytes(b"x" * status.st_size)  # other bytes, the same stamp: not opened again
        import os

        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert list(looks_of(entries, cache)) == first


def test_images_that_cannot_be_looked_at_are_counted(tmp_path):
    world = write_world(tmp_path / "world")
    (world / "stickers" / "images" / "3.png").write_bytes(b"no picture")
    (world / "stickers" / "images" / "4.png").unlink()
    found = inspect(world)
    assert found.stickers.unusable == {"missing_file": 1, "not_an_image": 1}
    assert found.stickers.stickers == 24 and len(found.stickers.problems) == 2


def test_stickerchat_keeps_its_words_apart(tmp_path):
    root = write_stickerchat(tmp_path / "chat", [dialogue(501, 50105, ("你 吃 了 吗", "还没"))])
    counts = inspect(root, splits=["train"], images=False).as_dict()["splits"]
    assert list(counts) == ["train"] and counts["train"]["words_per_utterance"] == 2.5
    assert counts["train"]["characters_per_utterance"] == 3.0
    with pytest.raises(InputError, match="has no split 'test'; it has train, valid"):
        inspect(root, splits=["test"])


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_can_be_inspected(tmp_path, name):
    found = inspect(WRITERS[name](tmp_path / "data"))
    assert found.format == name and json.dumps(found.as_dict())
    assert found.stickers.stickers > 0 and not found.stickers.unusable
