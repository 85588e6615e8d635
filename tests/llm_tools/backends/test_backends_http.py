import asyncio
import json
import time

import httpx
import pytest
from bad_server import Answer, bad_server, completion
from tenacity import stop_after_attempt

from llm_tools.backends import HTTPBackend, Message, Picture, Request
from llm_tools.backends.retry import RetryPolicy, parse_retry_after
from llm_tools.backends.wire import parse_completion, request_body
from retriever.errors import InputError, ModelError

QUICK = RetryPolicy(attempts=4, first_wait=0.01, longest_wait=0.5)
HELLO = Request((Message("user", ("hello",)),))
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def backend(server, **settings):
    return HTTPBackend(server.url, "bad", retry=settings.pop("retry", QUICK), **settings)


def test_a_picture_is_sent_as_a_data_url_before_the_question():
    request = Request((Message("user", (Picture(b"\x01\x02", "image/png"), "what is it?")),))
    content = request_body(request, "m")["messages"][0]["content"]
    # base64 of the bytes 01 02, by hand: 000000 010000 0010|00 -> A Q I =
    assert content == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQI="}},
        {"type": "text", "text": "what is it?"},
    ]


def test_the_body_carries_settings_schema_and_extras():
    request = Request(HELLO.messages, max_tokens=9, temperature=0.5, seed=None, schema=SCHEMA, logprobs=5,
                      extra={"top_p": 0.9})  # fmt: skip
    body = request_body(request, "m")
    assert body["max_tokens"] == 9 and body["temperature"] == 0.5 and "seed" not in body
    assert body["top_p"] == 0.9 and body["logprobs"] is True and body["top_logprobs"] == 5
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "response_format" not in request_body(request, "m", "none")
    assert request_body(request, "m", "structured_outputs")["structured_outputs"] == {"json": SCHEMA}


