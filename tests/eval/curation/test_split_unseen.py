"""Splits by stickers: what only valid may have, train never names."""

import json
from pathlib import Path

import numpy as np
import pytest
from curation_worlds import N_DIALOGUES, ROWS_EACH, write_world
from format_worlds import WRITERS

from eval.curation.dialogues import Rows
from eval.curation.groups import Groups
from eval.curation.sides import choose_sides
from eval.curation.split import LEFT_OUT, UNSEEN, split_unseen
from eval.datasets import open_dataset
from eval.datasets.choices import SentSticker
from eval.datasets.frozen import load_frozen
from retriever.errors import InputError


def read(path: Path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def base(sticker: str) -> str:
    """The drawing: a copy's is that of its original."""
    return sticker.replace("copy-", "")


@pytest.mark.parametrize("keeping", ["move", "leave_out"])
def test_train_never_names_what_only_valid_has(tmp_path, keeping):
    world = write_world(tmp_path / "world")
    done = split_unseen(world, tmp_path / "out", unseen=0.15, valid=0.2, seed=3, keeping=keeping)
    rows = {name: read(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "valid")}
    left = read(tmp_path / "out" / LEFT_OUT)
    told = json.loads((tmp_path / "out" / UNSEEN).read_text())
    unseen = set(told["unseen"])
    assert unseen and done.counts["unseen_stickers"] == len(unseen)
    # every row is somewhere, once
    everything = [row["id"] for part in (*rows.values(), left) for row in part]
    assert sorted(everything) == sorted(row["id"] for row in read(world / "train.jsonl"))
    # dialogues are whole
    sides = [{row["id"].partition("-")[0] for row in part} for part in rows.values()]
    assert not sides[0] & sides[1]
    if keeping == "move":
        assert not left
    # drawings that only valid has: neither as gold nor as candidate, nor in a frozen list, nor as a copy
    drawings = {base(id_) for id_ in unseen}
    named = {id_ for row in rows["train"] for id_ in (row["sticker"], *row["candidates"])}
    for path in (tmp_path / "out" / "candidates").glob("*-train.jsonl"):
        named |= {id_ for choice, _ in load_frozen(path).choices.values() for id_ in choice if id_}
    assert not drawings & {base(id_) for id_ in named}
    assert unseen <= {row["sticker"] for row in rows["valid"]}
    assert {base(row["sticker"]) for row in left} <= {base(id_) for id_ in told["not_in_train"]}
    assert done.counts["valid"]["rows_with_unseen"] == sum(row["sticker"] in unseen for row in rows["valid"])
    assert done.counts["valid"]["rows_with_unseen"] > 0
    assert len(rows["valid"]) >= 0.2 * N_DIALOGUES * ROWS_EACH


def test_every_policy_is_frozen_for_both_sides_and_opened_by_its_name(tmp_path):
    world = write_world(tmp_path / "world")
    split_unseen(world, tmp_path / "out", seed=3)
    policies = (
        "random",
        "random_same_pack",
        "other_label_same_pack",
        "srs_first9",
        "pbr_released",
        "random_same_set",
    )
    for policy in policies:
        for split in ("train", "valid"):
            frozen = load_frozen(tmp_path / "out" / "candidates" / f"candidates-{policy}-3-{split}.jsonl")
            samples = list(open_dataset(tmp_path / "out", split, policy=policy, seed=3).samples(strict=True))
            assert len(samples) == len(frozen.choices) > 0
            for sample in samples:
                listed, gold = frozen.choices[sample.conversation.id]
                assert listed[gold] == sample.gold in sample.candidates
                assert set(sample.candidates) == set(listed) - {None}
                if policy == "other_label_same_pack":
                    labels = [int(base(id_)[2:]) % 3 for id_ in sample.candidates if id_ != sample.gold]
                    assert int(base(sample.gold)[2:]) % 3 not in labels


def test_the_seed_decides_and_nothing_else(tmp_path):
    world = write_world(tmp_path / "world")

    def made(name, seed):
        split_unseen(world, tmp_path / name, seed=seed)
        files = sorted(path for path in (tmp_path / name).rglob("*.jsonl"))
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    first = made("a", 1)
    assert made("b", 1) == first
    assert made("c", 2)["train.jsonl"] != first["train.jsonl"]


def test_a_share_that_cannot_be(tmp_path):
    world = write_world(tmp_path / "world")
    with pytest.raises(InputError, match=r"unseen is 1\.5; expected a share between 0 and 1"):
        split_unseen(world, tmp_path / "out", unseen=1.5)
    with pytest.raises(InputError, match="no row would be left for train"):
        split_unseen(world, tmp_path / "out", unseen=0.99)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize("name", ["stickerchat", "mod", "stickerint"])
def test_other_formats_can_be_divided_too(tmp_path, name):
    root = WRITERS[name](tmp_path / "data")
    try:
        split_unseen(root, tmp_path / "out", unseen=0.3, valid=0.3)
    except InputError as error:
        assert "no row would be left for train" in str(error)  # a handful of rows: by chance
    else:
        train = {sample.gold for sample in open_dataset(tmp_path / "out", "train").samples(strict=True)}
        unseen = json.loads((tmp_path / "out" / UNSEEN).read_text())["unseen"]
        assert train and not train & set(unseen)


# The choice by itself


def rows_of(*pairs):
    """(sticker, dialogue) of each row."""
    sent = [SentSticker(str(at), sticker, "p") for at, (sticker, _) in enumerate(pairs)]
    return Rows(sent, [dialogue for _, dialogue in pairs], None)


def test_a_dialogue_moves_or_its_rows_are_left_out():
    # sticker "x" is sent in dialogue 0, beside "a"; dialogues 1 to 8 have "a" alone
    rows = rows_of(("a", 0), ("x", 0), *(("a", at) for at in range(1, 9)))
    alike = {"a": frozenset("a"), "x": frozenset("x")}
    seed = next(seed for seed in range(20) if np.random.default_rng(seed).permutation(2)[0] == 1)  # "x" first
    moved = choose_sides(rows, alike, 0.4, 0.05, seed, "move")
    assert moved.of == ["valid", "valid"] + ["train"] * 8 and moved.unseen == {"x"}
    out = choose_sides(rows, alike, 0.4, 0.05, seed, "leave_out")
    held = [at for at, side in enumerate(out.of) if side == "valid"]
    assert held in ([0, 1], *([at] for at in range(2, 10)))
    assert out.of[1] == ("valid" if held == [0, 1] else "left_out")
    assert "x" in out.hidden


def test_look_alikes_are_chosen_together():
    rows = rows_of(*((sticker, at) for at, sticker in enumerate("abcdefghij" * 4)))
    pair = frozenset("ab")
    alike = {id_: pair if id_ in pair else frozenset(id_) for id_ in "abcdefghij"}
    for seed in range(10):
        sides = choose_sides(rows, alike, 0.1, 0.1, seed, "move")
        chosen = sides.unseen & pair
        assert not chosen or chosen == pair


def test_auto_takes_the_way_that_keeps_train(tmp_path):
    singles = rows_of(*((sticker, at) for at, sticker in enumerate("abcdefghij" * 4)))
    alike = {}
    assert choose_sides(singles, alike, 0.1, 0.1, 0).keeping == "move"
    # every dialogue has every sticker: moving would take all of them
    whole = rows_of(*((sticker, at // 10) for at, sticker in enumerate("abcdefghij" * 4)))
    assert choose_sides(whole, alike, 0.1, 0.1, 0).keeping == "leave_out"


def test_groups():
    groups = Groups(6)
    for pair in ((0, 3), (5, 4), (3, 5)):
        groups.join(*pair)
    assert groups.listed() == [(0, 3, 4, 5), (1,), (2,)]
    assert groups.of(4) == 0
