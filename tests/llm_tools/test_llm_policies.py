"""What the policies' benchmark counts, and what its model is taught from."""

import asyncio
import json
import random
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from bad_server import Answer, bad_server
from describe_policies import Turn, compared, figures, options_of, ratio, table, take_turn
from sample_stickers import saved
from taught_vl import REPORT, School, known_answers, loss_of, make_or_reuse, problem_of, spoiled

from llm_tools.answers import StickerAnswer
from llm_tools.backends import HTTPBackend, Message, Request
from llm_tools.describe import DescribeOptions
from llm_tools.schema import schema_of
from retriever.errors import InputError

RECORD = known_answers(1)[0]


def guided(body):
    return "response_format" in body


def only_when_guided(body, number):
    return Answer(RECORD) if guided(body) else Answer("It waves.")


@pytest.mark.parametrize(
    ("way", "records", "calls", "first_valid", "bad", "failed", "forced"),
    [
        ("guided", 3, 3, 3, {}, {}, 3),
        ("free-then-guided", 3, 6, 0, {"not_json": 3}, {}, 3),
        ("free", 0, 9, 0, {"not_json": 9}, {"not_json": 3}, 0),
    ],
)
async def test_a_turn_counts_calls_and_reasons(
    tmp_path, way, records, calls, first_valid, bad, failed, forced
):
    stickers = [saved(tmp_path, n) for n in range(3)]
    async with bad_server(only_when_guided) as server:
        turn = await take_turn(server.url, stickers, options_of(way, 1.0, 64), 2, tmp_path)
    assert (turn.stickers, turn.records, turn.calls, turn.first_valid) == (3, records, calls, first_valid)
    assert (dict(turn.bad), dict(turn.failed)) == (bad, failed)
    assert (turn.prompt_tokens, turn.completion_tokens) == (7 * calls, 3 * calls)
    assert sum(guided(body) for body in server.calls) == forced
    assert all(body["seed"] is None and body["temperature"] == 1.0 for body in server.calls)


async def test_the_cut_ways_differ_in_guidance_and_in_nothing_that_costs(tmp_path):
    bodies = {}
    for way in ("cut guided", "cut free"):
        async with bad_server(lambda body, number: Answer('{"ge', finish_reason="length")) as server:
            turn = await take_turn(server.url, [saved(tmp_path, 1)], options_of(way, 0.0, 48), 1, tmp_path)
        assert turn.calls == 1 and dict(turn.bad) == dict(turn.failed) == {"cut_off": 1}
        (bodies[way],) = server.calls
    assert bodies["cut guided"].pop("response_format")
    assert bodies["cut free"].pop("min_tokens") == 48 and bodies["cut free"].pop("ignore_eos")
    assert bodies["cut guided"] == bodies["cut free"] and bodies["cut free"]["max_tokens"] == 48


def turn(records, seconds, calls=4):
    return Turn(4, records, calls, seconds, 100, 40, first_valid=records)


def test_ratios_are_taken_within_a_round_and_the_median_quoted():
    ours, theirs = [turn(4, 1), turn(2, 1), turn(4, 4)], [turn(4, 2), turn(4, 1), turn(4, 2)]
    assert ratio(ours, theirs, "records") == {"median": 0.5, "by_round": [2.0, 0.5, 0.5]}
    assert ratio(ours, [turn(0, 1)] * 3, "records") == {"median": None, "by_round": []}
    assert ratio([turn(4, 1)] * 2, [turn(0, 1), turn(1, 1)], "records")["by_round"] == [4.0]


def test_figures_are_medians_of_rates_and_sums_of_counts():
    found = figures([turn(4, 1), turn(1, 2, calls=7), turn(1, 4)])
    assert found["stickers_per_s"] == 2 and found["records_per_s"] == 0.5 and found["tokens_per_s"] == 20
    assert found["valid"] == 0.5 and found["reasks"] == 3 and found["calls_per_sticker"] == 15 / 12
    assert found["tokens_per_call"] == 8 and found["tokens_per_sticker"] == 10


