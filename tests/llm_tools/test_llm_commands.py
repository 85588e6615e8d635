"""`sticker describe`, `infer` and `pick --llm` on a real vLLM server, from images to Chroma and back."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from retriever.cli import main
from retriever.labels import EMOTIONS, INTENTIONS, RELATIONS
from retriever.store.library import Library

CONVERSATION = {"id": "c1", "utterances": [{"speaker": "A", "text": "I passed the exam!"}], "mode": "reply"}


def answered(url: str) -> float:
    """How many calls the server has answered."""
    metrics = httpx.get(url.replace("/v1", "/metrics")).text
    lines = (line for line in metrics.splitlines() if line.startswith("vllm:request_success_total"))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Three images without a word about them; one is animated."""
    from retriever.starter import STARTER_PACK

    images = (
        sorted((STARTER_PACK / "images").rglob("*.webp"))[:2]
        + sorted((STARTER_PACK / "images").rglob("*.gif"))[:1]
    )
    folder = tmp_path / "pack" / "plain"
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        shutil.copy(image, folder / f"s{number}{image.suffix}")
    return folder.parent


@pytest.mark.vllm
def test_from_images_to_chroma_and_back(
    vllm_server: str, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    assert main(["index", str(pack), "-l", str(library), "-e", "minilm"]) == 0
    ask = ["--base-url", vllm_server, "--policy", "guided", "-l", str(library)]

    capsys.readouterr()
    assert main(["describe", "--dry-run", *ask]) == 0
    assert "3 items, 0 known: 3 calls" in capsys.readouterr().out
    before = {file: file.stat().st_mtime_ns for file in sorted(library.rglob("*"))}
    assert main(["describe", "starter", "--dry-run", *ask]) == 0
    assert "130 items, 0 known" in capsys.readouterr().out
    assert {file: file.stat().st_mtime_ns for file in sorted(library.rglob("*"))} == before
    assert main(["describe", str(pack), *ask]) == 0

    opened = Library.open(library)
    for sticker in opened.stickers:
        assert sticker.description and sticker.emotion in EMOTIONS and sticker.intention in INTENTIONS
    attributes = opened.collection(table="attributes").get(include=["documents", "embeddings"])
    expected = {
        f"{sticker.id}#{name}": text
        for sticker in opened.stickers
        for name, text in zip(
            ("gesture", "posture", "facial_expression", "verbal"),
            (sticker.attributes.gesture, sticker.attributes.posture, sticker.attributes.facial_expression,
             sticker.attributes.verbal),
            strict=True,
        )
        if text
    }  # fmt: skip
    assert dict(zip(attributes["ids"], attributes["documents"] or [], strict=True)) == expected
    assert len(expected) >= 3 and len(attributes["embeddings"]) == len(expected)

    calls, name = answered(vllm_server), opened.name
    assert main(["describe", *ask]) == 0
    assert (answered(vllm_server), Library.open(library).name) == (
        calls,
        name,
    )  # nothing new: nothing asked or built

    talk = tmp_path / "talk.jsonl"
    talk.write_text(json.dumps(CONVERSATION) + "\n", encoding="utf-8")
    assert main(["infer", str(talk), *ask]) == 0
    found = Library.open(library).collection(table="inferences").get(include=["metadatas"])
    assert len(found["ids"]) == 1 and (found["metadatas"] or [{}])[0]["intention"] in INTENTIONS
    assert set(RELATIONS) & set((found["metadatas"] or [{}])[0])

    capsys.readouterr()
    words = [
        "pick",
        "-c",
        str(talk),
        "-l",
        str(library),
        "-k",
        "2",
        "--llm",
        vllm_server,
        "--llm-score",
        "pointwise",
    ]
    assert main([*words, "--json"]) == 0
    (answer,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [set(pick["scores"]) for pick in answer["picks"]] == [{"embedding", "lexical", "llm"}] * 2
    assert all(0 <= pick["scores"]["llm"] <= 1 for pick in answer["picks"])


@pytest.mark.vllm
def test_the_papers_baseline_is_a_row_of_an_evaluation(
    vllm_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from retriever.starter import STARTER_DIALOGUES

    library = str(tmp_path / "library")
    assert main(["index", "starter", "-l", library, "-e", "minilm"]) == 0
    words = ["eval", str(STARTER_DIALOGUES), "-l", library, "--llm", vllm_server, "--limit", "2", "--json"]
    capsys.readouterr()
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert "wanted:tiny-vl" in json.dumps(report)
    calls = answered(vllm_server)
    assert main([*words, "--with-intention"]) == 0  # matched otherwise: nothing is asked again
    assert "wanted:tiny-vl+intention" in capsys.readouterr().out
    assert answered(vllm_server) == calls


def test_rows_without_a_library_need_a_pack(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["describe", "--out", str(tmp_path / "rows.jsonl"), "--base-url", "http://127.0.0.1:9"]) == 2
    assert "--out needs a pack" in capsys.readouterr().err


def test_no_server_is_told_before_anything_is_lost(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = str(tmp_path / "library")
    assert main(["index", str(pack), "-l", library, "-e", "none"]) == 0
    for words, said in (
        (["describe", "-l", library], "--base-url"),
        (["describe", "-l", library, "--base-url", "http://127.0.0.1:9"], "no server answers"),
        (["describe", "-l", library, "--engine", "magic"], "no engine 'magic'"),
        (["describe", "-l", library, "--engine", "ray"], "--engine ray needs --model"),
        (["describe", "-l", library, "--engine", "ray", "-m", "x"], "'sticker-retriever[ray]'"),
        (
            ["describe", "-l", str(tmp_path / "none"), "--base-url", "http://127.0.0.1:9"],
            "sticker index PACK",
        ),
        (["pick", "hi", "-l", library, "--llm-score", "pointwise"], "--llm"),
        (["pick", "hi", "-l", library, "--llm", "http://127.0.0.1:9"], "no server answers"),
    ):
        capsys.readouterr()
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == "" and said in err and len(err.strip().splitlines()) == 1, err


def test_what_a_job_on_ray_would_cost_needs_no_cluster(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = str(tmp_path / "library")
    assert main(["index", str(pack), "-l", library, "-e", "none"]) == 0
    capsys.readouterr()
    words = ["describe", "-l", library, "--engine", "ray", "-m", "x", "--dry-run", "--price", "1,2"]
    assert main([*words, "--per-attribute"]) == 0
    assert "12 items, 0 known: 12 calls" in capsys.readouterr().out  # three stickers, four calls each
    assert not list((tmp_path / "library" / "journal").glob("describe*"))
