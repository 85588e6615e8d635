"""What a checkpoint folder must be before anything is loaded from it."""

import json
from pathlib import Path

import pytest

from retriever.checkpoints import CONFIG, WEIGHTS, checkpoint_in, checkpoint_name, content_id, read_config
from retriever.errors import InputError, ModelError
from retriever.rankers import load_ranker
from retriever.rankers.registry import families, register


def folder(path: Path, config: object, weights: bool = True) -> Path:
    path.mkdir()
    (path / CONFIG).write_text(config if isinstance(config, str) else json.dumps(config))
    if weights:
        (path / WEIGHTS).write_bytes(b"w")
    return path


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no checkpoint at"):
        load_ranker(tmp_path / "none")


def test_the_run_in_place_of_its_best_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    folder(run / "best", {"family": "dual", "schema": 1})
    for settings in (None, '{"train": {}}', '{"family": "dual"}'):
        if settings:
            (run / CONFIG).write_text(settings)
        with pytest.raises(ModelError, match=r"is the folder of a run; its checkpoint is .*/run/best"):
            read_config(run)
        assert checkpoint_in(run) == checkpoint_in(run / "best") == run / "best"
    assert checkpoint_name(run / "best") == checkpoint_name(run) == "run"
    (run / "best" / WEIGHTS).unlink()
    assert checkpoint_in(run) == run


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"family": 3}', "null"])
def test_a_configuration_that_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError, match=CONFIG):
        read_config(folder(tmp_path / "c", text))


def test_another_schema_and_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="schema 9, this version reads 1"):
        read_config(folder(tmp_path / "a", {"family": "dual", "schema": 9}))
    with pytest.raises(ModelError, match=r"has no model\.safetensors"):
        read_config(folder(tmp_path / "b", {"family": "dual", "schema": 1}, weights=False))


def test_an_unknown_family_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'magic' ranker; this version knows .*dual.*pbr"):
        load_ranker(folder(tmp_path / "m", {"family": "magic", "schema": 1}))


@pytest.mark.parametrize("family", families())
def test_every_family_finds_its_loader_which_refuses_an_empty_configuration(
    tmp_path: Path, family: str
) -> None:
    with pytest.raises(ModelError):
        load_ranker(folder(tmp_path / "e", {"family": family, "schema": 1}), device="cpu")


def test_a_family_is_registered_once() -> None:
    assert {"dual", "pbr"} <= set(families())
    with pytest.raises(InputError, match="taken"):
        register("dual", lambda folder, config, device: None)  # type: ignore[arg-type, return-value]


def test_the_id_changes_with_either_file(tmp_path: Path) -> None:
    place = folder(tmp_path / "c", {"family": "dual", "schema": 1})
    first = content_id(place)
    assert first == content_id(place)
    (place / WEIGHTS).write_bytes(b"v")
    second = content_id(place)
    (place / CONFIG).write_text("{}")
    assert len({first, second, content_id(place)}) == 3
