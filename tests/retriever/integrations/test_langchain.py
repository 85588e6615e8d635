"""The adapter against LangChain's own standard tests, and against what LangChain lets through unchecked."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests
from PIL import Image
from pydantic import ValidationError

from retriever.chain import StickerRetriever
from retriever.errors import ConversationError, InputError
from retriever.indexing import index_pack
from retriever.integrations.langchain import StickerLangChainRetriever
from retriever.starter import STARTER_PACK
from retriever.types import Conversation, Pick, Sticker

STICKERS: list[dict[str, Any]] = [
    {
        "id": "cats/party",
        "topic": "cats",
        "name": {"en": "party cat"},
        "emotion": "happiness",
        "intent": "joy",
    },
    {"id": "cats/angry", "topic": "cats", "name": {"en": "angry cat", "zh": "生气的猫"}, "emotion": "anger"},
    {
        "id": "dogs/party",
        "topic": "dogs",
        "name": {"en": "party dog"},
        "emotion": "happiness",
        "tags": ["hat"],
    },
    {"id": "dogs/sleepy", "topic": "dogs", "name": {"en": "sleepy dog", "zh": "晚安"}},
    {"id": "dogs/nameless", "topic": "dogs"},
]


@pytest.fixture(scope="module")
def stickers(tmp_path_factory: pytest.TempPathFactory) -> StickerRetriever:
    """A real library of five stickers, lexical only."""
    pack = tmp_path_factory.mktemp("pack")
    rows = []
    for number, row in enumerate(STICKERS):
        image = f"{number}.png"
        Image.new("RGB", (16, 16), (40 * number, 90, 200)).save(pack / image)
        rows.append(json.dumps(row | {"image": image}, ensure_ascii=False))
    (pack / "stickers.jsonl").write_text("\n".join(rows), encoding="utf-8")
    library = tmp_path_factory.mktemp("library")
    index_pack(library, pack, encoders=(), show_progress=False)
    return StickerRetriever.open(library)


@pytest.fixture
def adapter(stickers: StickerRetriever) -> StickerLangChainRetriever:
    return StickerLangChainRetriever(picker=stickers)


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> StickerRetriever:
    """The starter pack that ships with the package, lexical only."""
    library = tmp_path_factory.mktemp("starter")
    index_pack(library, STARTER_PACK, encoders=(), show_progress=False)
    return StickerRetriever.open(library)


class TestStandard(RetrieversIntegrationTests):
    """LangChain's own tests for retrievers."""

    @pytest.fixture(autouse=True)
    def _library(self, starter: StickerRetriever) -> None:
        self._stickers = starter

    @property
    def retriever_constructor(self) -> type[StickerLangChainRetriever]:
        return StickerLangChainRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"picker": self._stickers}

    @property
    def retriever_query_example(self) -> str:
        return "let us have a party"


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_carry_the_pick(adapter: StickerLangChainRetriever, stickers: StickerRetriever) -> None:
    query = "the cat wants a party"
    documents, picks = adapter.invoke(query), stickers.pick(query, 3)
    assert ids(documents) == [pick.sticker.id for pick in picks]
    assert documents[0].page_content == "party cat."
    first = documents[0].metadata
    assert first == {
        "id": "cats/party",
        "pack": "cats",
        "path": picks[0].sticker.path,
        "emotion": "happiness",
        "intention": "joy",
        "rank": 1,
        "score": picks[0].score,
        "scores": dict(picks[0].scores),
    }
    assert Path(first["path"]).is_file()
    assert first["scores"]["lexical"] > 0
    assert [document.metadata["rank"] for document in documents] == [1, 2, 3]


def test_documents_are_json_and_never_empty(adapter: StickerLangChainRetriever) -> None:
    documents = adapter.invoke("anything", k=5)
    assert len(documents) == 5
    for document in documents:
        assert document.page_content.strip()
        assert Document.model_validate_json(document.model_dump_json()).metadata == document.metadata


@pytest.mark.parametrize(
    "query",
    [
        "good night 晚安",
        Conversation.from_texts("hello", "good night 晚安"),
        ["hello", "good night 晚安"],
        ("hello", "good night 晚安"),
        [HumanMessage("hello"), AIMessage("good night 晚安")],
        [SystemMessage("party cat"), HumanMessage("晚安"), ToolMessage("party cat", tool_call_id="1")],
        [HumanMessage([{"type": "text", "text": "晚安"}, {"type": "image_url", "image_url": {"url": "x"}}])],
        [{"role": "user", "content": "晚安"}],
        [("human", "晚安")],
        ["hello", HumanMessage("晚安")],
    ],
    ids=lambda query: type(query).__name__,
)
def test_every_kind_of_query(adapter: StickerLangChainRetriever, query: Any) -> None:
    assert ids(adapter.invoke(query, k=1)) == ["dogs/sleepy"]


