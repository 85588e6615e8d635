"""The baselines' shipped configurations: each is checked, and is of the family it says."""

from dataclasses import replace

import pytest
from tiny_baselines import tiny_data

from retriever.rankers.baselines.config import CONFIGS
from retriever.rankers.registry import families
from trainers.baselines.config import SETTINGS
from trainers.baselines.task import BaselineTask
from trainers.config import find_config, load_config, shipped
from trainers.families import family, names

SHIPPED = [name for name in shipped() if name.startswith("baselines/")]


def test_every_family_has_a_configuration_and_a_small_one() -> None:
    assert set(CONFIGS) == set(SETTINGS) <= set(names()) and set(CONFIGS) <= set(families())
    wanted = {f"baselines/{name}{size}" for name in (*CONFIGS, "albef") for size in ("", "-small")}
    assert wanted <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_loads_and_says_what_it_is(name: str) -> None:
    loaded = load_config(find_config(name), data="somewhere")
    config = loaded.config.model_dump()
    assert config["data"]["path"] == "somewhere" and config["train"]["epochs"] >= 1
    plain = name.removeprefix("baselines/").removesuffix("-small")
    assert config["family"] == ("pbr" if plain == "albef" else plain)
    assert len(loaded.family.about(loaded.config)) > 50


def test_small_ones_have_the_sizes_of_pbrs() -> None:
    small = load_config(find_config("pbr/small"), data="x").config.model_dump()
    for name in SHIPPED:
        config = load_config(find_config(name), data="x").config.model_dump()
        if name.endswith("-small") and "srs" not in name and config["family"] in CONFIGS:
            assert config["model"]["image"] == small["model"]["image"]
            assert config["model"]["text"] == small["model"]["text"]
            assert config["batch"] == small["batch"] and config["train"] == small["train"]


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_small_ones_build(name: str) -> None:
    tiny = {"model.text.pretrained": "null", "model.text.width": 32, "model.text.heads": 4}
    config = load_config(find_config(f"baselines/{name}-small"), tiny, data="x").config
    kind = SETTINGS[name]
    data = tiny_data()
    images = data.stickers.images.repeat(2, 1).repeat(2, 2)
    data = replace(data, stickers=replace(data.stickers, images=images))
    task = BaselineTask(name, kind(**{key: getattr(config, key) for key in kind.model_fields}), data, data)
    terms = task.module(task.batch(data.samples))
    assert all(bool(value.isfinite()) for value in terms.values())


def test_albef_is_pbrs_base() -> None:
    base = load_config(find_config("pbr/table3-1-base"), data="x").config
    assert load_config(find_config("baselines/albef"), data="x").config == base


def test_full_sizes_are_the_papers() -> None:
    def of(name: str) -> dict:  # type: ignore[type-arg]
        return load_config(find_config(f"baselines/{name}"), data="x").config.model_dump()

    clip = of("clip")
    assert clip["model"]["turns"] == 1 and clip["batch"]["size"] == 8 and clip["train"]["lr"] == 9e-6
    assert clip["train"]["lr"] * clip["image_scale"] == pytest.approx(5e-7, rel=1e-3)
    srs = of("srs")
    assert (srs["model"]["hidden"], srs["model"]["utterances"], srs["model"]["words"]) == (100, 15, 30)
    assert srs["losses"]["image_first"] == 1000 and srs["model"]["image"]["model"] == "inception_v3"
    lgur = of("lgur")["model"]
    assert (lgur["dictionary"], lgur["prototypes"], lgur["projection"]) == (400, 6, 512)
    assert family("mod_gpt").config is not family("clip").config
