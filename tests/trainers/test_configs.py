import numpy as np
import pytest
from ranking_worlds import write_native

from retriever.errors import InputError
from trainers.config import CONFIGS, find_config, load_config, merged, parse_settings, read_tables, shipped
from trainers.datasets.native import load_native, open_stickers
from trainers.datasets.ranking import TeacherOutputs

PBR = [name for name in shipped() if name.startswith("pbr/")]

TINY = {
    "model.image.pretrained": "null", "model.image.size": 16, "model.text.pretrained": "null",
    "model.text.vectors": "null", "model.text.layers": 1, "model.text.width": 16, "model.text.heads": 2,
    "model.text.max_tokens": 32, "model.fusion.layers": 1, "model.fusion.width": 16, "model.fusion.heads": 2,
    "model.projection": 8, "losses.contrast.hidden": 16, "losses.contrast.width": 8, "batch.size": 4,
    "train.device": "cpu", "train.precision": "fp32",
}  # fmt: skip
VIT = {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
RESNET = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8], "stem_width": 8}


def tiny(name, **more):
    """A shipped configuration at toy sizes. Inception has no size to set, so a tiny ResNet stands for it."""
    model = load_config(find_config(name)).config.model.image.model
    vit = model.startswith("vit")
    image = {"model.image.options": VIT if vit else RESNET}
    if not vit:
        image |= {"model.image.model": "resnet50", "model.image.size": 32}
    return load_config(find_config(name), {**TINY, **image, **more}).config


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_native(folder, train=8, valid=4)
    stickers = open_stickers([folder / "stickers"], folder / "cache", 32)
    return load_native(folder, "train", stickers), load_native(folder, "valid", stickers)


def told(stickers, clusters):
    rng = np.random.default_rng(0)
    return TeacherOutputs(
        *(rng.normal(size=(len(stickers), width)).astype(np.float32) for width in (7 * clusters, 7, 12))
    )


def test_the_paper_is_all_there():
    table1 = [
        f"pbr/table1-{backbone}-{losses}"
        for backbone in (
            "resnet-transformer", "inception-transformer", "inception-gru", "inception-lstm", "vit-bert",
        )
        for losses in ("base", "ours", "ours-star")
    ]  # fmt: skip
    assert set(table1) <= set(PBR)
    assert [name.split("-")[0] for name in PBR if "table3" in name] == ["pbr/table3"] * 8
    assert {f"pbr/table4-m{m}" for m in range(10, 101, 10)} <= set(PBR)
    assert {"pbr/table5-feature", "pbr/table5-logit", "pbr/table5-ours", "pbr/small"} <= set(PBR)
    assert len(PBR) == 15 + 8 + 10 + 3 + 1


def test_full_sizes_are_the_papers():
    import timm

    for name in PBR:
        if name == "pbr/small":
            continue
        config = load_config(find_config(name)).config
        assert timm.is_model(config.model.image.model) and config.model.image.size == 128
        assert config.model.projection == 256 and config.model.temperature == 0.07
        assert (config.train.lr, config.train.final_lr, config.train.max_steps) == (1e-4, 1e-5, 200_000)
        assert config.train.eval_every == 5000 and config.data.policy == "srs_first9"
        words = config.model.text.kind != "bert"
        assert config.model.text.max_tokens == (256 if words else 512)
        assert config.data.text == ("words" if words else "joined")
    bert = load_config(find_config("pbr/table3-1-base")).config.model
    assert (bert.text.layers, bert.fusion.layers, bert.text.pretrained) == (6, 6, "bert-base-chinese")


def test_the_rows_of_table_3_differ_in_their_modules():
    found = {}
    for name in PBR:
        if "table3" in name:
            losses = load_config(find_config(name)).config.losses
            mining = losses.mining
            phsm = mining.labels if mining.strategy == "polarity" else None
            found[name[-len(name) + len("pbr/table3-")]] = (losses.distils, losses.intra, losses.inter, phsm)
    assert found == {
        "1": (False, 0, 0, None),
        "2": (True, 0, 0, None),
        "3": (False, 0.5, 0, None),
        "4": (False, 0, 0.5, None),
        "5": (False, 0.5, 0.5, None),
        "6": (False, 0, 0, "teacher"),
        "7": (True, 0, 0, "student"),
        "8": (True, 0.5, 0.5, "student"),
    }
    assert load_config(find_config("pbr/table4-m30")).config.losses.distillation.clusters == 30


@pytest.mark.parametrize("name", PBR)
def test_every_configuration_builds_and_gives_its_terms(name, world):
    from dataclasses import replace

    import torch

    from trainers.pbr.task import PBRTask

    config = tiny(name)
    train, valid = world
    if config.losses.needs_teacher:
        train = replace(train, teacher=told(train.stickers, config.losses.distillation.clusters))
    task = PBRTask(config, train, valid)
    torch.manual_seed(0)
    terms = task.module(task.batch([train.draw(at) for at in range(4)]))
    wanted = {"i2t", "t2i", "match"} | {k for k in ("intra", "inter") if getattr(config.losses, k)}
    assert wanted | ({"ekd"} if config.losses.distils else set()) == set(terms) - {"label_entropy"}
    total = sum(task.weights[term] * value for term, value in terms.items())
    assert bool(torch.isfinite(total))
    total.backward()


