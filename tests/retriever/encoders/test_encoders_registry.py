import subprocess
import sys
from pathlib import Path

import pytest

import retriever.encoders
from retriever.encoders import registry
from retriever.encoders.base import Encoder
from retriever.encoders.registry import (
    DEFAULT,
    LoadRequest,
    encoder_schemes,
    load_encoder,
    register,
)
from retriever.errors import InputError, ModelError

BUILT_IN = ("dual", "minilm", "open_clip", "sentence-transformers", "st", "starter")

HEAVY = ("torch", "torchvision", "transformers", "sentence_transformers", "open_clip", "onnx", "onnxruntime",
         "tokenizers", "huggingface_hub", "PIL", "chromadb")  # fmt: skip


@pytest.fixture(autouse=True)
def own_schemes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the built-in schemes, and what a test registers is gone after it."""
    loaders = {scheme: registry._LOADERS[scheme] for scheme in BUILT_IN}
    monkeypatch.setattr(registry, "_LOADERS", loaders)


def asked(name: str, **options: object) -> LoadRequest:
    """What a loader is given for that name."""
    seen: list[LoadRequest] = []

    def loader(request: LoadRequest) -> Encoder:
        seen.append(request)
        return object()  # type: ignore[return-value]

    register("mine", loader)
    load_encoder(name, **options)  # type: ignore[arg-type]
    return seen[0]


def test_public_names_import() -> None:
    for name in retriever.encoders.__all__:
        assert hasattr(retriever.encoders, name)


def test_schemes() -> None:
    assert encoder_schemes() == BUILT_IN


def test_a_registered_scheme_gets_what_was_asked() -> None:
    assert asked("mine:a/b:c ", device="cpu", batch_size=7) == LoadRequest("mine:a/b:c ", "a/b:c", "cpu", 7)


def test_a_scheme_alone_has_no_rest() -> None:
    assert asked("mine") == LoadRequest("mine", "", "auto", None)


@pytest.mark.parametrize("scheme", ["minilm", "st", "auto", "none"])
def test_taken_schemes_are_refused(scheme: str) -> None:
    with pytest.raises(InputError, match="already taken"):
        register(scheme, lambda request: object())  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("scheme", ["", "a b", "a:b", "../x"])
def test_a_scheme_is_a_word(scheme: str) -> None:
    with pytest.raises(InputError, match="plain word"):
        register(scheme, lambda request: object())  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("name", ["", "nope", "nope:x", "MiniLM", ":x"])
def test_an_unknown_scheme_lists_what_exists(name: str) -> None:
    register("zebra", lambda request: object())  # type: ignore[arg-type, return-value]
    with pytest.raises(InputError) as caught:
        load_encoder(name)
    assert str(caught.value) == (
        f"encoder {name!r} has an unknown scheme, "
        "expected one of auto, dual, minilm, open_clip, sentence-transformers, st, starter, zebra"
    )


def test_none_is_for_the_caller() -> None:
    with pytest.raises(InputError, match="nothing to load"):
        load_encoder("none")


def test_minilm_takes_no_rest() -> None:
    with pytest.raises(InputError, match="nothing after the colon"):
        load_encoder("minilm:large")


@pytest.mark.parametrize("options", [{"device": "tpu"}, {"batch_size": 0}, {"batch_size": -3}])
def test_bad_options(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        load_encoder("minilm", **options)  # type: ignore[arg-type]


def test_auto_is_what_ships() -> None:
    assert load_encoder("auto").spec.model_id == load_encoder(DEFAULT).spec.model_id
    assert load_encoder(DEFAULT).spec.languages == ("en", "zh")


def test_a_dual_encoder_needs_its_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no checkpoint"):
        load_encoder("dual")
    with pytest.raises(ModelError, match="there is no checkpoint"):
        load_encoder(f"dual:{tmp_path / 'none'}")
    with pytest.raises(InputError, match="nothing after the colon"):
        load_encoder("starter:big")


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, retriever.encoders; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
