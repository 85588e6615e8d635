"""Vectors of record: shards of (key, vector) pairs in safetensors files, one folder an encoder.

A vector is filed under the hash of what was encoded (a document's text, or an image's bytes), so it is
found again whatever the sticker is called, and never computed twice. Shards are written beside and renamed
in, never changed; each carries the SHA-256 of its own keys and numbers.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from retriever.encoders.base import EncoderSpec, Vectors
from retriever.errors import LibraryDamaged, ManifestMismatch
from retriever.store.atomic import make_folder, write_bytes, write_json

COMPACT_ROWS = 65_536
"""Rows of a shard when shards are merged."""


def content_key(data: bytes | str) -> str:
    """The key a vector is filed under: 32 hex digits of the SHA-256 of what is encoded."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:32]


class VectorRecord:
    """The vectors of one encoder.

    Args:
        folder: where the shards lie; made by the first `append`.
        spec: the encoder they belong to.

    Raises:
        ManifestMismatch: the folder holds vectors of another encoder.
        LibraryDamaged: a shard cannot be read.
    """

    def __init__(self, folder: Path, spec: EncoderSpec) -> None:
        self.folder = folder
        self.spec = spec
        self._check_manifest()
        self._shard_of = self._find_shards()

    def __contains__(self, key: str) -> bool:
        return key in self._shard_of

    def __len__(self) -> int:
        return len(self._shard_of)

    def shards(self) -> list[Path]:
        """The finished shards, oldest first."""
        return sorted(self.folder.glob("[0-9]*.safetensors"))

    def append(self, keys: Sequence[str], vectors: Vectors) -> None:
        """File `vectors` (len(keys), dimension) under `keys`, durably, as one new shard.

        Raises:
            ManifestMismatch: the vectors have another dimension.
        """
        if vectors.shape != (len(keys), self.spec.dimension):
            raise ManifestMismatch(
                f"got vectors of shape {vectors.shape} for {len(keys)} keys of {self.spec.name}, "
                f"expected ({len(keys)}, {self.spec.dimension}); the encoder changed under the library"
            )
        if not keys:
            return
        shards = self.shards()
        number = int(shards[-1].stem) + 1 if shards else 1
        path = self.folder / f"{number:08d}.safetensors"
        write_bytes(path, _pack(keys, vectors, self.spec.fingerprint))
        for key in keys:
            self._shard_of.setdefault(key, path)

    def gather(self, keys: Sequence[str], out: Vectors) -> None:
        """Fill `out` (len(keys), dimension) with the vectors of `keys`, shard by shard.

        Raises:
            KeyError: a key has no vector yet.
            LibraryDamaged: a shard fails its hash.
        """
        rows_of: dict[Path, list[tuple[int, str]]] = {}
        for row, key in enumerate(keys):
            rows_of.setdefault(self._shard_of[key], []).append((row, key))
        for shard, wanted in rows_of.items():
            shard_row = {key: i for i, key in enumerate(shard_keys(shard))}
            vectors = read_shard(shard)
            out[[row for row, _ in wanted]] = vectors[[shard_row[key] for _, key in wanted]]

    def compact(self, live: Iterable[str]) -> bool:
        """Merge many or mostly dead shards into few; gives whether it did. Safe to kill: keys may repeat."""
        wanted = sorted({key for key in live if key in self._shard_of})
        old = self.shards()
        if len(old) <= 64 and len(self._shard_of) <= 2 * max(len(wanted), 512):
            return False
        for start in range(0, len(wanted), COMPACT_ROWS):
            keys = wanted[start : start + COMPACT_ROWS]
            vectors = np.empty((len(keys), self.spec.dimension), dtype=np.float32)
            self.gather(keys, vectors)
            self.append(keys, vectors)
        for shard in old:
            shard.unlink()
        self._shard_of = self._find_shards()
        return True

    def _find_shards(self) -> dict[str, Path]:
        shard_of: dict[str, Path] = {}
        for shard in self.shards():
            metadata = _metadata(shard)
            if metadata.get("encoder") != self.spec.fingerprint:
                raise LibraryDamaged(
                    f"{shard} is of encoder {metadata.get('encoder')}, expected {self.spec.fingerprint}; "
                    "run `sticker doctor --repair`"
                )
            for key in metadata.get("keys", "").split():
                shard_of.setdefault(key, shard)
        return shard_of

    def _check_manifest(self) -> None:
        path = self.folder / "manifest.json"
        if not path.exists():
            make_folder(self.folder)
            write_json(path, {"fingerprint": self.spec.fingerprint, **asdict(self.spec)})
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8")).get("fingerprint")
        except (ValueError, AttributeError) as error:
            raise LibraryDamaged(
                f"{path} is not readable ({error}); run `sticker doctor --repair`"
            ) from error
        if found != self.spec.fingerprint:
            raise ManifestMismatch(f"{path} belongs to encoder {found}, expected {self.spec.fingerprint}")


