"""A picture of conversations and the stickers that were picked for them."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from retriever.errors import InputError
from retriever.starter.pack_sheet import pack_sheet
from retriever.starter.tiles import FAINT, INK, TILE_COLOURS, paste_tile, rounded, save_png
from retriever.starter.typesetting import draw_text, text_width, wrap
from retriever.types import Conversation, Pick

__all__ = ["contact_sheet", "pack_sheet"]

TALK, TILE, GAP, PAD = 400, 168, 22, 26
TEXT, SMALL = 19, 13
BUBBLE_LINE = 26
GROUND, CARD = "#eef1f7", "#ffffff"
OTHERS, SENDER = "#eceff5", "#95e08d"
SHOWN, SHOWN_LINES = 4, 4
"""Utterances of a conversation that are shown, the last ones; lines of an utterance."""


def contact_sheet(rows: Sequence[tuple[Conversation, Sequence[Pick]]], path: Path) -> None:
    """Write a PNG: a card for each conversation, its words as chat bubbles, and the best three picks beside them.

    The speaker who is about to send the sticker talks on the right, in green. Under each pick stand its name, its
    fused score, and what each scorer said.

    Args:
        rows: conversations and their picks, best first.
        path: where to write; folders are made.

    Raises:
        InputError: there is nothing to draw.
    """
    if not rows:
        raise InputError("no conversation to draw; give at least one")
    shown = [(conversation, list(picks)[:3]) for conversation, picks in rows]
    most = max(1, max(len(picks) for _, picks in shown))
    width = PAD * 2 + TALK + GAP + most * (TILE + GAP) + GAP
    heights = [_row_height(conversation, picks) for conversation, picks in shown]
    sheet = Image.new("RGB", (width, PAD + sum(height + GAP for height in heights) + PAD - GAP), GROUND)
    top = PAD
    for i, ((conversation, picks), height) in enumerate(zip(shown, heights, strict=True)):
        rounded(sheet, (PAD, top, width - PAD, top + height), 20, CARD)
        _talk(sheet, conversation, top + 18)
        _picks(sheet, picks, (PAD + TALK + GAP, top + 18), TILE_COLOURS[i % len(TILE_COLOURS)])
        top += height + GAP
    save_png(sheet, path)


def _bubbles(conversation: Conversation) -> list[tuple[str, list[str], bool]]:
    """(speaker, lines, whether the sender of the sticker said it) of the utterances shown."""
    out = []
    for utterance in conversation.utterances[-SHOWN:]:
        lines = wrap(utterance.text or "…", TEXT, TALK * 0.72, SHOWN_LINES)
        out.append((utterance.speaker, lines, utterance.speaker == conversation.reply_speaker))
    return out


def _row_height(conversation: Conversation, picks: Sequence[Pick]) -> int:
    talk = sum(20 + BUBBLE_LINE * len(lines) + 24 for _, lines, _ in _bubbles(conversation)) + 34
    scorers = max((len(pick.scores) for pick in picks), default=0)
    return max(talk, TILE + 62 + 18 * scorers) + 36


def _talk(sheet: Image.Image, conversation: Conversation, top: int) -> None:
    pen = ImageDraw.Draw(sheet)
    left, right = PAD + 20, PAD + TALK
    words = (
        "a sticker to go with the last words"
        if conversation.mode == "supplement"
        else "a sticker as the answer"
    )
    sender = f", from {conversation.reply_speaker}" if conversation.reply_speaker else ""
    draw_text(pen, (left, top), f"{conversation.mode}: {words}{sender}", SMALL, FAINT)
    y = top + 28
    for speaker, lines, own in _bubbles(conversation):
        wide = round(max(text_width(line, TEXT) for line in lines)) + 30
        x = right - wide if own else left
        draw_text(pen, (right - 4 if own else left + 4, y), speaker, SMALL, FAINT, "ra" if own else "la")
        y += 20
        high = BUBBLE_LINE * len(lines) + 12
        rounded(sheet, (x, y, x + wide, y + high), 14, SENDER if own else OTHERS)
        for k, line in enumerate(lines):
            draw_text(pen, (x + 15, y + 6 + BUBBLE_LINE * k + 19), line, TEXT, INK, "ls")
        y += high + 12


def _picks(sheet: Image.Image, picks: Sequence[Pick], at: tuple[int, int], colour: str) -> None:
    pen = ImageDraw.Draw(sheet)
    left, top = at
    if not picks:
        draw_text(pen, (left + 10, top + 40), "nothing was picked", TEXT, FAINT)
    for k, pick in enumerate(picks):
        x = left + k * (TILE + GAP)
        paste_tile(sheet, pick.sticker.path, (x, top), TILE, colour)
        rounded(sheet, (x + 8, top + 8, x + 36, top + 36), 14, INK if pick.rank == 1 else "#9aa1b5")
        draw_text(pen, (x + 22, top + 27), str(pick.rank), 15, "#ffffff", "ms")
        y = top + TILE + 10
        draw_text(pen, (x + 4, y), wrap(pick.sticker.label, 16, TILE - 8, 1)[0], 16, INK)
        draw_text(pen, (x + 4, y + 26), "fused", SMALL, INK)
        draw_text(pen, (x + TILE - 4, y + 26), f"{pick.score:.3f}", SMALL, INK, "ra")
        for i, (name, score) in enumerate(pick.scores.items()):
            draw_text(pen, (x + 4, y + 44 + 18 * i), wrap(name, SMALL, TILE - 70, 1)[0], SMALL, FAINT)
            draw_text(pen, (x + TILE - 4, y + 44 + 18 * i), f"{score:.3f}", SMALL, FAINT, "ra")
