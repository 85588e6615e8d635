"""What the image encoder learns of an emotion teacher: PBR equation 6, and the two methods of table 5."""

from torch import Tensor
from torch.nn import functional as F

from trainers.losses.precision import full_precision

__all__ = ["feature_distillation", "soft_label_distillation", "soft_label_entropy"]


@full_precision
def soft_label_distillation(
    student: Tensor, teacher: Tensor, counts: Tensor, temperature: float = 1.0
) -> Tensor:
    """KL(softmax(teacher / temperature) || softmax(student)), averaged over images, a scalar.

    With anchors this is EKD, L = 7M: `teacher` holds f E^T, `student` V W^E of the [CLS] vector. Equation 6
    prints the divergence the other way round and of raw scores; this is the released code's. With the
    teacher's seven class scores it is logit distillation (Hinton et al. 2015).

    Args:
        student, teacher: (D, L) scores of the D distinct images.
        counts: (D,) how often each image counts.
    """
    target = (teacher / temperature).log_softmax(-1)
    said = student.log_softmax(-1)
    divergence = (target.exp() * (target - said)).sum(-1)
    return _mean(divergence, counts)


@full_precision
def soft_label_entropy(teacher: Tensor, counts: Tensor, temperature: float = 1.0) -> Tensor:
    """Mean entropy in nats of the soft labels, a scalar: near 0 they are one-hot and teach only a class."""
    target = (teacher / temperature).log_softmax(-1)
    return _mean(-(target.exp() * target).sum(-1), counts)


@full_precision
def feature_distillation(student: Tensor, teacher: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error of features, averaged over images, a scalar (Romero et al. 2015).

    Both are unit vectors times the root of their width, so that the loss does not depend on the teacher's
    scale; the paper does not say which form it compares with.

    Args:
        student: (D, f), the [CLS] vectors mapped to the teacher's width.
        teacher: (D, f) its features.
        counts: (D,) how often each image counts.
    """
    scale = student.shape[-1] ** 0.5
    apart = scale * (F.normalize(student, dim=-1) - F.normalize(teacher, dim=-1))
    return _mean(apart.square().mean(-1), counts)


def _mean(values: Tensor, counts: Tensor) -> Tensor:
    counts = counts.to(values.dtype)
    return (values * counts).sum() / counts.sum().clamp(min=1)