def _pack(keys: Sequence[str], vectors: Vectors, fingerprint: str) -> bytes:
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    joined = " ".join(keys)
    metadata = {"keys": joined, "sha256": _digest(joined, array), "encoder": fingerprint}
    return save({"vectors": array}, metadata)


def _digest(joined_keys: str, vectors: NDArray[np.float32]) -> str:
    digest = hashlib.sha256(f"{joined_keys}\n{vectors.shape}\n".encode())
    digest.update(np.ascontiguousarray(vectors).data)
    return digest.hexdigest()


def _metadata(shard: Path) -> dict[str, str]:
    try:
        with safe_open(shard, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise LibraryDamaged(f"{shard} cannot be read ({error}); run `sticker doctor --repair`") from error


def shard_keys(shard: Path) -> list[str]:
    """The keys of a shard in row order, without reading its vectors.

    Raises:
        LibraryDamaged: not a finished safetensors file.
    """
    return _metadata(shard).get("keys", "").split()


def read_shard(shard: Path) -> NDArray[np.float32]:
    """The vectors of a shard, (n, dimension), checked against the hash of them and their keys.

    Raises:
        LibraryDamaged: unreadable, or the keys or numbers are not those that were written.
    """
    metadata = _metadata(shard)
    try:
        with safe_open(shard, framework="numpy") as file:
            vectors: NDArray[np.float32] = file.get_tensor("vectors")
    except (SafetensorError, OSError) as error:
        raise LibraryDamaged(f"{shard} cannot be read ({error}); run `sticker doctor --repair`") from error
    if _digest(metadata.get("keys", ""), vectors) != metadata.get("sha256"):
        raise LibraryDamaged(f"{shard} fails its SHA-256; run `sticker doctor --repair`, then index again")
    return vectors


def matrix_name(fingerprint: str) -> str:
    """The file of an encoder's vectors in an index folder."""
    return f"vectors-{fingerprint}.npy"


def write_matrix(path: Path, keys: Sequence[str], record: VectorRecord) -> None:
    """Gather the vectors of `keys` into one file, (len(keys), dimension), never all of them in memory."""
    if not keys:
        np.save(path, np.empty((0, record.spec.dimension), dtype=np.float32))
        return
    matrix = open_memmap(path, mode="w+", dtype=np.float32, shape=(len(keys), record.spec.dimension))
    record.gather(keys, matrix)
    matrix.flush()


def load_matrix(path: Path) -> Vectors:
    """A matrix of an index, (n, dimension), mapped from the disk, read-only.

    Raises:
        LibraryDamaged: missing or cut off.
    """
    try:
        matrix: Vectors = np.load(path, mmap_mode="r")
        return matrix
    except (OSError, ValueError, EOFError) as error:
        raise LibraryDamaged(f"{path} cannot be read ({error}); run `sticker index --rebuild`") from error
