"""Any server that speaks OpenAI's chat completions, `vllm serve` first of all; needs no vLLM here."""

import asyncio
import json
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from llm_tools.backends.base import Capabilities, Reply, Request
from llm_tools.backends.retry import RetryPolicy, TransportError, parse_retry_after
from llm_tools.backends.wire import Guidance, error_text, parse_completion, request_body
from retriever.errors import InputError, ModelError

__all__ = ["HTTPBackend"]

logger = logging.getLogger(__name__)

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
# Seconds after which an idle connection is not used again. Servers on uvicorn, as vLLM, close theirs after 5:
# a call sent down one at that moment is lost.
_KEEP_IDLE = 2.0
_GUIDANCE_WORDS = ("response_format", "json_schema", "structured_output", "guided", "grammar")
_START = (
    "start one with: vllm serve MODEL --port 8000 --limit-mm-per-prompt '{\"image\":4}' "
    '--structured-outputs-config \'{"backend":"xgrammar","disable_any_whitespace":true}\''
)


class HTTPBackend:
    """Calls ``{base_url}/chat/completions``.

    Args:
        base_url: with or without the trailing ``/v1``, e.g. ``http://localhost:8000``.
        model: the model's id at the server; None takes the only one that the server offers.
        api_key: sent as a bearer token.
        timeout: seconds a connected call may go without an answer.
        connect_timeout: seconds to wait for a connection.
        guidance: how schemas are sent; ``auto`` uses ``response_format`` and goes on without guidance, saying
            so, at a server that refuses it.
        retry: when transport errors are tried again.
        transport: an httpx transport in place of the network.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 300.0,
        connect_timeout: float = 10.0,
        guidance: Guidance | Literal["auto"] = "auto",
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InputError(f"base URL is {base_url!r}; expected one like http://localhost:8000/v1")
        root = base_url.rstrip("/")
        self.base_url = root if root.endswith("/v1") else f"{root}/v1"
        self._model = model
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = httpx.Timeout(timeout, connect=connect_timeout, pool=None)
        self._guidance: Guidance = "response_format" if guidance == "auto" else guidance
        self._may_drop_guidance = guidance == "auto"
        self._retry = retry or RetryPolicy()
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def model(self) -> str:
        """The model id at the server.

        Raises:
            ModelError: none was given and `check` has not asked the server yet.
        """
        if self._model is None:
            raise ModelError(
                "no model id yet: give one, or call check() to take the only one the server offers"
            )
        return self._model

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(guided=self._guidance != "none")

    def _connected(self) -> httpx.AsyncClient:
        """The client of the running event loop; an httpx client may not outlive its loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            # The runner bounds concurrency; a second bound here would only hide behind the first.
            limits = httpx.Limits(
                max_connections=None, max_keepalive_connections=None, keepalive_expiry=_KEEP_IDLE
            )
            self._client = httpx.AsyncClient(
                headers=self._headers, timeout=self._timeout, limits=limits, transport=self._transport
            )
            self._loop = loop
        return self._client

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    async def check(self, wait: float = 0.0) -> None:
        """Ask the server which models it offers; take its only one when none was named.

        Args:
            wait: seconds to keep trying while nothing answers (a server loading its model).

        Raises:
            ModelError: no server answers, it refuses the key, or it does not offer the model.
        """
        deadline = monotonic() + wait
        while True:
            try:
                response = await self._connected().get(f"{self.base_url}/models", timeout=10.0)
                break
            except httpx.TransportError as error:
                if monotonic() >= deadline:
                    reason = f"{type(error).__name__}: {error}".rstrip(": ")
                    raise ModelError(f"no server answers at {self.base_url} ({reason}); {_START}") from error
                await asyncio.sleep(0.5)
        if response.status_code in (401, 403):
            raise ModelError(
                f"{self.base_url} refuses the API key (HTTP {response.status_code}); give the right one"
            )
        self._choose_model(_model_ids(response))

    def _choose_model(self, offered: list[str] | None) -> None:
        if offered is None:
            if self._model is None:
                raise ModelError(f"{self.base_url} does not list its models; name one")
            logger.warning("%s does not list its models; taking %r on trust", self.base_url, self._model)
        elif self._model is None:
            if len(offered) != 1:
                raise ModelError(
                    f"{self.base_url} offers {len(offered)} models; name one of: {', '.join(offered)}"
                )
            self._model = offered[0]
        elif self._model not in offered:
            raise ModelError(f"{self.base_url} has no model {self._model!r}; it offers: {', '.join(offered)}")

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Every reply, in order; all calls are made at once."""
        return list(await asyncio.gather(*(self._complete_one(request) for request in requests)))

    async def _complete_one(self, request: Request) -> Reply:
        try:
            return await self._retry.attempts_of()(self._call, request)
        except TransportError as error:
            return Reply(error=f"{error} (tried {self._retry.attempts} times)", failure="transport")

    async def _call(self, request: Request) -> Reply:
        guidance = self._guidance
        body = request_body(request, self.model, guidance)
        try:
            # Escaped to ASCII: half surrogate pairs in somebody's chat must not stop the run.
            response = await self._connected().post(
                f"{self.base_url}/chat/completions",
                content=json.dumps(body).encode("ascii"),
                headers={"Content-Type": "application/json"},
            )
        except httpx.TransportError as error:
            reason = str(error) or "no details"
            raise TransportError(f"{type(error).__name__} at {self.base_url}: {reason}") from error
        parsed = _json_or_none(response)
        if response.status_code == 200:
            reply = parse_completion(parsed, guided=request.schema is not None and guidance != "none")
            if reply.failure == "transport":
                raise TransportError(reply.error or "")
            return reply
        said = error_text(parsed if parsed is not None else response.text)
        if response.status_code in _RETRIED:
            wait = parse_retry_after(response.headers.get("retry-after"))
            raise TransportError(f"HTTP {response.status_code} from {self.base_url}: {said}", wait)
        return await self._refused(request, response.status_code, said, guidance)

    async def _refused(self, request: Request, status: int, said: str, guidance: Guidance) -> Reply:
        """A 4xx: go on without guidance where that is what the server cannot do, else report it."""
        blames_guidance = any(word in said.lower() for word in _GUIDANCE_WORDS)
        if self._may_drop_guidance and request.schema is not None and guidance != "none" and blames_guidance:
            if self._guidance != "none":
                logger.warning("%s cannot guide decoding (%s); going on without", self.base_url, said)
                self._guidance = "none"
            return await self._call(request)
        if status in (401, 403):
            raise ModelError(f"{self.base_url} refuses the API key (HTTP {status}): {said}")
        if status == 404:
            raise ModelError(
                f"{self.base_url} has no model {self.model!r} or no chat endpoint (HTTP 404): {said}"
            )
        return Reply(error=f"HTTP {status} from {self.base_url}: {said}", failure="refused")


def _json_or_none(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _model_ids(response: httpx.Response) -> list[str] | None:
    """The ids in an answer of ``/models``; None when the server has no such list."""
    body = _json_or_none(response)
    if response.status_code != 200 or not isinstance(body, dict) or not isinstance(body.get("data"), list):
        return None
    return [str(entry["id"]) for entry in body["data"] if isinstance(entry, dict) and "id" in entry]
