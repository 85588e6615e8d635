"""Indexing throughput as a fraction of the bare encoder's on the same stickers, in one run.

The bare loop is the best one can do with the encoder alone: everything decoded or assembled beforehand, then
nothing but encoding. The job is `index_pack` into a new library: reading, hashing, checking, duplicates, the
journal, encoding and vectors of record; building the index (BM25, Chroma) is reported beside, since it has
nothing to do with the encoder.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from retriever.documents import document
from retriever.encoders import load_encoder
from retriever.encoders.base import Encoder
from retriever.indexing import index_pack
from retriever.packs import decode
from retriever.store.library import Library


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    encoder = load_encoder(arguments.encoder)
    rows = [measure(arguments.pack, arguments.encoder, encoder) for _ in range(arguments.runs)]
    for row in rows:
        print(
            json.dumps(row)
            if arguments.json
            else "  ".join(f"{key} {value:,.2f}" for key, value in row.items())
        )
    if not arguments.json:
        ratio = statistics.median(row["fraction_of_bare"] for row in rows)
        print(f"median: {ratio:.3f} of the bare encoder's rate ({arguments.encoder})")


def measure(pack: Path, name: str, encoder: Encoder) -> dict[str, float]:
    """One indexing run and one bare run over the vectors it computed."""
    with tempfile.TemporaryDirectory() as folder:
        report = index_pack(folder, pack, encoders=[name], show_progress=False)
        library = Library.open(folder)
        bare = bare_seconds(library, encoder)
    job = report.seconds["read"] + report.seconds["encode"]
    return {
        "stickers": report.total,
        "encoded": report.encoded,
        "bare_per_second": report.encoded / bare,
        "job_per_second": report.encoded / job,
        "read_seconds": report.seconds["read"],
        "encode_seconds": report.seconds["encode"],
        "index_seconds": report.seconds["index"],
        "fraction_of_bare": bare / job,
    }


def bare_seconds(library: Library, encoder: Encoder) -> float:
    """Seconds of encoding alone: each distinct document or image once, in batches like the job's."""
    if encoder.spec.sticker_side == "document":
        fields = library.manifest.document_fields
        texts = list(dict.fromkeys(document(s, fields, encoder.spec.languages) for s in library.stickers))
        started = time.perf_counter()
        for start in range(0, len(texts), 256):
            encoder.encode_documents(texts[start : start + 256])
        return time.perf_counter() - started
    by_hash = {sticker.sha256: sticker.path for sticker in library.stickers}
    frames = [list(decode(Path(path).read_bytes()).frames) for path in by_hash.values()]
    started = time.perf_counter()
    for start in range(0, len(frames), 32):
        encoder.encode_images(frames[start : start + 32])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
