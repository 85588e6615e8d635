"""The manifest: kept, refused when newer, told when garbled."""

import json
from pathlib import Path

import pytest

from retriever.encoders.base import EncoderSpec
from retriever.errors import LibraryDamaged, ManifestMismatch
from retriever.store.manifest import Manifest, read_manifest, write_manifest
from retriever.store.paths import LibraryPaths

MANIFEST = Manifest(
    "0123abcd", (EncoderSpec("a", "a@1", 4, "image", ("zh", "en"), "224"),), ("name",), "http://h:1"
)


def test_there_and_back(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    assert read_manifest(paths) is None
    for manifest in (MANIFEST, Manifest()):
        write_manifest(paths, manifest)
        assert read_manifest(paths) == manifest


def test_libraries_have_names_of_their_own() -> None:
    assert Manifest().library_id != Manifest().library_id


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    paths.manifest.write_text(json.dumps({**MANIFEST.to_json(), "schema": 99, "more": 1}))
    with pytest.raises(ManifestMismatch, match=r"schema 99.*up to 1.*upgrade"):
        read_manifest(paths)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '{"schema": "x"}', '{"schema": 1}', '{"schema": null}']
)
def test_garbage_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    paths = LibraryPaths(tmp_path)
    paths.manifest.write_text(text)
    with pytest.raises(LibraryDamaged, match="sticker doctor --repair"):
        read_manifest(paths)


def test_a_field_missing(tmp_path: Path) -> None:
    for key in MANIFEST.to_json():
        value = MANIFEST.to_json()
        del value[key]
        with pytest.raises(LibraryDamaged, match=key):
            Manifest.from_json(value, "x")