class Listener:
    """Picks nothing and remembers the conversation it was asked about."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def pick(self, conversation: Any, k: int = 3, **filters: Any) -> list[Pick]:
        self.heard.append((conversation, k, filters))
        return [Pick(Sticker("a/b", "a", "00", "/a/b.png"), 1, 0.5, {"lexical": 0.5})]


def test_messages_keep_their_speakers() -> None:
    listener = Listener()
    StickerLangChainRetriever(picker=listener).invoke([HumanMessage("a"), AIMessage("b"), HumanMessage("c")])
    conversation, k, filters = listener.heard[0]
    assert [(u.speaker, u.text) for u in conversation.utterances] == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert (conversation.mode, conversation.reply_speaker, k, filters) == ("reply", "assistant", 3, {})


def test_a_sticker_without_a_document_shows_its_label() -> None:
    assert StickerLangChainRetriever(picker=Listener()).invoke("x")[0].page_content == "a/b"


@pytest.mark.parametrize(
    "query",
    [
        None,
        3,
        {"query": "hi"},
        b"hi",
        "",
        "   ",
        [],
        [""],
        [3],
        [None],
        ["hi", 3],
        [{"role": "user"}],
        object(),
    ],
    ids=repr,
)
def test_what_is_no_query_is_refused(adapter: StickerLangChainRetriever, query: Any) -> None:
    with pytest.raises(ConversationError) as caught:
        adapter.invoke(query)
    assert len(str(caught.value).splitlines()) == 1


def test_filters_of_the_constructor_and_of_one_call(stickers: StickerRetriever) -> None:
    adapter = StickerLangChainRetriever(picker=stickers, k=1, filters={"packs": ["dogs"]})
    assert ids(adapter.invoke("party")) == ["dogs/party"]
    assert ids(adapter.invoke("party", filters={"packs": ["cats"]})) == ["cats/party"]
    assert ids(adapter.invoke("sleepy", filters={"emotions": ["happiness"]})) == ["dogs/party"]
    assert ids(adapter.invoke("sleepy", filters={"tags": ["hat"]})) == ["dogs/party"]
    assert ids(adapter.invoke("party")) == ["dogs/party"]
    with pytest.raises(InputError, match="did you mean 'dogs'"):
        adapter.invoke("party", filters={"packs": ["dog"]})
    with pytest.raises(TypeError, match="colour"):
        adapter.invoke("party", filters={"colour": ["red"]})


@pytest.mark.parametrize(
    "arguments",
    [
        {"foo": 2},
        {"k": 0},
        {"k": "many"},
        {"filters": {"colour": ["red"]}},
        {"filters": {"packs": "dogs"}},
        {"packs": ["dogs"]},
        {"picker": object()},
    ],
    ids=repr,
)
def test_arguments_that_do_not_exist_or_fit_are_refused(
    stickers: StickerRetriever, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        StickerLangChainRetriever(**({"picker": stickers} | arguments))


def test_more_than_the_library_has(adapter: StickerLangChainRetriever) -> None:
    with pytest.raises(InputError, match="only 5 stickers"):
        adapter.invoke("party", k=6)
    with pytest.raises(TypeError, match="kk"):
        adapter.invoke("party", kk=2)


async def test_async_is_the_same_as_sync(adapter: StickerLangChainRetriever) -> None:
    texts = [f"party {word}" for word in ("cat", "dog", "sleepy", "angry")] * 5
    together = await asyncio.gather(*(adapter.ainvoke(text, k=2) for text in texts))
    assert together == [adapter.invoke(text, k=2) for text in texts] == adapter.batch(texts, k=2)
    with pytest.raises(ConversationError):
        await adapter.ainvoke("")


def test_in_a_chain_and_traced(
    adapter: StickerLangChainRetriever, capsys: pytest.CaptureFixture[str]
) -> None:
    from langchain_core.tracers import ConsoleCallbackHandler

    chain = adapter | RunnableLambda(ids)
    query: Any = Conversation.from_texts("party cat")
    config: Any = {"callbacks": [ConsoleCallbackHandler()]}
    assert chain.invoke(query, config)[0] == "cats/party"
    assert "Error" not in capsys.readouterr().err


def test_as_a_tool(adapter: StickerLangChainRetriever) -> None:
    from langchain_core.tools import create_retriever_tool

    tool = create_retriever_tool(adapter, "stickers", "Finds stickers.")
    assert "party cat." in tool.invoke({"query": "party cat"})


def test_missing_langchain_is_answered_by_the_install_line() -> None:
    code = (
        "import sys; sys.modules['langchain_core'] = None\n"
        "from retriever.errors import MissingExtra\n"
        "try:\n    import retriever.integrations.langchain\n"
        "except MissingExtra as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "The LangChain retriever needs langchain_core" in done.stdout
    assert "pip install 'sticker-retriever[langchain]'" in done.stdout


def test_the_package_itself_loads_no_langchain() -> None:
    code = (
        "import sys, retriever, retriever.integrations, retriever.chain; "
        "print([name for name in sys.modules if name.startswith('langchain')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
