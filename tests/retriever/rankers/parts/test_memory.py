"""What was read once is not read again, within a run and after it; damage costs reading, never a state."""

from pathlib import Path

import pytest
import torch

from retriever.rankers.parts.memory import Memory


def states_of(text: str) -> torch.Tensor:
    """(letters, 2): something of each letter."""
    return torch.tensor([[ord(letter), at] for at, letter in enumerate(text)], dtype=torch.float32)


def ask(memory: Memory, *texts: str) -> list[str]:
    """Checks what `memory` says of `texts`; gives what it had to read for it."""
    read: list[str] = []

    def reading(rows: list[int]) -> list[torch.Tensor]:
        assert not torch.is_grad_enabled()
        read.extend(texts[row] for row in rows)
        return [states_of(texts[row]) for row in rows]

    for text, state in zip(texts, memory([text.encode() for text in texts], reading), strict=True):
        assert torch.equal(state.float(), states_of(text))
    return read


def test_every_text_is_read_once() -> None:
    memory = Memory(2)
    assert sorted(ask(memory, "ab", "c", "ab")) == ["ab", "c"]
    assert ask(memory, "c", "d", "ab") == ["d"]
    assert memory.used == 4 * 2 * 2


def test_the_oldest_go_where_there_is_no_room() -> None:
    memory = Memory(2, room=6 * 2 * 2)
    assert ask(memory, "ab", "cd", "ef") == ["ab", "cd", "ef"]
    assert ask(memory, "gh") == ["gh"]
    assert memory.used == memory.room
    assert ask(memory, "ef", "cd") == []
    assert ask(memory, "ab") == ["ab"]


def test_more_at_once_than_there_is_room_for() -> None:
    memory = Memory(2, room=1)
    assert ask(memory, "ab", "cd", "ab") in (["ab", "cd"], ["cd", "ab"])
    assert len(memory._states) == 1


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_a_later_run_knows_what_was_kept(tmp_path: Path, kind: torch.dtype) -> None:
    file = tmp_path / "folder" / "kept.safetensors"
    memory = Memory(2, kind, file=file)
    ask(memory, "ab", "c", "def")
    assert not file.exists()
    memory.keep()
    stamp = file.stat().st_mtime_ns
    memory.keep()
    assert file.stat().st_mtime_ns == stamp  # nothing new, nothing written
    again = Memory(2, kind, file=file)
    assert ask(again, "c", "def", "g", "ab") == ["g"]
    again.keep()
    assert ask(Memory(2, kind, file=file), "g", "ab") == []


def test_a_file_that_is_torn_or_of_another_width_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "kept.safetensors"
    memory = Memory(2, file=file)
    ask(memory, "ab")
    memory.keep()
    whole = file.read_bytes()
    assert not Memory(3, file=file)._states
    for damaged in (whole[:-3], whole[:20], b"", b"{}"):
        file.write_bytes(damaged)
        torn = Memory(2, file=file)
        assert torn.used == 0 and ask(torn, "ab") == ["ab"]
    torn.keep()
    assert file.read_bytes() == whole


def test_a_killed_run_loses_little(tmp_path: Path) -> None:
    file = tmp_path / "kept.safetensors"
    memory = Memory(2, file=file, keep_every=3)
    ask(memory, "a", "b")
    assert not file.exists()
    ask(memory, "c")
    assert ask(Memory(2, file=file), "a", "b", "c", "d") == ["d"]


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    memory = Memory(2, keep_every=1)
    ask(memory, "a")
    memory.keep()
    assert not list(tmp_path.iterdir())


def test_what_an_encoder_goes_on_changing_is_copied() -> None:
    memory, state = Memory(2, torch.float32), states_of("a")
    memory([b"a"], lambda rows: [state])
    state.zero_()
    assert ask(memory, "a") == []
