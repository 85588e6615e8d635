"""A sequence-to-sequence checkpoint as a backend: beams in, a JSON list of what they say out (COMET-BART)."""

import asyncio
import json
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from llm_tools.backends.base import Capabilities, Reply, Request
from retriever.errors import InputError, ModelError
from retriever.extras import require

__all__ = ["Seq2SeqBackend"]

_LONGEST_INPUT = 512


class Seq2SeqBackend:
    """Generates with beam search through transformers; the last message's words are the input.

    The answer's text is ``{"phrases": [...]}``: one phrase a beam, best first, without repeats and without
    the ``none`` by which ATOMIC says that nothing follows. Requests that wait are put into one batch.

    Args:
        model: a folder or a hub id of a BART-like checkpoint with its tokenizer.
        beams: beams, and how many of them are returned.
        batch_size: inputs generated at once.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: `model` looks like a folder and is none.
        MissingExtra: transformers is not installed.
    """

    capabilities = Capabilities(guided=False, images=False, logprobs=False)

    def __init__(self, model: str, *, beams: int = 5, batch_size: int = 16, device: str = "auto") -> None:
        if (model.startswith((".", "/", "~")) or Path(model).is_absolute()) and not Path(model).is_dir():
            raise InputError(f"there is no folder {model}; expected a checkpoint or a hub id")
        if beams < 1 or batch_size < 1:
            raise InputError(f"beams is {beams} and batch_size {batch_size}; expected 1 or more of both")
        self.model = model
        self._beams, self._batch_size, self._device = beams, batch_size, device
        self._waiting: list[tuple[Request, Future[Reply]]] = []
        self._lock = threading.Lock()
        self._busy = asyncio.Lock()
        self._loaded: tuple[Any, Any, Any] | None = None

    async def check(self) -> None:
        """Load the checkpoint.

        Raises:
            ModelError: it cannot be loaded, or lacks weights.
        """
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(self._load)

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        await self.check()
        futures: list[Future[Reply]] = [Future() for _ in requests]
        with self._lock:
            self._waiting.extend(zip(requests, futures, strict=True))
        while not all(future.done() for future in futures):
            async with self._busy:  # whoever gets here first generates for all who wait
                with self._lock:
                    batch, self._waiting = (
                        self._waiting[: self._batch_size],
                        self._waiting[self._batch_size :],
                    )
                if batch:
                    await asyncio.to_thread(self._generate, batch)
        return [future.result() for future in futures]

    async def aclose(self) -> None:
        self._loaded = None

    def _load(self) -> tuple[Any, Any, Any]:
        torch = require("torch", "torch", "a COMET checkpoint")
        transformers = require("transformers", "torch", "a COMET checkpoint")
        device = self._device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(self.model)
            model, info = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                self.model, dtype=torch.float32, output_loading_info=True
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot load {self.model}: {' '.join(str(error).split())[:300]}") from error
        if info["missing_keys"]:
            missing = ", ".join(sorted(info["missing_keys"])[:3])
            raise ModelError(f"{self.model} lacks {len(info['missing_keys'])} weights ({missing}, ...)")
        # The relation and the sign to begin stand at the end: what is too long loses its beginning.
        tokenizer.truncation_side = "left"
        return tokenizer, model.to(device).eval(), device

    def _generate(self, batch: Sequence[tuple[Request, "Future[Reply]"]]) -> None:
        try:
            replies = self._replies([request for request, _ in batch])
        except Exception as error:  # whatever the checkpoint does, the waiting must be told
            for _, future in batch:
                future.set_exception(ModelError(f"{self.model} failed: {type(error).__name__}: {error}"))
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            future.set_result(reply)

    def _replies(self, requests: Sequence[Request]) -> list[Reply]:
        import torch

        assert self._loaded is not None
        tokenizer, model, device = self._loaded
        longest = min(_LONGEST_INPUT, getattr(model.config, "max_position_embeddings", _LONGEST_INPUT))
        texts = [" ".join(map(str, request.messages[-1].parts)) for request in requests]
        encoded = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=longest)
        encoded = encoded.to(device)
        with torch.inference_mode():
            made = model.generate(
                input_ids=encoded["input_ids"],
                attention_mask=encoded["attention_mask"],
                num_beams=self._beams,
                num_return_sequences=self._beams,
                max_new_tokens=max(request.max_tokens for request in requests),
                do_sample=False,
                early_stopping=True,
            )  # (len(requests) * beams, length)
        said = tokenizer.batch_decode(made, skip_special_tokens=True)
        replies = []
        for number in range(len(requests)):
            rows = slice(number * self._beams, (number + 1) * self._beams)
            text = json.dumps({"phrases": _phrases(said[rows])}, ensure_ascii=False)
            used = int(encoded["attention_mask"][number].sum())
            new = int((made[rows] != tokenizer.pad_token_id).sum())
            replies.append(Reply(text, "stop", prompt_tokens=used, completion_tokens=new))
        return replies


def _phrases(said: Iterable[str]) -> list[str]:
    """What the beams say, best first, each once."""
    folded = (" ".join(text.split()) for text in said)
    return list(dict.fromkeys(text for text in folded if text and text.lower() != "none"))
