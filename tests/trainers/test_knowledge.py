"""What models wrote, found again by hashes: journals of a library, files beside the data, files by name."""

import json
from dataclasses import replace

import numpy as np
import pytest

from retriever.conversations import conversation_hash
from retriever.errors import InputError, LibraryDamaged
from retriever.packs.entry import Annotations
from retriever.types import Attributes, Conversation, Inferences
from trainers.datasets.knowledge import KnowledgeConfig, find_knowledge, stickers_in_words, with_inferences
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages

A, B = "a" * 64, "b" * 64
TALKS = [Conversation.from_texts("hello"), Conversation.from_texts("good", "bye")]


def data(intention=None):
    stickers = StickerImages(
        ids=("p/a", "p/b"),
        images=np.zeros((1, 8, 8, 3), np.uint8),
        image_of=np.zeros(2, np.int64),
        topic=np.zeros(2, np.int64),
        emotion=np.full(2, -1),
        sha256=(A, B),
        said=(Annotations(attributes=Attributes(gesture="waving")), Annotations()),
    )
    samples = [
        RankingSample(f"s{at}", talk, "p/a", "p", ("p/a", "p/b"), intention=intention)
        for at, talk in enumerate(TALKS)
    ]
    return RankingData(samples, stickers)


def inferred(talk, want, intention="joy"):
    relations = {name: [] for name in ("xIntent", "xNeed", "xReact", "xEffect")} | {"xWant": [want]}
    return {"conversation": conversation_hash(talk), "inferences": relations, "intention": intention}


def described(digest, engine="llm", **attributes):
    return {"sha256": digest, "engine": engine, "attributes": attributes}


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def journals(folder):
    write(folder / "inferences.jsonl", [inferred(TALKS[1], "old"), inferred(TALKS[1], "to leave")])
    rows = [
        described(B, verbal="hi", posture="standing"),
        described(B, "ocr", verbal="h1"),
        described(A, gesture="nodding", verbal="yo"),
    ]
    write(folder / "attributes.jsonl", rows)
    return folder


@pytest.mark.parametrize("where", ["beside", "journal", "library", "named"])
def test_the_newest_word_is_found_wherever_it_lies(where, tmp_path):
    config, root = KnowledgeConfig(), tmp_path / "data"
    if where == "beside":
        journals(root)
    elif where == "journal":
        journals(root / "journal")
    elif where == "library":
        journals(tmp_path / "lib" / "journal")
        (tmp_path / "lib" / "library.json").write_text("{}")
        config = KnowledgeConfig(library=str(tmp_path / "lib"))
        write(root / "inferences.jsonl", [inferred(TALKS[0], "not this file")])
    else:
        own = journals(tmp_path / "own")
        config = KnowledgeConfig(
            inferences=str(own / "inferences.jsonl"), attributes=str(own / "attributes.jsonl")
        )
    known = find_knowledge(config, root)
    assert set(known.hashes) == {"inferences.jsonl", "attributes.jsonl"}
    found, missing = with_inferences(data(), known)
    assert missing == 1 and found.samples[0].conversation.inferences is None
    assert found.samples[1].conversation.inferences == Inferences(xWant=("to leave",))
    first, second = stickers_in_words(found.stickers, known)
    assert first.attributes == Attributes(gesture="waving", verbal="yo")  # the pack's own word stays
    assert second.attributes == Attributes(posture="standing", verbal="hi")  # a model's replaces OCR's
    assert (first.id, first.sha256, second.id) == ("p/a", A, "p/b")


def test_intentions_of_a_model_are_taken_where_asked_and_only_for_rows_without_one(tmp_path):
    known = find_knowledge(KnowledgeConfig(), journals(tmp_path))

    def intentions(labelled, take):
        return [sample.intention for sample in with_inferences(data(labelled), known, take)[0].samples]

    assert intentions(None, False) == [None, None]
    assert intentions(None, True) == [None, "joy"]
    assert intentions("anger", True) == ["anger", "anger"]
    write(tmp_path / "inferences.jsonl", [inferred(TALKS[1], "x", "a feeling of its own")])
    known = find_knowledge(KnowledgeConfig(), tmp_path)
    assert intentions(None, True) == [None, None]


def test_what_the_data_say_stays_and_another_talk_gets_nothing(tmp_path):
    known = find_knowledge(KnowledgeConfig(), journals(tmp_path))
    own = Inferences(xNeed=("own",))
    world = data()
    samples = [
        replace(world.samples[1], conversation=replace(TALKS[1], inferences=own)),
        replace(world.samples[1], conversation=Conversation.from_texts("good", "bye", mode="supplement")),
    ]
    found, missing = with_inferences(replace(world, samples=samples), known)
    assert missing == 1
    assert [sample.conversation.inferences for sample in found.samples] == [own, None]


def test_nothing_is_known_where_there_is_nothing(tmp_path):
    known = find_knowledge(KnowledgeConfig(), tmp_path)
    assert known.hashes == {} and with_inferences(data(), known)[1] == 2
    bare = replace(data().stickers, said=())
    assert [sticker.attributes for sticker in stickers_in_words(bare)] == [Attributes()] * 2


@pytest.mark.parametrize("field", ["library", "inferences", "attributes"])
def test_what_is_named_has_to_be_there(field, tmp_path):
    with pytest.raises(InputError, match=rf"knowledge\.{field} is '.*gone', and there is no"):
        find_knowledge(KnowledgeConfig.model_validate({field: str(tmp_path / "gone")}))


def test_a_row_of_another_journal_is_told_with_its_line(tmp_path):
    write(tmp_path / "inferences.jsonl", [inferred(TALKS[0], "x"), described(A)])
    with pytest.raises(LibraryDamaged, match=r"inferences\.jsonl, line 2"):
        find_knowledge(KnowledgeConfig(), tmp_path)
