import json
from collections import Counter

import numpy as np
import pytest
from ranking_worlds import dialogue, write_native, write_ser30k, write_stickerchat

from eval.datasets.frozen import load_frozen
from eval.datasets.same_set import chooser
from eval.datasets.ser30k import is_ser30k
from eval.datasets.stickerchat import read_mapping
from retriever.errors import ConversationError, InputError
from trainers.datasets.config import RankingDataConfig
from trainers.datasets.load import load_ranking
from trainers.datasets.native import load_native, open_stickers
from trainers.datasets.ranking import TeacherOutputs, spread_rows
from trainers.datasets.ser30k import load_labelled_packs, load_ser30k
from trainers.datasets.stickerchat import load_stickerchat, open_sets


def native(tmp_path, **how):
    folder = write_native(tmp_path / "data")
    stickers = open_stickers([folder / "stickers"], tmp_path / "cache", 8)
    return load_native(folder, how.pop("split", "train"), stickers, **how), stickers


# Native


def test_rows_spread_over_a_split_keep_their_own_candidates(tmp_path):
    data, _ = native(tmp_path)
    spread = data.spread(5)
    assert [sample.id for sample in spread.samples] == [f"train-{at}" for at in (0, 4, 9, 14, 19)]
    for epoch in (0, 3):
        assert [spread.draw(at, epoch) for at in range(5)] == [
            data.draw(at, epoch) for at in (0, 4, 9, 14, 19)
        ]
    assert spread.draw(1, 0) != spread.draw(1, 1)
    assert data.spread(24).samples == data.samples == data.spread(99).samples
    assert [sample.id for sample in native(tmp_path / "v", split="valid")[0].spread(2).samples] == [
        "valid-0",
        "valid-5",
    ]


def test_a_configuration_says_which_rows_a_limit_keeps(tmp_path):
    folder = write_native(tmp_path / "data")
    how = {"path": str(folder), "cache": str(tmp_path / "cache"), "limit": 4, "valid_limit": 2}
    kept = {}
    for take in ("first", "spread"):
        splits = load_ranking(RankingDataConfig(**how, take=take), 8)
        kept[take] = [sample.id for data in (splits.train, splits.valid) for sample in data.samples]
    assert kept["first"] == ["train-0", "train-1", "train-2", "train-3", "valid-0", "valid-1"]
    assert kept["spread"] == ["train-0", "train-6", "train-12", "train-18", "valid-0", "valid-5"]


@pytest.mark.parametrize("n, limit", [(10, 4), (10, 10), (10, 3), (7, 5), (1, 1), (0, 3), (3, 9)])
def test_spread_rows_are_distinct_ascending_and_evenly_far(n, limit):
    rows = spread_rows(n, limit)
    assert len(rows) == min(n, limit) and rows == sorted(set(rows)) and set(rows) <= set(range(n))
    gaps = np.diff([*rows, n]) if rows else np.zeros(1)
    assert gaps.max() - gaps.min() <= 1


def test_candidates_are_of_the_golds_pack_hold_it_once_and_change_with_the_epoch(tmp_path):
    data, _ = native(tmp_path)
    seen = set()
    for epoch in range(4):
        for at in range(len(data.samples)):
            sample = data.draw(at, epoch)
            assert len(sample.candidates) == 10 == len(set(sample.candidates))
            assert sample.candidates[sample.gold] == sample.sticker == data.samples[at].sticker
            assert all(id_.startswith(sample.pack + "/") for id_ in sample.candidates)
        seen.add(data.draw(0, epoch).candidates)
    assert len(seen) == 4


def test_a_draw_depends_on_seed_epoch_and_sample_alone(tmp_path):
    data, stickers = native(tmp_path, seed=1)
    same = load_native(tmp_path / "data", "train", stickers, seed=1)
    other = load_native(tmp_path / "data", "train", stickers, seed=2)
    backwards = [same.draw(at, 3).candidates for at in reversed(range(10))][::-1]
    assert backwards == [data.draw(at, 3).candidates for at in range(10)]
    assert backwards != [other.draw(at, 3).candidates for at in range(10)]


def test_the_golds_place_says_nothing(tmp_path):
    data, _ = native(tmp_path)
    places = Counter(data.draw(at, epoch).gold for at in range(24) for epoch in range(50))
    assert set(places) == set(range(10))
    assert max(places.values()) < 2 * min(places.values())


