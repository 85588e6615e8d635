"""Recipes for the papers' tables: they fit what is printed, what can be trained, and what is on disk."""

import json
import shlex

import pytest

from eval.datasets.mod import find_split
from eval.recipes import load_recipe, recipe_names
from eval.recipes.load import parse
from eval.recipes.schema import RecipeFile
from retriever.cli import main
from retriever.errors import InputError
from trainers.config import find_config, load_config, parse_settings


def make_checkpoint(folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"family": "pbr", "schema": 1}))
    (folder / "model.safetensors").write_bytes(b"")


@pytest.mark.parametrize("name", recipe_names())
def test_every_row_of_the_table_is_accounted_for(name):
    recipe = load_recipe(name)
    ours = [system.name for system in recipe.content.systems]
    printed = {row.label for row in recipe.published}
    assert set(ours) | set(recipe.content.printed_only) == printed
    assert len(ours) + len(recipe.content.printed_only) == len(printed)
    for split in recipe.content.splits:
        rows = [row.label for row in recipe.published if row.split == split]
        assert sorted(rows) == sorted(printed), split


@pytest.mark.parametrize("name", recipe_names())
def test_every_configuration_ships_and_reads_that_dataset(name):
    recipe = load_recipe(name)
    formats = {"stickerchat": "stickerchat", "dstc10-mod": "mod", "stickerint": "stickerint"}
    for system in recipe.content.systems:
        config = load_config(
            find_config(system.config), parse_settings(list(system.settings)), "DATA", []
        ).config
        assert config.data.format == formats[recipe.content.data.dataset], system.name
        losses = config.losses
        needs = bool(getattr(losses, "ekd", 0)) or (
            hasattr(losses, "mining")
            and losses.mining.strategy == "polarity"
            and losses.mining.labels == "teacher"
        )
        assert system.teacher == needs, system.name


def test_no_two_systems_share_a_checkpoint(tmp_path):
    seen = {}
    for name in recipe_names():
        recipe = load_recipe(name)
        for line in recipe.commands(tmp_path / "data", tmp_path / "made"):
            words = shlex.split(line)
            if words[:2] == ["sticker", "train"]:
                out = words[words.index("--out") + 1]
                settings = [w for w in words if "=" in w]
                assert seen.setdefault(out, (words[2], settings)) == (words[2], settings), out
    assert len(seen) > 60


def test_unknown_recipe_lists_those_there_are():
    with pytest.raises(InputError, match=r"'pbr-table9'; there are int-ra-table2, .*pbr-table5"):
        load_recipe("pbr-table9")
    for other in ("", "../recipes/pbr-table1", "datasets", "PBR-table1"):
        with pytest.raises(InputError, match="there is no recipe"):
            load_recipe(other)


def test_what_is_missing_is_told_once_and_shrinks(tmp_path):
    data, made = tmp_path / "my data", tmp_path / "checkpoints"
    recipe = load_recipe("pbr-table5")
    with pytest.raises(InputError) as found:
        recipe.check(data, made)
    text = str(found.value)
    assert "npy_stickers, release_test.json" in text and "3 of 3 checkpoints" in text
    assert "SER30K" in text and "gsh199449/stickerchat" in text and "ALBEF.pth" in text
    steps = [shlex.split(line) for line in text.splitlines() if line.startswith("  sticker ")]
    assert [step[1] for step in steps] == ["train", "train", "train", "train", "data", "index", "eval"]
    assert [step[2] for step in steps[:4]] == [
        "teacher",
        "pbr/table5-feature",
        "pbr/table5-logit",
        "pbr/table5-ours",
    ]
    # quoted: one word, though it has a space
    assert all(str(data) in step for step in steps[1:] if step[1] != "index")

    (data / "npy_stickers").mkdir(parents=True)
    (data / "release_test.json").touch()
    make_checkpoint(made / "teacher" / "best")
    make_checkpoint(made / "pbr" / "table5-logit" / "best")
    (made / "pbr" / "table5-ours" / "best").mkdir(parents=True)  # a run that has not got that far
    with pytest.raises(InputError) as found:
        recipe.check(data, made)
    text = str(found.value)
    assert "lacks" not in text and "SER30K" not in text and "2 of 3 checkpoints" in text
    assert "train teacher" not in text and "pbr/table5-logit --data" not in text
    assert f"data.teacher={made / 'teacher' / 'best'}" in text

    (only,) = recipe.check(data, made, only=["logit distillation"]).systems
    assert (only.name, only.checkpoint) == ("logit distillation", made / "pbr" / "table5-logit" / "best")
    with pytest.raises(InputError, match="has no system 'logits'; it has feature distillation, logit"):
        recipe.check(data, made, only=["logits"])

    for name in ("feature", "ours"):
        folder = made / "pbr" / f"table5-{name}" / "best"
        if folder.is_dir():
            folder.rmdir()
        make_checkpoint(folder)
    ready = recipe.check(data, made)
    assert [system.name for system in ready.systems] == ["feature distillation", "logit distillation", "Ours"]
    assert (ready.split, ready.protocols, ready.data) == ("test", ("c10",), data)
    assert [row.values["R10@1"] for row in ready.published] == [0.6781, 0.6825, 0.69]


