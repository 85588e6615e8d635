"""All that may be wrong with data: told with file, place, what was found and expected; counted, not lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from format_worlds import WRITERS, write_image_folder, write_queries, write_rows
from mod_world import dialogues, int_row, rows, turn, write_mod, write_stickerint
from ranking_worlds import dialogue, write_native, write_ser30k, write_stickerchat

from eval.datasets import open_dataset, open_stickers, splits_of
from eval.datasets.reader import MOST
from eval.datasets.seen import SeenIds
from retriever.errors import ConversationError, InputError
from retriever.packs.entry import PackEntry

NATIVE = {"id": "q", "utterances": ["hi"], "sticker": "p/1"}


def path_of(root, split):
    return splits_of(root)[1][split]


def readings(root, split):
    """The samples that are left, and the problems, by policy ``all`` so that no pool is needed."""
    opened = open_dataset(root, split, policy="all")
    reader = opened.samples()
    samples = list(reader)
    return samples, [str(problem) for problem in reader.problems], reader.notes


# One bad row among good ones: (format, split, a good row, bad rows with what is told)

CHAT = dialogue(501, 50105)
SENT = CHAT["current"]
CASES = [
    ("native", "train", NATIVE, [
        ('{"id": "a", "utterances": ["h', "not JSON"),
        ("[1, 2]", "got a list; expected one JSON object a line"),
        ({**NATIVE, "id": "b", "sticker": 5.0}, "sticker: got the number 5.0; expected text"),
        ({**NATIVE, "id": 1.5}, "id: got the number 1.5; expected text"),
        ({**NATIVE, "id": "c", "candidates": []}, "candidates is empty"),
        ({**NATIVE, "utterances": [{"speaker": 1, "text": "x"}]}, "utterances.0.speaker: got the number 1"),
        (NATIVE, "'q' stands on line 1 already"),
        ('{"id": "e", "utterances": ["\\ud83d"]}', "half a surrogate pair"),
        ("[" * 100_000, "recursion"),
    ]),
    ("stickerchat", "train", CHAT, [
        (json.dumps(CHAT)[:-9], "not JSON; expected one object a line"),
        ({**CHAT, "current": {**SENT, "sticker_id": 50105.0}}, "sticker_id: got float '50105.0'; expected"),
        ({**CHAT, "current": {**SENT, "from_id": None}}, "current.from_id: got nothing; expected an id"),
        ({**CHAT, "context": [{"text": "hi", "from_id": 1.0}]}, "context.0.from_id: got float '1.0'"),
        ({**CHAT, "context": {"text": "hi"}}, "context: got dict"),
        ("[" * 100_000, "not JSON"),
    ]),
    ("stickerint", "train", int_row(), [
        (json.dumps(int_row())[:-9], "not JSON; expected one object a line"),
        (int_row(image_ids=[5]), "image_ids: got list '[5]'; expected a list of image ids"),
        (int_row(image_ids=[]), "image_ids: got list '[]'"),
        (int_row(keyword="a,b"), "keyword: got str 'a,b'; expected gesture, posture"),
        (int_row(fined_intent=3.5), "fined_intent: got float '3.5'; expected one of intent_label.txt"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "split", "good", "bad", "told"),
    [(name, split, good, bad, told) for name, split, good, listed in CASES for bad, told in listed],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_bad_line_is_named_and_counted(tmp_path, name, split, good, bad, told, ending):
    root = WRITERS[name](tmp_path / "data")
    path = path_of(root, split)
    last = {**good, "id": "last"} if name == "native" else good
    text = write_rows(path, good, bad, last).read_text(encoding="utf-8")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", ending).encode())
    samples, problems, notes = readings(root, split)
    assert len(samples) == 2 and len(problems) == 1 == notes["bad_rows"]
    assert problems[0].startswith(f"{path}, line 2: ") and told in problems[0] and "\n" not in problems[0]
    with pytest.raises(ConversationError, match="line 2: "):
        list(open_dataset(root, split, policy="all").samples(strict=True))


@pytest.mark.parametrize("name", ["native", "stickerchat", "stickerint"])
def test_a_file_cut_anywhere_loses_its_last_row_only(tmp_path, name):
    root = WRITERS[name](tmp_path / "data")
    path = path_of(root, "train")
    whole = path.read_bytes()
    n = len(readings(root, "train")[0])
    last = len(whole.rstrip(b"\n").rsplit(b"\n", 1)[-1])
    for cut in (2, last // 2, last - 1):  # at 1 only the newline is gone
        path.write_bytes(whole[: len(whole) - 1 - cut])
        samples, problems, _ = readings(root, "train")
        assert len(samples) == n - 1 and len(problems) == 1


@pytest.mark.parametrize("name", ["native", "stickerchat"])
def test_bytes_that_are_no_text(tmp_path, name):
    root = WRITERS[name](tmp_path / "data")
    path = path_of(root, "train")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"id": "\xff\xfe"}\n' + b"".join(lines[1:]))
    samples, problems, _ = readings(root, "train")
    assert len(samples) == len(lines) and "line 2: not UTF-8 text; expected one" in problems[0]


def test_a_talk_without_a_word_is_left_out_and_counted_apart(tmp_path):
    root = write_stickerchat(tmp_path / "data", [CHAT, dialogue(501, 50105, (" ", ""))])
    samples, problems, notes = readings(root, "train")
    assert len(samples) == 1 and notes == {"no_text": 1}
    assert "line 2: context has no text; expected at least one utterance with words" in problems[0]
    assert (
        len(list(open_dataset(root, "train", policy="all").samples(strict=True))) == 1
    )  # in order, so no fault


def test_a_row_whose_candidates_lack_the_gold_is_kept_and_told(tmp_path):
    path = write_rows(tmp_path / "d.jsonl", {**NATIVE, "id": "a"}, {**NATIVE, "candidates": list("abcdef")})
    reader = open_dataset(path).samples(strict=True)
    assert len(list(reader)) == 2 and not reader.n_problems
    told = f"{path}, line 2: candidates: got a, b, c, d, ...; expected the gold 'p/1' among them"
    assert (reader.remarks, reader.n_remarks) == ([told], 1)
    assert len(list(reader)) == 2 and reader.n_remarks == 1  # starting over does not count twice


# One JSON document a file

BAD_DOCUMENTS = [
    ('{"dialogue 1": [', "line 1, column"),
    ("", "line 1, column 1"),
    ("5", "got int '5'; expected an object of dialogues"),
    ('{"a": [], "a": []}', "'a' stands twice in one object; expected once"),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "told"), BAD_DOCUMENTS)
def test_a_document_that_is_none(tmp_path, text, told):
    root = write_mod(tmp_path / "data")
    (root / "c_train.json").write_text(text)
    with pytest.raises(InputError) as caught:
        readings(root, "train")
    assert "c_train.json" in str(caught.value) and told in str(caught.value)


def test_mod_with_a_byte_order_mark_and_bad_turns(tmp_path):
    talk = {
        **dialogues(),
        "dialogue 8": [turn(1, "嗯"), turn(2, "好", "7.0")],
        "dialogue 9": [turn(1, "嗯"), 5],
    }
    root = write_mod(tmp_path / "data")
    text = json.dumps(talk).replace(", ", ",\r\n")
    (root / "c_train.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    samples, problems, _ = readings(root, "train")
    assert len(samples) == 4
    assert [problem.partition("c_train.json, ")[2] for problem in problems] == [
        "dialogue 8, turn 2: img_id: got str '7.0'; expected an id of digits, such as '030'",
        "dialogue 9, turn 2: got int '5'; expected an object",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"candidate": {"set": []}}, "candidate.set: got list '[]'; expected a list of img_ids"),
        ({"candidate": {"set": ["001", "002"]}}, "the answer 003 stands 0 times in candidate.set (001, 002)"),
        ({"candidate": {"set": ["003", "002", "2"]}}, "candidate.set: 002 stands there more than once"),
        ({"candidate": {"set": ["003", 1.0]}}, "candidate.set: got float '1.0'; expected an id of digits"),
    ],
)
def test_mod_lists_that_cannot_be_ranked(tmp_path, change, told):
    first, second = rows()
    root = write_mod(tmp_path / "data", c_test_easy_task2=[{**first, **change}, second])
    reader = open_dataset(root, "easy").samples()
    assert len(list(reader)) == 1
    assert f"c_test_easy_task2.json, row 1, {told}" in str(reader.problems[0]).replace(
        "row 1: the", "row 1, the"
    )


def test_ser30k_rows_stand_for_themselves(tmp_path):
    root = write_ser30k(tmp_path / "data", per_emotion=1)
    path = root / "Annotations" / "train.json"
    good = json.loads(path.read_text())["annotations"]
    bad = [{"topic": "../x", "file_name": "a", "anno": 1}, {"topic": "a", "file_name": "b", "anno": 2.0}, 7]
    path.write_text(json.dumps({"annotations": [*good, *bad, good[0]]}))
    entries = list(open_stickers(root))
    assert sum(isinstance(entry, PackEntry) for entry in entries) == 14
    assert [
        (entry.origin.partition("train.json, ")[2], entry.reason, entry.detail) for entry in entries[7:11]
    ] == [
        ("annotations[7]", "bad_row", "topic: got '../x'; expected a name below Images"),
        ("annotations[8]", "bad_row", "anno: got '2.0'; expected 1 to 7"),
        ("annotations[9]", "bad_row", "got '7'; expected an object with topic, file_name and anno"),
        ("annotations[10]", "duplicate_id", "annotated before; the first one is kept"),
    ]


def test_queries_that_cannot_be_read(tmp_path):
    root = write_queries(
        tmp_path / "data", en=[("../1.png", "x"), ("1.png", " , "), ("2.gif", "ok"), ("", "y")]
    )
    samples, problems, _ = readings(root, "en")
    assert [sample.gold for sample in samples] == ["2.gif"]
    assert [problem.partition(".csv, ")[2].partition(";")[0] for problem in problems] == [
        "line 2: sticker_id: got str '../1.png'",
        "line 3: labeled_queries: got str ' , '",
        "line 5: sticker_id: got str ''",
    ]
    path = root / "sticker_queries_en_release.csv"
    path.write_text("sticker,queries\n1.png,x\n")
    with pytest.raises(
        InputError, match=r"line 1: got 'sticker, queries'; expected sticker_id, labeled_queries"
    ):
        readings(root, "en")
    path.write_bytes('sticker_id,labeled_queries\r\n1.png,"a,\r\n b"\r\n'.encode("utf-8-sig"))
    assert [s.conversation.utterances[0].text for s in readings(root, "en")[0]] == ["a", "b"]


def test_bad_tables_beside_the_rows_name_file_and_line(tmp_path):
    chat = write_stickerchat(tmp_path / "chat")
    (chat / "npy_stickers" / "501" / "emoji_mapping.txt").write_text("50100\t😀\n5 6\t😀\n")
    with pytest.raises(InputError, match=r"emoji_mapping\.txt, line 2: got '5 6"):
        list(open_stickers(chat))
    stickers = write_stickerint(tmp_path / "int")
    images = stickers / "train_imgs.tsv"
    images.write_text(images.read_text() + "boba_0.jpg\tAAAA\n")
    with pytest.raises(InputError, match=r"train_imgs\.tsv, line 3: 'boba_0\.jpg' stands on line 1 already"):
        list(open_stickers(stickers))
    mod = write_mod(tmp_path / "mod", img2id={"../../etc/passwd": 1})
    with pytest.raises(
        InputError, match=r"got the file name '\.\./\.\./etc/passwd'; expected one in meme_set"
    ):
        list(open_stickers(mod))


def test_missing_and_broken_images_cost_only_themselves(tmp_path):
    from retriever.errors import BadImage

    chat = write_stickerchat(tmp_path / "chat")
    (chat / "npy_stickers" / "501" / "50105.npy").write_bytes(b"\x93NUMPY")
    mod = write_mod(tmp_path / "mod")
    (mod / "meme_set" / "m0.png").unlink()
    for root, bad, reason in ((chat, "501/50105", "corrupt"), (mod, "000", "missing_file")):
        found = {entry.id: entry for entry in open_stickers(root)}
        with pytest.raises(BadImage) as caught:
            found.pop(bad).read()
        assert caught.value.reason == reason
        assert all(entry.read() for entry in found.values())


def test_metadata_that_cannot_be_read(tmp_path):
    root = write_image_folder(tmp_path / "data")
    (root / "train" / "metadata.jsonl").write_bytes(b'{"file_name": \n[1]\n\xff\n')
    problems = [entry for entry in open_stickers(root) if not isinstance(entry, PackEntry)]
    assert [problem.id for problem in problems] == [f"train/metadata.jsonl:{at}" for at in (1, 2, 3)]
    assert {problem.reason for problem in problems} == {"bad_row"}


# Frozen candidates


def test_frozen_candidates_are_taken_and_must_be_of_this_file(tmp_path):
    root = write_native(tmp_path / "data")
    opened = open_dataset(root, "train", policy="random_same_pack", seed=5)
    drawn = {sample.conversation.id: sample.candidates for sample in opened.samples()}
    from eval.datasets.choices import SentSticker
    from eval.datasets.frozen import freeze

    sent = [SentSticker(id_, "x", "p") for id_ in drawn]
    path = root / "candidates-random_same_pack-5-train.jsonl"
    freeze(path, sent, lambda at, one: (("x", None, "y"), 0), "random_same_pack", 5, root / "train.jsonl")
    assert {sample.candidates for sample in opened.samples()} == {("x", "y")}
    (root / "train.jsonl").write_text((root / "train.jsonl").read_text() + "\n")
    with pytest.raises(InputError, match=r"has candidates of another train\.jsonl"):
        list(opened.samples())


# Size


def test_ids_are_told_apart_and_cost_little():
    seen = SeenIds()
    assert [seen.first_line(f"id-{at}", at) for at in range(1, 50_000)] == list(range(1, 50_000))
    assert seen.first_line("id-77", 99_999) == 77 and seen.first_line("", 5) == 5
    assert seen.nbytes <= 64 * 50_000


MEASURE = """
import sys
from pathlib import Path
from eval.datasets import open_dataset
reader = open_dataset(Path(sys.argv[1])).samples()
n = sum(1 for _ in reader)
status = Path("/proc/self/status").read_text()
print(n, reader.n_problems, status.split("VmHWM:")[1].split()[0])
"""


def measured(path):
    """Rows, problems and the peak memory of reading them in a process of its own, KiB."""
    done = subprocess.run([sys.executable, "-c", MEASURE, path], check=True, capture_output=True, text=True)
    return tuple(map(int, done.stdout.split()))


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs /proc to measure a process by itself"
)
@pytest.mark.parametrize("bad", [False, True])
def test_a_long_file_is_streamed(tmp_path, bad):
    """Forty times the rows, 30 MB of them, cost 64 bytes each for ids, or a thousand problems in words."""
    words, sticker = "x" * 700, "5" if bad else '"p/1"'
    peaks = []
    for n in (1_000, 40_000):
        path = tmp_path / f"{n}.jsonl"
        with path.open("w") as file:
            for at in range(n):
                file.write(f'{{"id": "row-{at}", "utterances": ["{words}"], "sticker": {sticker}}}\n')
        rows, problems, peak = measured(path)
        assert (rows, problems) == ((0, n) if bad else (n, 0))
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 8_000


def test_the_first_problems_are_kept_and_all_are_counted(tmp_path):
    path = write_rows(tmp_path / "d.jsonl", *["{"] * (MOST + 5), NATIVE)
    reader = open_dataset(path).samples()
    assert len(list(reader)) == 1
    assert (len(reader.problems), reader.n_problems) == (MOST, MOST + 5)