def test_negatives_of_another_label(tmp_path):
    data, _ = native(tmp_path, policy="other_label_same_pack")
    for at in range(24):
        sample = data.draw(at, 1)
        emotions = [id_.split("/")[1].split("-")[0] for id_ in sample.candidates]
        assert emotions.count(sample.emotion) == 1 and len(set(sample.candidates)) == 10


def test_a_small_pack_leaves_empty_slots(tmp_path):
    data, _ = native(tmp_path, negatives=20)
    sample = data.draw(0, 0)
    assert len(sample.candidates) == 21 and sample.candidates.count(None) == 7  # 13 others of 14


def test_given_candidates_are_kept(tmp_path):
    data, _ = native(tmp_path, split="valid")
    lines = (tmp_path / "data" / "valid.jsonl").read_text().splitlines()
    for at, line in enumerate(lines):
        row = json.loads(line)
        for epoch in (0, 5):
            assert list(data.draw(at, epoch).candidates) == row["candidates"]
        assert data.samples[at].gold == 9


def test_rows_that_cannot_be_used_are_counted(tmp_path):
    _, stickers = native(tmp_path)
    good = {"id": "g", "utterances": ["hi"], "sticker": "p/anger-0"}
    rows = [
        good,
        {"id": "a", "utterances": ["hi"]},
        {"id": "b", "utterances": ["hi"], "sticker": "nowhere/1"},
        {"id": "c", "utterances": ["hi"], "sticker": "p/anger-0", "candidates": ["p/anger-1"]},
        {"id": "d", "utterances": "hi"},
        {**good, "id": "e", "candidates": ["nowhere/1", "p/anger-0"]},
    ]
    path = tmp_path / "other" / "train.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = load_native(path.parent, "train", stickers)
    assert [sample.id for sample in data.samples] == ["g", "e"]
    assert data.notes == {
        "no_sticker": 1, "sticker_in_no_pack": 1, "gold_not_a_candidate": 1, "bad_rows": 1, "padded_slots": 1,
    }  # fmt: skip
    assert data.draw(1).candidates == (None, "p/anger-0")
    with pytest.raises(ConversationError, match=r"train\.jsonl, line 5: utterances"):
        load_native(path.parent, "train", stickers, strict=True)
    path.write_text(json.dumps(rows[1]) + "\n")
    with pytest.raises(InputError, match=r"no row .* 1 no_sticker"):
        load_native(path.parent, "train", stickers)


def test_labels_are_needed_for_other_label(tmp_path):
    folder = write_native(tmp_path / "data")
    index = folder / "stickers" / "stickers.jsonl"
    rows = [json.loads(line) for line in index.read_text().splitlines()]
    for row in rows:
        del row["emotion"]
    index.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stickers = open_stickers([folder / "stickers"], tmp_path / "cache", 8)
    with pytest.raises(InputError, match="has no label, which other_label_same_pack"):
        load_native(folder, "train", stickers, "other_label_same_pack")
    with pytest.raises(InputError, match="expected random_same_pack"):
        load_native(folder, "train", stickers, "best")


# StickerChat


def stickerchat(tmp_path, policy="srs_first9", rows=None, **how):
    root = write_stickerchat(tmp_path / "sc", rows)
    images, mapping, problems = open_sets(root, tmp_path / "cache", 8)
    assert not problems
    return load_stickerchat(root, "train", images, mapping, policy, **how)


def test_the_first_nine_of_the_mapping_without_the_gold(tmp_path):
    data = stickerchat(tmp_path)
    first = data.draw(0)
    # mapped in falling order: 11, 10, ..., 0; the gold, 05, is taken out
    expected = [f"501/501{i:02d}" for i in (11, 10, 9, 8, 7, 6, 4, 3, 2)]
    assert [id_ for id_ in first.candidates if id_ != first.sticker] == expected
    assert first.candidates[first.gold] == "501/50105"
    small = data.draw(2)
    assert small.candidates.count(None) == 6 and len(small.candidates) == 10
    assert data.notes == {"rows": 3, "duplicate_gold": 0, "padded_rows": 1, "padded_slots": 6}
    assert data.draw(0, epoch=7) == first


def test_the_released_policy_repeats_the_gold_and_puts_it_first(tmp_path):
    data = stickerchat(tmp_path, "pbr_released")
    first = data.draw(0)
    assert first.gold == 0
    assert list(first.candidates) == ["501/50105"] + [f"501/501{i:02d}" for i in range(11, 2, -1)]
    assert first.candidates.count("501/50105") == 2
    # the gold of the second row is not among the first nine of its mapping; the third row's set has four
    assert data.notes == {"rows": 3, "duplicate_gold": 2, "padded_rows": 1, "padded_slots": 5}


