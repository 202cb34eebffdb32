"""Weights in 8 bits: close to what they were, smaller, and never half read."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.core.calibration import Calibration
from qpt_app.core.model_file import load_model, save_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.core.weight_storage import (
    SCALE_SUFFIX,
    SMALL_WEIGHTS,
    quantise_per_channel,
    restored_tensors,
    stored_tensors,
)
from qpt_app.errors import ModelDigestError, ModelFormatError


@given(
    st.integers(0, 2**31 - 1),
    st.integers(1, 5),
    st.sampled_from([(7,), (3, 2), (2, 3, 3)]),
    st.floats(1e-20, 1e6),
)
def test_no_value_moves_by_more_than_half_a_step_of_its_own_channel(seed, channels, rest, size):
    generator = torch.Generator().manual_seed(seed)
    weight = size * torch.randn(channels, *rest, generator=generator)
    weight *= torch.logspace(0, 3, channels).reshape(-1, *[1] * len(rest))  # unlike channels
    values, scale = quantise_per_channel(weight)
    assert values.dtype == torch.int8
    assert values.shape == weight.shape
    back = values.float() * scale.reshape(-1, *[1] * len(rest))
    moved = (back - weight).abs().flatten(1).amax(1)
    assert bool((moved <= 0.5001 * scale).all())
    assert values.flatten(1).abs().amax(1).tolist() == [127] * channels


def test_a_channel_of_zeros_stays_one():
    values, scale = quantise_per_channel(torch.zeros(2, 3))
    assert not values.any()
    assert bool((scale > 0).all())


def test_only_large_matrices_are_kept_in_8_bits():
    side = int(SMALL_WEIGHTS**0.5) + 1
    state = {
        "large.weight": torch.randn(side, side),
        "small.weight": torch.randn(4, 4),
        "large.bias": torch.randn(SMALL_WEIGHTS),
        "norm.running_var": torch.full((2,), 1e6),
        "norm.num_batches_tracked": torch.tensor(7),
    }
    stored = stored_tensors(state, 8)
    assert {key: value.dtype for key, value in stored.items()} == {
        "large.weight": torch.int8,
        "large.weight" + SCALE_SUFFIX: torch.float32,
        "small.weight": torch.float16,
        "large.bias": torch.float16,
        "norm.running_var": torch.float32,
        "norm.num_batches_tracked": torch.int64,
    }
    restored = restored_tensors(stored)
    assert set(restored) == set(state)
    assert torch.equal(restored["norm.running_var"], state["norm.running_var"])
    assert int(restored["norm.num_batches_tracked"]) == 7
    assert not any(value.dtype == torch.int8 for value in stored_tensors(state, 16).values())


def test_weights_and_scales_that_do_not_belong_together_are_refused():
    values, scale = quantise_per_channel(torch.randn(4, 8))
    name = "w" + SCALE_SUFFIX
    broken = [
        {"w": values},
        {name: scale},
        {"w": values, name: scale[:3]},
        {"w": values, name: scale.double()},
        {"w": values.float(), name: scale},
        {"w": values, name: torch.full((4,), torch.inf)},
    ]
    for tensors in broken:
        with pytest.raises(ModelFormatError, match="w"):
            restored_tensors(tensors)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_quality_model("resnet18", head_hidden=8).eval()


def save(path, model, bits):
    return save_model(
        path,
        model,
        name="tiny",
        preprocess=PreprocessConfig(),
        calibration=Calibration(raw_knots=(-1.0, 1.0), level_knots=(0.2, 0.8)),
        training={},
        licence="Apache-2.0",
        weight_bits=bits,
    )


def test_an_8_bit_file_is_half_the_size_and_gives_nearly_the_same(model, tmp_path):
    paths = {bits: tmp_path / f"{bits}.safetensors" for bits in (8, 16)}
    assert [save(path, model, bits).weights for bits, path in paths.items()] == [
        "int8-per-channel",
        "float16",
    ]
    assert paths[8].stat().st_size < 0.55 * paths[16].stat().st_size
    generator = torch.Generator().manual_seed(1)
    overview = torch.randn(2, 3, 64, 64, generator=generator)
    crops = torch.randn(2, 2, 3, 64, 64, generator=generator)
    with torch.inference_mode():
        exact = model(overview, crops).feature
        for bits, limit in ((16, 0.005), (8, 0.05)):
            loaded, _ = load_model(paths[bits])
            assert all(value.dtype != torch.int8 for value in loaded.state_dict().values())
            moved = (loaded(overview, crops).feature - exact).norm() / exact.norm()
            assert 0 < float(moved) < limit


def test_one_flipped_bit_of_an_8_bit_file_is_noticed(model, tmp_path):
    path = tmp_path / "model.safetensors"
    save(path, model, 8)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelDigestError):
        load_model(path)
