"""DSTC10-MOD in its real layout: what becomes a sample, what is told when it is not what it should be."""

import json
from pathlib import Path
from typing import Any

import pytest
from mod_world import WORDS, dialogues, rows, turn, write_mod

from eval.datasets.mod import find_split
from retriever.errors import ConversationError, InputError
from trainers.datasets.config import RankingDataConfig
from trainers.datasets.load import load_ranking, load_split
from trainers.datasets.mod import MODStickers, load_mod, open_mod


def opened(root: Path) -> MODStickers:
    return open_mod(root, root / "cache", 12, "crop", False)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MODStickers]:
    root = write_mod(tmp_path_factory.mktemp("mod") / "data")
    return root, opened(root)


def test_stickers_come_with_their_words(world: tuple[Path, MODStickers]) -> None:
    _, stickers = world
    assert stickers.images.ids == tuple(f"{at:03d}" for at in range(6)) and not stickers.problems
    assert tuple(one.attributes.verbal for one in stickers.images.said) == WORDS
    assert dict(stickers.emotions) == {0: "高兴", 1: "难过", 2: "生气"}
    assert stickers.images.images.shape[1:] == (12, 12, 3)


def test_a_sample_ends_at_a_sticker_that_is_not_in_the_first_turn(world: tuple[Path, MODStickers]) -> None:
    root, stickers = world
    data = load_mod(root, "train", stickers, strict=True)
    found = [
        (s.id, s.sticker, s.emotion, s.conversation.mode, [u.text for u in s.conversation.utterances])
        for s in data.samples
    ]
    assert found == [
        ("train/dialogue 1/3", "001", "高兴", "supplement", ["今天好热", "是啊", "去游泳吗"]),
        ("train/dialogue 1/4", "002", None, "reply", ["今天好热", "是啊", "去游泳吗"]),
        ("train/dialogue 2/2", "000", "难过", "supplement", ["早上好", "早"]),  # id 0 is a sticker, too
        ("train/dialogue 3/3", "004", "生气", "supplement", ["走吗", "不去", "好吧"]),
    ]
    assert data.samples[1].conversation.reply_speaker == "[speaker2]"
    assert data.policy == "random" and not data.notes


def test_random_candidates_change_in_training_alone(world: tuple[Path, MODStickers]) -> None:
    root, stickers = world
    train = load_mod(root, "train", stickers, negatives=2)
    epochs = [[train.draw(at, epoch).candidates for at in range(4)] for epoch in range(4)]
    assert len({str(lists) for lists in epochs}) > 1
    assert all(len(one) == 3 and set(one) <= {"000", "001", "002", "004"} for one in epochs[0])
    valid = load_mod(root, "valid", stickers, "random", negatives=2)
    assert [valid.draw(at, 0) for at in range(4)] == [valid.draw(at, 3) for at in range(4)]
    assert [sample.emotion for sample in valid.samples] == ["高兴", None, "难过", "生气"]


def test_given_candidates_and_all_stickers(world: tuple[Path, MODStickers]) -> None:
    root, stickers = world
    for split, count in (("easy", 1), ("hard", 2), ("valid", 2)):
        given = load_mod(root, split, stickers, strict=True)  # type: ignore[arg-type]
        assert given.policy == "given" and len(given.samples) == count
        assert given.samples[0].candidates == ("001", "003", "005") and given.samples[0].gold == 1
        assert given.notes == {"candidates_3": count, "padded_slots": 0}
    every = load_mod(root, "hard", stickers, "all")
    assert [(len(s.candidates), s.candidates[s.gold]) for s in every.samples] == [(6, "003"), (6, "000")]
    assert every.samples[0].conversation.utterances[-1].text == "去游泳吗"
    assert every.samples[1].conversation.mode == "reply"


