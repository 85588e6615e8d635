"""Which format a folder is in, and what its samples and stickers are then."""

import json

import pytest
from format_worlds import WRITERS, write_image_folder, write_queries
from mod_world import dialogues, rows, write_mod, write_stickerint
from ranking_worlds import dialogue, write_native, write_picture, write_stickerchat

from eval.datasets import open_dataset, open_stickers, splits_of
from retriever.errors import InputError
from retriever.packs.decode import decode
from retriever.packs.entry import PackEntry


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_recognised_and_its_stickers_can_be_decoded(tmp_path, name):
    root = WRITERS[name](tmp_path / "data")
    kind, splits = splits_of(root)
    assert kind.name == name
    entries = list(open_stickers(root))
    assert entries and all(isinstance(entry, PackEntry) for entry in entries)
    assert len({entry.id for entry in entries}) == len(entries)
    for entry in entries:
        assert min(decode(entry.read()).frames[0].size) >= 8
    if not splits:
        with pytest.raises(InputError, match=f"has no conversations .*read as {name}"):
            open_dataset(root)


@pytest.mark.parametrize("name", WRITERS)
def test_golds_and_candidates_are_stickers_of_the_dataset(tmp_path, name):
    root = WRITERS[name](tmp_path / "data")
    kind, splits = splits_of(root)
    ids = {entry.id for entry in open_stickers(root)}
    for split in splits:
        for policy in (None, *(policy for policy in kind.policies if policy != "given")):
            samples = list(open_dataset(root, split, policy=policy).samples(strict=True))
            assert samples
            for sample in samples:
                assert sample.gold in ids
                if sample.candidates is not None:
                    assert sample.gold in sample.candidates and set(sample.candidates) <= ids
                    assert len(set(sample.candidates)) == len(sample.candidates)
            if policy == "all":
                assert all(sample.candidates is None for sample in samples)
            elif policy is not None:
                assert all(sample.candidates for sample in samples)


