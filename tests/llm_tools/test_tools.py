"""The LangChain tools over a real library, called as an agent calls them."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from sticker_world import HOSTILE, open_world

from llm_tools.tools import MAX_ANSWER, sticker_tools
from retriever.chain import StickerRetriever
from retriever.types import Conversation, Pick, Sticker


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> StickerRetriever:
    return open_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def tools(world: StickerRetriever) -> dict[str, BaseTool]:
    return {one.name: one for one in sticker_tools(world)}


def call(one: BaseTool, **arguments: Any) -> ToolMessage:
    """As an agent does it."""
    answer = one.invoke({"name": one.name, "args": arguments, "id": "1", "type": "tool_call"})
    assert isinstance(answer, ToolMessage)
    assert isinstance(answer.content, str) and 0 < len(answer.content) <= MAX_ANSWER + 50
    return answer


def shown(answer: ToolMessage) -> list[dict[str, Any]]:
    return [json.loads(line) for line in str(answer.content).split("\n") if line.startswith("{")]


def test_there_are_four_and_models_are_told_what_they_take(tools: dict[str, BaseTool]) -> None:
    assert list(tools) == ["search_stickers", "describe_sticker", "pick_sticker", "explain_pick"]
    schemas = {name: convert_to_openai_tool(one)["function"] for name, one in tools.items()}
    pick = schemas["pick_sticker"]["parameters"]
    assert pick["required"] == ["messages"]
    assert pick["properties"]["mode"]["enum"] == ["reply", "supplement"]
    assert "oldest first" in pick["properties"]["messages"]["description"]
    assert schemas["search_stickers"]["parameters"]["properties"]["k"]["maximum"] == 20
    assert all(len(schema["description"]) > 30 for schema in schemas.values())


def test_search_gives_ids_and_picks(tools: dict[str, BaseTool]) -> None:
    answer = call(tools["search_stickers"], query="a dog says thank you", k=2)
    assert shown(answer)[0]["id"] == "dogs/thanks"
    assert [type(pick) for pick in answer.artifact] == [Pick, Pick]
    assert len(shown(call(tools["search_stickers"], query="dog", k=20))) == 6  # as many as there are
    only = call(tools["search_stickers"], query="dog", emotion="sadness", k=1)
    assert [line["id"] for line in shown(only)] == ["cats/sorry"]


def test_describe_gives_all_that_is_known(tools: dict[str, BaseTool]) -> None:
    answer = call(tools["describe_sticker"], sticker_id="cats/party")
    (line,) = shown(answer)
    assert (line["id"], line["pack"], line["emotion"], line["intention"]) == (
        "cats/party", "cats", "happiness", "joy",
    )  # fmt: skip
    assert "says: yay" in line["about"] and "gesture: arms up" in line["about"]
    assert isinstance(answer.artifact, Sticker) and Path(answer.artifact.path).exists()


def test_pick_is_what_the_retriever_picks(tools: dict[str, BaseTool], world: StickerRetriever) -> None:
    messages = ["I helped you move", "thank you"]
    answer = call(tools["pick_sticker"], messages=messages, mode="supplement")
    best = world.pick(Conversation.from_texts(*messages, mode="supplement"), 1)[0]
    assert answer.artifact == best and shown(answer)[0]["id"] == best.sticker.id
    cats = call(tools["pick_sticker"], messages=messages, pack="cats")
    assert cats.artifact.sticker.pack == "cats"


def test_explain_says_score_and_rank(tools: dict[str, BaseTool], world: StickerRetriever) -> None:
    answer = call(tools["explain_pick"], sticker_id="dogs/thanks", messages=["thank you"])
    scores = world.recallers[0].score_library(Conversation.from_texts("thank you"))
    assert answer.artifact == {"lexical": {"score": float(scores[5]), "rank": 1, "of": 6}}
    assert f"lexical: score {scores[5]:.4f}, rank 1 of 6" in str(answer.content)
    other = call(tools["explain_pick"], sticker_id="cats/party", messages=["thank you"])
    assert other.artifact["lexical"]["rank"] > 1


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("describe_sticker", {"sticker_id": "cats/none"}, "there is no sticker 'cats/none'; search for one"),
        ("describe_sticker", {}, "sticker_id: Field required"),
        ("search_stickers", {"query": "   "}, "the conversation has no text"),
        ("search_stickers", {"query": "dog", "emotion": "boredom"}, "boredom"),
        ("search_stickers", {"query": "dog", "k": 0}, "k: Input should be greater than or equal to 1"),
        ("search_stickers", {"query": {"a": 1}}, "query: "),
        ("pick_sticker", {"messages": []}, "messages: "),
        ("pick_sticker", {"messages": ["hi"], "mode": "shout"}, "mode: "),
        ("pick_sticker", {"messages": ["hi"], "pack": "cats", "emotion": "neutral"}, "no sticker passes"),
        ("explain_pick", {"sticker_id": "x" * 9999, "messages": ["hi"]}, "there is no sticker 'xxx"),
    ],
)
def test_failures_come_back_as_a_short_reason(
    tools: dict[str, BaseTool], name: str, arguments: dict[str, Any], reason: str
) -> None:
    answer = call(tools[name], **arguments)
    assert str(answer.content).startswith("That did not work: ") and reason in str(answer.content)
    assert len(answer.content) <= 500 and "\n" not in answer.content
    assert answer.artifact is None


def test_a_fault_is_logged_and_told(world: StickerRetriever, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def pick(self, *_: object, **__: object) -> None:
            raise RuntimeError("secret detail")

        @property
        def stickers(self) -> list[int]:
            return [1]

    one = sticker_tools(Broken())[0]  # type: ignore[arg-type]
    answer = call(one, query="dog")
    assert "has a fault" in str(answer.content) and "secret" not in str(answer.content)
    assert "secret detail" in caplog.text


def test_captions_are_escaped_data(tools: dict[str, BaseTool]) -> None:
    answer = call(tools["search_stickers"], query="loud dog sign", k=1)
    assert HOSTILE in shown(answer)[0]["about"]
    lines = str(answer.content).split("\n")
    assert (lines[0], lines[-1], len(lines)) == ("<stickers>", "</stickers>", 3)


async def test_tools_work_from_coroutines(tools: dict[str, BaseTool]) -> None:
    answer = await tools["search_stickers"].ainvoke(
        {"name": "search_stickers", "args": {"query": "sorry", "k": 1}, "id": "1", "type": "tool_call"}
    )
    assert shown(answer)[0]["id"] == "cats/sorry"
