"""Teaches the tests' tiny Qwen2.5-VL to answer the describe prompt with JSON, well but not perfectly.

A random model never writes JSON by itself, so policies that leave it free could only fail. This one has
seen a dozen records of the starter pack as answers to the real prompt (the real messages, the chat
template, images drawn on the spot) and as answers to the real re-ask, and teaching stops as soon as a
wanted share of what it writes freely validates. It knows those records by heart and nothing else; images
tell it nothing.
"""

import json
import random
import sys
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sample_stickers import saved

from llm_tools.answers import StickerAnswer
from llm_tools.ask import _asked_again
from llm_tools.backends.base import Message, Picture, chat_messages
from llm_tools.describe import ATTRIBUTES, DescribeOptions, describe_items, sources
from llm_tools.prompts import Prompt
from llm_tools.repair import BadAnswer, parse_answer
from retriever.errors import InputError
from retriever.packs import PackEntry, open_pack
from retriever.starter import STARTER_PACK

__all__ = [
    "REPORT",
    "School",
    "known_answers",
    "loss_of",
    "make_or_reuse",
    "problem_of",
    "prompts",
    "spoiled",
    "teach",
]

REPORT = "taught.json"
_LONGEST = DescribeOptions().max_tokens
_RATE = 2e-3
_SAMPLED = 48
_WORTH_A_LOOK = 0.05
"""Sampling takes as long as twenty steps; above this loss next to nothing validates."""


