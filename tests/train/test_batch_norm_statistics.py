"""Random encoders get statistics from pixels; trained ones are never touched."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from qpt_app.core.preprocess import PreprocessConfig
from qpt_train.batch_norm_statistics import scoring_batches, settle_batch_norm
from qpt_train.photo_scores import score_paths
from qpt_train.subjects import load_encoder_subject

CONFIG = PreprocessConfig(screen_side=96, global_side=32, crop_size=32)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(20):
        low = generator.integers(0, 200)
        pixels = generator.integers(low, low + 50, (300, 400, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return sorted(folder.iterdir())


def test_every_batch_holds_several_photos(paths):
    batches = list(scoring_batches(paths, CONFIG, photos=12))
    assert [tuple(batch.shape) for batch in batches] == [(48, 3, 32, 32), (24, 3, 32, 32)]
    assert len(list(scoring_batches(paths[:3], CONFIG))) == 1
    assert list(scoring_batches([], CONFIG)) == []


def test_statistics_are_the_mean_over_batches():
    batches = [torch.randn(8, 3, 4, 4) * 3 + 2 for _ in range(5)]
    layer = nn.BatchNorm2d(3)
    settle_batch_norm(nn.Sequential(layer), batches)
    assert not layer.training
    means = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in batches]).mean(dim=0)
    assert torch.allclose(layer.running_mean, means, atol=1e-5)


def test_a_random_encoder_is_settled_and_its_features_are_not_one_direction(paths):
    settled = load_encoder_subject("resnet18", settle_on=paths, device="cpu")
    raw = load_encoder_subject("resnet18", device="cpu")
    assert settled.digest != raw.digest

    def spread(subject):
        features = score_paths(subject.scorer, paths).features
        values = np.linalg.svd(features - features.mean(axis=0), compute_uv=False) ** 2
        return values.sum() ** 2 / (values**2).sum()

    assert spread(settled) > spread(raw)
