"""The index as Chroma collections, one an encoder: embedded in a folder, or on a server by URL.

Chroma holds what other programs want to query (documents, attributes, metadata, vectors). It is derived:
a `SIGKILL` during its index sync, or a second writer, can break a collection for good, so one is only ever
built anew, verified, and then pointed to.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from retriever.encoders.base import Vectors
from retriever.errors import InputError, LibraryDamaged, LibraryError
from retriever.store.tables import Table

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

logger = logging.getLogger(__name__)

HNSW = {"space": "cosine", "ef_construction": 100, "ef_search": 1000, "max_neighbors": 16}
"""Sticker documents come in dense clusters, which a graph searches badly: on 100,000 generated stickers,
recall@10 among 200 neighbours was 0.74 at ef_search 100, 0.86 at 400, 0.94 at 1000 (5.3, 5.5, 7.7 ms).
"""

BATCH = 1000
SELF_DISTANCE = 1e-3
"""A vector's cosine distance to itself after a round trip stays below this."""


@contextmanager
def open_client(where: Path | str) -> Iterator["ClientAPI"]:
    """A client for an embedded folder (`Path`) or a server (URL), closed at the end.

    Raises:
        InputError: a URL that is not http(s).
        LibraryError: the server does not answer.
        LibraryDamaged: the folder does not open.
    """
    client = connect(where)
    try:
        yield client
    finally:
        close(client)


def connect(where: Path | str) -> "ClientAPI":
    """Like `open_client`, for a client that outlives a block; `close` it."""
    import chromadb

    if isinstance(where, Path):
        try:
            return chromadb.PersistentClient(path=str(where))
        except Exception as error:
            raise LibraryDamaged(
                f"the Chroma folder {where} does not open ({error}); run `sticker index --rebuild`"
            ) from error
    host, port, ssl = _address(where)
    try:
        return chromadb.HttpClient(host=host, port=port, ssl=ssl)
    except Exception as error:
        raise LibraryError(
            f"no Chroma server answers at {where} ({type(error).__name__}: {error}); "
            "start one with `chroma run --path FOLDER --port PORT`, or leave the URL out for the embedded one"
        ) from error


def connect_existing(where: Path | str) -> "ClientAPI":
    """Like `connect`, but an embedded folder that is not there is an error, and is not made.

    Raises:
        LibraryDamaged: there is no Chroma database in the folder.
    """
    if isinstance(where, Path) and not (where / "chroma.sqlite3").is_file():
        raise LibraryDamaged(f"{where} holds no Chroma database; run `sticker index --rebuild`")
    return connect(where)


def _address(url: str) -> tuple[str, int, bool]:
    """Host, port and whether to encrypt."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number
        host = port = None
    if not host or parts.scheme not in ("http", "https"):
        raise InputError(f"got Chroma server {url!r}, expected http://HOST:PORT")
    ssl = parts.scheme == "https"
    return host, port or (443 if ssl else 8000), ssl


def close(client: "ClientAPI") -> None:
    """Let go of the client's files."""
    closing: Callable[[], None] | None = getattr(client, "close", None)
    if closing is not None:
        closing()


def build_collection(
    client: "ClientAPI",
    name: str,
    table: Table,
    vectors: Vectors,
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Fill a new collection; row order is the order given.

    Args:
        vectors: (n, dimension). Where the library has no encoder, one constant column: Chroma wants some.
        advance: called with the number of rows written.

    Raises:
        LibraryError: Chroma refuses or goes away.
    """
    try:
        _fill(client, name, table, vectors, advance)
    except Exception as error:
        raise LibraryError(
            f"Chroma stopped while {name} was written ({type(error).__name__}: {error}); "
            "the index in use stays, and the next run begins this one again"
        ) from error


def _fill(
    client: "ClientAPI",
    name: str,
    table: Table,
    vectors: Vectors,
    advance: Callable[[int], None],
) -> None:
    configuration: Any = {"hnsw": {**HNSW, "sync_threshold": max(BATCH, min(len(table), 10_000))}}
    collection = client.create_collection(name, configuration=configuration, embedding_function=None)
    rows = iter(range(len(table)))
    while batch := list(islice(rows, BATCH)):
        collection.add(
            ids=[table.ids[row] for row in batch],
            documents=[table.documents[row] for row in batch],
            metadatas=[table.metadatas[row] for row in batch],
            embeddings=np.asarray(vectors[batch[0] : batch[-1] + 1]),
        )
        advance(len(batch))


def verify_collection(client: "ClientAPI", name: str, vectors: Vectors) -> None:
    """Count the rows and ask for three vectors that are in there.

    Raises:
        LibraryDamaged: the count is off, or a stored vector is not its own neighbour.
    """
    try:
        collection = client.get_collection(name, embedding_function=None)
        count = collection.count()
    except Exception as error:
        raise LibraryDamaged(f"Chroma collection {name} does not open ({error})") from error
    if count != len(vectors):
        raise LibraryDamaged(f"Chroma collection {name} has {count} rows, expected {len(vectors)}")
    for row in sorted({0, count // 2, count - 1}) if count else ():
        distance = nearest(collection, np.asarray(vectors[row]), 1)[1][0]
        if abs(distance) > SELF_DISTANCE:
            raise LibraryDamaged(
                f"Chroma collection {name}: row {row} is {distance:.4f} away from itself, expected 0"
            )


def nearest(collection: "Collection", vector: Vectors, n: int) -> tuple[list[str], list[float]]:
    """The ids and cosine distances of the `n` nearest rows to `vector` (dimension,), nearest first.

    Raises:
        LibraryDamaged: the collection's index is broken.
    """
    try:
        answer = collection.query(
            query_embeddings=np.asarray(vector)[None], n_results=n, include=["distances"]
        )
    except Exception as error:
        raise LibraryDamaged(
            f"Chroma collection {collection.name} cannot be queried ({error}); open the library again if it "
            "was indexed meanwhile, else run `sticker index --rebuild`"
        ) from error
    distances = answer["distances"] or [[]]
    return list(answer["ids"][0]), [float(distance) for distance in distances[0]]