def known_answers(count: int) -> list[str]:
    """`count` distinct valid records, spread over the starter pack, written as guided JSON is.

    That is without a space: a model taught with spaces writes nonsense, if valid nonsense, once it is guided.
    """
    with open_pack(STARTER_PACK) as reader:
        entries = [entry for entry in reader if isinstance(entry, PackEntry)]
    chosen = entries[:: max(1, len(entries) // count)][:count]
    return [_record(entry) for entry in chosen]


def _record(entry: PackEntry) -> str:
    told = entry.annotations
    said: dict[str, Any] = {name: getattr(told.attributes, name) or "none" for name in ATTRIBUTES}
    said |= {name: getattr(told, name) for name in ("description", "emotion", "intention")}
    return _written(StickerAnswer.model_validate(said).model_dump(mode="json"))


def _written(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def spoiled(text: str, rng: random.Random) -> str:
    """`text` broken in one of the ways that models break it: cut short, a key lost, a label made up."""
    record = json.loads(text)
    how = rng.randrange(3)
    if how == 0:
        return text[: rng.randrange(8, len(text) - 8)]
    if how == 1:
        del record[rng.choice(list(record))]
    else:
        record[rng.choice(("emotion", "intention"))] += rng.choice(("ish", " mood"))
    return _written(record)


def problem_of(text: str, finish_reason: str = "stop") -> BadAnswer | None:
    """What the runner would say is wrong with `text`; None where it would keep it."""
    try:
        parse_answer(text, StickerAnswer, finish_reason=finish_reason)
    except BadAnswer as problem:
        return problem
    return None


def prompts(count: int, size: int, prompt: Prompt) -> list[tuple[Message, ...]]:
    """The messages that `describe` would send about `count` drawn stickers."""
    options = DescribeOptions()
    task = options.task(prompt)
    with TemporaryDirectory() as name:
        stickers = [saved(Path(name), n, size=size, words=f"t{n}") for n in range(count)]
        items = describe_items(list(sources(stickers)), task, prompt, "tiny-vl", options)
        return [tuple(item.messages()) for item in items]


def make_or_reuse(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The report of the taught model in `folder`, which is taught now unless it was before.

    Args:
        folder: of the model; need not exist.
        settings: of `teach`.

    Raises:
        InputError: the folder holds a model that was taught with other settings.
    """
    report = folder / REPORT
    wanted = settings | {"prompt": DescribeOptions().load_prompt().hash}
    if report.exists():
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        if found["settings"] != wanted:
            raise InputError(
                f"{folder} holds a model taught with {found['settings']}; expected {wanted}: "
                "give another --model-dir, or remove that one"
            )
        return found | {"reused": True}
    result = {"settings": wanted, **teach(folder, **settings)}
    report.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result | {"reused": False}


def teach(
    folder: Path, *, target: float, known: int, size: int, most_steps: int, most_s: float, seed: int
) -> dict[str, Any]:
    """Write a model to `folder` whose free answers validate about `target` of the time.

    Args:
        target: the share of valid answers, sampled at temperature 1, at which teaching stops.
        known: how many records it learns.
        size: of its images, pixels a side.
        most_steps, most_s: when it stops in any case.

    Returns:
        ``steps``, ``seconds``, ``loss``, ``valid`` (the last measured share) and ``sampled``.
    """
    from retriever.torchvision_ops import install_hook

    install_hook()
    import torch
    from tiny_qwen_vl import build
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

    torch.set_num_threads(1)
    build(folder, seed)
    processor = AutoProcessor.from_pretrained(folder)
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    school = School(processor, DescribeOptions().load_prompt(), known_answers(known), size, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.0)
    began, loss, valid, step = time.monotonic(), float("inf"), 0.0, 0
    model.train()
    for step in range(1, most_steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(step / 20, 1.0, (100 / step) ** 0.5)
        optimizer.zero_grad()
        now = loss_of(model, *school.lesson(again=step % 6 == 0))
        now.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss = now.item() if loss == float("inf") else 0.9 * loss + 0.1 * now.item()
        late = time.monotonic() - began > most_s or step == most_steps
        if late or step % 50 == 0:
            if late or loss < _WORTH_A_LOOK:
                valid = _valid_share(model, school, _SAMPLED)
            took = time.monotonic() - began
            print(f"step {step}: loss {loss:.3f}, {valid:.0%} valid, {took:.0f} s", file=sys.stderr)
            if late or valid >= target:
                break
    model.to(torch.bfloat16).save_pretrained(folder)
    seconds = round(time.monotonic() - began, 1)
    return {"steps": step, "seconds": seconds, "loss": round(loss, 4), "valid": valid, "sampled": _SAMPLED}


class School:
    """Makes lessons: a prompt about some image, or a re-ask after a bad answer, and all records after it."""

    def __init__(self, processor: Any, prompt: Prompt, answers: Sequence[str], size: int, seed: int) -> None:
        self.processor = processor
        self.prompt = prompt
        self.answers = answers
        self.dialogues = prompts(24, size, prompt)
        self.rng = random.Random(seed)

    def encoded(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Token ids, of shape (1, tokens), and pixels of one dialogue up to where the model answers."""
        from PIL import Image

        text = self.processor.apply_chat_template(
            chat_messages(messages), tokenize=False, add_generation_prompt=True
        )
        data = [part.data for message in messages for part in message.parts if isinstance(part, Picture)]
        images = [Image.open(BytesIO(each)).convert("RGB") for each in data]
        return dict(self.processor(text=[text], images=images, return_tensors="pt"))

    def lesson(self, again: bool) -> tuple[dict[str, Any], Any]:
        """One encoded dialogue, a re-ask if `again`; ids of shape (answers, tokens), -100 behind the end."""
        import torch

        messages = self.rng.choice(self.dialogues)
        if again:
            bad = spoiled(self.rng.choice(self.answers), self.rng)
            problem = problem_of(bad)
            if problem is None:
                raise AssertionError(f"a spoiled answer is valid: {bad}")
            messages = _asked_again(messages, bad, self.prompt.reask, problem.message)
        tokenizer = self.processor.tokenizer
        ids = [torch.tensor([*tokenizer(text).input_ids, tokenizer.eos_token_id]) for text in self.answers]
        return self.encoded(messages), torch.nn.utils.rnn.pad_sequence(ids, True, -100)


def loss_of(model: Any, prompt: dict[str, Any], answers: Any) -> Any:
    """Mean cross-entropy of the tokens of `answers`, each after the same `prompt`, which is read once."""
    import torch

    count, longest = answers.shape
    read = model(**prompt, use_cache=True, logits_to_keep=1)
    seen = prompt["input_ids"].shape[1]
    read.past_key_values.batch_repeat_interleave(count)
    begin = seen + int(model.model.rope_deltas)
    rest = model(
        input_ids=answers[:, :-1].clamp(min=0),
        attention_mask=torch.ones(count, seen + longest - 1, dtype=torch.long),
        position_ids=torch.arange(begin, begin + longest - 1).expand(3, count, -1),
        past_key_values=read.past_key_values,
    )
    logits = torch.cat([read.logits.expand(count, -1, -1), rest.logits], 1)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), answers.flatten())


def _valid_share(model: Any, school: School, count: int) -> float:
    """The share of `count` free answers, sampled at temperature 1, that the runner would keep."""
    import torch

    first = [school.encoded(messages) for messages in school.rng.choices(school.dialogues, k=count)]
    batch = {name: torch.cat([each[name] for each in first]) for name in first[0]}
    model.eval()
    with torch.no_grad():
        out = model.generate(
            **batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=_LONGEST
        )
    model.train()
    said = school.processor.tokenizer.batch_decode(
        out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return sum(problem_of(text) is None for text in said) / count
