"""The torch engine: the same score for any batch, any order, any neighbour."""

import logging

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from qpt_app.core import torch_scorer
from qpt_app.core.calibration import Calibration
from qpt_app.core.model_file import save_model
from qpt_app.core.preprocess import PreprocessConfig, prepare_views
from qpt_app.core.quality_model import build_quality_model
from qpt_app.core.torch_scorer import choose_device, load_scorer
from qpt_app.errors import DeviceError

CONFIG = PreprocessConfig(screen_side=128, global_side=64, crop_size=64)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    save_model(
        path,
        build_quality_model("resnet18", head_hidden=8),
        name="m",
        preprocess=CONFIG,
        calibration=Calibration(raw_knots=(-0.5, 0.5), level_knots=(0.2, 0.8)),
        training={},
        licence="Apache-2.0",
    )
    return path


@pytest.fixture(scope="module")
def photos():
    generator = np.random.default_rng(0)
    sizes = [(100, 140), (140, 100), (100, 140), (30, 30), (128, 128), (90, 128), (100, 140)]
    return [
        prepare_views(generator.integers(0, 30 * place + 50, (*size, 3), dtype=np.uint8), CONFIG)
        for place, size in enumerate(sizes)
    ]


def scores(results):
    return np.array([result.score for result in results])


def test_score_does_not_depend_on_batch_or_order(model_path, photos):
    alone = load_scorer(model_path, device="cpu", batch_size=1)
    together = load_scorer(model_path, device="cpu", batch_size=5)
    expected = scores(alone.score(photos))
    assert len(set(expected.round(3))) > 3  # the photos do differ
    assert np.abs(scores(together.score(photos)) - expected).max() < 0.01
    assert np.abs(scores(together.score(photos[::-1]))[::-1] - expected).max() < 0.01


def test_score_does_not_depend_on_threads(model_path, photos):
    scorer = load_scorer(model_path, device="cpu")
    expected = scores(scorer.score(photos))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert np.abs(scores(scorer.score(photos)) - expected).max() < 0.01
    finally:
        torch.set_num_threads(threads)


def test_no_photos_give_no_scores(model_path):
    assert load_scorer(model_path, device="cpu").score([]) == []


def test_exhausted_memory_halves_the_batch_and_goes_on(model_path, photos, monkeypatch, caplog):
    scorer = load_scorer(model_path, device="cpu", batch_size=4)
    expected = scores(scorer.score(photos))
    real = scorer._forward

    def starved(batch, device):
        if len(batch) > 1:
            raise torch.OutOfMemoryError("no memory")
        return real(batch, device)

    monkeypatch.setattr(scorer, "_forward", starved)
    with caplog.at_level(logging.WARNING):
        assert np.abs(scores(scorer.score(photos)) - expected).max() < 0.01
    assert scorer.batch_size == 1
    assert "memory" in caplog.text


class _NoDoubles(TorchDispatchMode):
    """Refuses float64, as Apple's GPU does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for one in result if isinstance(result, tuple | list) else [result]:
            if isinstance(one, torch.Tensor) and one.dtype is torch.float64:
                raise TypeError(f"Cannot convert a MPS Tensor to float64: {func}")
        return result


class _OnDevice:
    """A tensor on a device without float64."""

    def __init__(self, tensor):
        self._tensor = tensor

    def cpu(self):
        return self._tensor

    def __getattr__(self, name):
        raise TypeError(f"{name} before the values left the device")


def test_nothing_on_the_device_is_float64(photos, tmp_path, monkeypatch):
    path = tmp_path / "s.safetensors"
    calibration = Calibration(raw_knots=(-0.5, 0.5), level_knots=(0.2, 0.8))
    model = build_quality_model("resnet18", head_hidden=8, with_statistics=True)
    kept = {"name": "s", "preprocess": CONFIG, "calibration": calibration, "training": {}}
    save_model(path, model, licence="Apache-2.0", **kept)
    scorer = load_scorer(path, device="cpu")
    expected = scores(scorer.score(photos))
    forward = scorer._forward

    def strict(batch, device):
        with _NoDoubles():
            output = forward(batch, device)
        return output._replace(
            raw_score=_OnDevice(output.raw_score), feature=_OnDevice(output.feature)
        )

    monkeypatch.setattr(scorer, "_forward", strict)
    assert (scores(scorer.score(photos)) == expected).all()


def test_unknown_and_absent_devices_are_clear_errors(monkeypatch):
    monkeypatch.setattr(torch_scorer.torch.cuda, "is_available", lambda: False)
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(DeviceError, match="--device"):
        choose_device("cuda")
    with pytest.raises(DeviceError, match="unknown"):
        choose_device("tpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_and_cpu_agree_within_a_tenth(model_path, photos):
    on_cpu = scores(load_scorer(model_path, device="cpu").score(photos))
    on_cuda = scores(load_scorer(model_path, device="cuda").score(photos))
    assert np.abs(on_cpu - on_cuda).max() <= 0.1
