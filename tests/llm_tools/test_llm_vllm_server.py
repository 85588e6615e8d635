"""The whole job on a real vLLM server: images in, validated rows out; the words mean nothing."""

import json
import math
from collections import Counter
from typing import get_args

import httpx
import pytest
from sample_stickers import saved

from llm_tools.answers import StickerAnswer
from llm_tools.backends import HTTPBackend, Message, Picture, Request
from llm_tools.batch import answered_rows, failures_path
from llm_tools.describe import ATTRIBUTES, DescribeOptions, describe
from llm_tools.infer import InferOptions, infer
from llm_tools.repair import BadAnswerReason
from llm_tools.schema import schema_of
from retriever.errors import ModelError
from retriever.labels import EMOTIONS, INTENTIONS, RELATIONS
from retriever.types import Conversation

pytestmark = pytest.mark.vllm

GUIDED = DescribeOptions(policy="guided", max_tokens=2600)


def backend(url):
    return HTTPBackend(url, "tiny-vl")


def described(url, stickers, journal, options=GUIDED, **run):
    return describe(stickers, backend(url), journal, options, concurrency=8, **run)


def asked(url):
    """How many chat calls the server has answered."""
    metrics = httpx.get(url.replace("/v1", "/metrics")).text
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.startswith("vllm:request_success_total")
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_stickers_get_valid_records_and_a_second_run_makes_no_call(vllm_server, tmp_path, language):
    stickers = [saved(tmp_path / "s", n, words="hi") for n in range(6)] + [saved(tmp_path / "s", 9, frames=5)]
    options = DescribeOptions(policy="guided", max_tokens=2600, language=language)
    rows, summary = described(vllm_server, stickers, tmp_path / "j.jsonl", options)
    assert summary.complete and summary.calls == 7, failures_path(tmp_path / "j.jsonl").read_text()
    for row, sticker in zip(rows, stickers, strict=True):
        assert row["sha256"] == sticker.sha256 and row["model"] == "tiny-vl"
        assert set(row["attributes"]) == set(ATTRIBUTES) and row["description"]
        assert row["emotion"] in EMOTIONS and row["intention"] in INTENTIONS
    one_image, four_images = rows[0]["usage"]["prompt_tokens"], rows[-1]["usage"]["prompt_tokens"]
    # 128 x 128 is 9 x 9 patches, merged two by two: 16 to 25 tokens an image, and its two marks.
    assert 3 * 16 <= four_images - one_image <= 3 * 27
    before = asked(vllm_server)
    again, second = described(vllm_server, stickers, tmp_path / "j.jsonl", options)
    assert second.calls == 0 and asked(vllm_server) == before and again == rows


def test_the_papers_four_turns(vllm_server, tmp_path):
    options = DescribeOptions(policy="guided", per_attribute=True)
    rows, summary = described(vllm_server, [saved(tmp_path / "s", 1)], tmp_path / "j.jsonl", options)
    assert summary.complete and summary.calls == 4 and set(rows[0]["attributes"]) == set(ATTRIBUTES)


def test_free_then_guided_ends_with_valid_records_and_free_with_reasons(vllm_server, tmp_path):
    """A random model writes no JSON: the first try fails, the guided second one does not.

    What it writes instead depends on the processor: letters, or special tokens alone, which read as nothing.
    """
    stickers = [saved(tmp_path / "s", n) for n in range(3)]
    options = DescribeOptions(policy="free-then-guided", per_attribute=True, max_tokens=600, max_tries=2)
    rows, summary = described(vllm_server, stickers, tmp_path / "a.jsonl", options)
    assert summary.complete and summary.calls == 3 * 4 * 2 and len(rows) == 3, str(summary)
    rows, summary = described(
        vllm_server,
        stickers,
        tmp_path / "b.jsonl",
        DescribeOptions(policy="free", max_tokens=60, max_tries=2),
    )
    assert rows == [] and summary.failed.total() == 3 and summary.calls == 6
    failed = [json.loads(line) for line in failures_path(tmp_path / "b.jsonl").read_text().splitlines()]
    assert {row["id"] for row in failed} == {sticker.id for sticker in stickers}
    assert summary.failed == Counter(row["reason"] for row in failed)
    for row in failed:
        assert row["reason"] in get_args(BadAnswerReason) and row["message"] and "answer" not in row, row
        assert (row["raw"].strip() == "") == (row["reason"] == "empty"), row
    assert answered_rows(tmp_path / "b.jsonl") == {}


def test_every_answer_of_the_grammar_is_valid_also_where_the_model_is_wild(vllm_server):
    """Temperature 1.5, thirty seeds: what guided decoding lets through is what validation accepts."""
    import asyncio

    question = (Message("user", ("describe",)),)
    requests = [
        Request(question, max_tokens=900, temperature=1.5, seed=seed, schema=schema_of(StickerAnswer))
        for seed in range(30)
    ]
    replies = asyncio.run(backend(vllm_server).complete(requests))
    for reply in replies:
        assert reply.finish_reason == "stop" and reply.guided, reply
        StickerAnswer.model_validate(json.loads(reply.text))
    assert len({reply.text for reply in replies}) == 30


def test_conversations_get_relations_and_an_intention(vllm_server, tmp_path):
    talks = [Conversation.from_texts("I passed!", "Well done!"), Conversation.from_texts("今天好累", "抱抱")]
    options = InferOptions(policy="guided", max_tokens=900)
    rows, summary = infer(talks, backend(vllm_server), tmp_path / "j.jsonl", options)
    assert summary.complete and len(rows) == 2
    for row in rows:
        assert row["intention"] in INTENTIONS
        assert all(1 <= len(row["inferences"][name]) <= 3 for name in RELATIONS)
    again, second = infer(talks, backend(vllm_server), tmp_path / "j.jsonl", options)
    assert second.calls == 0 and again == rows


def test_log_probabilities_come_per_token(vllm_server):
    import asyncio

    request = Request((Message("user", ("yes or no?",)),), max_tokens=2, logprobs=5)
    (reply,) = asyncio.run(backend(vllm_server).complete([request]))
    assert len(reply.logprobs) == 2
    for alternatives in reply.logprobs:
        assert 1 <= len(alternatives) <= 6  # tokens that read the same are one
        assert sum(math.exp(value) for value in alternatives.values()) <= 1 + 1e-6


def test_what_the_server_refuses_is_reported_in_its_words(vllm_server, tmp_path):
    import asyncio

    long = Request((Message("user", ("word " * 5000,)),))
    broken = Request((Message("user", (Picture(b"no image", "image/png"), "what?")),))
    too_long, no_image = asyncio.run(backend(vllm_server).complete([long, broken]))
    assert too_long.failure == "refused" and "4096" in too_long.error
    assert no_image.failure == "refused" and "400" in no_image.error
    with pytest.raises(ModelError, match="no model 'other'; it offers: tiny-vl"):
        describe([saved(tmp_path, 1)], HTTPBackend(vllm_server, "other"), tmp_path / "j.jsonl")