def test_other_names_and_folders(tmp_path: Path) -> None:
    left_out = {"c_train": None, "c_val": None, "c_val_task2": None, "c_test_easy_task2": None}
    root = write_mod(tmp_path / "data", **left_out)
    for name, content in (
        ("train/c_train.json", dialogues()),
        ("validation/validation.json", dialogues()),
        ("test/annotated_c_test_easy_task2_v2.json", rows()),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(json.dumps(content))
    (root / "supplementary").mkdir()
    (root / "meme_set").rename(root / "supplementary" / "meme_set")
    (root / "img2id.json").rename(root / "supplementary" / "img2id.json")
    stickers = opened(root)
    assert len(load_mod(root, "train", stickers).samples) == 4
    valid = load_mod(root, "valid", stickers)
    assert (len(valid.samples), valid.policy) == (4, "random")
    assert len(load_mod(root, "easy", stickers).samples) == 2
    with pytest.raises(InputError, match="dialogues without candidates; use the policy random or all"):
        load_mod(root, "valid", stickers, "given")


def test_the_better_of_two_validation_files(world: tuple[Path, MODStickers]) -> None:
    root, _ = world
    assert find_split(root, "valid").name == "c_val_task2.json"
    assert find_split(root, "valid", "random").name == "c_val.json"


BAD_ROWS: list[tuple[dict[str, Any], str]] = [
    (
        {"answer": turn(2, None, "004")},
        r"row 1: the answer 004 stands 0 times in candidate.set \(001, 003, 005\)",
    ),
    ({"answer": turn(2, None, "x1")}, r"row 1, answer.img_id: got str 'x1'; expected an id of digits"),
    ({"answer": 4}, r"row 1, answer: got int '4'; expected an object with img_id"),
    ({"candidate": {"set": []}}, r"row 1, candidate.set: got list '\[\]'; expected a list of img_ids"),
    ({"history": "x"}, r"row 1, history: got str 'x'; expected a list of turns"),
    (
        {"history": [{"speaker_id": "[speaker1]", "txt": 5}]},
        r"row 1, turn 1, txt: got int '5'; expected text",
    ),
    ({"history": [{"txt": "早"}]}, r"row 1, turn 1, speaker_id: got nothing; expected '\[speaker1\]'"),
    ({"answer": turn(2, None, "003", 77)}, r"row 1, emotion_id: got 77; expected 0 to 2, as in emotion_dict"),
]


@pytest.mark.parametrize(("change", "told"), BAD_ROWS)
def test_a_bad_row_is_named_and_otherwise_counted(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    first, second = rows()
    root = write_mod(tmp_path / "data", c_test_easy_task2=[{**first, **change}, second])
    stickers = opened(root)
    with pytest.raises(ConversationError, match=rf"c_test_easy_task2\.json, {told}"):
        load_mod(root, "easy", stickers, strict=True)
    data = load_mod(root, "easy", stickers)
    assert [s.id for s in data.samples] == ["easy/2"] and data.notes["bad_rows"] == 1


def test_bad_turns_of_dialogues_are_named(tmp_path: Path) -> None:
    talk = {**dialogues(), "dialogue 9": [turn(1, "嗯"), turn(2, "好", "a")], "dialogue 10": 5}
    root = write_mod(tmp_path / "data", c_train=talk)
    stickers = opened(root)
    with pytest.raises(ConversationError, match=r"c_train\.json, dialogue 9, turn 2: img_id: got str 'a'"):
        load_mod(root, "train", stickers, strict=True)
    assert load_mod(root, "train", stickers).notes == {"bad_rows": 2}


def test_tests_without_annotation_have_no_samples(tmp_path: Path) -> None:
    first, second = rows()
    root = write_mod(tmp_path / "data", c_test_easy_task2=[{**first, "answer": turn(2, None, "")}, second])
    stickers = opened(root)
    assert load_mod(root, "easy", stickers, strict=True).notes["no_answer"] == 1
    root = write_mod(tmp_path / "more", c_test_easy_task2=[{**first, "answer": turn(2, None, "")}])
    with pytest.raises(InputError, match=r"no row can be used \(\{'no_answer': 1\}"):
        load_mod(root, "easy", stickers)


def test_stickers_without_images_are_counted(tmp_path: Path) -> None:
    root = write_mod(tmp_path / "data")
    (root / "meme_set" / "m0.png").write_bytes(b"no picture")
    (root / "meme_set" / "m5.png").unlink()
    stickers = opened(root)
    assert sorted(stickers.problems) == ["000", "005"]
    assert load_mod(root, "train", stickers).notes == {"sticker_without_image": 1}
    given = load_mod(root, "easy", stickers)
    assert given.samples[0].candidates == ("001", "003", None) and given.notes["padded_slots"] == 1


def test_files_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    root = write_mod(tmp_path / "data")
    stickers = opened(root)
    (root / "c_train.json").write_text('{"dialogue 1": [\n  {"txt": }]}')
    with pytest.raises(InputError, match=r"c_train\.json, line 2, column 11: .*expected one JSON document"):
        load_mod(root, "train", stickers)
    (root / "c_train.json").write_text("5")
    with pytest.raises(InputError, match="got int '5'; expected an object of dialogues"):
        load_mod(root, "train", stickers)
    (root / "c_train.json").unlink()
    with pytest.raises(InputError, match=r"no train split of DSTC10-MOD; expected one of c_train\.json"):
        load_mod(root, "train", stickers)
    (root / "img2id.json").write_text('{"m0.png": "x"}')
    with pytest.raises(InputError, match=r"img2id\.json, 'm0\.png': got str 'x'; expected an id of digits"):
        opened(root)
    (root / "img2id.json").write_text('{"m0.png": 0, "m1.gif": "000"}')
    with pytest.raises(InputError, match=r"id 000 is that of 'm0\.png' already"):
        opened(root)
    (root / "img2id.json").unlink()
    with pytest.raises(InputError, match=r"has no img2id\.json; give the folder"):
        opened(root)


def test_through_the_data_table(world: tuple[Path, MODStickers]) -> None:
    root, _ = world
    given = {"path": str(root), "format": "mod", "cache": str(root / "cache"), "negatives": 2}
    config = RankingDataConfig.model_validate(given)
    splits = load_ranking(config, 12, show_progress=False)
    assert (len(splits.train.samples), len(splits.valid.samples)) == (4, 2)
    assert set(splits.hashes) == {"c_train.json", "c_val_task2.json", "stickers"}
    assert splits.notes == {"valid/candidates_3": 2}
    every = config.model_copy(update={"policy": "all"})
    assert len(load_split(every, "hard", 12).samples[0].candidates) == 6
    with pytest.raises(InputError, match="split is 'test'; mod data have valid, easy, hard"):
        load_split(config, "test", 12)
    with pytest.raises(ValueError, match="which mod data do not have; expected given, random, all"):
        RankingDataConfig.model_validate({**given, "policy": "srs_first9"})
