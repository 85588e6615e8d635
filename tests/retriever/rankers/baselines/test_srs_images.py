"""SRS looks at feature maps of a convolutional encoder, which may start from a file such as a teacher's."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from retriever.errors import InputError, ModelError
from retriever.rankers.baselines.srs import ConvEncoder
from retriever.rankers.parts.config import ImageConfig
from retriever.rankers.parts.vision import ImageEncoder

SMALL = ImageConfig(model="resnet10t", size=32, options={"channels": [8, 8, 16, 16], "stem_width": 4})


def test_weights_of_a_file_are_those_it_looks_through(tmp_path: Path) -> None:
    other = ImageEncoder(SMALL).eval()
    file = tmp_path / "model.safetensors"
    save_file({f"body.{name}": value for name, value in other.body.state_dict().items()}, file)
    ours = ConvEncoder(SMALL.model_copy(update={"pretrained": str(file)})).eval()
    pixels = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        regions, whole = ours(pixels)
        theirs = other(pixels)
    assert regions.shape == (2, 4, 16) and whole.shape == (2, 16)  # the last map but one is 2 x 2
    assert torch.allclose(whole, theirs[:, 0], atol=1e-5)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"conv1.0.weight": torch.zeros(1)}, file)
    with pytest.raises(ModelError, match="does not fit"):
        ConvEncoder(SMALL.model_copy(update={"pretrained": str(file)}))


def test_a_model_that_timm_has_not_is_refused() -> None:
    with pytest.raises(InputError, match="timm has no model 'no_such_model'"):
        ConvEncoder(ImageConfig(model="no_such_model"))
