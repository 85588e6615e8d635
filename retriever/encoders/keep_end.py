"""Shortening a text from its start, for tokenizers that only cut at the end."""

from collections.abc import Callable

__all__ = ["keep_end"]


def keep_end(text: str, fits: Callable[[str], bool], max_tokens: int) -> str:
    """The longest suffix of `text` that fits, found by halving; begins with a whole word where it has spaces.

    In a conversation the newest utterance stands last, and that is what the answer belongs to.

    Args:
        text: any text.
        fits: whether a text is short enough for the model; taken to hold for every suffix of one that fits.
        max_tokens: the model's limit, to begin at a sensible place in a very long text.
    """
    window = 40 * max_tokens
    if len(text) > window and not fits(text[-window:]):
        text = text[-window:]
    if fits(text):
        return text
    too_long, short = 0, len(text)
    while short - too_long > 1:
        middle = (too_long + short) // 2
        if fits(text[middle:]):
            short = middle
        else:
            too_long = middle
    kept = text[short:]
    if text[short - 1].isspace() or not kept:
        return kept
    torn, _, rest = kept.partition(" ")
    return rest if rest and len(torn) < len(kept) // 4 else kept
