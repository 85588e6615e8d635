"""Fixtures for everything that needs a pack or a library."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_library
from tiny_library import Thumbnails, TinyPack, Trigrams

tiny_library.register()


@pytest.fixture(autouse=True)
def _nothing_encoded_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trigrams, "encoded", 0)
    monkeypatch.setattr(Thumbnails, "encoded", 0)


@pytest.fixture
def make_pack(tmp_path: Path) -> Callable[..., TinyPack]:
    """``make_pack(count, name)``: a native pack of `count` drawn stickers."""

    def make(count: int = 12, name: str = "pack") -> TinyPack:
        return TinyPack(tmp_path / name, count)

    return make


@pytest.fixture
def pack(make_pack: Callable[..., TinyPack]) -> TinyPack:
    """A native pack of twelve."""
    return make_pack()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a test's library goes; not made yet."""
    return tmp_path / "library"
