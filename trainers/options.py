"""How long and how fast to train: the part of a configuration that every family shares."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TrainOptions"]

Beta = Annotated[float, Field(ge=0, lt=1)]


class TrainOptions(BaseModel):
    """The training loop's settings; the defaults are PBR's schedule (section 4.2), AdamW 1e-4 to 1e-5.

    Attributes:
        epochs: passes over the data.
        max_steps: optimiser steps after which training ends even within an epoch. With 0 the model is
            measured and kept as it begins, with what its family fits otherwise than by steps.
        lr, final_lr: where the cosine starts and ends.
        warmup_steps: of linear rise before the cosine.
        weight_decay: on matrices; vectors (biases, norms) have none.
        betas: AdamW's memory of gradients and of their squares, each in [0, 1).
        frozen: parts that stay as they are, by their dotted names in what is trained, such as ``model.text``.
        average: decay a step of a moving average of the weights, in [0, 1): what is validated and kept is the
            average. 0 for the weights themselves.
        clip_norm: of the whole gradient; 0 leaves it alone.
        accumulate: micro-batches to one optimiser step.
        precision: ``bf16`` computes in bfloat16, where the device can, and keeps weights in float32.
        seed: of data order, dropout and initialisation.
        eval_every: optimiser steps between validations; None validates after every epoch.
        patience: validations without a better one after which training ends; None never.
        select: the validation metric that decides which checkpoint is the best (higher is).
        log_every: optimiser steps between two lines of the log.
        save_every: optimiser steps between two saved states; a kill costs at most these.
        compile: through ``torch.compile``.
        device: ``auto`` takes a GPU where there is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=5, ge=1)
    max_steps: int | None = Field(default=None, ge=0)
    lr: float = Field(default=1e-4, gt=0)
    final_lr: float = Field(default=1e-5, ge=0)
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.02, ge=0)
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    frozen: tuple[str, ...] = ()
    average: float = Field(default=0.0, ge=0, lt=1)
    clip_norm: float = Field(default=1.0, ge=0)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 42
    eval_every: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    select: str = "R@1"
    log_every: int = Field(default=20, ge=1)
    save_every: int = Field(default=500, ge=1)
    compile: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
