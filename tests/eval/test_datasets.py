import json

import pytest

from eval.datasets import open_dataset
from retriever.errors import ConversationError, InputError

GOOD = {"id": "q1", "utterances": ["hi"], "sticker": "p/1", "candidates": ["p/2", "p/1"], "emotion": "joy"}


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_a_row_becomes_a_sample(tmp_path):
    path = write(tmp_path / "d.jsonl", GOOD, {"utterances": ["yo"], "intent": "joy", "emoji": "☀"})
    first, second = open_dataset(path).samples()
    assert first.conversation.id == "q1"
    assert (first.gold, first.candidates, first.emotion) == ("p/1", ("p/2", "p/1"), "joy")
    assert (second.conversation.id, second.gold, second.candidates) == ("line-2", None, None)
    assert (second.intention, second.emoji) == ("joy", "☀")


def test_splits_of_a_folder(tmp_path):
    write(tmp_path / "chat" / "train.jsonl", GOOD)
    assert open_dataset(tmp_path / "chat").split == "train"  # the only one
    assert open_dataset(tmp_path / "chat").train_path is None
    write(tmp_path / "chat" / "valid.jsonl", GOOD)
    dataset = open_dataset(str(tmp_path / "chat"))
    assert (dataset.name, dataset.split) == ("chat", "valid")
    assert dataset.train_path == tmp_path / "chat" / "train.jsonl"
    with pytest.raises(InputError, match="no split 'test'; it has train, valid"):
        open_dataset(tmp_path / "chat", "test")


def test_a_place_without_a_dataset(tmp_path):
    with pytest.raises(InputError, match="there is no dataset at"):
        open_dataset(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"none of train\.jsonl, valid\.jsonl, test\.jsonl"):
        open_dataset(tmp_path)
    path = write(tmp_path / "valid.jsonl", GOOD)
    assert open_dataset(path, "valid").path == path
    with pytest.raises(InputError, match="leave the split out"):
        open_dataset(path, "train")


BAD = [
    ("{", "not JSON"),
    ({**GOOD, "id": "a", "utterances": []}, "no text"),
    ({**GOOD, "id": "b", "sticker": 5}, "sticker: got the number 5; expected text"),
    ({**GOOD, "id": "c", "sticker": ""}, "sticker: got text ''"),
    ({**GOOD, "id": "d", "candidates": "p/1"}, "candidates: got text 'p/1'; expected a list"),
    ({**GOOD, "id": "e", "candidates": ["p/1", None]}, "candidates.1: got null"),
    ({**GOOD, "id": "f", "candidates": ["p/1", "p/1"]}, "'p/1' stands there more than once"),
    ({**GOOD, "id": "g", "candidates": []}, "candidates is empty"),
    ({**GOOD, "id": "h", "emotion": ["joy"]}, "emotion: got a list"),
    (GOOD, "'q1' stands on line 1 already"),
]


@pytest.mark.parametrize("row, words", BAD)
def test_a_bad_row_is_named_or_counted(tmp_path, row, words):
    path = write(tmp_path / "d.jsonl", GOOD, row, {**GOOD, "id": "last"})
    with pytest.raises(ConversationError) as caught:
        list(open_dataset(path).samples(strict=True))
    message = str(caught.value)
    assert message.startswith(f"{path}, line 2: ") and words in message and "\n" not in message
    reader = open_dataset(path).samples()
    assert [sample.conversation.id for sample in reader] == ["q1", "last"]
    assert [str(problem) for problem in reader.problems] == [message]
    assert len(list(reader)) == 2 and len(reader.problems) == 1  # starting over does not count twice


def test_an_empty_file_has_no_samples(tmp_path):
    path = write(tmp_path / "d.jsonl")
    assert list(open_dataset(path).samples(strict=True)) == []