@pytest.mark.parametrize("split", ["easy", "hard"])
@pytest.mark.parametrize("place", ["c_test_{}_task2.json", "test/annotated_c_test_{}_task2.json"])
def test_a_split_is_recognised_where_the_reader_finds_it(tmp_path, split, place):
    file = tmp_path / place.format(split)
    file.parent.mkdir(exist_ok=True)
    file.write_text("[]")
    (tmp_path / "supplementary" / "meme_set").mkdir(parents=True)
    (tmp_path / "supplementary" / "img2id.json").write_text("{}")
    assert find_split(tmp_path, split) == file
    recipe = load_recipe(f"mmbert-table2-{split}")
    with pytest.raises(InputError) as found:
        recipe.check(tmp_path, tmp_path / "made")
    assert "lacks" not in str(found.value)
    other = {"easy": "hard", "hard": "easy"}[split]
    with pytest.raises(InputError, match=r"lacks \*c_test_"):
        load_recipe(f"mmbert-table2-{other}").check(tmp_path, tmp_path / "made")


@pytest.mark.parametrize(
    "text, words",
    [
        ("paper = ", "no TOML"),
        ('paper = "pbr"', "table: Field required"),
        ('colour = "red"', "colour|required"),
        (
            'paper="p"\ntable="1"\nsplit="t"\nprotocol=["c11"]\n'
            '[data]\ndataset="d"\nsplit="t"\n[[systems]]\nname="a"\nconfig="b"',
            "protocol.0",
        ),
    ],
)
def test_a_damaged_recipe_is_refused_in_words(text, words):
    with pytest.raises(InputError, match=words):
        parse(RecipeFile, text, "x.toml")


def test_the_command_says_what_is_needed_before_anything_else(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no library here either
    assert main(["eval", "StickerChat", "--reproduce", "pbr-table5"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    told = told.err
    lines = told.splitlines()
    # what is missing, where it goes, and which command makes it: a line each, none of them long
    assert lines[0] == "sticker: pbr-table5 cannot be reproduced yet"
    assert lines[1].startswith("data: StickerChat at StickerChat lacks npy_stickers")
    assert "put the folder there" in lines[2] and "models: 3 of 3" in lines[3]
    assert any(line.startswith("  sticker train pbr/table5-logit ") for line in lines)
    assert max(map(len, lines)) < 160
    assert "there is no library" not in told
    assert main(["eval", "StickerChat", "--reproduce", "pbr-table5", "--systems", "Ours"]) == 2
    told = capsys.readouterr().err
    assert "1 of 1 checkpoints" in told and "table5-logit" not in told and "--systems Ours" in told
    assert main(["eval", "StickerChat", "--reproduce", "pbr"]) == 2
    assert "there are int-ra-table2" in capsys.readouterr().err


def test_table_4_is_measured_by_whether_the_gold_has_words(tmp_path):
    recipe = load_recipe("mmbert-table4-hard")
    assert [row.values["R_all@1"] for row in recipe.published] == [0.0682, 0.0695, 0.0358, 0.045]
    assert [row.split.rpartition(", ")[2] for row in recipe.published] == [
        *["stickers with text"] * 2, *["stickers without text"] * 2,
    ]  # fmt: skip
    # the checkpoints are those of table 1: nothing is trained twice
    first = load_recipe("mmbert-table1-hard").commands(tmp_path / "mod", tmp_path / "made")
    for command in recipe.commands(tmp_path / "mod", tmp_path / "made"):
        assert "train" not in command or command in first
