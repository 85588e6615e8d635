"""A small real pack and a library made from it by the command itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from retriever.cli import main

STICKERS = (
    (
        "bear/hooray",
        "joy",
        "happiness",
        "hooray",
        "万岁",
        ["happy", "win", "celebrate"],
        ["开心", "成功"],
        "gold",
    ),
    ("bear/cry", "sadness", "sadness", "crying", "大哭", ["sad", "tears"], ["难过", "伤心"], "skyblue"),
    ("bear/thanks", "gratitude", "happiness", "thank you", "谢谢", ["thanks", "grateful"], ["感谢"], "pink"),
    ("frog/angry", "anger", "anger", "angry face", "生气", ["mad", "furious"], ["愤怒", "火大"], "red"),
    ("frog/sleep", "caring", "neutral", "good night", "晚安", ["sleep", "tired"], ["睡觉", "困"], "navy"),
)


def write_pack(folder: Path) -> Path:
    """Five stickers with names in two languages."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for sticker_id, intention, emotion, en, zh, words_en, words_zh, colour in STICKERS:
        path = folder / f"{sticker_id.replace('/', '-')}.png"
        image = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((4, 4, 40, 44), fill=colour)
        image.save(path)
        rows.append(
            {
                "id": sticker_id,
                "image": path.name,
                "pack": sticker_id.partition("/")[0],
                "emotion": emotion,
                "intention": intention,
                "name": {"en": en, "zh": zh},
                "keywords": {"en": words_en, "zh": words_zh},
            }
        )
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "stickers.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack")


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli")
    pack = write_pack(root / "pack")
    assert main(["index", str(pack), "--library", str(root / "library"), "--encoder", "none"]) == 0
    return root / "library"


@pytest.fixture
def library(indexed: Path, tmp_path: Path) -> Path:
    """A lexical library of one's own, to spoil at will."""
    return Path(shutil.copytree(indexed, tmp_path / "library"))


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command, demand exit code 2, nothing on stdout and one line on stderr; gives that line."""

    def run(*words: object) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        lines = err.strip().splitlines()
        assert len(lines) == 1, err
        assert lines[0].startswith("sticker: ")
        return lines[0]

    return run
