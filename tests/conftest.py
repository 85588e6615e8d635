"""What every test may rely on: no model hub, a torchvision that imports beside CPU torch, one thread."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tiny models gain nothing by a second thread, and on a busy machine threads that wait for each other take ten
# times as long. Before torch is imported, and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from retriever.torchvision_ops import install_hook

install_hook()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs vLLM last, and its server at the very end: idle engines keep a core busy."""

    def cost(item: pytest.Item) -> int:
        uses_server = "vllm_server" in getattr(item, "fixturenames", ())
        return 2 if uses_server else int(item.get_closest_marker("vllm") is not None)

    items.sort(key=cost)
