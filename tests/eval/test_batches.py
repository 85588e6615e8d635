"""Conversations that are read together are scored as they are alone, also where a run was stopped."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from eval_worlds import LIBRARY, knows, write_dataset

from eval.harness import evaluate
from eval.library_systems import EncoderSystem, FusedSystem, RecallerSystem, ranker_system
from eval.run_folder import read_records
from eval.systems import LibrarySystem, ReadsTogether, SystemSpec
from retriever.chain import StickerRetriever
from retriever.checkpoints import STARTER
from retriever.encoders import load_encoder
from retriever.errors import InputError
from retriever.indexing import index_pack
from retriever.rankers import load_ranker
from retriever.starter import STARTER_PACK

SAID = (
    "ok",
    "I passed the exam, can you believe it? Three months in the library and it was worth every single hour",
    "我今天好难过",
    "the train is late again and I am going to miss the whole dinner with my parents",
    "sorry",
    "thank you so much for the flowers, they are beautiful",
    "what do you mean by that",
)


class Together(LibrarySystem):
    """Notes what it reads and scores."""

    batch = 8

    def __init__(self) -> None:
        super().__init__(lambda talk: {"knows": self.note(talk)})
        self.read_ids: list[list[str]] = []
        self.scored: list[str] = []

    def note(self, talk):
        assert talk.id in self.read_ids[-1]
        self.scored.append(talk.id)
        return knows(talk)

    def read(self, conversations) -> None:
        self.read_ids.append([talk.id for talk in conversations])


def asked(dataset: Path, out: Path, **options) -> Together:
    system = Together()
    evaluate(dataset, LIBRARY, [SystemSpec("knows", lambda: system)], out=out, show_progress=False, **options)
    return system


def names(first: int, end: int) -> list[str]:
    return [f"q{at}" for at in range(first, end)]


def test_batches_are_cut_the_same_wherever_a_run_was_stopped(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "world", n=75)
    whole = asked(dataset, tmp_path / "whole")
    # blocks of 64, batches of 8 in them: eight, and what is left of 75
    assert whole.read_ids == [names(at, min(at + 8, 75)) for at in range(0, 75, 8)]
    records = (tmp_path / "whole/systems/knows.jsonl").read_bytes().splitlines(keepends=True)
    for kept in (0, 1, 8, 13, 64, 70):
        out = tmp_path / str(kept)
        asked(dataset, out, limit=1)
        (out / "systems/knows.jsonl").write_bytes(b"".join(records[:kept]) + records[kept][:20])
        again = asked(dataset, out)
        assert again.scored == names(kept, 75)
        begun = kept - kept % 8
        assert again.read_ids == [names(at, min(at + 8, 75)) for at in range(begun, 75, 8)]
        assert (out / "systems/knows.jsonl").read_bytes() == b"".join(records)


def test_no_more_at_once_than_wanted(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "world", n=10)
    costs = {}
    for batch, reads in ((3, [names(0, 3), names(3, 6), names(6, 9), names(9, 10)]), (100, None)):
        system = Together()
        spec = SystemSpec("knows", lambda system=system: system)
        report = evaluate(dataset, LIBRARY, [spec], batch=batch, show_progress=False)
        assert system.read_ids == (reads or [names(0, 8), names(8, 10)])
        costs[batch] = report.costs["knows"]
    assert [cost.at_once for cost in costs.values()] == [3, 8]
    assert [cost.n for cost in costs.values()] == [10, 10]
    with pytest.raises(InputError, match="batch is 0; expected at least 1"):
        asked(dataset, tmp_path / "out", batch=0)


def test_a_batch_shares_its_time_evenly(tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked(write_dataset(tmp_path / "world", n=10), out)
    lines = [json.loads(line) for line in (out / "costs/knows.jsonl").read_text().splitlines()]
    (times,) = [line["ms"] for line in lines if line.get("ms")]
    assert len(times) == 10 and len(set(times[:8])) == 1 and len(set(times[8:])) == 1


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> StickerRetriever:
    pytest.importorskip("onnxruntime")
    root = tmp_path_factory.mktemp("batches") / "library"
    index_pack(root, STARTER_PACK, encoders=["starter"], show_progress=False)
    return StickerRetriever.open(root)


@pytest.fixture
def talks(retriever: StickerRetriever, tmp_path: Path) -> Path:
    """Sixteen conversations of very different lengths, each with five candidates."""
    ids = [sticker.id for sticker in retriever.stickers]
    rng = np.random.default_rng(0)
    rows = []
    for at in range(16):
        candidates = rng.choice(ids, 5, replace=False).tolist()
        utterances = [SAID[(at + shift) % 7] + f" {at}" for shift in range(at % 3 + 1)]
        rows.append({"id": f"q{at}", "utterances": utterances, "sticker": candidates[0],
                     "candidates": sorted(candidates)})  # fmt: skip
    folder = tmp_path / "talks"
    folder.mkdir()
    (folder / "valid.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def specs(retriever: StickerRetriever) -> Iterator[SystemSpec]:
    """Every kind of system that reads conversations together, opened anew: nothing is remembered."""
    library = retriever.library

    def fresh() -> StickerRetriever:
        from retriever.encoders.dual.encoder import forget_texts

        forget_texts()
        return StickerRetriever.open(library.paths.root)

    yield SystemSpec("starter", lambda: ranker_system("starter", load_ranker(STARTER), library))
    yield SystemSpec("embedding", lambda: RecallerSystem("embedding", fresh().recallers[0]))
    yield SystemSpec("minilm", lambda: EncoderSystem("minilm", load_encoder("minilm"), library))
    yield SystemSpec("fused", lambda: FusedSystem("fused", fresh()), by_list=True)


def test_scores_and_ranks_are_those_of_one_at_a_time(
    retriever: StickerRetriever, talks: Path, tmp_path: Path
) -> None:
    for name, batch in (("one", 1), ("all", None)):
        report = evaluate(
            talks, retriever.stickers, list(specs(retriever)), batch=batch, out=tmp_path / name,
            protocols=["c10", "exact"], show_progress=False, resamples=10,
        )  # fmt: skip
        assert {cost.at_once for cost in report.costs.values()} == {1 if batch else 16}
    compared = 0
    for one, many in zip(read_records(tmp_path / "one"), read_records(tmp_path / "all"), strict=True):
        for protocol in ("candidates", "exact"):
            a, b = one["protocols"][protocol], many["protocols"][protocol]
            assert a["rank"] == b["rank"] and a["values"] == b["values"]
            for system, best in a["top"].items():
                assert [found[0] for found in best] == [found[0] for found in b["top"][system]]
                expected = [found[1] for found in best]
                assert [found[1] for found in b["top"][system]] == pytest.approx(expected, abs=1e-5)
                compared += 1
    assert compared == 16 * 2 * 4


def test_who_reads_together(retriever: StickerRetriever) -> None:
    opened = {spec.name: spec.open() for spec in specs(retriever)}
    assert all(isinstance(system, ReadsTogether) and system.batch == 64 for system in opened.values())
    lexical = RecallerSystem("lexical", retriever.recallers[1])
    assert lexical.batch == 1  # nothing to be had from reading together: each is timed alone
