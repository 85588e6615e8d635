"""A backend for processes of its own: says who it is and what it was asked."""

import asyncio
import os
from dataclasses import dataclass, field

from llm_tools.backends import Capabilities, Reply


@dataclass
class SlowEcho:
    """Answers with its process, its devices and the words it got; some words have effects."""

    model: str = "echo"
    capabilities: Capabilities = field(default_factory=Capabilities)

    async def check(self):
        if self.model == "broken":
            raise ValueError("no such weights")

    async def complete(self, requests):
        words = requests[0].messages[0].parts[0]
        if words == "die":
            os._exit(3)
        if words == "raise":
            raise RuntimeError("out of memory")
        await asyncio.sleep(0.05)
        return [Reply(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')} {words}", "stop", 1, 1)]

    async def aclose(self):
        pass
