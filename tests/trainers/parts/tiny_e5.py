"""A small file in the format of the package that carries multilingual-e5-small."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN, LAYERS, HEADS, FFN, POSITIONS, SEGMENTS = 32, 2, 4, 64, 72, 2
FIRST = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = ["▁", "▁I", "▁you", "▁answer", "▁and", "▁image", "▁happy", "▁hap", "py", "▁sad", "我", "今天", "开心"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ[]!?.,'", "好", "你", "не", "ñ"]
PIECES = [*FIRST, *WORDS, *LETTERS, "<mask>"]
SCORES = [0.0] * 4 + [-3.0 - 0.1 * at for at in range(len(WORDS) + len(LETTERS))] + [0.0]

_MATRICES = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
_MATRICES |= {"fi": (FFN, HIDDEN), "fo": (HIDDEN, FFN)}


def write_e5(path: Path, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Write the file; gives the tensors as they are once rounded, by the names in the file."""
    rng = np.random.default_rng(seed)
    rounded: dict[str, NDArray[np.float32]] = {}
    chunks: list[tuple[str, int, int, bytes]] = []

    def four_bits(name: str, rows: int, columns: int) -> None:
        numbers = rng.integers(0, 16, (rows * columns // 32, 32))
        scales = rng.uniform(0.01, 0.03, len(numbers)).astype("<f2")
        packed = (numbers[:, :16] | numbers[:, 16:] << 4).astype(np.uint8)
        data = b"".join(scale.tobytes() + row.tobytes() for scale, row in zip(scales, packed, strict=True))
        rounded[name] = ((numbers - 8) * scales.astype(np.float32)[:, None]).reshape(rows, columns)
        chunks.append((name, 2, rows * columns, data))

    def plain(name: str, *shape: int, around: float = 0.0) -> None:
        rounded[name] = (around + 0.1 * rng.normal(size=shape)).astype(np.float32)
        chunks.append((name, 0, rounded[name].size, rounded[name].astype("<f4").tobytes()))

    four_bits("emb.word", len(PIECES) + 3, HIDDEN)
    plain("emb.pos", POSITIONS, HIDDEN)
    plain("emb.type", SEGMENTS, HIDDEN)
    plain("emb.ln.w", HIDDEN, around=1.0)
    plain("emb.ln.b", HIDDEN)
    for layer in range(LAYERS):
        for part, (rows, columns) in _MATRICES.items():
            four_bits(f"l{layer}.{part}.w", rows, columns)
            plain(f"l{layer}.{part}.b", rows)
        for norm in ("aln", "oln"):
            plain(f"l{layer}.{norm}.w", HIDDEN, around=1.0)
            plain(f"l{layer}.{norm}.b", HIDDEN)

    said = [piece.encode() for piece in PIECES]
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, HIDDEN, LAYERS, HEADS, FFN, len(PIECES) + 3, POSITIONS, SEGMENTS, 1e-12, 32
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, said)))
    head += np.cumsum([0, *map(len, said)]).astype("<u4").tobytes() + np.array(SCORES, "<f4").tobytes()
    head += b"".join(said) + struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xFF01, 1, ord("!"))
    head += struct.pack("<i", len(chunks))
    at = len(head) + sum(2 + len(name) + 21 for name, *_ in chunks)
    body = b""
    for name, kind, numbers, data in chunks:
        offset = at + len(body)
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, numbers, offset, len(data))
        body += data
    path.write_bytes(head + body)
    return rounded
