"""Writes a tiny random Qwen2.5-VL model folder: the real classes, real files, no meaning in its words.

Two layers a tower, about two million parameters, a byte-level BPE of 1,024 tokens trained on the project's
own prompts (so that a prompt has about a real length), Qwen's special tokens and a chat template that
puts images where they stand. The head size is 64 because vLLM's CPU attention has none of the smaller ones.
"""

import json
import string
import sys
from pathlib import Path

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
VOCABULARY = 1024
MAX_PIXELS = 256 * 256
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def corpus() -> list[str]:
    """Texts to train the tokenizer on: the prompts that ship with the project, and plain words and digits."""
    import llm_tools

    folder = Path(llm_tools.__file__).parent / "prompts"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))]
    return [
        *texts * 3,
        string.printable,
        "yes no A B " * 10,
        *(f'{{"{word}": ""}}' for word in " ".join(texts).split()),
    ]


def build_tokenizer():
    """A Qwen2 tokenizer of `VOCABULARY` tokens whose ids never leave the model's vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen2TokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(corpus(), trainer)
    return Qwen2TokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL),
        chat_template=TEMPLATE,
    )


def build_config(ids: dict[str, int]):
    """The smallest Qwen2.5-VL that vLLM's CPU backend runs."""
    from transformers import Qwen2_5_VLConfig

    text = {
        "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": VOCABULARY + len(SPECIAL), "max_position_embeddings": 4096,
        "use_sliding_window": False, "tie_word_embeddings": False, "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"], "pad_token_id": ids["<|endoftext|>"],
        "rope_parameters": {
            "type": "mrope", "rope_type": "default", "mrope_section": [8, 12, 12], "rope_theta": 1e6,
        },
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 128, "out_hidden_size": 256, "intermediate_size": 256, "num_heads": 2,
        "window_size": 56, "fullatt_block_indexes": [1],
    }  # fmt: skip
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


def build(folder: Path, seed: int = 0) -> Path:
    """Write config, random weights, tokenizer and processor to `folder`; returns it."""
    import torch
    from transformers import (
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = build_tokenizer()
    config = build_config({token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL})
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    size = {"shortest_edge": 28 * 28, "longest_edge": MAX_PIXELS}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    (folder / "generation_config.json").write_text(json.dumps(ends), encoding="utf-8")
    return folder


if __name__ == "__main__":
    build(Path(sys.argv[1]))
