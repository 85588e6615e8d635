"""How large a sticker may be before it is refused: what stands between a pack and a decompression bomb."""

from dataclasses import dataclass, fields

from retriever.errors import InputError


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds, every one checked before the memory or time it bounds is spent.

    Messengers allow stickers of 512 x 512 pixels, some hundred kilobytes and a few seconds; the defaults
    leave generous room above that.

    Attributes:
        max_file_bytes: of one image file (or archive member).
        max_pixels: width x height of one frame.
        max_frames: of one animation.
        max_animation_pixels: width x height x frames; an animation has to be decoded up to its last frame.
        max_sampled_frames: how many frames of an animation `decode` hands out.
        max_unpacked_bytes: of the JSON inside a tgs.
        max_row_bytes: of one line of ``stickers.jsonl``.
        max_index_bytes: of ``stickers.jsonl`` as a whole.

    Raises:
        InputError: a limit is below 1.
    """

    max_file_bytes: int = 16 * 2**20
    max_pixels: int = 16_777_216
    max_frames: int = 1000
    max_animation_pixels: int = 200_000_000
    max_sampled_frames: int = 4
    max_unpacked_bytes: int = 16 * 2**20
    max_row_bytes: int = 2**20
    max_index_bytes: int = 2**30

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise InputError(f"{field.name} is {getattr(self, field.name)}; expected at least 1")


DEFAULT_LIMITS = Limits()
