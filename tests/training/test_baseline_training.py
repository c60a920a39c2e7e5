"""Training of DconvMP-HML and StructNet, and what others take from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.structnet import StructNet, StructNetConfig
from overpose.methods import structnet as structnet_method
from overpose.methods.dconv_mp_hml import train_dconv
from overpose.methods.structnet import distances, structnet_loss, train_structnet
from overpose.metrics import mpjpe
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.support.errors import InputError
from overpose.training import (
    ImageObservations,
    LoopConfig,
    RegressionStage,
    Runtime,
    read_metrics,
    train_direct,
)

CONVOLUTIONS = ConvolutionsConfig(32, 28, (5, 3, 3), (8, 8, 8))
DCONV = DconvConfig(CONVOLUTIONS, hidden=(32, 32), dropout=0.0, detection_weight=0.1)
STRUCTNET = StructNetConfig(CONVOLUTIONS, (16, 32), 32, 16, pose_hidden=32, dropout=0.0, average=5)
LOOP = LoopConfig(epochs=25, batch_size=20, learning_rate=3e-3)
RUNTIME = Runtime("cpu", threads=1)


def dots(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bright square whose place decides the pose: images, poses, 2D joints."""
    rng = np.random.default_rng(seed)
    places = rng.integers(6, 26, (count, 2))
    images = np.full((count, 32, 32, 3), 40, np.uint8)
    for image, (x, y) in zip(images, places, strict=True):
        image[y - 3 : y + 3, x - 3 : x + 3] = 230
    shares = np.linspace(0, 1, 17)[:, None]
    poses = np.zeros((count, 17, 3))
    poses[..., :2] = (places[:, None] - 16) * 40 * shares
    points = np.broadcast_to(places[:, None].astype(np.float64), (count, 17, 2))
    return images, poses.astype(np.float32), np.concatenate([points, points[..., :1]], axis=-1)


@pytest.fixture(scope="module")
def dconv(tmp_path_factory):
    images, poses, points = dots(200)
    out = tmp_path_factory.mktemp("dconv")
    held_out = dots(40, seed=1)[:2]
    return train_dconv(images, poses, points, held_out, DCONV, LOOP, out, runtime=RUNTIME)


