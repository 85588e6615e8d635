"""StickerInt, as far as its layout is known."""

from pathlib import Path
from typing import Any

import pytest
from mod_world import int_row, write_stickerint

from retriever.errors import ConversationError, InputError
from retriever.types import Inferences
from trainers.datasets.config import RankingDataConfig
from trainers.datasets.load import load_ranking, load_split
from trainers.datasets.stickerint import IntStickers, load_stickerint, open_stickerint


def opened(root: Path) -> IntStickers:
    return open_stickerint(root, root / "cache", 8, show_progress=False)


def test_a_row_is_a_sample_for_each_of_its_images(tmp_path: Path) -> None:
    pair = int_row(image_ids=["boba_0.jpg", "boba_1.jpg"], fined_intent="高兴", comet="")
    root = write_stickerint(tmp_path, train=[int_row(), pair])
    stickers = opened(root)
    data = load_stickerint(root, "train", stickers, strict=True)
    assert [(s.id, s.sticker, s.pack, s.intention) for s in data.samples] == [
        ("train/1", "boba_1.jpg", "boba", "annoyance"),
        ("train/2/1", "boba_0.jpg", "boba", "joy"),
        ("train/2/2", "boba_1.jpg", "boba", "joy"),
    ]
    talk = data.samples[0].conversation
    assert [(u.speaker, u.text) for u in talk.utterances] == [("User3", "食堂又关门"), ("User1", "我也没吃")]
    assert (talk.mode, talk.reply_speaker) == ("reply", "User3")
    assert talk.inferences == Inferences(xIntent=("想吃饭",))
    assert data.samples[1].conversation.inferences is None


def test_pools_and_attributes(tmp_path: Path) -> None:
    root = write_stickerint(tmp_path, valid=[int_row(image_ids=["boba_2.jpg"], keyword="挥手,坐,笑,你好")])
    stickers = opened(root)
    assert stickers.images.ids == tuple(f"boba_{at}.jpg" for at in range(6))
    said = {id_: one.attributes for id_, one in zip(stickers.images.ids, stickers.images.said, strict=True)}
    assert said["boba_2.jpg"].verbal == "你好" and said["boba_0.jpg"].verbal == ""  # 无 is nothing
    assert said["boba_0.jpg"].gesture == "握拳" and said["boba_4.jpg"].gesture == ""  # of the test split
    every = load_stickerint(root, "valid", stickers)
    own = load_stickerint(root, "valid", stickers, "split")
    assert len(every.samples[0].candidates) == 6 and own.samples[0].candidates == ("boba_2.jpg", "boba_3.jpg")
    drawn = load_stickerint(root, "valid", stickers, "random", negatives=4)
    assert set(drawn.draw(0).candidates) == {"boba_2.jpg", "boba_3.jpg"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"keyword": "a,b,c"}, "line 1: keyword: got str 'a,b,c'; expected gesture, posture"),
        ({"fined_intent": "rage"}, "line 1: fined_intent: got str 'rage'; expected one of intent_label"),
        ({"image_ids": "boba_1.jpg"}, "line 1: image_ids: got str 'boba_1.jpg'; expected a list"),
        (
            {"text": "User1 hello[SEP]User3"},
            "line 1: text, turn 1: got 'User1 hello'; expected 'user<tab>words'",
        ),
        ({"text": 5}, "line 1: text: got int '5'; expected turns with"),
        ({"text": "User3"}, "line 1: text: got 'User3'; expected at least one turn"),
    ],
)
def test_bad_rows_are_named_and_otherwise_counted(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    root = write_stickerint(tmp_path, train=[int_row(**change), int_row()])
    stickers = opened(root)
    with pytest.raises(ConversationError, match=rf"train_contexts_total_key\.jsonl, {told}"):
        load_stickerint(root, "train", stickers, strict=True)
    data = load_stickerint(root, "train", stickers)
    assert [s.id for s in data.samples] == ["train/2"] and data.notes["bad_rows"] == 1


def test_images_that_cannot_be_used(tmp_path: Path) -> None:
    root = write_stickerint(tmp_path)
    place = root / "train_imgs.tsv"
    first, second = place.read_text().splitlines()
    place.write_text(f"boba_0.jpg\tnot*base64\n{second}\n")
    stickers = opened(root)
    assert "not URL-safe base64" in stickers.problems["boba_0.jpg"]
    with pytest.raises(InputError, match=r"no row can be used \(\{'sticker_without_image': 1\}"):
        load_stickerint(root, "train", stickers)
    place.write_text(f"{first}\nboba_1.jpg\n")
    with pytest.raises(InputError, match=r"train_imgs\.tsv, line 2: got 'boba_1\.jpg'; expected id, tab"):
        opened(root)
    with pytest.raises(InputError, match=r"has no train_imgs\.tsv"):
        open_stickerint(tmp_path / "nowhere", tmp_path / "cache", 8)


def test_through_the_data_table(tmp_path: Path) -> None:
    root = write_stickerint(tmp_path)
    given = {"path": str(root), "format": "stickerint", "cache": str(root / "cache"), "negatives": 1}
    config = RankingDataConfig.model_validate(given)
    splits = load_ranking(config, 8, show_progress=False)
    assert splits.train.policy == "random" and splits.valid.policy == "all"
    assert len(load_split(config, "test", 8).samples) == 1