@pytest.mark.parametrize("name", ["teacher", "teacher-small"])
def test_teachers_load(name):
    loaded = load_config(find_config(name), data="somewhere")
    assert loaded.config.train.select == "accuracy" and loaded.config.data.packs == ("somewhere",)


def test_extends_merges_tables_in_order_and_the_file_wins(tmp_path):
    (tmp_path / "a.toml").write_text("x = 1\n[t]\np = 1\nq = [1]\n")
    (tmp_path / "b.toml").write_text("[t]\np = 2\nr = 2\n")
    (tmp_path / "c.toml").write_text('extends = ["a.toml", "b.toml"]\n[t]\nr = 3\n')
    assert read_tables(tmp_path / "c.toml") == {"x": 1, "t": {"p": 2, "q": [1], "r": 3}}
    below = {"t": {"p": 1}}
    assert merged(below, {"t": 5}) == {"t": 5} and below == {"t": {"p": 1}}


def test_circles_and_missing_bases_are_told(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "b.toml"\n')
    (tmp_path / "b.toml").write_text('extends = "a.toml"\n')
    with pytest.raises(InputError, match="extends itself by way of"):
        read_tables(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text('extends = "gone.toml"\n')
    with pytest.raises(InputError, match=r"no configuration .*gone\.toml, which .*b\.toml extends"):
        read_tables(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text("extends = 4\n")
    with pytest.raises(InputError, match="extends is"):
        read_tables(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text("x = = 3\n")
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_tables(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("train.epoch=3", r"train\.epoch is unknown; did you mean 'epochs'\? \[train\] takes epochs, "),
        ("model.text.knd=lstm", r"model\.text\.knd is unknown; did you mean 'kind'"),
        ("los.ekd=1", "los is unknown; did you mean 'losses'"),
        ("train.qqqqqqqqqqqq=1", r"train\.q+ is unknown; \[train\] takes epochs, "),
        ("losses.ekd=-1", "losses.ekd is -1: input should be greater"),
        ("model.text.kind=rnn", "model.text.kind is 'rnn': input should be 'bert', 'transformer'"),
        ("data.policy=worst", "policy is 'worst', which native data do not have"),
        ("family=pdr", "family is 'pdr'; expected one of .*dual.*, pbr.*, teacher"),
        ("train=4", "train is 4: "),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_name(setting, told):
    with pytest.raises(InputError, match=told):
        load_config(find_config("pbr/small"), parse_settings([setting]))


def test_settings_are_toml_or_text():
    given = ["train.epochs=3", "a.b=[1, 2]", "c=some text", "d=true", "e='x'", "f=1e-3", "g=a=b"]
    assert parse_settings(given) == {
        "train.epochs": 3, "a.b": [1, 2], "c": "some text", "d": True, "e": "x", "f": 1e-3, "g": "a=b",
    }  # fmt: skip
    for bad in ("novalue", "=3"):
        with pytest.raises(InputError, match="expected key=value"):
            parse_settings([bad])
    config = load_config(find_config("pbr/small"), {"model.text.pretrained": "null", "train.seed": 7}).config
    assert config.model.text.pretrained is None and config.train.seed == 7


def test_names_are_found_and_the_nearest_is_offered(tmp_path):
    assert find_config("pbr/small") == CONFIGS / "pbr" / "small.toml"
    with pytest.raises(InputError, match=r"no configuration 'pbr/smal'.*did you mean pbr/small"):
        find_config("pbr/smal")
    own = tmp_path / "mine.toml"
    own.write_text('family = "pbr"\n')
    assert load_config(find_config(str(own))).name == "mine"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "sources.chat-en.shar=0.5",
            r"chat-en\.shar is unknown; did you mean 'share'\? \[.*en\] takes path, share",
        ),
        ("sources.chat-en=5", "sources.chat-en is 5: "),
        ("weights.retreival=2", r"weights\.retreival.*'emotion', 'intention'.* or 'anchor'"),
        ("weights.retrieval=nan", "weights.retrieval is nan: "),
        ("weights.retrieval=-1", "weights.retrieval is -1: "),
        ("packs=[]", r"packs is \[\]: .* at least 1 item"),
    ],
)
def test_tables_of_free_names_are_checked_too(given, told):
    with pytest.raises(InputError, match=told):
        load_config(find_config("dual/first"), parse_settings([given]))


def test_what_a_source_is_worth_can_be_set():
    config = load_config(find_config("dual/first"), parse_settings(["weights.retrieval=2"])).config
    assert config.weights == {"retrieval": 2}