def test_dconv_learns_poses_and_windows(dconv):
    images, poses, points = dots(60, seed=2)
    mean = np.broadcast_to(poses.mean(axis=0), poses.shape)
    assert mpjpe(dconv.predict(images), poses) < 0.5 * mpjpe(mean, poses)
    crops = torch.from_numpy(images[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        logits = dconv(crops)[1].unflatten(1, (17, 12, 12))
    row, column = np.divmod(logits[:, 16].flatten(1).argmax(dim=1).numpy(), 12)
    inside = points[:, 16, :2] - 2
    found = np.stack([column, row], axis=1) * 2.5 + 1.25
    assert np.median(np.linalg.norm(found - inside, axis=1)) < 3


def test_windows_are_those_of_the_crop_that_is_shown(tmp_path, monkeypatch):
    images, poses, points = dots(40)
    points = np.zeros_like(points)
    points[..., :2] = np.random.default_rng(5).integers(4, 28, (40, 1, 2))
    images = np.zeros_like(images)
    for image, point in zip(images, points[:, 0].astype(int), strict=True):
        image[point[1], point[0]] = 255
    seen = []

    def keep(model, crops, limbs, windows):
        seen.append((crops[:, 0].flatten(1).argmax(dim=1).numpy(), windows[:, 3].numpy()))
        return model.regression[-1].bias.sum()

    monkeypatch.setattr("overpose.baselines.dconv.DconvMPHML.loss", keep)
    loop = LoopConfig(epochs=1, batch_size=8)
    train_dconv(images, poses, points, None, DCONV, loop, tmp_path, runtime=RUNTIME)
    place, windows = (np.concatenate(part) for part in zip(*seen, strict=True))
    row, column = np.divmod(place, 28)
    inside = windows >= 0
    assert inside.any()
    side = 28 / 112 * 10
    expected = np.floor(row / side) * 12 + np.floor(column / side)
    np.testing.assert_array_equal(windows[inside], expected[inside])


def test_a_killed_training_ends_with_the_same_weights(tmp_path, dconv):
    images, poses, points = dots(200)
    held_out = dots(40, seed=1)[:2]

    def stop(epoch, step):
        if (epoch, step) == (5, 3):
            raise KeyboardInterrupt

    arguments = (images, poses, points, held_out, DCONV, LOOP, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train_dconv(*arguments, runtime=replace(RUNTIME, on_batch=stop))
    again = train_dconv(*arguments, runtime=RUNTIME)
    np.testing.assert_array_equal(again.predict(images[:9]), dconv.predict(images[:9]))


def test_other_networks_can_begin_with_its_convolutions(tmp_path, dconv):
    images, poses, _ = dots(60)
    encoder = ImageEncoderConfig(32, 28, (5, 3, 3), (8, 8, 8), hidden=(16,), dropout=0.0)
    stage = RegressionStage(encoder, LoopConfig(epochs=1, learning_rate=1e-12))
    begun = dconv.shared.convolutions
    seen = ImageObservations(images, poses)
    model = train_direct(seen, stage, tmp_path / "a", convolutions=begun, runtime=RUNTIME)
    for ours, theirs in zip(model.encoder.convolutions, begun, strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="made with convolutions"):
        train_direct(seen, stage, tmp_path / "a", runtime=RUNTIME)
    wider = replace(stage, encoder=replace(encoder, channels=(8, 8, 9)))
    with pytest.raises(InputError, match="do not fit the image network"):
        train_direct(seen, wider, tmp_path / "b", convolutions=begun, runtime=RUNTIME)


def test_structnet_learns_to_choose_poses(tmp_path, dconv):
    images, poses, _ = dots(200)
    model = train_structnet(
        images, poses, None, dconv.shared, STRUCTNET, LOOP, tmp_path, runtime=RUNTIME
    )
    test_images, test_poses, _ = dots(60, seed=2)
    mean = mpjpe(np.broadcast_to(poses.mean(axis=0), test_poses.shape), test_poses)
    assert mpjpe(model.predict(test_images), test_poses) < 0.6 * mean
    assert mpjpe(model.predict_average(test_images), test_poses) < 0.6 * mean
    assert float(model.violations.sum()) > 0
    crops = torch.from_numpy(images[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())
    seen = []
    model.hidden.register_forward_hook(lambda module, inputs, found: seen.append(found > 0))
    with torch.no_grad():
        model.embed_images(crops)
    assert float(seen[0].any(dim=0).float().mean()) > 0.6  # units that never answer are dead
    for ours, theirs in zip(model.shared.parameters(), dconv.shared.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("known", "said"), [(True, "bfloat16"), (False, "float32")])
def test_both_learn_in_half_precision_where_the_processor_knows_it(
    known, said, tmp_path, monkeypatch
):
    monkeypatch.setattr("overpose.support.bfloat16.knows_bfloat16", lambda device: known)
    multiplied = []
    multiply = torch.nn.functional.linear

    def watched(*arguments):
        found = multiply(*arguments)
        multiplied.append(found.dtype)
        return found

    monkeypatch.setattr(torch.nn.functional, "linear", watched)
    images, poses, points = dots(200)
    dconv = train_dconv(
        images, poses, points, None, DCONV, LOOP, tmp_path / "a", bfloat16=True, runtime=RUNTIME
    )
    assert set(multiplied) == {getattr(torch, said)}
    structnet = train_structnet(
        images,
        poses,
        None,
        dconv.shared,
        STRUCTNET,
        LOOP,
        tmp_path / "b",
        bfloat16=True,
        runtime=RUNTIME,
    )
    test_images, test_poses, _ = dots(60, seed=2)
    mean = mpjpe(np.broadcast_to(poses.mean(axis=0), test_poses.shape), test_poses)
    for name, model in (("a", dconv), ("b", structnet)):
        assert {record["dtype"] for record in read_metrics(tmp_path / name)} == {said}
        assert {weight.dtype for weight in model.parameters()} == {torch.float32}
        multiplied.clear()
        assert mpjpe(model.predict(test_images), test_poses) < 0.6 * mean
        assert set(multiplied) == {torch.float32}


def test_structnet_refuses_other_convolutions(tmp_path, dconv):
    images, poses, _ = dots(20)
    other = replace(STRUCTNET, convolutions=replace(CONVOLUTIONS, channels=(4, 4, 4)))
    with pytest.raises(InputError, match="convolutions: got"):
        train_structnet(images, poses, None, dconv.shared, other, LOOP, tmp_path)


def test_the_margin_is_that_of_the_worst_candidate():
    model = StructNet(replace(STRUCTNET, poses=30), seed=0).eval()
    torch.nn.init.normal_(model.image_embedding.weight, std=0.3)
    poses = torch.randn(30, 51, generator=torch.Generator().manual_seed(1)) / 4
    images, _, _ = dots(4)
    crops = torch.from_numpy(images[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())
    numbers = torch.tensor([3, 7, 8, 20])
    model.violations[:10] = torch.arange(1.0, 11.0)
    torch.manual_seed(0)
    got = structnet_loss(model, crops, poses, numbers)
    torch.manual_seed(0)
    tried = torch.cat([torch.randint(30, (30,)), torch.arange(10)])
    with torch.no_grad():
        embedded, auxiliary = model.embed_images(crops)
        scores = embedded @ model.embed_poses(poses).t()
        apart = distances(poses[numbers], poses)
        own = scores[torch.arange(4), numbers]
        margins = (scores + apart - own[:, None])[:, tried].max(dim=1).values.clamp(min=0)
        expected = (margins + (auxiliary - poses[numbers]).square().sum(1)).mean()
    torch.testing.assert_close(got.detach(), expected, rtol=1e-4, atol=1e-5)


def structnet_of(poses: torch.Tensor) -> tuple[StructNet, torch.Tensor]:
    """Networks that already prefer some poses, and crops of four images."""
    model = StructNet(replace(STRUCTNET, poses=len(poses)), seed=0).eval()
    generator = torch.Generator().manual_seed(3)
    torch.nn.init.normal_(model.image_embedding.weight, std=0.3, generator=generator)
    images, _, _ = dots(4)
    return model, torch.from_numpy(images[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())


def random_poses(count: int) -> torch.Tensor:
    return torch.randn(count, 51, generator=torch.Generator().manual_seed(1)) / 4


def test_poses_often_violated_are_tried_whatever_is_drawn(monkeypatch):
    """Of 500 poses one is drawn and ten are known to be hard: the worst of these is the mistake."""
    monkeypatch.setattr(structnet_method, "CANDIDATES", 1)
    poses = random_poses(500)
    model, crops = structnet_of(poses)
    hard = torch.arange(100, 110)
    model.violations[hard] = torch.arange(5.0, 15.0)
    before = model.violations.clone()
    torch.manual_seed(0)
    got = structnet_loss(model, crops, poses, torch.arange(4))
    torch.manual_seed(0)
    tried = torch.cat([torch.randint(500, (1,)), hard])
    with torch.no_grad():
        embedded, auxiliary = model.embed_images(crops)
        scores = embedded @ model.embed_poses(poses).t() + distances(poses[:4], poses)
        own = (embedded * model.embed_poses(poses[:4])).sum(1)
        worst = scores[:, tried].max(dim=1)
        margins = (worst.values - own).clamp(min=0)
        expected = (margins + (auxiliary - poses[:4]).square().sum(1)).mean()
    torch.testing.assert_close(got.detach(), expected, rtol=1e-4, atol=1e-5)
    counted = torch.zeros(500).index_add_(0, tried[worst.indices], (margins > 0).float())
    assert counted.any()
    torch.testing.assert_close(model.violations - before, counted)


def test_a_true_pose_that_wins_by_its_margin_is_no_violation(monkeypatch):
    """It costs nothing, whichever poses it is compared with: here ten others."""
    monkeypatch.setattr(structnet_method, "CANDIDATES", 1)
    poses = random_poses(30)
    model, crops = structnet_of(poses)
    crops = crops[:1]
    model.violations[10:20] = 5.0
    before = model.violations.clone()
    with torch.no_grad():
        image, auxiliary = model.embed_images(crops)
        missed = (auxiliary - poses[:1]).square().sum()
    towards = 100 * image / image.square().sum()  # of score 100; all others have none

    def embed(asked: torch.Tensor) -> torch.Tensor:
        return (asked == poses[0]).all(dim=1, keepdim=True) * towards

    model.embed_poses = embed  # type: ignore[method-assign]
    torch.manual_seed(0)
    assert int(torch.randint(30, (1,))) != 0
    torch.manual_seed(0)
    loss = structnet_loss(model, crops, poses, torch.tensor([0]))
    torch.testing.assert_close(loss.detach(), missed, rtol=1e-4, atol=1e-5)
    assert torch.equal(model.violations, before)


def test_steps_down_the_loss_lift_the_true_pose_above_all_others():
    poses = random_poses(60)
    model, crops = structnet_of(poses)
    numbers = torch.arange(4)
    trained = [p for name, p in model.named_parameters() if not name.startswith("shared")]
    optimiser = torch.optim.Adam(trained, lr=3e-3)
    losses = []
    torch.manual_seed(0)
    for _ in range(25):
        loss = structnet_loss(model, crops, poses, numbers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    with torch.no_grad():
        scores = model.embed_images(crops)[0] @ model.embed_poses(poses).t()
    assert losses[-1] < 0.5 * losses[0]
    assert scores.argmax(dim=1).tolist() == numbers.tolist()


def test_large_weights_of_the_trained_layers_are_penalised(tmp_path, monkeypatch, dconv):
    """1e-4 of their squares, without biases and without the convolutions, which stay."""
    tasks = []
    monkeypatch.setattr(structnet_method, "fit", lambda task, *rest: tasks.append(task))
    images, poses, _ = dots(20)
    model = train_structnet(
        images, poses, None, dconv.shared, STRUCTNET, LOOP, tmp_path, runtime=RUNTIME
    )
    (task,) = tasks
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") and not name.startswith("shared"):
                parameter.fill_(0.5)
    crops, numbers = next(iter(task.batches(0)))
    torch.manual_seed(0)
    whole = task.loss((crops, numbers))
    torch.manual_seed(0)
    bare = structnet_loss(model, crops, model.candidates(), numbers)
    layers = (
        model.on_middle, model.on_last, model.hidden, model.image_embedding, model.auxiliary,
        model.pose_hidden, model.pose_embedding,
    )  # fmt: skip
    squares = sum(float(layer.weight.detach().square().sum()) for layer in layers)
    assert squares > 10
    assert float((whole - bare).detach()) == pytest.approx(1e-4 * squares, rel=1e-2)


def test_distances_are_mean_joint_distances():
    first, second = torch.randn(3, 51), torch.randn(5, 51)
    apart = first[:, None].unflatten(-1, (17, 3)) - second.unflatten(-1, (17, 3))
    torch.testing.assert_close(
        distances(first, second), apart.norm(dim=-1).mean(-1), rtol=1e-4, atol=1e-4
    )
