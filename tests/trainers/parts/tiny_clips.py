"""Tiny CLIPs on the disk, random and real: one written by transformers, one by open_clip."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import open_clip
import torch
import transformers

SIDE, PATCH, SPACE = 32, 8, 24
VISION = {"image_size": SIDE, "patch_size": PATCH, "width": 32, "layers": 2, "head_width": 16}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}


@cache
def clip_tokenizer() -> Any:
    """CLIP's own byte pairs as transformers has them, made of open_clip's table."""
    simple = open_clip.SimpleTokenizer()
    vocabulary = dict(simple.encoder)
    for marker, name in (("<start_of_text>", "<|startoftext|>"), ("<end_of_text>", "<|endoftext|>")):
        vocabulary[name] = vocabulary.pop(marker)
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=list(simple.bpe_ranks))


def save_transformers_clip(folder: Path, activation: str = "quick_gelu") -> Any:
    """A whole CLIP with its tokenizer; returns it."""
    torch.manual_seed(1)
    text = transformers.CLIPTextConfig(
        vocab_size=49408,
        hidden_size=16,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        hidden_act=activation,
        projection_dim=SPACE,
        bos_token_id=49406,
        eos_token_id=49407,
    )
    vision = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
        projection_dim=SPACE,
    )
    whole = transformers.CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=SPACE
    )
    model = transformers.CLIPModel(whole).eval()
    with torch.no_grad():  # from the library's small start, everything would look the same
        for value in model.text_model.parameters():
            value.add_(torch.randn_like(value) * 0.2)
    model.save_pretrained(folder)
    clip_tokenizer().save_pretrained(folder)
    return model


def save_open_clip(folder: Path, quick: bool = True) -> Any:
    """A model as open_clip keeps it in a folder; returns it."""
    torch.manual_seed(2)
    config = {"embed_dim": SPACE, "vision_cfg": VISION, "text_cfg": TEXT, "quick_gelu": quick}
    model = open_clip.CLIP(**config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name != "logit_scale":
                value.add_(torch.randn_like(value) * 0.2)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return model
