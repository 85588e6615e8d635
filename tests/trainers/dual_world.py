"""A tiny world for the dual ranker: a BERT, a labelled pack, chats, comments, a configuration over them."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from trainers.dual.config import DualConfig
from trainers.options import TrainOptions

WORDS = (
    "i you we am so happy sad angry great no news lost my cat won it all what a day oh that is fine joy tears"
)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:!?()'"
MOODS = {"happiness": "i am so happy we won", "sadness": "oh no my cat is lost", "anger": "so angry at you"}


def _word_pieces(pieces: list[str]) -> tuple[dict[str, int], Any]:
    """Pieces by number, and the tokenizer over them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    table = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(table, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return table, tokenizer


def make_bert(folder: Path) -> Path:
    """A random BERT of 2 layers and 32 dimensions with its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    pieces = ["[PAD]", *(f"[unused{n}]" for n in range(994)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [*LETTERS, *(f"##{c}" for c in LETTERS), *WORDS.split()]
    table, tokenizer = _word_pieces(pieces)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(table), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=96,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def make_mpnet(folder: Path) -> Path:
    """A random MPNet of 2 layers and 32 dimensions with its tokenizer; its special pieces are its own."""
    import torch
    from tokenizers import AddedToken
    from transformers import MPNetConfig, MPNetModel

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "[PAD]", *(f"[unused{n}]" for n in range(8)), "[UNK]", "[CLS]"]
    pieces += [*LETTERS, *(f"##{c}" for c in LETTERS), *WORDS.split(), "answer", "and", "image", "<mask>"]
    table, tokenizer = _word_pieces(pieces)
    tokenizer.add_special_tokens(
        [AddedToken(piece, special=True) for piece in ("<s>", "<pad>", "</s>", "<mask>")]
    )
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=len(table), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=98,
    )  # fmt: skip
    MPNetModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "MPNetTokenizer"}', encoding="utf-8")
    return folder


def make_pack(folder: Path) -> Path:
    """Six stickers, two an emotion; one a emoji of the chats."""
    rows = []
    (folder / "images").mkdir(parents=True)
    labels = [
        ("grin", "happiness", "joy", "😂"), ("party", "happiness", "excitement", "🎉"),
        ("tears", "sadness", "sadness", "😢"), ("rain", "sadness", "grief", "🌧️"),
        ("rage", "anger", "anger", "😡"), ("grumble", "anger", "annoyance", "😤"),
    ]  # fmt: skip
    for number, (name, emotion, intent, emoji) in enumerate(labels):
        Image.new("RGB", (16, 16), (40 * number, 10, 200)).save(folder / "images" / f"{name}.png")
        rows.append(
            {
                "id": f"tiny/{name}",
                "image": f"images/{name}.png",
                "topic": "tiny",
                "emotion": emotion,
                "intent": intent,
                "emoji": emoji,
                "name": {"en": name, "zh": "表情"},
                "keywords": {"en": [name, emotion]},
                "license": "CC0-1.0",
            }
        )
    write(folder / "stickers.jsonl", rows)
    return folder


def make_chats(folder: Path, count: int = 48, emoji: bool = False) -> Path:
    """Chats whose words give the label away; valid rows have all six stickers as candidates."""
    folder.mkdir(parents=True)
    golds = {"happiness": "tiny/grin", "sadness": "tiny/tears", "anger": "tiny/rage"}
    signs = {"happiness": "😂", "sadness": "😢", "anger": "😡"}
    rows: list[dict[str, Any]] = []
    for number in range(count):
        mood = list(MOODS)[number % 3]
        said = [
            {"speaker": "A", "text": "what a day"},
            {"speaker": "B", "text": MOODS[mood] + " !" * (number % 4)},
        ]
        label = {"emoji": signs[mood]} if emoji else {"emotion": mood}
        rows.append(
            {
                "id": f"c{number}",
                "mode": "supplement",
                "utterances": said,
                "reply_speaker": "B",
                "sticker": golds[mood],
                **label,
            }
        )
    others = ["tiny/party", "tiny/rain", "tiny/grumble"]
    write(folder / "train.jsonl", rows)
    valid = [row | {"id": f"v-{row['id']}", "candidates": [*golds.values(), *others]} for row in rows[:9]]
    write(folder / "valid.jsonl", valid)
    return folder


def make_comments(folder: Path) -> Path:
    """Comments of one person with intentions."""
    folder.mkdir(parents=True)
    rows = [
        {"text": MOODS["happiness"], "labels": ["joy"]},
        {"text": MOODS["anger"], "labels": ["anger", "annoyance"]},
    ]
    write(folder / "train.jsonl", rows * 24)
    write(folder / "valid.jsonl", rows)
    return folder


def make_config(root: Path, **train: Any) -> DualConfig:
    """A configuration over a world made in `root`."""
    bert = str(make_bert(root / "bert"))
    return DualConfig(
        start=bert,
        anchor=bert,
        sources={
            "chat": {"path": str(make_chats(root / "chat"))},
            "posts": {"path": str(make_chats(root / "posts", emoji=True))},
            "comments": {"path": str(make_comments(root / "comments")), "share": 0.5},
        },
        packs=(str(make_pack(root / "pack")),),
        vocabulary=4000,
        wide=("emotion", "emoji"),
        buckets=512,
        max_tokens=64,
        batch_tokens=256,
        documents=2,
        refresh_every=5,
        held_out=0.25,
        train=TrainOptions(**{"epochs": 2, "lr": 3e-3, "device": "cpu", "log_every": 1, **train}),
    )


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
