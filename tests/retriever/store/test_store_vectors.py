"""Vectors of record: found again bit for bit, or an error."""

from pathlib import Path

import numpy as np
import pytest

from retriever.encoders.base import EncoderSpec
from retriever.errors import LibraryDamaged, ManifestMismatch
from retriever.store import vectors as store
from retriever.store.vectors import VectorRecord, content_key, read_shard

SPEC = EncoderSpec("tiny", "tiny@1", 4, "document")


def numbers(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)


def keys(n: int, prefix: str = "k") -> list[str]:
    return [content_key(f"{prefix}{i}") for i in range(n)]


def gathered(record: VectorRecord, wanted: list[str]) -> np.ndarray:
    out = np.full((len(wanted), 4), np.nan, dtype=np.float32)
    record.gather(wanted, out)
    return out


def test_key_is_the_beginning_of_the_hash() -> None:
    assert content_key("") == content_key(b"") == "e3b0c44298fc1c149afbf4c8996fb924"
    assert content_key("猫") == content_key("猫".encode())


def test_append_and_gather_in_any_order(tmp_path: Path) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    record.append(keys(3, "a"), numbers(3, 1))
    record.append(keys(2, "b"), numbers(2, 2))
    wanted = [keys(2, "b")[1], *keys(3, "a")[::-1], keys(2, "b")[1]]
    expected = np.stack([numbers(2, 2)[1], *numbers(3, 1)[::-1], numbers(2, 2)[1]])
    for opened in (record, VectorRecord(tmp_path / "v", SPEC)):
        assert len(opened) == 5
        assert gathered(opened, wanted).tobytes() == expected.tobytes()


def test_nothing_to_append_writes_nothing(tmp_path: Path) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    record.append([], np.empty((0, 4), dtype=np.float32))
    assert record.shards() == []


def test_an_unknown_key(tmp_path: Path) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    assert "x" not in record
    with pytest.raises(KeyError):
        gathered(record, ["x"])


@pytest.mark.parametrize("shape", [(2, 5), (3, 4), (2,)])
def test_a_wrong_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    with pytest.raises(ManifestMismatch, match=r"expected \(2, 4\)"):
        record.append(keys(2), np.zeros(shape, dtype=np.float32))
    assert record.shards() == []


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    VectorRecord(tmp_path / "v", SPEC)
    other = EncoderSpec("tiny", "tiny@2", 4, "document")
    with pytest.raises(ManifestMismatch, match=other.fingerprint):
        VectorRecord(tmp_path / "v", other)


def test_a_shard_of_another_encoder_is_refused(tmp_path: Path) -> None:
    other = EncoderSpec("tiny", "tiny@2", 4, "document")
    VectorRecord(tmp_path / "other", other).append(keys(1), numbers(1))
    VectorRecord(tmp_path / "v", SPEC)
    (tmp_path / "other" / "00000001.safetensors").rename(tmp_path / "v" / "00000001.safetensors")
    with pytest.raises(LibraryDamaged, match=other.fingerprint):
        VectorRecord(tmp_path / "v", SPEC)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fingerprint": null}'])
def test_a_garbled_manifest_is_told(tmp_path: Path, text: str) -> None:
    VectorRecord(tmp_path / "v", SPEC)
    (tmp_path / "v" / "manifest.json").write_text(text)
    with pytest.raises((LibraryDamaged, ManifestMismatch)):
        VectorRecord(tmp_path / "v", SPEC)


def test_every_single_bit_flip_is_found_or_harmless(tmp_path: Path) -> None:
    """Flip a bit in each byte: an error, or the right numbers; never other numbers under a key."""
    record = VectorRecord(tmp_path / "v", SPEC)
    record.append(keys(3), numbers(3))
    shard = record.shards()[0]
    whole = shard.read_bytes()
    silent = 0
    for at in range(len(whole)):
        shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            found = gathered(VectorRecord(tmp_path / "v", SPEC), keys(3))
        except (LibraryDamaged, KeyError):
            continue
        assert found.tobytes() == numbers(3).tobytes()
        silent += 1
    assert silent < len(whole) / 4  # such as spaces that pad the header


def test_truncated_at_every_length(tmp_path: Path) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    record.append(keys(3), numbers(3))
    shard = record.shards()[0]
    whole = shard.read_bytes()
    for size in range(len(whole)):
        shard.write_bytes(whole[:size])
        with pytest.raises(LibraryDamaged, match="doctor"):
            read_shard(shard)
    shard.unlink()
    with pytest.raises(LibraryDamaged):
        read_shard(shard)


def test_a_vanished_shard_is_damage_and_not_a_traceback(tmp_path: Path) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    record.append(keys(1), numbers(1))
    record.shards()[0].unlink()
    with pytest.raises(LibraryDamaged):
        gathered(record, keys(1))


def many_shards(folder: Path, n: int) -> VectorRecord:
    record = VectorRecord(folder, SPEC)
    for i in range(n):
        record.append([keys(n)[i]], numbers(n)[i : i + 1])
    return record


def test_compaction_keeps_what_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "COMPACT_ROWS", 20)
    record = many_shards(tmp_path / "v", 70)
    live = keys(70)[10:60]
    assert record.compact([*live, content_key("not here")])
    assert len(record.shards()) == 3  # 20 + 20 + 10
    for opened in (record, VectorRecord(tmp_path / "v", SPEC)):
        assert len(opened) == 50
        assert gathered(opened, live).tobytes() == numbers(70)[10:60].tobytes()
    assert not record.compact(live)


def test_few_living_shards_are_left_alone(tmp_path: Path) -> None:
    record = many_shards(tmp_path / "v", 64)
    before = {shard: shard.stat().st_ino for shard in record.shards()}
    assert not record.compact(keys(64))
    assert {shard: shard.stat().st_ino for shard in record.shards()} == before


def test_mostly_dead_shards_are_compacted(tmp_path: Path) -> None:
    record = VectorRecord(tmp_path / "v", SPEC)
    record.append(keys(1500), numbers(1500))
    assert not record.compact(keys(750))
    assert record.compact(keys(10))
    assert len(record) == 10


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 30, 69])
def test_compaction_stopped_at_any_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """Three appends, then 66 shards go: stopped after an append or before an unlink, then opened again."""
    monkeypatch.setattr(store, "COMPACT_ROWS", 25)
    record = many_shards(tmp_path / "v", 66)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        append, unlink = VectorRecord.append, Path.unlink
        patch.setattr(VectorRecord, "append", lambda *given: (append(*given), step())[0])
        patch.setattr(Path, "unlink", lambda *given, **named: (step(), unlink(*given, **named))[1])
        record.compact(keys(66))
    again = VectorRecord(tmp_path / "v", SPEC)
    assert gathered(again, keys(66)).tobytes() == numbers(66).tobytes()
    again.compact(keys(66))
    assert gathered(again, keys(66)).tobytes() == numbers(66).tobytes()
