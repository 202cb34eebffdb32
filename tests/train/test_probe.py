"""The probe: ridge regression that learns what is there and nothing that is not."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from qpt_app.errors import DatasetError, UsageError
from qpt_train.batch_norm_statistics import settle_batch_norm
from qpt_train.probe import (
    ProbeSet,
    extract_features,
    load_probe_set,
    probe_batches,
    probe_features,
    ridge_predict,
)


def make_set(count=100, subsets=("a", "b"), seed=0):
    """A probe set with random crops and scores."""
    generator = np.random.default_rng(seed)
    return ProbeSet(
        crops=generator.integers(0, 255, (count, 2, 8, 8, 3), dtype=np.uint8),
        mos=generator.random(count),
        subsets=tuple(subsets[i % len(subsets)] for i in range(count)),
        folds=np.arange(count) % 5,
    )


def test_features_that_hold_the_score_are_found():
    """A linear function of the features is predicted almost perfectly, also among 50 others."""
    probe_set = make_set()
    generator = np.random.default_rng(1)
    features = generator.normal(size=(100, 50))
    features[:, 7] += 20 * probe_set.mos
    result = probe_features(features, probe_set)
    assert result.srcc > 0.9
    assert result.within_subsets > 0.9


def test_features_of_noise_say_nothing():
    """Cross-validation does not find what is not there, even with more features than photos."""
    generator = np.random.default_rng(2)
    found = [
        probe_features(generator.normal(size=(100, 300)), make_set(seed=seed)).srcc
        for seed in range(5)
    ]
    assert abs(np.mean(found)) < 0.2


def test_ridge_agrees_with_the_normal_equations():
    """For one penalty, the closed form by another route."""
    generator = np.random.default_rng(3)
    features, targets = generator.normal(size=(40, 6)) * 5 + 2, generator.normal(size=40)
    others = generator.normal(size=(9, 6))
    import qpt_train.probe as probe

    alphas, probe.ALPHAS = probe.ALPHAS, (3.0,)
    try:
        predicted = ridge_predict(features, targets, others)
    finally:
        probe.ALPHAS = alphas
    standard = (features - features.mean(0)) / features.std(0)
    weights = np.linalg.solve(
        standard.T @ standard + 3.0 * np.eye(6), standard.T @ (targets - targets.mean())
    )
    expected = (others - features.mean(0)) / features.std(0) @ weights + targets.mean()
    assert predicted == pytest.approx(expected)


def test_a_constant_feature_is_harmless():
    """No division by zero."""
    features = np.ones((20, 3))
    predicted = ridge_predict(features, np.arange(20.0), features[:4])
    assert predicted == pytest.approx([9.5] * 4)


def test_features_are_means_over_crops_and_the_mode_is_kept():
    """The encoder comes back in training mode, and its batch norm has not moved."""
    probe_set = make_set(count=6)
    encoder = nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    features = extract_features(encoder, probe_set, torch.device("cpu"), batch_size=5)
    assert encoder.training
    assert torch.equal(encoder[0].running_mean, torch.zeros(3))
    pixels = probe_set.crops.mean(axis=(1, 2, 3)) / 255.0
    expected = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert features == pytest.approx(expected, abs=1e-4)


def test_an_untrained_encoder_is_settled_without_labels():
    """Its statistics become those of the crops."""
    probe_set = make_set(count=10)
    encoder = nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    settle_batch_norm(encoder, probe_batches(probe_set, torch.device("cpu"), batch_size=10))
    features = extract_features(encoder, probe_set, torch.device("cpu"))
    assert features.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-3)


def test_a_wrong_number_of_crops_is_refused_before_a_photo_is_read(tmp_path):
    (tmp_path / "scores.csv").write_text("path,mos\nmissing.png,0.5\n")
    for crops in (0, 3, 5):
        with pytest.raises(UsageError, match=f"1, 2 or 4 crops, not {crops}"):
            load_probe_set(tmp_path, photos=0, crops=crops, crop_size=32, screen_side=0)


def test_a_labelled_folder_is_read(tmp_path):
    """At most so many photos, spread over the set, with the crops asked for."""
    generator = np.random.default_rng(0)
    lines = ["path,mos"]
    for number in range(12):
        pixels = generator.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"p{number:02d}.png")
        lines.append(f"p{number:02d}.png,{number / 12}")
    (tmp_path / "scores.csv").write_text("\n".join(lines) + "\n")
    table = tmp_path / "scores.csv"
    probe_set = load_probe_set(table, photos=6, crops=4, crop_size=32, screen_side=0)
    assert probe_set.crops.shape == (6, 4, 32, 32, 3)
    assert probe_set.mos == pytest.approx(np.arange(0, 12, 2) / 12)
    (tmp_path / "p00.png").write_bytes(b"junk")
    with pytest.raises(DatasetError):
        load_probe_set(table, photos=6, crops=4, crop_size=32, screen_side=0)
