"""Which encoders and settings a run uses: what the library was made with, unless told otherwise."""

from collections.abc import Sequence
from dataclasses import replace

from retriever.documents import field_texts
from retriever.encoders import load_encoder
from retriever.encoders.base import Encoder
from retriever.errors import InputError, ManifestMismatch
from retriever.store import chroma
from retriever.store.manifest import Manifest
from retriever.types import Sticker


def settle(
    manifest: Manifest | None,
    encoders: Sequence[str] | None = None,
    document_fields: Sequence[str] | None = None,
    chroma_url: str | None = None,
    reencode: bool = False,
    device: str = "auto",
) -> tuple[Manifest, list[Encoder]]:
    """The manifest of the run and its encoders, loaded.

    Args:
        manifest: the library's, or None for a new one.
        encoders: names for `load_encoder`; empty for lexical only; None keeps what the library has.
        document_fields: likewise.
        chroma_url: a Chroma server, ``embedded`` for the embedded one, None keeps what the library has.
        reencode: allow settings that make the library's vectors useless.

    Raises:
        ManifestMismatch: other encoders or document fields than the library's, without `reencode`; or the
            same name now stands for another model.
        ModelError, MissingExtra: an encoder cannot be loaded.
        InputError: an encoder named twice, an unknown document field, or a `chroma_url` that is none.
        LibraryError: a Chroma server that the library does not use yet, and that does not answer.
    """
    base = manifest or Manifest()
    names = tuple(spec.name for spec in base.encoders) if encoders is None else tuple(encoders)
    fields = base.document_fields if document_fields is None else tuple(document_fields)
    if manifest is not None and not reencode:
        _refuse_change("encoder", [spec.name for spec in manifest.encoders], names)
        _refuse_change("document fields", manifest.document_fields, fields)
    if len(set(names)) != len(names):
        raise InputError(f"got encoders {', '.join(names)}; expected each of them once")
    field_texts(Sticker("", "", "", ""), fields)  # knows which fields there are
    loaded = [load_encoder(name, device=device) for name in names]
    specs = tuple(encoder.spec for encoder in loaded)
    if manifest is not None and not reencode:
        for old, new in zip(manifest.encoders, specs, strict=True):
            if old.fingerprint != new.fingerprint:
                raise ManifestMismatch(
                    f"{new.name} is now {new.model_id} ({new.preprocessing}), but the library was made with "
                    f"{old.model_id} ({old.preprocessing}); use that model again, or add --reencode"
                )
    url = base.chroma_url if chroma_url is None else (None if chroma_url == "embedded" else chroma_url)
    if url is not None and url != base.chroma_url:
        with chroma.open_client(url):
            pass  # a library must not be tied to a server that was never there
    return replace(base, encoders=specs, document_fields=fields, chroma_url=url), loaded


def _refuse_change(what: str, old: Sequence[str], new: Sequence[str]) -> None:
    if list(old) != list(new):
        raise ManifestMismatch(
            f"the library was made with {what} {', '.join(old) or 'none'}, this run asks for "
            f"{', '.join(new) or 'none'}; leave the option out, add --reencode to compute all vectors anew, "
            "or index into another library"
        )
