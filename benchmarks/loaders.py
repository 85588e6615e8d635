"""Seconds and peak memory of reading datasets of the papers' sizes, in their real formats.

The data are generated once under `--work` (words and ids are random, the images are one small file under many
names) and kept. Every job then runs in a process of its own. `--share 0.01` makes everything a hundredth.
"""

import argparse
import base64
import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

# rows, stickers, packs: StickerChat's train split; DSTC10-MOD's; SER30K's; StickerInt's; StickerQueries'
CHAT_ROWS, CHAT_VALID, CHAT_STICKERS, CHAT_SETS = 320_168, 10_000, 174_695, 3_516
MOD_DIALOGUES, MOD_STICKERS = 45_000, 307
SER_IMAGES, SER_TOPICS = 30_739, 1_887
INT_ROWS, INT_STICKERS = 1_269, 1_025
QUERIES = {"en": 1_115, "zh": 615}
NATIVE_ROWS = 1_000_000

LINKS_A_FILE = 30_000  # file systems limit how many names a file may have
SAID: list[str] = []
WORDS = [a + b for a in "你我他天地人好大小多" for b in "吃喝玩乐笑哭走跑看听"]

CHILD = """
import json, sys, time
from pathlib import Path
place, what, split, policy = sys.argv[2:]
from eval.datasets import open_dataset, open_stickers
imported, spent = time.perf_counter(), time.process_time()
if what == "samples":
    reader = open_dataset(place, split or None, policy=policy or None).samples()
    n = sum(1 for _ in reader)
    bad = reader.n_problems
elif what == "stickers":
    n, bad = sum(1 for _ in open_stickers(place)), 0
else:
    from eval.curation.inspect import inspect
    found = inspect(place, images=what == "inspect images", show_progress=False)
    n, bad = sum(one.rows for one in found.splits.values()), 0
seconds, cpu = time.perf_counter() - imported, time.process_time() - spent
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 2**10
print(json.dumps({"n": n, "bad": bad, "seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2),
                  "peak_mib": round(peak)}))
"""

JOBS = (
    ("native", "samples", "train", ""),
    ("stickerchat", "samples", "train", "all"),
    ("stickerchat", "samples", "train", "srs_first9"),
    ("stickerchat", "samples", "valid", "srs_first9"),
    ("stickerchat", "stickers", "", ""),
    ("stickerchat", "inspect", "", ""),
    ("mod", "samples", "train", "all"),
    ("mod", "samples", "train", "random"),
    ("mod", "stickers", "", ""),
    ("stickerint", "samples", "train", ""),
    ("stickerint", "stickers", "", ""),
    ("ser30k", "stickers", "", ""),
    ("stickerqueries", "samples", "en", ""),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the data")
    parser.add_argument("--share", type=float, default=1.0, help="of the papers' sizes")
    parser.add_argument("--only", action="append", help="a format, repeatable")
    parser.add_argument("--job", default="", help="only jobs with these words, such as `samples train`")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    root = arguments.work / f"share-{arguments.share:g}"
    wanted = [
        job
        for job in JOBS
        if arguments.job in " ".join(job) and (not arguments.only or job[0] in arguments.only)
    ]
    for name in dict.fromkeys(job[0] for job in wanted):
        if not (root / name / ".complete").exists():
            started = time.perf_counter()
            shutil.rmtree(root / name, ignore_errors=True)
            (root / name).mkdir(parents=True)
            MAKERS[name](root / name, arguments.share, random.Random(7))
            (root / name / ".complete").touch()
            print(f"generated {name} in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if not arguments.json:
        print(f"{'format':<15}{'job':<26}{'rows':>10}{'bad':>5}{'seconds':>9}", end="")
        print(f"{'cpu s':>8}{'cpu us/row':>11}{'peak MiB':>10}")
    for name, what, split, policy in wanted:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, "x", root / name, what, split, policy],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        found = json.loads(done.stdout)
        label = " ".join(filter(None, (what, split, policy)))
        if arguments.json:
            print(json.dumps({"format": name, "job": label, **found}), flush=True)
        else:
            each = 1e6 * found["cpu_seconds"] / max(found["n"], 1)
            print(
                f"{name:<15}{label:<26}{found['n']:>10,}{found['bad']:>5}{found['seconds']:>9.2f}"
                f"{found['cpu_seconds']:>8.2f}{each:>11.1f}"
                f"{found['peak_mib']:>10,}",
                flush=True,
            )


def _share(n: int, share: float) -> int:
    return max(2, round(n * share))


def _said(rng: random.Random) -> str:
    """Words with spaces between; some thousand texts, since drawing words takes longer than reading them."""
    if not SAID:
        SAID.extend(" ".join(rng.choices(WORDS, k=rng.randint(4, 12))) for _ in range(5_000))
    return SAID[int(rng.random() * 5_000)]


def _png(colour: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), colour, np.uint8)).save(file, "PNG")
    return file.getvalue()


class Linker:
    """One file's content under many names."""

    def __init__(self, content: bytes) -> None:
        self.content, self.n, self.source = content, 0, Path()

    def put(self, path: Path) -> None:
        if self.n % LINKS_A_FILE == 0:
            path.write_bytes(self.content)
            self.source = path
        else:
            os.link(self.source, path)
        self.n += 1