def test_logprobs_are_read_per_token():
    body = json.loads(completion("yes"))
    body["choices"][0]["logprobs"] = {
        "content": [
            {"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -2.5}]},
        ]
    }
    assert parse_completion(body).logprobs == ({"no": -2.5, "yes": -0.1},)


def test_tokens_that_read_the_same_add_their_probabilities():
    body = json.loads(completion("x"))
    half = {"token": "\ufffd", "logprob": -0.6931471805599453}  # log 1/2; two of them make log 1
    body["choices"][0]["logprobs"] = {"content": [half | {"top_logprobs": [half, half]}]}
    (alternatives,) = parse_completion(body).logprobs
    assert alternatives == {"\ufffd": pytest.approx(0.0, abs=1e-12)}


@pytest.mark.parametrize(
    "body", [None, [], {}, {"choices": []}, {"choices": [{}]}, "text", {"choices": None}]
)
def test_a_body_that_is_no_completion_is_an_error_not_a_crash(body):
    reply = parse_completion(body)
    assert reply.failure == "transport" and "no chat completion" in reply.error


async def test_replies_come_in_the_order_of_the_requests():
    def slow_first(body, number):
        word = body["messages"][0]["content"]
        return Answer(word.upper(), delay=0.2 if word == "a" else 0.0)

    async with bad_server(slow_first) as server:
        client = backend(server)
        replies = await client.complete([Request((Message("user", (word,)),)) for word in "abc"])
        await client.aclose()
    assert [reply.text for reply in replies] == ["A", "B", "C"]
    assert (replies[0].prompt_tokens, replies[0].completion_tokens) == (7, 3)


@pytest.mark.parametrize(
    "fault",
    [
        Answer(status=500),
        Answer(status=503, body=b"<html>busy</html>"),
        Answer(status=429, headers={"Retry-After": "0"}),
        Answer(cut=True),
        Answer(body=b"not json at all"),
        Answer(body=b'{"choices": []}'),
    ],
    ids=["500", "503", "429", "cut", "garbage", "empty"],
)
async def test_two_faults_are_survived(fault):
    async with bad_server(lambda body, number: fault if number < 2 else Answer("fine")) as server:
        client = backend(server)
        (reply,) = await client.complete([HELLO])
        await client.aclose()
    assert reply.text == "fine" and reply.error is None
    assert len(server.calls) == 3


async def test_a_server_that_never_recovers_is_reported_with_the_count():
    async with bad_server(
        lambda body, number: Answer(status=500, body=b'{"error": {"message": "boom"}}')
    ) as server:
        client = backend(server)
        (reply,) = await client.complete([HELLO])
        await client.aclose()
    assert reply.failure == "transport" and "boom" in reply.error and "tried 4 times" in reply.error
    assert len(server.calls) == 4


async def test_a_call_that_takes_too_long_is_tried_again():
    async with bad_server(lambda body, number: Answer("late", delay=5.0 if number == 0 else 0.0)) as server:
        client = backend(server, timeout=0.3)
        (reply,) = await client.complete([HELLO])
        await client.aclose()
    assert reply.text == "late" and len(server.calls) == 2


async def test_retry_after_is_honoured():
    async with bad_server(
        lambda body, number: (
            Answer(status=429, headers={"Retry-After": "0.4"}) if number == 0 else Answer("ok")
        )
    ) as server:
        client = backend(server, retry=RetryPolicy(attempts=2, first_wait=0.0))
        began = time.monotonic()
        (reply,) = await client.complete([HELLO])
        waited = time.monotonic() - began
        await client.aclose()
    assert reply.text == "ok" and waited >= 0.4


def test_retry_after_reads_seconds_and_dates():
    assert parse_retry_after("3") == 3.0
    assert parse_retry_after("-1") == 0.0
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert parse_retry_after("soon") is None and parse_retry_after(None) is None


async def test_backoff_grows_and_stays_below_the_longest_wait():
    waits = []

    async def fail():
        from llm_tools.backends.retry import TransportError

        raise TransportError("no")

    async def note(seconds):
        waits.append(seconds)

    loop = RetryPolicy(attempts=200, first_wait=1.0, longest_wait=4.0).attempts_of(
        sleep=note, stop=stop_after_attempt(200)
    )
    with pytest.raises(Exception, match="no"):
        await loop(fail)
    assert waits[0] <= 1.0 and max(waits[:2]) <= 2.0
    assert max(waits) <= 4.0 and max(waits) > 2.0  # of 197 draws from 0..4, one is above 2


async def test_a_refused_request_is_not_repeated():
    refusal = Answer(status=400, body=b'{"error": {"message": "prompt is too long"}}')
    async with bad_server(lambda body, number: refusal) as server:
        client = backend(server)
        (reply,) = await client.complete([HELLO])
        await client.aclose()
    assert reply.failure == "refused" and "prompt is too long" in reply.error and len(server.calls) == 1


async def test_a_server_without_guidance_is_asked_without():
    def unguided(body, number):
        if "response_format" in body:
            return Answer(status=400, body=b'{"error": {"message": "response_format is not supported"}}')
        return Answer("free")

    async with bad_server(unguided) as server:
        client = backend(server)
        assert client.capabilities.guided
        (reply,) = await client.complete([Request(HELLO.messages, schema=SCHEMA)])
        (again,) = await client.complete([Request(HELLO.messages, schema=SCHEMA)])
        await client.aclose()
    assert reply.text == again.text == "free" and not reply.guided
    assert not client.capabilities.guided and len(server.calls) == 3


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_dooms_every_call_is_raised(status):
    async with bad_server(lambda body, number: Answer(status=status)) as server:
        client = backend(server)
        with pytest.raises(ModelError, match=str(status)):
            await client.complete([HELLO])
        await client.aclose()


async def test_check_names_the_address_and_the_command():
    client = HTTPBackend("http://127.0.0.1:9", "m")
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1.*vllm serve MODEL"):
        await client.check()
    await client.aclose()


async def test_check_takes_the_only_model_and_refuses_an_absent_one():
    async with bad_server(lambda body, number: Answer()) as server:
        only = HTTPBackend(server.url)
        with pytest.raises(ModelError, match="no model id yet"):
            _ = only.model
        await only.check()
        assert only.model == "bad"
        other = HTTPBackend(server.url, "good")
        with pytest.raises(ModelError, match="no model 'good'; it offers: bad"):
            await other.check()
        await only.aclose()
        await other.aclose()


async def test_check_asks_for_a_choice_among_several():
    async with bad_server(lambda body, number: Answer(), models=("a", "b")) as server:
        client = HTTPBackend(server.url)
        with pytest.raises(ModelError, match="offers 2 models; name one of: a, b"):
            await client.check()
        await client.aclose()


async def test_the_key_is_sent_as_a_bearer_token():
    async with bad_server(lambda body, number: Answer("x")) as server:
        client = backend(server, api_key="secret")
        await client.complete([HELLO])
        await client.aclose()
    assert server.headers[0]["authorization"] == "Bearer secret"


def test_a_transport_stands_in_for_the_network_and_loops_may_change():
    def answer(request):
        return httpx.Response(200, content=completion("hi"))

    client = HTTPBackend("http://nowhere", "m", transport=httpx.MockTransport(answer))
    for _ in range(2):  # a client bound to the first loop would fail in the second
        (reply,) = asyncio.run(client.complete([HELLO]))
        assert reply.text == "hi"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "", "http://"])
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(InputError, match="base URL"):
        HTTPBackend(url)


def test_v1_is_added_once():
    assert HTTPBackend("http://h:1").base_url == HTTPBackend("http://h:1/v1/").base_url == "http://h:1/v1"
