import zipfile
from pathlib import Path

import packs_samples as make
import pytest

from retriever.errors import BadImage, PackError
from retriever.packs import Limits, Pack, PackEntry, Quarantined, decode, open_pack

IMAGE = make.saved("PNG")


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def central(raw: bytearray, name: bytes) -> int:
    """Where the central directory's record of `name` begins."""
    at = raw.rindex(name) - 46
    assert raw[at : at + 4] == b"PK\x01\x02"
    return at


def outcomes(pack: Pack) -> dict[str, str]:
    """id -> "ok" or why not, with every image read."""
    seen = {}
    for item in pack:
        if isinstance(item, Quarantined):
            seen[item.id] = item.reason
            continue
        assert isinstance(item, PackEntry) and item.path is None
        try:
            decode(item.read())
            seen[item.id] = "ok"
        except BadImage as error:
            seen[item.id] = error.reason
    return seen


def test_a_plain_archive_reads_like_its_folder(tmp_path: Path) -> None:
    members = {"cats/a.png": IMAGE, "b.png": IMAGE, "__MACOSX/._b.png": b"x", "README": b"words"}
    with open_pack(zipped(tmp_path / "mine.zip", members)) as pack:
        assert (pack.kind, pack.count_hint) == ("zip", 2)
        found = [(item.id, item.pack, item.origin) for item in pack if isinstance(item, PackEntry)]
        root = f"{tmp_path}/mine.zip!/"
        assert found == [("b.png", "mine", f"{root}b.png"), ("cats/a.png", "cats", f"{root}cats/a.png")]
        assert pack.ignored == {"README": 1}


def test_one_top_folder_is_the_root(tmp_path: Path) -> None:
    with open_pack(zipped(tmp_path / "x.zip", {"all/cats/a.png": IMAGE, "all/b.png": IMAGE})) as pack:
        assert {item.id: item.pack for item in pack if isinstance(item, PackEntry)} == {
            "b.png": "all",
            "cats/a.png": "cats",
        }


def test_a_native_archive(tmp_path: Path) -> None:
    rows = b'{"id": "a", "image": "i/a.png", "name": "hi"}\n{"id": "b", "image": "i/none.png"}\n'
    rows += b'{"id": "c", "image": "../../etc/passwd"}\n{"id": "d", "image": "./i\\\\a.png"}\n'
    with open_pack(zipped(tmp_path / "x.zip", {"top/stickers.jsonl": rows, "top/i/a.png": IMAGE})) as pack:
        assert (pack.kind, pack.count_hint) == ("native zip", 4)
        assert outcomes(pack) == {"a": "ok", "b": "missing_file", "c": "unsafe_path", "d": "ok"}
        first = next(iter(pack))
        assert isinstance(first, PackEntry) and first.pack == "top" and first.annotations.name == {"en": "hi"}


def test_names_that_climb_out_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    members = {"../../evil.png": IMAGE, "/abs.png": IMAGE, "c:\\x.png": IMAGE, "ok.png": IMAGE}
    before = sorted(tmp_path.parent.iterdir())
    with open_pack(zipped(tmp_path / "slip.zip", members)) as pack:
        assert outcomes(pack) == {
            "../../evil.png": "unsafe_path",
            "/abs.png": "unsafe_path",
            "c:/x.png": "unsafe_path",
            "ok.png": "ok",
        }
    assert sorted(tmp_path.parent.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["slip.zip"]


def test_members_are_bounded(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"bomb.png": bytes(30_000_000), "zero.png": b"", "ok.png": IMAGE})
    assert path.stat().st_size < 100_000
    with open_pack(path) as pack:
        assert outcomes(pack) == {"bomb.png": "too_large_file", "ok.png": "ok", "zero.png": "empty"}
    raw = bytearray(path.read_bytes())
    at = central(raw, b"bomb.png")
    raw[at + 24 : at + 28] = (1000).to_bytes(4, "little")  # the directory says it is small
    path.write_bytes(raw)
    with open_pack(path) as pack:
        assert outcomes(pack)["bomb.png"] == "corrupt"


def test_encrypted_and_damaged_members(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "x.zip", {"secret.png": IMAGE, "torn.png": IMAGE, "odd.png": IMAGE, "ok.png": IMAGE}
    )
    raw = bytearray(path.read_bytes())
    raw[central(raw, b"secret.png") + 8] |= 1
    raw[central(raw, b"odd.png") + 10] = 97  # a way of packing that does not exist
    raw[raw.index(b"odd.png") - 30 + 8] = 97
    at = raw.index(b"torn.png") + len(b"torn.png")
    raw[at + 20 : at + 40] = bytes(20)
    path.write_bytes(raw)
    with open_pack(path) as pack:
        assert outcomes(pack) == {
            "odd.png": "unsupported_kind",
            "ok.png": "ok",
            "secret.png": "encrypted",
            "torn.png": "corrupt",
        }


def test_an_encrypted_index(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"stickers.jsonl": b'{"image": "a.png"}\n', "a.png": IMAGE})
    raw = bytearray(path.read_bytes())
    raw[central(raw, b"stickers.jsonl") + 8] |= 1
    path.write_bytes(raw)
    with open_pack(path) as pack:
        assert outcomes(pack) == {"stickers.jsonl": "encrypted"}


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_a_damaged_archive_is_an_error_of_the_pack(tmp_path: Path, part: float) -> None:
    path = zipped(tmp_path / "x.zip", {f"{i}.png": IMAGE for i in range(5)})
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * part)])
    with pytest.raises(PackError, match=r"x\.zip is a damaged zip archive"):
        open_pack(path)


def test_an_empty_archive(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no stickers"):
        open_pack(zipped(tmp_path / "x.zip", {}))


def test_archives_inside_are_not_followed(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.png": IMAGE}).read_bytes()
    with open_pack(zipped(tmp_path / "x.zip", {"inner.zip": inner, "ok.png": IMAGE})) as pack:
        assert outcomes(pack) == {"inner.zip": "unsupported_kind", "ok.png": "ok"}


def test_a_member_stored_twice(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.png", IMAGE)
        archive.writestr("a.png", IMAGE)
    with open_pack(path) as pack:
        assert [getattr(item, "reason", "ok") for item in pack] == ["ok", "duplicate_id"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_names_from_packers_that_do_not_say_their_encoding(tmp_path: Path, encoding: str) -> None:
    path = zipped(tmp_path / "x.zip", {"?" * len("早安".encode(encoding)) + ".png": IMAGE})
    raw = path.read_bytes().replace(b"?" * len("早安".encode(encoding)), "早安".encode(encoding))
    path.write_bytes(raw)
    with open_pack(path) as pack:
        assert outcomes(pack) == {"早安.png": "ok"}


def test_reading_after_the_end(tmp_path: Path) -> None:
    with open_pack(zipped(tmp_path / "x.zip", {"a.png": IMAGE})) as pack:
        (entry,) = pack
    assert isinstance(entry, PackEntry)
    with pytest.raises(BadImage):
        entry.read()


def test_limits_reach_the_reader(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.png": IMAGE})
    with open_pack(path, Limits(max_file_bytes=len(IMAGE) - 1)) as pack:
        assert outcomes(pack) == {"a.png": "too_large_file"}
