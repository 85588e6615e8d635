"""Ray gives a local cluster half a minute to start; here its `init` is made to take longer."""

import sys
from types import SimpleNamespace

import pytest

from llm_tools.ray_job import RayOptions, _start
from retriever.errors import ModelError

LATE = Exception("The current node timed out during startup.")


def slow_ray(monkeypatch, *outcomes):
    """A `ray` whose starts end as said: None, or an exception."""
    left, shut = list(outcomes), []

    def init(**_):
        if (error := left.pop(0)) is not None:
            raise error

    fake = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: shut.append(len(left)))
    monkeypatch.setitem(sys.modules, "ray", fake)
    return left, shut


def test_a_start_that_takes_too_long_is_tried_again(monkeypatch, caplog):
    left, shut = slow_ray(monkeypatch, LATE, LATE, None)
    _start(RayOptions())
    assert left == [] and len(shut) == 2  # what had started of it is stopped first
    assert caplog.text.count("trying again") == 2


def test_a_machine_that_is_too_busy_is_told_in_a_line(monkeypatch):
    left, _ = slow_ray(monkeypatch, LATE, LATE, LATE, None)
    with pytest.raises(ModelError, match=r"machine is too busy.*ray start --head.*--ray-address"):
        _start(RayOptions())
    assert len(left) == 1


def test_another_error_of_its_is_raised_at_once(monkeypatch):
    slow_ray(monkeypatch, ConnectionError("no cluster at that address"), None)
    with pytest.raises(ConnectionError):
        _start(RayOptions(address="nowhere:1"))
