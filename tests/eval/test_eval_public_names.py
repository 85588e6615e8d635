import subprocess
import sys

import pytest

import eval as package


def test_every_public_name_imports_and_knows_its_module():
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    assert sorted(package._HOME) == package.__all__ == sorted(package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'evaluat'; it has"):
        _ = package.evaluat


def test_importing_loads_nothing_heavy_and_prints_nothing():
    code = (
        "import sys, eval, eval.harness, eval.judging, eval.report;"
        "heavy = {'torch', 'transformers', 'chromadb', 'onnxruntime', 'jieba', 'bm25s', 'scipy', 'rich'};"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