def test_the_table_also_stands_when_a_way_has_no_record():
    ways = ("guided", "free-then-guided", "free", "cut guided", "cut free")
    turns = {way: [turn(0 if way.startswith(("free", "cut")) else 4, 1)] for way in ways}
    text = table({way: figures(each) for way, each in turns.items()}, compared(turns))
    assert "guided / free: none" in text and len(text.splitlines()) == 1 + 5 + 4


def test_what_is_taught_is_valid_distinct_and_of_many_lengths():
    answers = known_answers(12)
    assert len(set(answers)) == 12 and len({len(answer) for answer in answers}) > 6
    assert all(problem_of(answer) is None for answer in answers)


@pytest.mark.vllm
def test_records_are_taught_as_the_server_writes_guided_ones(vllm_server):
    """With other separators a guided model would leave what it has learnt, and be measured on nonsense."""
    request = Request(
        (Message("user", ("describe",)),), max_tokens=900, temperature=1.0, schema=schema_of(StickerAnswer)
    )
    (reply,) = asyncio.run(HTTPBackend(vllm_server, "tiny-vl").complete([request]))
    marks = re.compile(r'"[^"]*"')  # answers hold no escaped quotes
    assert marks.sub("", reply.text) == marks.sub("", RECORD) == "{:,:,:,:,:,:,:}"


def test_spoiled_answers_are_bad_in_several_ways():
    rng = random.Random(0)
    found = {problem_of(spoiled(answer, rng)).reason for answer in known_answers(12) for _ in range(20)}
    assert found == {"not_json", "wrong_schema"}


@pytest.fixture(scope="module")
def school(tiny_vlm):
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(tiny_vlm)
    return School(processor, DescribeOptions().load_prompt(), known_answers(3), size=56, seed=0)


@pytest.mark.parametrize("again", [False, True])
def test_a_lesson_is_the_whole_prompt_and_every_record_to_its_end(school, again):
    prompt, answers = school.lesson(again)
    tokenizer = school.processor.tokenizer
    said = [tokenizer.decode(ids[ids != -100]) for ids in answers]
    assert said == [answer + "<|im_end|>" for answer in school.answers]
    before = tokenizer.decode(prompt["input_ids"][0])
    assert before.endswith("<|im_start|>assistant\n") and before.count("assistant\n") == 1 + again
    assert ("That answer cannot be used" in before) == again and "gesture: several keywords" in before


def test_the_loss_is_what_reading_every_answer_after_its_own_prompt_gives(school, tiny_vlm):
    """The slow way: whole sequences one by one, positions and images left to the library."""
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(tiny_vlm, dtype=torch.float32).eval()
    prompt, answers = school.lesson(again=False)
    total = 0.0
    with torch.no_grad():
        for padded in answers:
            answer = padded[padded != -100][None]
            ids = torch.cat([prompt["input_ids"], answer], 1)
            kinds = torch.cat([prompt["mm_token_type_ids"], torch.zeros_like(answer)], 1)
            images = {name: prompt[name] for name in ("pixel_values", "image_grid_thw")}
            whole = model(
                input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=kinds, **images
            )
            logits = whole.logits[0, prompt["input_ids"].shape[1] - 1 : -1]
            total += torch.nn.functional.cross_entropy(logits, answer[0], reduction="sum").item()
        loss = loss_of(model, prompt, answers).item()
    assert loss == pytest.approx(total / int((answers != -100).sum()), abs=1e-4)


def test_a_model_learns_from_a_lesson(school, tiny_vlm):
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(tiny_vlm, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    (prompt, answers), losses = school.lesson(again=False), []
    for _ in range(4):
        optimizer.zero_grad()
        loss = loss_of(model, prompt, answers)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert all(p.grad is not None for p in model.model.language_model.parameters())


def test_a_taught_model_is_used_again_and_never_for_other_settings(tmp_path):
    settings = {"target": 0.8, "seed": 0}
    kept = {"settings": settings | {"prompt": DescribeOptions().load_prompt().hash}, "valid": 0.9}
    (tmp_path / REPORT).write_text(json.dumps(kept))
    assert make_or_reuse(tmp_path, settings) == kept | {"reused": True}
    with pytest.raises(InputError, match="another --model-dir"):
        make_or_reuse(tmp_path, settings | {"target": 0.5})
