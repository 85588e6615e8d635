import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from retriever.errors import MissingExtra
from retriever.extras import EXTRAS, install_line, missing_modules, require

ROOT = Path(__file__).parents[2]

# where a module does not carry its distribution's name
DISTRIBUTION_OF = {"open_clip": "open_clip_torch", "sklearn": "scikit-learn"}


def declared() -> dict[str, set[str]]:
    """extra -> names of its requirements, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = re.compile(r"[A-Za-z0-9._-]+")
    return {
        extra: {name.match(requirement).group() for requirement in requirements}  # type: ignore[union-attr]
        for extra, requirements in project["optional-dependencies"].items()
    }


def test_every_extra_named_in_code_is_in_pyproject() -> None:
    assert set(EXTRAS) <= set(declared())


def test_every_module_of_an_extra_is_brought_by_it() -> None:
    def plain(name: str) -> str:
        return re.sub(r"[._-]+", "-", name).lower()

    for extra, modules in EXTRAS.items():
        brought = {plain(name) for name in declared()[extra]} - {"sticker-retriever"}  # other extras of ours
        wanted = {plain(DISTRIBUTION_OF.get(module, module)) for module in modules}
        assert wanted == brought, extra


def test_every_extra_asked_for_in_the_sources_exists() -> None:
    call = re.compile(r'(?:require\(\s*"[\w.]+",\s*|install_line\(|missing_modules\()"([\w-]+)"')
    packages = [ROOT / package for package in ("retriever", "llm_tools", "trainers", "eval")]
    texts = [path.read_text(encoding="utf-8") for folder in packages for path in folder.rglob("*.py")]
    asked = {extra for text in texts for extra in call.findall(text)}
    assert "torch" in asked
    assert asked <= set(EXTRAS)


def test_absent_module_is_answered_by_the_install_line() -> None:
    with pytest.raises(MissingExtra) as caught:
        require("no_such_module_here.part", "ocr", "reading text")
    assert str(caught.value) == (
        "reading text needs no_such_module_here, which is not installed: pip install 'sticker-retriever[ocr]'"
    )
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    "body", ["import no_such_thing", "raise RuntimeError('operator x does not exist')", "1/0"]
)
def test_module_that_does_not_import_keeps_the_cause(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_thing.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        MissingExtra, match=r"broken_thing, which is installed but does not import \(.+\): pip"
    ) as caught:
        require("broken_thing", "ocr", "reading text")
    assert caught.value.__cause__ is not None


def test_a_missing_submodule_of_a_present_package_says_so() -> None:
    with pytest.raises(MissingExtra, match="installed but does not import"):
        require("json.no_such_part", "ocr", "reading text")


def test_dotted_name_gives_the_submodule() -> None:
    assert require("json.decoder", "ocr", "reading text").__name__ == "json.decoder"


def test_missing_modules_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(EXTRAS, "test", ("loud", "no_such_module_here", "json"))
    assert missing_modules("test") == ["no_such_module_here"]


def test_module_without_a_spec_counts_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "specless", type(sys)("specless"))
    monkeypatch.setitem(EXTRAS, "test", ("specless",))
    assert missing_modules("test") == []


def test_unknown_extra_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        missing_modules("no-such-extra")


def test_install_line() -> None:
    assert install_line("torch") == "pip install 'sticker-retriever[torch]'"


def test_import_costs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import retriever.extras; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['retriever']"
