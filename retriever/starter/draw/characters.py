"""Who there is to draw."""

from __future__ import annotations

from retriever.starter.draw.bear import Bear
from retriever.starter.draw.bun import Bun
from retriever.starter.draw.cat import Cat
from retriever.starter.draw.frog import Frog
from retriever.starter.draw.penguin import Penguin
from retriever.starter.draw.rig import Rig

__all__ = ["CHARACTERS"]

CHARACTERS: dict[str, Rig] = {rig.key: rig for rig in (Cat(), Bear(), Frog(), Penguin(), Bun())}
