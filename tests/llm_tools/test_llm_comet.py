"""COMET on a tiny random BART, built on the spot: real beams, words that mean nothing."""

import asyncio

import pytest

from llm_tools.backends import Message, Request
from llm_tools.backends.seq2seq import Seq2SeqBackend
from llm_tools.comet import CometOptions, comet
from retriever.conversations import conversation_hash
from retriever.errors import InputError, ModelError
from retriever.labels import RELATIONS
from retriever.types import Conversation

WORDS = ["to", "be", "happy", "sad", "none", "thank", "them", "i", "passed", "well", "done", "the", "exam"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
OPTIONS = CometOptions(beams=3, max_tokens=6)


@pytest.fixture(scope="module")
def tiny_comet(tmp_path_factory):
    from retriever.torchvision_ops import install_hook

    install_hook()
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

    words = [*SPECIAL, *WORDS, *RELATIONS, "[GEN]"]
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    config = BartConfig(
        vocab_size=len(words), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=64,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("models") / "tiny-comet"
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def talk(*texts):
    return Conversation.from_texts(*texts)


def test_every_conversation_gets_five_lists_of_distinct_phrases(tiny_comet, tmp_path):
    talks = [talk("i passed the exam"), talk("well done", "thank them")]
    rows, summary = comet(talks, str(tiny_comet), tmp_path / "j.jsonl", OPTIONS, device="cpu", batch_size=4)
    assert summary.complete and summary.calls == 10 and len(rows) == 2
    for row, conversation in zip(rows, talks, strict=True):
        assert row["conversation"] == conversation_hash(conversation)
        assert row["engine"] == "comet" and row["intention"] is None and row["model"] == str(tiny_comet)
        assert list(row["inferences"]) == list(RELATIONS)
        for phrases in row["inferences"].values():
            assert len(phrases) == len(set(phrases)) <= 3
            assert all(0 < len(phrase.split()) <= 6 and phrase != "none" for phrase in phrases)
    assert any(phrases for row in rows for phrases in row["inferences"].values())
    again, second = comet(talks, str(tiny_comet), tmp_path / "j.jsonl", OPTIONS, device="cpu")
    assert second.calls == 0 and again == rows


def test_the_journal_holds_each_relation_so_that_a_stop_costs_little(tiny_comet, tmp_path):
    from llm_tools.budget import Budget

    talks = [talk("i passed"), talk("sad")]
    rows, first = comet(
        talks, str(tiny_comet), tmp_path / "j.jsonl", OPTIONS, device="cpu", budget=Budget(max_calls=7)
    )
    assert first.answered == 7 and len(rows) <= 1
    rows, second = comet(talks, str(tiny_comet), tmp_path / "j.jsonl", OPTIONS, device="cpu")
    assert second.answered == 3 and len(rows) == 2


def test_a_batch_says_what_single_inputs_say(tiny_comet):
    """Padding must not leak into the beams."""
    texts = ["i passed xWant [GEN]", "well done the exam i be sad thank them xReact [GEN]", "sad xNeed [GEN]"]
    requests = [Request((Message("user", (text,)),), max_tokens=6) for text in texts]

    async def said(batch_size):
        backend = Seq2SeqBackend(str(tiny_comet), beams=3, batch_size=batch_size, device="cpu")
        return [reply.text for reply in await backend.complete(requests)]

    assert asyncio.run(said(3)) == asyncio.run(said(1))


def test_what_is_too_long_loses_its_beginning_and_keeps_its_question(tiny_comet):
    backend = Seq2SeqBackend(str(tiny_comet), beams=1, device="cpu")

    async def tail():
        await backend.check()
        tokenizer = backend._loaded[0]
        ids = tokenizer("be " * 200 + "xWant [GEN]", truncation=True, max_length=8)["input_ids"]
        return tokenizer.convert_ids_to_tokens(ids)

    assert asyncio.run(tail())[-2:] == ["xWant", "[GEN]"]
    (reply,) = asyncio.run(backend.complete([Request((Message("user", ("be " * 200,)),), max_tokens=2)]))
    assert reply.prompt_tokens == 64


def test_missing_weights_are_refused(tiny_comet, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(tiny_comet, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if "fc1.weight" in name)
    del weights[name]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 weights"):
        asyncio.run(Seq2SeqBackend(str(broken), device="cpu").check())


def test_a_folder_that_is_none_and_odd_numbers_are_refused():
    with pytest.raises(InputError, match="there is no folder /nowhere"):
        Seq2SeqBackend("/nowhere")
    with pytest.raises(InputError, match="beams is 0"):
        Seq2SeqBackend("x", beams=0)


def test_a_hub_id_that_is_not_here_is_one_clear_error():
    with pytest.raises(ModelError, match="cannot load nobody/nothing"):
        asyncio.run(Seq2SeqBackend("nobody/nothing", device="cpu").check())