def make_native(root: Path, share: float, rng: random.Random) -> None:
    with (root / "train.jsonl").open("w", encoding="utf-8") as file:
        for at in range(_share(NATIVE_ROWS, share)):
            turns = [{"speaker": "ab"[i % 2], "text": _said(rng)} for i in range(4)]
            candidates = [f"p{at % 100}/{i}" for i in range(10)]
            row = {
                "id": f"row-{at}", "utterances": turns, "sticker": candidates[at % 10],
                "candidates": candidates, "emotion": "anger",
            }  # fmt: skip
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def make_stickerchat(root: Path, share: float, rng: random.Random) -> None:
    file = io.BytesIO()
    np.save(file, np.full((128, 128, 3), 200, np.uint8))
    linker = Linker(file.getvalue())
    n_sets = _share(CHAT_SETS, share)
    sets = {5_560_000_000_000 + at: [] for at in range(n_sets)}
    names = list(sets)
    for at in range(_share(CHAT_STICKERS, share)):
        sets[names[at % n_sets]].append(5_560_001_000_000_000 + at)
    for name, stickers in sets.items():
        folder = root / "npy_stickers" / str(name)
        folder.mkdir(parents=True)
        for sticker in stickers:
            linker.put(folder / f"{sticker}.npy")
        lines = "".join(f"{sticker}\t😀\n" for sticker in stickers)
        (folder / "emoji_mapping.txt").write_text(lines, encoding="utf-8")
    for split, n in (("train", CHAT_ROWS), ("val", CHAT_VALID)):
        with (root / f"release_{split}.json").open("w", encoding="utf-8") as out:
            for _ in range(_share(n, share)):
                name = names[rng.randrange(n_sets)]
                context = [
                    {"text": _said(rng), "reply_to_msg_id": None, "id": i, "from_id": i % 5}
                    for i in range(rng.randint(5, 20))
                ]
                current = {
                    "from_id": 1, "reply_to_msg_id": 3, "sticker_set_id": name,
                    "sticker_id": rng.choice(sets[name]), "sticker_alt": "😀",
                }  # fmt: skip
                out.write(json.dumps({"context": context, "current": current}, ensure_ascii=False) + "\n")


def make_mod(root: Path, share: float, rng: random.Random) -> None:
    (root / "meme_set").mkdir()
    for at in range(MOD_STICKERS):
        (root / "meme_set" / f"{at}.png").write_bytes(_png(at % 256))
    write = {"img2id": {f"{at}.png": at for at in range(MOD_STICKERS)}}
    write["emotion_dict"] = {f"e{at}": at for at in range(52)}
    dialogues = {}
    for at in range(_share(MOD_DIALOGUES, share)):
        turns = []
        for i in range(rng.randint(10, 16)):
            turn = {"speaker_id": f"[speaker{i % 2 + 1}]", "txt": _said(rng).replace(" ", "")}
            if rng.random() < 0.36:
                turn |= {"img_id": f"{rng.randrange(MOD_STICKERS):03d}", "emotion_id": rng.randrange(52)}
            turns.append(turn)
        dialogues[f"dialogue {at}"] = turns
    write["c_train"] = dialogues
    for name, content in write.items():
        (root / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def make_ser30k(root: Path, share: float, rng: random.Random) -> None:
    linker = Linker(_png())
    rows: dict[str, list[dict[str, object]]] = {"train": [], "val": [], "test": []}
    n_topics = _share(SER_TOPICS, share)
    for topic in range(n_topics):
        (root / "Images" / f"topic-{topic}").mkdir(parents=True)
    for at in range(_share(SER_IMAGES, share)):
        topic = f"topic-{at % n_topics}"
        linker.put(root / "Images" / topic / f"sticker_{at}.jpg")
        split = rng.choices(("train", "val", "test"), (0.7, 0.1, 0.2))[0]
        anno = rng.randint(1, 7)
        rows[split].append({"topic": topic, "file_name": f"sticker_{at}.jpg", "anno": anno, "text": ""})
    (root / "Annotations").mkdir()
    for split, content in rows.items():
        text = json.dumps({"annotations": content})
        (root / "Annotations" / f"{split}.json").write_text(text, encoding="utf-8")


def make_stickerint(root: Path, share: float, rng: random.Random) -> None:
    # 40 KB of base64 each, as a photographed sticker would have
    image = base64.urlsafe_b64encode(_png() + rng.randbytes(30_000)).decode()
    ids = [f"boba_{at}.jpg" for at in range(_share(INT_STICKERS, share))]
    lines = "".join(f"{id_}\t{image}\n" for id_ in ids)
    (root / "train_imgs.tsv").write_text(lines, encoding="utf-8")
    with (root / "train_contexts_total_key.jsonl").open("w", encoding="utf-8") as file:
        for at in range(_share(INT_ROWS, share)):
            text = (
                "[SEP]".join(f"User{i % 3}\t{_said(rng).replace(' ', '')}" for i in range(7)) + "[SEP]User1"
            )
            row = {
                "textid": at, "text": text, "image_ids": [rng.choice(ids)], "fined_intent": "annoyance",
                "keyword": "握拳,站立,皱眉,无", "speaker": "User1", "comet": "想吃饭",
            }  # fmt: skip
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    (root / "intent_label.txt").write_text("0\tannoyance\t烦躁\n", encoding="utf-8")


def make_stickerqueries(root: Path, share: float, rng: random.Random) -> None:
    (root / "stickers").mkdir()
    for language, n in QUERIES.items():
        with (root / f"sticker_queries_{language}_release.csv").open(
            "w", encoding="utf-8", newline=""
        ) as out:
            table = csv.writer(out)
            table.writerow(("sticker_id", "labeled_queries"))
            for at in range(_share(n, share)):
                (root / "stickers" / f"{at}.png").write_bytes(_png(at % 256))
                table.writerow((f"{at}.png", _said(rng).replace(" ", ", ")))


MAKERS = {
    "native": make_native,
    "stickerchat": make_stickerchat,
    "mod": make_mod,
    "ser30k": make_ser30k,
    "stickerint": make_stickerint,
    "stickerqueries": make_stickerqueries,
}

if __name__ == "__main__":
    main()