def test_random_negatives_are_of_the_set_and_follow_the_seed(tmp_path):
    mapping = {"5": [f"5/{i}" for i in range(40)]}

    class Sample:
        pack, sticker = "5", "5/3"

    choose = chooser("random_same_set", mapping, seed=1)
    candidates, gold = choose(0, Sample())
    assert candidates[gold] == "5/3" and len(set(candidates)) == 10
    assert choose(0, Sample()) == (candidates, gold) != choose(1, Sample())
    assert chooser("random_same_set", mapping, seed=2)(0, Sample()) != (candidates, gold)
    counts = Counter(id_ for at in range(2000) for id_ in choose(at, Sample())[0])
    assert counts.pop("5/3") == 2000
    # each of the 39 others is expected 2000 * 9 / 39 = 461 times, with a standard deviation of 19
    assert set(counts) == set(mapping["5"]) - {"5/3"}
    assert min(counts.values()) > 360 and max(counts.values()) < 560


def test_candidates_are_frozen(tmp_path):
    root = write_stickerchat(tmp_path / "sc")
    images, mapping, _ = open_sets(root, tmp_path / "cache", 8)
    frozen = tmp_path / "frozen.jsonl"
    data = load_stickerchat(root, "train", images, mapping, "random_same_set", frozen=frozen)
    bytes_before = frozen.read_bytes()
    # another mapping order would choose otherwise, were it not frozen
    turned = {pack: ids[::-1] for pack, ids in mapping.items()}
    again = load_stickerchat(root, "train", images, turned, "random_same_set", frozen=frozen)
    assert again.samples == data.samples and frozen.read_bytes() == bytes_before
    with pytest.raises(InputError, match="of another policy"):
        load_stickerchat(root, "train", images, mapping, "srs_first9", frozen=frozen)
    with pytest.raises(InputError, match="of another seed"):
        load_stickerchat(root, "train", images, mapping, "random_same_set", seed=1, frozen=frozen)
    (root / "release_train.json").write_text(json.dumps(dialogue(501, 50101)) + "\n")
    with pytest.raises(InputError, match="of another source"):
        load_stickerchat(root, "train", images, mapping, "random_same_set", frozen=frozen)
    frozen.write_bytes(bytes_before[:-40])
    with pytest.raises(InputError, match="line 4: no frozen candidates"):
        load_frozen(frozen)
    frozen.write_bytes(b"\n".join(bytes_before.splitlines()[:-1]))
    with pytest.raises(InputError, match="2 rows; its head says 3"):
        load_frozen(frozen)


def test_words_are_joined_or_kept_and_speakers_are_ids(tmp_path):
    rows = [dialogue(501, 50101, ("你 吃 了 吗", "", "还 没"), sender=7), dialogue(501, 50101, (" ",))]
    rows.append(dialogue(501, 50101, ("你", "好"), sender=9))
    data = stickerchat(tmp_path, rows=rows)
    turns = data.samples[0].conversation.utterances
    assert [(turn.speaker, turn.text) for turn in turns] == [("7", "你吃了吗"), ("7", "还没")]
    assert data.samples[0].conversation.mode == "supplement"
    assert data.notes["no_text"] == 1 and [sample.id for sample in data.samples] == ["train-1", "train-3"]
    root = tmp_path / "sc"
    images, mapping, _ = open_sets(root, tmp_path / "cache", 8)
    kept = load_stickerchat(root, "valid", images, mapping, text="words")
    assert kept.samples[0].conversation.utterances[0].text == "你 吃 了 吗"


