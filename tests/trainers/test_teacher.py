import json

import numpy as np
import pytest
import torch
from ranking_worlds import write_ser30k

from retriever.errors import ModelError
from retriever.rankers.parts.config import ImageConfig
from trainers.datasets.ser30k import load_ser30k
from trainers.loop import train
from trainers.options import TrainOptions
from trainers.task import Shard
from trainers.teacher.anchors import anchors_of, cluster, save_features
from trainers.teacher.checkpoint import load_teacher
from trainers.teacher.config import TeacherConfig
from trainers.teacher.model import TeacherBatch, TeacherModule, turn_and_flip
from trainers.teacher.outputs import class_scores, teacher_outputs
from trainers.teacher.task import TeacherTask

IMAGE = ImageConfig(
    model="resnet10t", size=32, options={"channels": [8, 8, 8, 16], "stem_width": 8}, pretrained=None
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return load_ser30k(write_ser30k(tmp_path_factory.mktemp("ser"), 4), tmp_path_factory.mktemp("cache"), 32)


@pytest.fixture(scope="module")
def trained(world, tmp_path_factory):
    """A teacher that has seen colours stand for emotions, with its features."""
    folder = tmp_path_factory.mktemp("teacher")
    options = TrainOptions(
        epochs=25, lr=1e-2, final_lr=1e-3, select="accuracy", device="cpu", weight_decay=0.0, eval_every=25
    )
    config = TeacherConfig(image=IMAGE, batch=7, rotation=5, train=options)
    task = TeacherTask(config, world)
    outcome = train(task, options, folder, show_progress=False)
    module = load_teacher(outcome.checkpoint)
    from trainers.teacher.describe import describe_rows

    features, _ = describe_rows(module, world.images, world.train)
    save_features(outcome.checkpoint, features, world.images.emotions(world.train))
    return outcome


def test_it_learns_what_colours_mean(trained):
    assert trained.metrics["accuracy"] >= 80 and trained.metrics["macro"] == pytest.approx(
        trained.metrics["accuracy"]
    )


def test_every_parameter_moves_in_one_step(world):
    task = TeacherTask(TeacherConfig(image=IMAGE, batch=14), world)
    before = {name: p.detach().clone() for name, p in task.module.named_parameters()}
    batch = next(iter(task.batches(0, 0, Shard())))
    optimizer = torch.optim.SGD(task.parameter_groups(), lr=0.5)
    sum(task.module(batch).values()).backward()
    optimizer.step()
    still = [name for name, p in task.module.named_parameters() if torch.equal(p, before[name])]
    # zero-initialised last norms of residual blocks hide what lies before them for one step
    assert all(".conv" in name or ".bn" in name for name in still)
    assert "head.weight" not in still


def test_batches_are_the_same_however_often_they_are_asked(world):
    task = TeacherTask(TeacherConfig(image=IMAGE, batch=7), world)
    whole = [batch.emotion.tolist() for batch in task.batches(2, 0, Shard())]
    assert len(whole) == task.steps(Shard()) == 4
    assert [batch.emotion.tolist() for batch in task.batches(2, 2, Shard())] == whole[2:]
    assert [batch.emotion.tolist() for batch in task.batches(3, 0, Shard())] != whole
    parts = [[b.emotion.tolist() for b in task.batches(2, 0, Shard(at, 2))] for at in (0, 1)]
    assert sorted(parts[0] + parts[1]) == sorted(whole)


def test_the_loss_is_cross_entropy_by_hand():
    module = TeacherModule(IMAGE, rotation=0, flip=0).eval()
    torch.nn.init.zeros_(module.head.weight)
    with torch.no_grad():
        module.head.bias.copy_(torch.tensor([1.0, 0, 0, 0, 0, 0, 0]))
    batch = TeacherBatch(torch.zeros(2, 32, 32, 3, dtype=torch.uint8), torch.tensor([0, 3]))
    # log(e + 6) - 1 = 1.1654 and log(e + 6) - 0 = 2.1654; their mean
    assert module(batch)["emotion"].item() == pytest.approx(1.6654, abs=1e-4)


def test_turning_shows_white_corners_and_flipping_mirrors():
    images = torch.zeros(3, 3, 16, 16)
    images[..., :8] = 0.5
    mirrored = turn_and_flip(images, 0, 1.0)
    assert torch.allclose(mirrored, images.flip(-1), atol=1e-6)
    assert torch.allclose(turn_and_flip(images, 0, 0.0), images, atol=1e-6)
    torch.manual_seed(1)
    turned = turn_and_flip(images, 180, 0.0)
    assert turned.min() >= -1e-6 and turned.max() <= 1 + 1e-6
    corners = turned[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners.amax((1, 2)) > 0.9).any()
    assert (turned[:, :, 7:9, 7:9] < 0.6).all()  # the middle is never white


def test_anchors_are_centroids_emotion_by_emotion():
    features = np.array([[0, 0], [0, 2], [10, 0], [10, 2], [5, 5]], np.float32)
    emotion = np.array([1, 1, 1, 1, 6])
    anchors = cluster(features, emotion, 2)
    assert anchors.shape == (14, 2) and anchors.dtype == np.float32
    assert sorted(anchors[2:4].tolist()) == [[0, 1], [10, 1]]  # the means of the two pairs
    assert anchors[12:].tolist() == [[5, 5], [5, 5]]  # one image, repeated
    assert not anchors[:2].any() and not anchors[4:12].any()  # emotions without images


def test_few_images_are_all_taken_in_turn():
    features = np.array([[1.0], [2.0], [2.0]], np.float32)
    anchors = cluster(features, np.zeros(3, np.int64), 5)[:5, 0]
    assert anchors.tolist() == [1, 2, 1, 2, 1]


def test_clustering_is_reproducible():
    rng = np.random.default_rng(0)
    features, emotion = rng.normal(size=(200, 4)).astype(np.float32), rng.integers(0, 7, 200)
    assert (cluster(features, emotion, 5) == cluster(features, emotion, 5)).all()


def test_outputs_are_products_with_the_anchors_and_are_cached(trained, world, tmp_path):
    said = teacher_outputs(trained.checkpoint, world.images, 2, tmp_path, "cpu")
    anchors = anchors_of(trained.checkpoint, 2)
    assert said.clusters == 2 and said.anchors.shape == (len(world.images), 14)
    assert np.allclose(said.anchors, np.asarray(said.features) @ anchors.T, atol=1e-4)
    assert (class_scores(trained.checkpoint, world.images, tmp_path) == said.logits).all()
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    again = teacher_outputs(trained.checkpoint, world.images, 2, tmp_path, "cpu")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == files
    assert (again.anchors == said.anchors).all()
    more = teacher_outputs(trained.checkpoint, world.images, 3, tmp_path, "cpu")
    assert more.clusters == 3 and (more.logits == said.logits).all()


def test_outputs_do_not_depend_on_what_else_is_described(trained, world, tmp_path):
    from trainers.teacher.describe import describe_rows

    module = load_teacher(trained.checkpoint)
    alone = describe_rows(module, world.images, np.array([5]))
    many = describe_rows(module, world.images, np.arange(20))
    assert np.allclose(alone[0][0], many[0][5], atol=1e-5)
    assert np.allclose(alone[1][0], many[1][5], atol=1e-5)


def test_what_is_no_teacher_is_refused(trained, world, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained.checkpoint, copy)
    (copy / "features.safetensors").unlink()
    for anchors in copy.glob("anchors-*"):
        anchors.unlink()
    with pytest.raises(ModelError, match=r"no features\.safetensors.*sticker train teacher"):
        teacher_outputs(copy, world.images, 2, tmp_path / "cache")
    (copy / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match="does not fit"):
        load_teacher(copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"family": "pbr"}))
    with pytest.raises(ModelError, match="is a 'pbr'"):
        load_teacher(copy)
    with pytest.raises(ModelError, match="no checkpoint"):
        load_teacher(tmp_path / "nowhere")
