"""Tiny real models, built on the spot: two layers, a few thousand weights, random but always the same."""

import json
from pathlib import Path

import pytest
from PIL import Image

from retriever.torchvision_ops import install_hook

install_hook()  # the fixtures import transformers themselves

WORDS = (
    "hello",
    "world",
    "cat",
    "happy",
    "sad",
    "rain",
    "news",
    "old",
    "new",
    "the",
    "a",
    "x",
    "##s",
    "你",
    "好",
)


def bert_vocabulary() -> dict[str, int]:
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, ".", "/", "png", "jpg", ":")
    return {token: i for i, token in enumerate(tokens)}


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain transformers BERT folder: 16 dimensions, 2 layers, 24 positions."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(bert_vocabulary()), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=24, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab=bert_vocabulary(), model_max_length=24).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_prompted(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder over `tiny_bert` with a query and a document prompt."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("models") / "tiny-prompted"
    prompts = {"query": "news ", "document": "old "}
    SentenceTransformer(str(tiny_bert), device="cpu", prompts=prompts).save(str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers CLIP folder that sentence-transformers loads with text and image: 12 dimensions."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny-clip"
    vocabulary = {"<pad>": 0, "<unk>": 1, "<s>": 2} | {word: i + 3 for i, word in enumerate(WORDS)}
    vocabulary["</s>"] = len(vocabulary)
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", vocabulary["</s>"])]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        model_max_length=20,
    )  # fmt: skip
    tower = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(2)
    config = CLIPConfig(
        text_config=tower | {
            "vocab_size": len(vocabulary), "max_position_embeddings": 20, "pad_token_id": 0,
            "bos_token_id": 2, "eos_token_id": vocabulary["</s>"],
        },
        vision_config=tower | {"image_size": 32, "patch_size": 16},
        projection_dim=12,
    )  # fmt: skip
    CLIPModel(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


TINY_OPEN_CLIP = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="session")
def tiny_open_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open_clip folder (config and weights): 12 dimensions, 16 tokens, open_clip's own tokenizer."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("models") / "tiny-open-clip"
    folder.mkdir()
    torch.manual_seed(3)
    model = open_clip.CLIP(**TINY_OPEN_CLIP)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": TINY_OPEN_CLIP, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def frames() -> list[Image.Image]:
    """Four RGB images that no two models confuse: plain red, green, blue, and a black and white board."""
    board = Image.new("RGB", (40, 30), "white")
    board.paste("black", (0, 0, 20, 15))
    return [*(Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")), board]
