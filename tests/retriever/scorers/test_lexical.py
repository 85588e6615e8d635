import json
import math
from pathlib import Path

import numpy as np
import pytest

from retriever.errors import InputError, LibraryDamaged, ManifestMismatch
from retriever.scorers.base import Recaller
from retriever.scorers.lexical import LexicalScorer
from retriever.tokenize import tokenize
from retriever.types import Attributes, Conversation, Sticker


def sticker(id: str, text: str = "", **more) -> Sticker:
    return Sticker(id, "p", "00", f"/{id}.png", description=text, **more)


LIBRARY = [
    sticker("p/0", "cat dance"),
    sticker("p/1", "dog dance dance party"),
    sticker("p/2", "生气的猫"),
    sticker("p/3"),
]


def say(*texts: str) -> Conversation:
    return Conversation.from_texts(*texts)


def slow_bm25(
    documents: list[list[str]], weights: dict[str, float], k1: float = 1.5, b: float = 0.75
) -> list[float]:
    """The formula as Lucene writes it, term by term."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for words in documents:
        total = 0.0
        for word, weight in weights.items():
            df = sum(word in other for other in documents)
            tf = words.count(word)
            if tf:
                idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
                total += weight * idf * tf / (tf + k1 * (1 - b + b * len(words) / mean))
        scores.append(total)
    return scores


def test_is_a_recaller() -> None:
    scorer: Recaller = LexicalScorer.build(LIBRARY)
    assert scorer.name == "lexical"


def test_by_hand() -> None:
    """ "cat": in 1 of 4 documents, of length 2 where the mean is (2 + 4 + n + 0) / 4."""
    n = len(tokenize("生气的猫"))
    expected = math.log(1 + 3.5 / 1.5) * 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / ((6 + n) / 4)))
    scores = LexicalScorer.build(LIBRARY).score_library(say("cat"))
    assert scores == pytest.approx([expected, 0, 0, 0])
    assert scores.dtype == np.float64


def test_against_the_formula() -> None:
    documents = [tokenize(s.description) for s in LIBRARY]
    scorer = LexicalScorer.build(LIBRARY, decay=0.25)
    got = scorer.score_library(say("猫 party", "cat dance"))
    weights = {"cat": 1.0, "dance": 1.0, "猫": 0.25, "party": 0.25}
    assert got == pytest.approx(slow_bm25(documents, weights), rel=1e-5)


def test_the_oldest_words_are_not_read() -> None:
    scorer = LexicalScorer.build(LIBRARY, history=2)
    assert not scorer.score_library(say("cat", "hm", "hm")).any()
    assert scorer.score_library(say("cat", "hm"))[0] > 0


def test_chinese_words_and_single_characters_match() -> None:
    scorer = LexicalScorer.build(LIBRARY)
    assert np.flatnonzero(scorer.score_library(say("我真的好生气"))).tolist() == [2]
    assert np.flatnonzero(scorer.score_library(say("猫呢"))).tolist() == [2]


@pytest.mark.parametrize("text", ["what is it", "zzzz", "!!!", "https://example.org", "的"])
def test_nothing_to_look_for_scores_nobody(text: str) -> None:
    assert LexicalScorer.build(LIBRARY).score_library(say(text)).tolist() == [0, 0, 0, 0]


def test_fields_and_labels() -> None:
    library = [
        sticker("p/0", attributes=Attributes(verbal="good night"), emotion="anger", tags=("holiday",)),
        sticker("p/1", name={"en": "owl", "zh": "猫头鹰"}),
    ]
    default = LexicalScorer.build(library)
    assert default.score_library(say("good night"))[0] > 0
    assert not default.score_library(say("anger holiday says")).any()
    assert LexicalScorer.build(library, ("emotion", "tags")).score_library(say("holiday"))[0] > 0
    assert not LexicalScorer.build(library, languages=("en",)).score_library(say("猫头鹰")).any()
    with pytest.raises(InputError, match="no sticker field 'colour'"):
        LexicalScorer.build(library, ("colour",))


def test_score_follows_the_order_given() -> None:
    scorer = LexicalScorer.build(LIBRARY)
    whole = scorer.score_library(say("dog cat"))
    chosen = [LIBRARY[1], LIBRARY[3], LIBRARY[0], LIBRARY[1]]
    np.testing.assert_array_equal(scorer.score(say("dog cat"), chosen), whole[[1, 3, 0, 1]])
    assert scorer.score(say("dog"), []).shape == (0,)
    with pytest.raises(InputError, match="sticker 'p/9' is not in the lexical index"):
        scorer.score(say("dog"), [sticker("p/9")])


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ([], 0),
        ([sticker("p/0")], 1),
        ([sticker("p/0"), sticker("p/1", "!!!")], 2),
        ([sticker("p/0", "cat")], 1),
    ],
)
def test_small_and_wordless_libraries(tmp_path: Path, library: list[Sticker], expected: int) -> None:
    built = LexicalScorer.build(library)
    built.save(tmp_path / "lexical")
    for scorer in (built, LexicalScorer.load(tmp_path / "lexical", library)):
        scores = scorer.score_library(say("a cat"))
        assert scores.shape == (expected,) == (len(scorer),)
        assert scores.any() == any(s.description == "cat" for s in library)


def test_saved_and_loaded_scores_are_the_same_and_mapped(tmp_path: Path) -> None:
    built = LexicalScorer.build(iter(LIBRARY))
    built.save(tmp_path / "lexical")
    loaded = LexicalScorer.load(tmp_path / "lexical", LIBRARY)
    for text in ("cat dance", "生气", "nothing"):
        np.testing.assert_array_equal(loaded.score_library(say(text)), built.score_library(say(text)))
    assert loaded._index is not None and isinstance(loaded._index.scores["data"], np.memmap)


def test_loading_needs_no_more_than_the_ids(tmp_path: Path) -> None:
    LexicalScorer.build(LIBRARY).save(tmp_path)
    loaded = LexicalScorer.load(tmp_path, [s.id for s in LIBRARY])
    assert loaded.score(say("cat"), LIBRARY).argmax() == 0
    with pytest.raises(ManifestMismatch):
        LexicalScorer.load(tmp_path, ["p/0"])


def test_the_same_library_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        LexicalScorer.build(LIBRARY).save(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "lexical.json" in files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    "others",
    [LIBRARY[:3], [*LIBRARY, sticker("p/4")], LIBRARY[::-1], [*LIBRARY[:3], sticker("p/x")]],
    ids=["fewer", "more", "turned", "other"],
)
def test_other_stickers_are_refused(tmp_path: Path, others: list[Sticker]) -> None:
    LexicalScorer.build(LIBRARY).save(tmp_path)
    with pytest.raises(ManifestMismatch, match="made for other stickers"):
        LexicalScorer.load(tmp_path, others)


@pytest.mark.parametrize("key", ["format", "tokenizer"])
def test_another_version_is_refused(tmp_path: Path, key: str) -> None:
    LexicalScorer.build(LIBRARY).save(tmp_path)
    manifest = json.loads((tmp_path / "lexical.json").read_text())
    (tmp_path / "lexical.json").write_text(json.dumps(manifest | {key: "0"}))
    with pytest.raises(ManifestMismatch, match="--rebuild"):
        LexicalScorer.load(tmp_path, LIBRARY)


def saved_files(folder: Path) -> list[Path]:
    LexicalScorer.build(LIBRARY).save(folder)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("cut", [None, 0, 0.5, 0.99], ids=["gone", "empty", "half", "almost"])
@pytest.mark.parametrize("which", range(6))
def test_missing_and_torn_files_are_noticed(tmp_path: Path, which: int, cut: float | None) -> None:
    files = saved_files(tmp_path)
    assert len(files) == 6
    if cut is None:
        files[which].unlink()
    else:
        content = files[which].read_bytes()
        files[which].write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(
        LibraryDamaged, match=r"lexical index in .* is unreadable .*; `sticker index --rebuild`"
    ):
        LexicalScorer.load(tmp_path, LIBRARY)


@pytest.mark.parametrize(
    "name", ["data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy", "vocab.index.json"]
)
def test_a_file_of_another_index_is_noticed(tmp_path: Path, name: str) -> None:
    LexicalScorer.build(LIBRARY).save(tmp_path / "one")
    LexicalScorer.build([*LIBRARY[:3], sticker("p/3", "one more long text")]).save(tmp_path / "two")
    (tmp_path / "one" / name).write_bytes((tmp_path / "two" / name).read_bytes())
    with pytest.raises(LibraryDamaged, match="do not belong together"):
        LexicalScorer.load(tmp_path / "one", LIBRARY)


def test_library_logging_stays_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    LexicalScorer.build(LIBRARY)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.data
def test_real_pack_finds_what_is_asked_for() -> None:
    path = Path(__file__).parents[4] / "shared/data/emojipack/stickers.jsonl"
    if not path.exists():
        pytest.skip(f"no data at {path}")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    library = [
        Sticker(
            r["id"], r["topic"], "00", r["image"], name=r["name"], keywords=r["keywords"], emoji=r["emoji"]
        )
        for r in rows
    ]
    scorer = LexicalScorer.build(library)
    for text, emoji in (
        ("Merry Christmas tree!!", "🎄"),
        ("圣诞快乐", "🎄"),
        ("that is on fire", "🔥"),
    ):
        scores = scorer.score_library(say(text))
        best = {library[row].emoji for row in np.flatnonzero(scores == scores.max())}
        assert best == {emoji}, (text, best)
