import os
from pathlib import Path

import packs_samples as make
import pytest

from retriever.errors import BadImage, PackError
from retriever.packs import Limits, Pack, PackEntry, Quarantined, decode, open_pack

IMAGE = make.saved("PNG")


def entries(pack: Pack) -> dict[str, PackEntry]:
    return {item.id: item for item in pack if isinstance(item, PackEntry)}


def refused(pack: Pack) -> dict[str, str]:
    return {item.id: item.reason for item in pack if isinstance(item, Quarantined)}


def put(root: Path, *names: str, data: bytes = IMAGE) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def test_sub_folders_are_packs_and_names_are_ids(tmp_path: Path) -> None:
    put(tmp_path, "top.png", "cats/wave.png", "cats/old/sad_cat-2.webp", "狗/早安.png")
    pack = open_pack(tmp_path)
    found = entries(pack)
    assert pack.kind == "folder" and pack.source == str(tmp_path) and pack.count_hint == 4
    assert {key: entry.pack for key, entry in found.items()} == {
        "cats/old/sad_cat-2.webp": "cats",
        "cats/wave.png": "cats",
        "top.png": tmp_path.name,
        "狗/早安.png": "狗",
    }
    assert list(found) == sorted(found)
    assert found["cats/old/sad_cat-2.webp"].annotations.name == {"en": "sad cat"}
    assert found["狗/早安.png"].annotations.name == {"zh": "早安"}
    assert found["cats/wave.png"].path == tmp_path / "cats/wave.png"
    assert found["cats/wave.png"].read() == IMAGE
    assert list(pack) == list(open_pack(str(tmp_path)))  # again, and from a string


def test_clutter_is_skipped_and_other_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "a.png", ".hidden.png", "__MACOSX/._a.png", ".git/b.png", "Thumbs.db", ".DS_Store")
    put(tmp_path, "README.txt", "LICENSE", "more/notes.txt", data=b"words")
    pack = open_pack(tmp_path)
    assert list(entries(pack)) == ["a.png"] and not refused(pack)
    assert pack.ignored == {".txt": 2, "LICENSE": 1}


def test_bytes_decide_where_the_name_says_nothing(tmp_path: Path) -> None:
    put(tmp_path, "no_suffix", "image.dat")
    put(tmp_path, "text.png", data=b"not an image")
    found = entries(open_pack(tmp_path))
    assert list(found) == ["image.dat", "no_suffix", "text.png"]
    with pytest.raises(BadImage, match="not_an_image"):
        decode(found["text.png"].read())


def test_an_archive_inside_is_named_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    put(tmp_path, "more.zip", data=b"PK\x03\x04" + bytes(30))
    assert refused(open_pack(tmp_path)) == {"more.zip": "unsupported_kind"}


def test_links(tmp_path: Path) -> None:
    root = tmp_path / "pack"
    put(tmp_path, "outside.png")
    put(root, "a.png")
    for name, target in {
        "alias.png": "a.png",
        "out.png": "../outside.png",
        "gone.png": "nowhere.png",
        "loop.png": "loop2.png",
        "loop2.png": "loop.png",
        "up": ".",
    }.items():
        (root / name).symlink_to(target)
    pack = open_pack(root)
    assert list(entries(pack)) == ["a.png", "alias.png"]
    assert refused(pack) == {
        "out.png": "unsafe_path",
        "gone.png": "missing_file",
        "loop.png": "unreadable",
        "loop2.png": "unreadable",
        "up": "unsafe_path",
    }
    (tmp_path / "link").symlink_to(root)
    assert open_pack(tmp_path / "link").source == str(root)


def test_odd_names(tmp_path: Path) -> None:
    put(tmp_path, "new\nline.png", "😀 猫.png", "cafe\u0301.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.png")).write_bytes(IMAGE)
    pack = open_pack(tmp_path)
    assert set(entries(pack)) == {"new_line.png", "😀 猫.png", "caf\u00e9.png"}
    assert all(decode(entry.read()) for entry in entries(pack).values())
    assert list(refused(pack).values()) == ["bad_name"]
    assert all(str(item).isprintable() for item in pack)


def test_two_spellings_of_one_name_are_one_id(tmp_path: Path) -> None:
    put(tmp_path, "cafe\u0301.png", "caf\u00e9.png")
    assert refused(open_pack(tmp_path)) == {"caf\u00e9.png": "duplicate_id"}


def test_size_is_asked_before_bytes_are_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(4 * 2**30)  # sparse: reading it would take 4 GiB of memory
    put(tmp_path, "zero.png", data=b"")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    put(tmp_path, "ok.png")
    found = entries(open_pack(tmp_path))
    reasons = {}
    for name, entry in found.items():
        try:
            entry.read()
        except BadImage as error:
            reasons[name] = error.reason
    assert reasons == {"huge.png": "too_large_file", "zero.png": "empty", "pipe.png": "not_an_image"}
    (tmp_path / "ok.png").unlink()
    with pytest.raises(BadImage, match="missing_file"):
        found["ok.png"].read()


def test_limits_reach_the_reader(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (entry,) = entries(open_pack(tmp_path, Limits(max_file_bytes=len(IMAGE) - 1))).values()
    with pytest.raises(BadImage, match="too_large_file"):
        entry.read()


def test_a_single_image_is_a_pack_of_one(tmp_path: Path) -> None:
    put(tmp_path, "happy cat.png")
    pack = open_pack(tmp_path / "happy cat.png")
    (entry,) = entries(pack).values()
    assert (pack.kind, entry.id, entry.pack, pack.count_hint) == ("image", "happy cat.png", tmp_path.name, 1)
    assert entry.annotations.name == {"en": "happy cat"}


def test_nothing_to_open(tmp_path: Path) -> None:
    for path, message in {
        "": "is no path",
        "a\0b": "is no path",
        tmp_path / "nope": "is not there",
        tmp_path: "no stickers in",
    }.items():
        with pytest.raises(PackError, match=message):
            open_pack(path)
    put(tmp_path, "LICENSE", data=b"words")
    with pytest.raises(PackError, match="1 files of other kinds"):
        open_pack(tmp_path)
    for name, data, message in (
        ("x.png", b"", "an empty file"),
        ("page.webp", b"<html></html>", "a web page"),
    ):
        put(tmp_path, name, data=data)
        with pytest.raises(PackError, match=message):
            open_pack(tmp_path / name)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PackError, match="cannot be read"):
        open_pack(tmp_path / "loop")
    with pytest.raises(PackError, match="a device or pipe"):
        open_pack("/dev/null")


def test_a_folder_of_native_packs_is_not_read_without_its_annotations(tmp_path: Path) -> None:
    put(tmp_path, "one/stickers.jsonl", "two/stickers.jsonl", data=b"{}\n")
    with pytest.raises(PackError, match=r"one, two.*one by one"):
        open_pack(tmp_path)


def test_iterating_is_lazy(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    items = iter(open_pack(tmp_path))
    next(items)
    (tmp_path / "b.png").unlink()
    put(tmp_path, "b.png", data=b"later")
    later = next(items)
    assert isinstance(later, PackEntry) and later.read() == b"later"