def test_large_ids_stay_exact(tmp_path):
    root = write_stickerchat(tmp_path / "sc")
    big = 5_560_001_234_567_890_123
    folder = root / "npy_stickers" / str(big)
    folder.mkdir()
    np.save(folder / f"{big + 1}.npy", np.zeros((8, 8, 3), np.uint8))
    (root / "release_train.json").write_text(json.dumps(dialogue(big, big + 1)) + "\n")
    images, mapping, _ = open_sets(root, tmp_path / "cache", 8)
    data = load_stickerchat(root, "train", images, mapping)
    assert data.samples[0].sticker == f"{big}/{big + 1}"
    assert data.draw(0).candidates.count(None) == 9  # its set has no mapping file


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[1]", "got a list; expected an object"),
        ('{"current": {}}', "context: got nothing; expected a list"),
        ('{"context": [], "current": 5}', "current: got int '5'; expected an object"),
        ('{"context": [7], "current": {"sticker_set_id": 1, "sticker_id": 2}}', "context.0: got int"),
        ('{"context": [], "current": {"sticker_set_id": 1.5, "sticker_id": 2}}', "sticker_set_id: got float"),
        (
            '{"context": [{"text": 4, "from_id": 1}], "current": {"sticker_set_id": 1, "sticker_id": 2}}',
            "context.0.text: got int '4'; expected text",
        ),
    ],
)
def test_a_bad_line_gives_file_line_found_and_expected(tmp_path, line, told):
    root = write_stickerchat(tmp_path / "sc")
    path = root / "release_train.json"
    path.write_text(path.read_text() + line + "\n")
    images, mapping, _ = open_sets(root, tmp_path / "cache", 8)
    with pytest.raises(ConversationError) as caught:
        load_stickerchat(root, "train", images, mapping, strict=True)
    assert "release_train.json, line 4: " in str(caught.value) and told in str(caught.value)
    assert load_stickerchat(root, "train", images, mapping).notes["bad_rows"] == 1


def test_mapping_lines(tmp_path):
    path = tmp_path / "emoji_mapping.txt"
    path.write_text("7.npy\t😀\n8\n\n7\t😀\n9\t\n")
    assert read_mapping(path) == {"7": "😀", "8": None, "9": None}
    path.write_text("7\t😀\n8 9\t😀\n")
    with pytest.raises(InputError, match="line 2: got '8 9"):
        read_mapping(path)


def test_golds_without_an_image_are_counted(tmp_path):
    data = stickerchat(tmp_path, rows=[dialogue(501, 50105), dialogue(501, 999)])
    assert data.notes["sticker_without_image"] == 1 and len(data.samples) == 1


# SER30K


@pytest.mark.parametrize("nested", [False, True])
def test_ser30k_in_both_layouts(tmp_path, nested):
    root = write_ser30k(tmp_path / "ser", nested=nested)
    assert is_ser30k(root) and not is_ser30k(tmp_path)
    data = load_ser30k(root, tmp_path / "cache", 8)
    assert len(data.train) == 21 and len(data.valid) == 7
    assert np.bincount(data.images.emotion[data.train]).tolist() == [3] * 7
    assert sorted(data.images.emotion[data.valid].tolist()) == list(range(7))
    assert all(data.images.ids[row].startswith("val/") for row in data.valid)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"topic": "a", "file_name": "b.jpg", "anno": 0}, "anno: got '0'; expected 1 to 7"),
        ({"topic": "a", "file_name": "b.jpg", "anno": "2"}, "anno: got '2'; expected 1 to 7"),
        ({"topic": "..", "file_name": "b.jpg", "anno": 2}, "topic: got '..'; expected a name below"),
        ({"topic": "a", "anno": 2}, "file_name: got 'None'"),
        (3, "expected an object with topic"),
    ],
)
def test_a_bad_annotation_names_its_place(tmp_path, row, told):
    root = write_ser30k(tmp_path / "ser")
    path = root / "Annotations" / "train.json"
    rows = json.loads(path.read_text())["annotations"]
    path.write_text(json.dumps({"annotations": [rows[0], row]}))
    with pytest.raises(InputError) as caught:
        load_ser30k(root, tmp_path / "cache", 8)
    assert "train.json, annotations[1]" in str(caught.value) and told in str(caught.value)


def test_a_pack_with_emotions_is_split_by_content(tmp_path):
    folder = write_native(tmp_path / "data", per_emotion=3)
    data = load_labelled_packs([folder / "stickers"], tmp_path / "cache", 8)
    assert len(data.valid) >= 4 and len(data.train) + len(data.valid) == 42
    hashes = np.array(data.images.sha256)
    assert not set(hashes[data.train]) & set(hashes[data.valid])
    assert (data.images.emotion >= 0).all()


def test_teacher_outputs_of_rows():
    said = TeacherOutputs(
        np.arange(28, dtype=np.float32).reshape(2, 14),
        np.ones((2, 7), np.float32),
        np.ones((2, 3), np.float32),
    )
    assert said.clusters == 2
    some = said.of(np.array([1, -1]))
    assert some.anchors[0, 0] == 14 and not some.anchors[1].any() and some.features.shape == (2, 3)
