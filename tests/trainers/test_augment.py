"""Augmentation: right shapes and ranges, seeded, and no picture like its neighbour."""

import numpy as np
import torch

from trainers.images.augment import random_crop, to_float, topic_view

PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (12, 24, 24, 3), dtype=np.uint8))


def test_pixels_become_numbers_from_0_to_1_channels_first() -> None:
    images = to_float(PIXELS)
    assert images.shape == (12, 3, 24, 24)
    assert images[3, 1, 5, 7] == PIXELS[3, 5, 7, 1] / 255


def test_the_seed_decides_everything() -> None:
    images = to_float(PIXELS)
    views = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        views.append(topic_view(images, 16))
    assert torch.equal(views[0], views[1]) and not torch.equal(views[0], views[2])
    assert views[0].shape == (12, 3, 16, 16)
    assert views[0].min() >= 0 and views[0].max() <= 1


def test_equal_pictures_in_one_batch_get_different_views() -> None:
    torch.manual_seed(0)
    views = topic_view(to_float(PIXELS[:1]).expand(8, -1, -1, -1), 16)
    distances = torch.pdist(views.flatten(1))
    assert (distances > 0.1).all()


def test_a_crop_of_everything_is_the_picture_itself() -> None:
    images = to_float(PIXELS)
    torch.manual_seed(0)
    kept = [random_crop(images, 24, (1.0, 1.0)) for _ in range(20)]
    # the sides' ratio still varies; but nothing may come from outside, and flipping is off
    assert all(view.min() >= 0 and view.max() <= 1 for view in kept)
    ramp = torch.linspace(0, 1, 24).expand(1, 1, 24, 24)
    assert (random_crop(ramp, 24, (0.3, 1.0)).diff(dim=-1) >= -1e-6).all()
    assert (random_crop(ramp, 24, (0.3, 1.0), flip=1.0).diff(dim=-1) <= 1e-6).all()


def test_crops_stay_within_their_share_of_the_area() -> None:
    """A picture of its own coordinates tells how much of it a crop has."""
    side = 64
    axis = (torch.arange(side) + 0.5) / side
    picture = torch.stack([axis.expand(side, side), axis[:, None].expand(side, side)])
    torch.manual_seed(0)
    crops = random_crop(picture.expand(500, -1, -1, -1), side, (0.25, 0.5))
    width = (crops[:, 0, 0, -1] - crops[:, 0, 0, 0]) * side / (side - 1)
    height = (crops[:, 1, -1, 0] - crops[:, 1, 0, 0]) * side / (side - 1)
    area, ratio = width * height, width / height
    assert area.min() > 0.24 and area.max() < 0.51
    assert ratio.min() > 0.74 and ratio.max() < 1.35


def test_a_white_picture_stays_a_plain_one() -> None:
    torch.manual_seed(0)
    views = topic_view(torch.ones(16, 3, 16, 16), 16)
    assert views.flatten(2).std(-1).max() < 1e-3
