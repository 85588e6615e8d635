"""In processes of their own: the remedy only shows at torchvision's first import."""

import subprocess
import sys
from pathlib import Path

import pytest

from retriever.extras import missing_modules

HOOK = "from retriever.torchvision_ops import install_hook; "


def run(code: str, path: Path | None = None) -> str:
    before = f"import sys; sys.path.insert(0, {str(path)!r}); " if path else "import sys; "
    done = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fake_torchvision(folder: Path, version: str) -> Path:
    """A torchvision that says how it was built and whether somebody declared its operators."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "version.py").write_text(f"__version__ = {version!r}\n")
    (folder / "torchvision" / "__init__.py").write_text(
        "import torch\ndeclared = torch._C._dispatch_has_kernel('torchvision::nms') or "
        "bool(torch._C._jit_get_schemas_for_operator('torchvision::nms'))\n"
    )
    return folder


needs_torch = pytest.mark.skipif(bool(missing_modules("torch")), reason="the extra 'torch' is not installed")


@needs_torch
def test_the_installed_torchvision_imports() -> None:
    assert (
        run(HOOK + "install_hook(); from torchvision.transforms import Resize; print(Resize.__name__)")
        == "Resize"
    )


@needs_torch
def test_operators_are_declared_beside_a_cuda_build_only(tmp_path: Path) -> None:
    code = (
        HOOK + "install_hook(); import torch; torch.version.cuda = None; import torchvision; "
        "print(torchvision.declared)"
    )
    assert run(code, fake_torchvision(tmp_path, "0.28.0+cu130")) == "True"


@needs_torch
@pytest.mark.parametrize(
    ("version", "cuda"), [("0.28.0+cpu", "None"), ("0.28.0", "None"), ("0.28.0+cu130", "'13.0'")]
)
def test_matching_builds_are_left_alone(version: str, cuda: str, tmp_path: Path) -> None:
    code = (
        HOOK + f"install_hook(); import torch; torch.version.cuda = {cuda}; import torchvision; "
        "print(torchvision.declared)"
    )
    assert run(code, fake_torchvision(tmp_path, version)) == "False"


def test_installing_imports_nothing_and_happens_once() -> None:
    code = HOOK + (
        "before = len(sys.meta_path); install_hook(); install_hook(); "
        "print(len(sys.meta_path) - before, 'torch' in sys.modules, 'torchvision' in sys.modules)"
    )
    assert run(code) == "1 False False"


def test_other_imports_are_not_its_business() -> None:
    code = "install_hook(); import colorsys; print('torch' in sys.modules)"
    assert run(HOOK + code) == "False"


@needs_torch
def test_looking_for_torchvision_loads_no_torch_and_does_not_use_the_hook_up() -> None:
    code = "install_hook(); from importlib.util import find_spec; print(find_spec('torchvision').name, "
    code += "'torch' in sys.modules); install_hook(); import torchvision.transforms; print('imported')"
    assert run(HOOK + code).split("\n") == ["torchvision False", "imported"]


@needs_torch
def test_an_import_that_failed_once_can_be_repeated(tmp_path: Path) -> None:
    fake_torchvision(tmp_path, "0.28.0+cu130")
    init = tmp_path / "torchvision" / "__init__.py"
    init.write_text(
        "import sys\nif not hasattr(sys, 'again'):\n    raise ImportError('first')\n" + init.read_text()
    )
    code = HOOK + (
        "install_hook(); import torch; torch.version.cuda = None\n"
        "try:\n    import torchvision\nexcept ImportError as error:\n    print(error)\n"
        "sys.again = True\nimport torchvision\nprint(torchvision.declared)"
    )
    assert run(code, tmp_path).split("\n") == ["first", "True"]


@needs_torch
def test_after_the_import_there_is_nothing_to_install() -> None:
    code = "import torchvision, sys; before = len(sys.meta_path); " + HOOK
    code += "install_hook(); print(len(sys.meta_path) - before)"
    assert (
        run("from types import ModuleType; sys.modules['torchvision'] = ModuleType('torchvision'); " + code)
        == "0"
    )


def test_absent_torchvision_stays_absent(tmp_path: Path) -> None:
    code = HOOK + (
        "install_hook(); sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "try:\n    import torchvision\nexcept ModuleNotFoundError as error:\n    print(error.name)"
    )
    assert run(code) == "torchvision"


def test_broken_torchvision_folder_is_torchvisions_own_error(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('mine')")
    code = HOOK + (
        "install_hook()\ntry:\n    import torchvision\nexcept RuntimeError as error:\n    print(error)"
    )
    assert run(code, tmp_path) == "mine"