def test_a_folder_of_nothing_says_what_each_format_would_need(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    message = str(caught.value)
    for words in (
        "native: it holds none of train.jsonl",
        "stickerchat: no release_train.json",
        "mod: no img2id.json",
        "stickerint: no train_contexts_total_key.jsonl",
        "ser30k: no Annotations/train.json",
        "stickerqueries: no sticker_queries_en_release.csv",
        "pack: no stickers in",
    ):
        assert words in message
    assert "\n" not in message


def test_a_format_that_is_asked_for_has_to_fit(tmp_path):
    root = write_stickerchat(tmp_path / "data")
    assert open_dataset(root, format="stickerchat").format == "stickerchat"
    with pytest.raises(InputError, match=r"is no mod dataset \(mod: no img2id\.json\)"):
        open_dataset(root, format="mod")
    with pytest.raises(InputError, match="format is 'coco'; expected one of native, stickerchat"):
        open_dataset(root, format="coco")
    with pytest.raises(InputError, match="policy is 'given', which stickerchat data do not have"):
        open_dataset(root, policy="given")
    with pytest.raises(InputError, match="has no split 'test'; it has train, valid"):
        open_dataset(root, "test")


def test_stickerchat_has_emoji_of_rows_and_of_stickers(tmp_path):
    root = write_stickerchat(tmp_path / "data")
    sample = next(iter(open_dataset(root).samples()))
    assert (sample.emoji, sample.gold, sample.conversation.id) == ("😀", "501/50105", "valid-1")
    entries = list(open_stickers(root))
    assert [entry.id for entry in entries][:3] == [
        "501/50111",
        "501/50110",
        "501/50109",
    ]  # the mapping's order
    assert {entry.annotations.emoji for entry in entries} == {"😀"}
    (root / "npy_stickers" / "501" / "emoji_mapping.txt").write_text("50105\t😢\n")
    entries = [entry for entry in open_stickers(root) if entry.pack == "501"]
    assert [entry.id for entry in entries][:2] == ["501/50105", "501/50100"]  # then those it leaves out
    assert [entry.annotations.emoji for entry in entries][:2] == ["😢", None]


def test_srs_takes_the_first_nine_and_small_sets_give_fewer(tmp_path):
    root = write_stickerchat(tmp_path / "data")
    first, _, small = open_dataset(root).samples()
    # mapped in falling order 11, 10, ..., 0; the gold, 05, is taken out, and shuffled in
    others = [f"501/501{at:02d}" for at in (11, 10, 9, 8, 7, 6, 4, 3, 2)]
    assert [id_ for id_ in first.candidates if id_ != first.gold] == others
    assert sorted(small.candidates) == [f"502/502{at:02d}" for at in range(4)]
    released = next(iter(open_dataset(root, policy="pbr_released").samples()))
    # the gold comes first and, repeated at its place in the mapping, is listed once
    assert released.candidates == ("501/50105", *(f"501/501{at:02d}" for at in (11, 10, 9, 8, 7, 6, 4, 3)))


def test_a_policy_depends_on_its_seed_alone(tmp_path):
    root = write_native(tmp_path / "data")

    def lists(seed):
        opened = open_dataset(root, "train", policy="random_same_pack", seed=seed)
        return [sample.candidates for sample in opened.samples()]

    assert lists(1) == lists(1) != lists(2)
    few = open_dataset(root, "train", policy="random_same_pack", negatives=3)
    assert {len(sample.candidates) for sample in few.samples()} == {4}


def test_mod_in_english_and_in_both_languages(tmp_path):
    root = write_mod(tmp_path / "both")
    (root / "e_train.json").write_text(json.dumps(dialogues()))
    (root / "e_test_easy").mkdir()
    (root / "e_test_easy" / "e_test_easy_task1.json").write_text("[]")
    (root / "e_test_easy" / "e_test_easy_task2.json").write_text(json.dumps(rows()))
    _, splits = splits_of(root)
    assert set(splits) == {"train", "valid", "easy", "hard", "en-train", "en-easy"}
    assert splits["en-easy"].name == "e_test_easy_task2.json"
    sample = next(iter(open_dataset(root, "en-easy").samples()))
    assert sample.conversation.id == "en-easy/1" and sample.candidates == ("001", "003", "005")
    names = ("c_train", "c_val", "c_val_task2", "c_test_easy_task2", "c_test_hard_task2")
    english = write_mod(tmp_path / "english", **dict.fromkeys(names), e_train=dialogues())
    assert set(splits_of(english)[1]) == {"train"}
    assert open_dataset(english).path.name == "e_train.json"


def test_mod_takes_the_validation_file_that_a_policy_can_use(tmp_path):
    root = write_mod(tmp_path / "data")
    assert open_dataset(root).path.name == "c_val_task2.json"
    drawn = open_dataset(root, policy="random", negatives=2)
    assert drawn.path.name == "c_val.json"
    assert [sample.emotion for sample in drawn.samples()] == ["高兴", None, "难过", "生气"]


def test_mod_tests_without_answers_have_no_gold(tmp_path):
    first, _ = rows()
    hidden = {**first, "answer": {"speaker_id": "[speaker2]", "img_id": ""}}
    root = write_mod(tmp_path / "data", c_test_easy_task2=[hidden])
    (sample,) = open_dataset(root, "easy").samples(strict=True)
    assert sample.gold is None and sample.candidates == ("001", "003", "005")


def test_mod_rows_of_one_dialogue_say_so(tmp_path):
    root = write_mod(tmp_path / "data")
    found = [sample.dialogue for sample in open_dataset(root, "train", policy="all").samples()]
    assert found == ["dialogue 1", "dialogue 1", "dialogue 2", "dialogue 3"]


def test_stickerint_pools(tmp_path):
    root = write_stickerint(tmp_path / "data")
    (every,) = open_dataset(root).samples()
    assert every.candidates is None and every.intention == "annoyance"
    (own,) = open_dataset(root, policy="split").samples()
    assert own.candidates == ("boba_2.jpg", "boba_3.jpg")
    said = {entry.id: entry.annotations for entry in open_stickers(root)}
    assert said["boba_0.jpg"].attributes.gesture == "握拳" and said["boba_0.jpg"].intention == "annoyance"
    assert said["boba_4.jpg"].intention is None  # of the test split, whose rows are not looked at


def test_sticker_queries(tmp_path):
    root = write_queries(tmp_path / "data")
    with pytest.raises(InputError, match="has no split 'valid'; it has en, zh"):
        open_dataset(root)
    samples = list(open_dataset(root, "en").samples(strict=True))
    assert [(s.conversation.id, s.conversation.utterances[0].text, s.gold) for s in samples] == [
        ("en/1/1", "thumbs up", "1.png"),
        ("en/1/2", "good job", "1.png"),  # the third repeats the first
        ("en/2/1", "so sad", "2.gif"),
        ("en/2/2", "😢", "2.gif"),
    ]
    assert {sample.conversation.mode for sample in samples} == {"supplement"}
    (root / "sticker_queries_en_release.csv").rename(root / "stickers_queries_en_released.csv")
    assert len(list(open_dataset(root, "en").samples())) == 4


def test_image_folders_have_labels_by_folder_and_words_by_metadata(tmp_path):
    metadata = [
        {"file_name": "Anger/0.png", "text": "a red square", "label": "joy", "tags": "red, square"},
        {"file_name": "fear/1.png", "emotion": "sadness", "pack": "mine", "verbal": "oh no"},
        {"file_name": "fear/1.png", "emotion": "anger"},
        {"file_name": "gone.png"},
        {"file_name": 5},
    ]
    root = write_image_folder(tmp_path / "folder", metadata)
    entries = list(open_stickers(root, "imagefolder"))
    found = {entry.id: entry for entry in entries if isinstance(entry, PackEntry)}
    assert len(found) == 8
    assert found["test/fear/0.png"].annotations.emotion == "fear"
    assert (
        found["train/Anger/1.png"].annotations.emotion == "anger"
        and found["train/Anger/1.png"].pack == "folder"
    )
    first, second = found["train/Anger/0.png"].annotations, found["train/fear/1.png"].annotations
    assert (first.emotion, first.intention, first.description) == ("anger", "joy", "a red square")
    assert first.tags == ("red", "square")
    assert (second.emotion, second.attributes.verbal, found["train/fear/1.png"].pack) == (
        "sadness",
        "oh no",
        "mine",
    )
    problems = [(entry.id, entry.reason) for entry in entries if not isinstance(entry, PackEntry)]
    assert problems == [
        ("train/metadata.jsonl:3", "duplicate_id"),
        ("train/metadata.jsonl:4", "missing_file"),
        ("train/metadata.jsonl:5", "bad_row"),
    ]


def test_a_csv_of_metadata_and_folders_that_are_packs(tmp_path):
    for at, name in enumerate(("cats/1.png", "dogs/2.png")):
        write_picture(tmp_path / "data" / name, at)
    (tmp_path / "data" / "metadata.csv").write_text(
        "file_name,emotion,gesture\ncats/1.png,Fear,waves\ndogs/2.png,,\n", encoding="utf-8-sig"
    )
    cats, dogs = open_stickers(tmp_path / "data")
    assert (cats.pack, dogs.pack) == ("cats", "dogs")
    assert (cats.annotations.emotion, cats.annotations.attributes.gesture) == ("fear", "waves")
    assert dogs.annotations.emotion is None


def test_native_data_take_their_stickers_from_packs_that_are_named(tmp_path):
    root = write_native(tmp_path / "data")
    (root / "stickers").rename(tmp_path / "pack")
    with pytest.raises(InputError, match=r"has no stickers/ folder; name the packs .* --pack"):
        open_stickers(root)
    assert len(list(open_stickers(root, packs=[tmp_path / "pack"]))) == 28
    with pytest.raises(InputError, match="two packs have a sticker 'p/"):
        list(open_stickers(root, packs=[tmp_path / "pack", tmp_path / "pack"]))


def test_large_ids_stay_exact(tmp_path):
    big = 5_560_001_234_567_890_123
    root = write_stickerchat(tmp_path / "data", [dialogue(big, big + 1)])
    (sample,) = open_dataset(root, policy="all").samples(strict=True)
    assert sample.gold == f"{big}/{big + 1}"
