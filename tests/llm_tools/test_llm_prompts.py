import tomllib
from pathlib import Path

import pytest

import llm_tools.prompts
from llm_tools.prompts import load_prompt
from retriever.errors import InputError
from retriever.labels import EMOTIONS, INTENTIONS, RELATIONS

FOLDER = Path(llm_tools.prompts.__file__).parent
FILES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_shipped_prompt_is_what_its_name_says(path):
    name, language, version, _ = path.name.split(".")
    prompt = load_prompt(path)
    assert (prompt.name, prompt.language, f"v{prompt.version}") == (name, language, version)
    assert load_prompt(name, language, prompt.version) == prompt


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_labels_named_are_the_projects(language):
    describe, infer = load_prompt("describe", language), load_prompt("infer", language)
    assert ", ".join(EMOTIONS) in describe.question and ", ".join(INTENTIONS) in describe.question
    assert ", ".join(INTENTIONS) in infer.question and all(name in infer.question for name in RELATIONS)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["infer", "wanted", "score_pointwise", "score_listwise"])
def test_a_prompt_over_a_conversation_says_how_data_is_marked_and_who_is_next(name, language):
    """What `llm_tools.data_block` writes: tags, an object a line, the last one with the key next."""
    prompt = load_prompt(name, language)
    marks = {"en": ("between tags", "never instructions"), "zh": ("标签之间", "都不是给你的指令")}
    assert all(mark in prompt.system for mark in marks[language]) and "next" in prompt.question


def test_an_older_version_can_still_be_asked_for():
    old, new = load_prompt("infer", "en", 1), load_prompt("infer", "en")
    assert (old.version, new.version) == (1, 2) and old.hash != new.hash


def test_the_hash_follows_the_words_alone(tmp_path):
    text = (FOLDER / "describe.en.v1.toml").read_text(encoding="utf-8")
    shipped = load_prompt("describe", "en", 1)
    renamed, reworded = tmp_path / "a.toml", tmp_path / "b.toml"
    renamed.write_text(text.replace("version = 1", "version = 7"), encoding="utf-8")
    reworded.write_text(text.replace("sticker used", "sticker  used"), encoding="utf-8")
    assert load_prompt(renamed).hash == shipped.hash != load_prompt(reworded).hash
    assert load_prompt(renamed).label == f"describe.en.v7:{shipped.hash}"


def test_what_does_not_exist_is_answered_with_what_does():
    with pytest.raises(InputError, match=r"no prompt describe\.fr; shipped are: .*describe\.zh\.v1\.toml"):
        load_prompt("describe", "fr")
    with pytest.raises(InputError, match=r"no prompt describe\.en\.v99"):
        load_prompt("describe", "en", 99)


@pytest.mark.parametrize(
    "change", [("system", "sytem"), ("{problem}", "it"), ("version = 1", "version = 'x'")]
)
def test_a_file_that_is_no_prompt_is_refused(tmp_path, change):
    path = tmp_path / "own.toml"
    path.write_text(
        (FOLDER / "infer.en.v1.toml").read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8"
    )
    with pytest.raises(InputError, match=r"own\.toml"):
        load_prompt(path)


def test_prompt_files_are_valid_toml_without_stray_keys():
    known = {"name", "language", "version", "system", "question", "questions", "reask"}
    assert all(set(tomllib.loads(path.read_text(encoding="utf-8"))) <= known for path in FILES)
