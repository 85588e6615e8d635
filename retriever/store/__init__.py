"""The library on disk: plain files of record (journals, vectors) and indexes that can be rebuilt from them.

Layout of a library folder::

    library.json              manifest: schema, encoders, document fields
    journal/stickers.jsonl    record: what is in the library, one change a line
    journal/attributes.jsonl  record: what OCR and language models wrote, by image hash
    journal/inferences.jsonl  record: what language models inferred about conversations, by their hash
    journal/quarantine.jsonl  what could not be used in the last run of each source, and why
    vectors/<fingerprint>/    record: vectors by content key, in shards that are never rewritten in place
    images/                   record: stickers that came out of an archive
    index/000007/             derived: rows, matrices, BM25, Chroma; built beside and swapped in
    CURRENT                   the name of the index that readers use
"""
