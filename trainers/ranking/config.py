"""How ranking samples become batches."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BatchConfig"]


class BatchConfig(BaseModel):
    """How samples become batches.

    Attributes:
        size: K, conversations a batch on each device. The released code has 4 on each of 2.
        bucket: batches whose samples are sorted by length together before they are cut, to pad less;
            1 leaves the order random.
        valid_limit: validate on so many samples only, spread evenly over the split; None on all.
        valid_size: conversations scored at once in validation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=8, ge=1)
    bucket: int = Field(default=1, ge=1)
    valid_limit: int | None = Field(default=None, ge=1)
    valid_size: int = Field(default=32, ge=1)
