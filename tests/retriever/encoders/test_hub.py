"""Hubs that answer, hang, refuse or count their visitors, on this machine."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from retriever.encoders import hub, load_encoder
from retriever.encoders.hub import existing_folder, hub_reachable, load_from_hub, load_local, looks_local
from retriever.errors import InputError, ModelError

constants = pytest.importorskip("huggingface_hub.constants")


@pytest.fixture(autouse=True)
def not_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user who has set nothing."""
    for variable in (
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def visitors(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on this machine that has nothing (404) and notes the paths it is asked for."""
    seen: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        do_GET = do_HEAD

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub whose port is closed."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes connections and never answers."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{sock.getsockname()[1]}")
        yield


def test_any_answer_counts_as_reachable(visitors: list[str]) -> None:
    assert hub_reachable()
    assert len(visitors) == 1


@pytest.mark.usefixtures("nobody")
def test_closed_port() -> None:
    assert not hub_reachable()


@pytest.mark.usefixtures("silence")
def test_silent_hub() -> None:
    assert not hub_reachable(0.2)


def test_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://no-such-host.invalid")
    assert not hub_reachable()


@pytest.mark.usefixtures("nobody")
def test_unreachable_hub_means_cache_only() -> None:
    seen: list[bool] = []
    assert load_from_hub("it", lambda: seen.append(constants.is_offline_mode())) is None
    assert seen == [True]
    assert not constants.is_offline_mode()


def test_reachable_hub_may_be_asked(visitors: list[str]) -> None:
    assert load_from_hub("it", constants.is_offline_mode) is False
    assert visitors


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_switched_off_means_no_probe(
    visitors: list[str], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert load_from_hub("it", constants.is_offline_mode) is True
    assert visitors == []


def failing() -> None:
    raise OSError("line one\n  line two")


@pytest.mark.usefixtures("nobody")
def test_failure_without_a_hub_says_what_to_do() -> None:
    with pytest.raises(ModelError) as caught:
        load_from_hub("model 'x'", failing)
    assert str(caught.value) == (
        "model 'x' cannot be loaded from the local cache, and 127.0.0.1 does not answer: "
        "name a folder with its files instead, or load it once online (line one line two)"
    )
    assert isinstance(caught.value.__cause__, OSError)
    assert not constants.is_offline_mode()


def test_failure_while_switched_off_names_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "true")
    with pytest.raises(ModelError, match="local cache, and HF_HUB_OFFLINE is set: name a folder"):
        load_from_hub("model 'x'", failing)


@pytest.mark.usefixtures("visitors")
def test_failure_with_a_hub_is_the_librarys() -> None:
    with pytest.raises(ModelError, match=r"^model 'x' cannot be loaded: line one line two$"):
        load_from_hub("model 'x'", failing)


@pytest.mark.usefixtures("visitors")
@pytest.mark.parametrize("load", [load_from_hub, load_local])
def test_our_own_errors_pass_unchanged(load: Any) -> None:
    def refuse() -> None:
        raise InputError("as it is")

    with pytest.raises(InputError, match=r"^as it is$"):
        load("it", refuse)


def test_local_files_ask_no_hub(visitors: list[str]) -> None:
    assert load_local("it", constants.is_offline_mode) is True
    assert visitors == []


def test_local_files_that_name_remote_parts_get_a_second_try(visitors: list[str]) -> None:
    def load() -> str:
        if constants.is_offline_mode():
            raise OSError("its tokenizer lies elsewhere")
        return "loaded"

    assert load_local("it", load) == "loaded"
    assert visitors


@pytest.mark.usefixtures("nobody")
def test_local_files_that_fail_without_a_hub() -> None:
    with pytest.raises(ModelError, match=r"^it cannot be loaded: line one line two$"):
        load_local("it", failing)


def test_pages_of_text_are_cut() -> None:
    assert len(hub._first_line(ValueError("word " * 500))) == 200
    assert hub._first_line(ValueError()) == "ValueError"


def test_looks_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert all(map(looks_local, ("/nowhere/x", "./x", "../x", "~/x", "models", str(tmp_path))))
    assert not any(map(looks_local, ("all-MiniLM-L6-v2", "org/name", "modelsx")))


def test_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert existing_folder(str(tmp_path)) == tmp_path
    with pytest.raises(ModelError, match="file is a file, expected the folder of a model"):
        existing_folder(str(tmp_path / "file"))
    with pytest.raises(ModelError, match="gone is not there, expected the folder of a model"):
        existing_folder(str(tmp_path / "gone"))


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("name", ["st:no-such-org-here/nothing", "open_clip:hf-hub:no-such-org-here/nothing"])
def test_uncached_model_with_the_hub_down(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    retried: list[object] = []
    monkeypatch.setattr("time.sleep", lambda seconds: retried.append(seconds))
    with pytest.raises(ModelError, match=r"from the local cache, and 127\.0\.0\.1 does not answer"):
        load_encoder(name)
    assert retried == []


@pytest.mark.parametrize("name", ["st:no-such-org-here/nothing", "open_clip:hf-hub:no-such-org-here/nothing"])
def test_model_that_a_reachable_hub_does_not_have(name: str, visitors: list[str]) -> None:
    with pytest.raises(ModelError, match="nothing"):
        load_encoder(name)
    assert visitors
