import re
import subprocess
import sys
from pathlib import Path

import pytest

import retriever.packs as packs
from retriever.errors import InputError


def test_public_names_import_and_are_about_a_dozen() -> None:
    assert packs.__all__ == sorted(
        packs.__all__, key=lambda name: (name.upper() != name, name[0].islower(), name)
    )
    assert all(hasattr(packs, name) for name in packs.__all__) and len(packs.__all__) <= 13


def test_importing_loads_no_decoder() -> None:
    heavy = ("PIL", "numpy", "pydantic", "av", "rlottie_python", "rapidocr", "onnxruntime")
    code = f"import sys, retriever.packs; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_every_reason_in_the_code_is_listed_and_every_listed_one_is_used() -> None:
    folder = Path(packs.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.rglob("*.py") if path.name != "quarantine.py")
    raised = set(re.findall(r'BadImage\(\s*"(\w+)"', code)) | {
        "truncated",
        "corrupt",
        "bad_row",
        "duplicate_id",
    }
    assert raised == set(packs.REASONS)


def test_limits_must_be_positive() -> None:
    with pytest.raises(InputError, match="max_frames is 0"):
        packs.Limits(max_frames=0)
