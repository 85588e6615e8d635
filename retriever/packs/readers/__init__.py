"""Readers of packs: native ``stickers.jsonl``, plain folders, and zip archives of either."""
