"""MOD-GPT's decoder from a published GPT-2: its states are transformers' own."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from retriever.errors import InputError, ModelError
from retriever.rankers.baselines.config import ModGptConfig
from retriever.rankers.baselines.mod_gpt import SPECIAL, ModGpt
from trainers.baselines.start import start
from trainers.parts.gpt2 import read_gpt2

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "你", "好", "hello", "there", "!"]


def save_gpt2(folder: Path, **changes: Any) -> Any:
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_positions=40, n_embd=16, n_layer=3, n_head=2, n_inner=40, **changes
    )
    model = transformers.GPT2Model(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.3)
    model.save_pretrained(folder)
    pieces = Tokenizer(models.WordPiece({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    return model


def shape(folder: Path, **text: Any) -> ModGptConfig:
    image = {"model": "vit_tiny_patch16_224", "size": 16}
    image["options"] = {"patch_size": 8, "embed_dim": 8, "depth": 1, "num_heads": 2}
    told = {"kind": "gpt2", "pretrained": str(folder), "layers": 3, "max_tokens": 40, "dropout": 0.0, **text}
    return ModGptConfig.model_validate({"image": image, "text": told})


def decoder(folder: Path, **text: Any) -> tuple[ModGpt, frozenset[str]]:
    begun = start("mod_gpt", shape(folder, **text), [], 0)
    assert isinstance(begun.model, ModGpt)
    return begun.model.eval(), begun.pretrained


@pytest.mark.parametrize("activation", ["gelu_new", "gelu"])
def test_its_states_are_transformers(tmp_path: Path, activation: str) -> None:
    theirs = save_gpt2(tmp_path, activation_function=activation)
    model, filled = decoder(tmp_path)
    ids = torch.tensor([[2, 5, 6, 3, 7, 8, 9, 1, 3], [2, 7, 8, 9, 5, 5, 5, 6, 3]])
    types = torch.randint(3, ids.shape)
    theirs.requires_grad_(False)
    with torch.no_grad():
        wanted = theirs(ids).last_hidden_state
        found = model.text(ids, types)
    assert torch.allclose(found, wanted, atol=1e-4) and wanted.abs().max() > 1
    with torch.enable_grad():  # the way through which training goes
        assert torch.allclose(model.text(ids, types), wanted, atol=1e-4)
    logits = found @ model.text.words.weight[: len(WORDS)].T
    assert torch.allclose(
        logits.detach(), wanted @ theirs.wte.weight.T, atol=1e-4 * float(logits.detach().abs().max())
    )
    own = {name for name, _ in model.text.named_parameters()}
    assert {f"text.{name}" for name in own} - filled == {
        "text.types.weight",
        "text.stickers.weight",
        "text.stickers.bias",
    }


def test_fewer_layers_and_positions_and_tags_behind_the_vocabulary(tmp_path: Path) -> None:
    theirs = save_gpt2(tmp_path)
    model, _ = decoder(tmp_path, layers=1, max_tokens=20)
    assert torch.equal(model.text.positions.weight, theirs.wpe.weight[:20])
    assert len(model.text.layers) == 1 and len(model.text.words.weight) == len(WORDS) + len(SPECIAL)
    assert model.config.text.activation == "gelu_tanh" and model.config.text.ffn == 40


def test_what_is_no_gpt2_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        read_gpt2(str(tmp_path / "gone"))
    save_gpt2(tmp_path)
    with pytest.raises(InputError, match="reads at most 40"):
        decoder(tmp_path, max_tokens=41)
    with pytest.raises(InputError, match="has 3"):
        decoder(tmp_path, layers=4)
    config = json.loads((tmp_path / "config.json").read_text())
    for change in (
        {"activation_function": "relu"},
        {"scale_attn_weights": False},
        {"model_type": "bert"},
        {"n_layer": 4},  # a layer without weights
    ):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ModelError):
            read_gpt2(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:900])
    with pytest.raises(ModelError):
        read_gpt2(str(tmp_path))


def test_a_gpt2_is_for_mod_gpt_alone(tmp_path: Path) -> None:
    save_gpt2(tmp_path)
    config = shape(tmp_path)
    from retriever.rankers.baselines.config import TwoTowerConfig

    with pytest.raises(InputError, match="MOD-GPT's decoder"):
        start("clip", TwoTowerConfig(image=config.image, text=config.text), [], 0)
