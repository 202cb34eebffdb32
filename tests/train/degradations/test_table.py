"""What must hold of every degradation."""

import itertools

import pytest
import torch

from qpt_train.degradations.executor import degrade_single
from qpt_train.degradations.table import DEGRADATIONS, find_degradation, names_by_group
from qpt_train.degradations.types import GROUPS, SEVERITIES, SHRINK, Degradation, rows

EVERY = pytest.mark.parametrize("name", DEGRADATIONS)


def mixed_parameters(name: str) -> torch.Tensor:
    """Return (4, P): four severities, one per sample."""
    return torch.tensor([DEGRADATIONS[name].severities[number] for number in (0, 2, 3, 4)])


@EVERY
def test_batch_equals_single_samples(name, few, seeds, device):
    """Each sample follows its own parameters and seed: the batch equals four single calls."""
    operator, params = DEGRADATIONS[name].apply, mixed_parameters(name).to(device)
    x, keys = few.to(device), seeds.to(device)
    together = operator(x, params, keys).clamp(0, 1)
    assert together.shape == x.shape
    assert together.dtype == torch.float32
    for row in range(4):
        part = slice(row, row + 1)
        alone = operator(x[part], params[part], keys[part]).clamp(0, 1)
        difference = (alone - together[part]).abs()
        assert (difference > 1e-4).float().mean() < 2e-3
        assert difference.mean() < 1e-4


@EVERY
def test_input_is_not_written_to(name, few, seeds, device):
    """The batch that goes in is bit for bit the same afterwards."""
    x = few.to(device)
    before = x.clone()
    DEGRADATIONS[name].apply(x, mixed_parameters(name).to(device), seeds.to(device))
    assert torch.equal(x, before)


@EVERY
def test_smallest_and_flat_pictures(name, device):
    """A 32x33 picture, black, white and flat, gives finite values of the same shape."""
    x = torch.tensor([0.0, 1.0, 0.5], device=device).reshape(3, 1, 1, 1).expand(3, 3, 32, 33)
    x = x.contiguous()
    result = degrade_single(x, name, 5, seed=1)
    assert result.shape == x.shape
    assert result.isfinite().all()
    assert result.min() >= 0
    assert result.max() <= 1


@EVERY
def test_same_seed_same_pixels(name, few, device):
    """Twice the same call gives the same pixels, bit for bit."""
    first = degrade_single(few.to(device), name, 3, seed=9)
    assert torch.equal(first, degrade_single(few.to(device), name, 3, seed=9))


def check_severities(name, photos, psnr):
    """Severity 1 is seen and each step makes it worse by half a decibel, by the median photo."""
    record = DEGRADATIONS[name]

    def measure(degraded):
        a, b = degraded.to(torch.float32), photos.to(torch.float32)
        if record.measure == "psnr_shrunk":
            a, b = (torch.nn.functional.avg_pool2d(part, SHRINK) for part in (a, b))
        return psnr(a, b).median().item()

    values = [measure(degrade_single(photos, name, severity, 7)) for severity in SEVERITIES]
    assert values[0] < 50.0
    steps = [before - after for before, after in itertools.pairwise(values)]
    assert min(steps) >= 0.5, values


@EVERY
def test_severities_on_rendered_photos(name, photos, psnr):
    """Monotone, and none a no-op, over fifty rendered photos."""
    check_severities(name, photos, psnr)


@pytest.mark.data
@EVERY
def test_severities_on_real_photos(name, real_photos, psnr):
    """Monotone, and none a no-op, over fifty real photos."""
    check_severities(name, real_photos, psnr)


def test_the_table_is_complete():
    """At least the 24 published operators in their seven groups, plus ours."""
    sizes = {group: len(names) for group, names in names_by_group().items()}
    published = {
        "blur": 3,
        "colour": 4,
        "compression": 2,
        "noise": 4,
        "brightness": 3,
        "spatial": 5,
    }
    published["sharpness_contrast"] = 3
    assert tuple(sizes) == GROUPS
    assert all(sizes[group] >= count for group, count in published.items())
    assert sizes["resampling"] >= 5
    assert sizes["geometric"] >= 3
    assert all(record.name == name for name, record in DEGRADATIONS.items())
    assert all(record.source for record in DEGRADATIONS.values())


def test_names_are_checked():
    """Unknown and repeated names are refused, known ones keep the canonical order."""
    assert names_by_group(("jpeg", "lens_blur")) == {
        "blur": ("lens_blur",),
        "compression": ("jpeg",),
    }
    with pytest.raises(ValueError, match="unknown degradation 'blurr'"):
        names_by_group(("blurr",))
    with pytest.raises(ValueError, match="twice"):
        names_by_group(("jpeg", "jpeg"))
    with pytest.raises(ValueError, match="unknown"):
        find_degradation("nothing")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group": "weather"}, "unknown group"),
        ({"severities": rows(1, 2)}, "needs 5 severities"),
        ({"parameters": ("a", "b")}, "every severity needs"),
    ],
)
def test_records_are_checked(changes, message):
    """A record whose parts do not fit is refused."""
    fields = {
        "name": "x",
        "group": "blur",
        "parameters": ("a",),
        "severities": rows(1, 2, 3, 4, 5),
        "apply": lambda x, params, seeds: x,
        "source": "test",
    }
    with pytest.raises(ValueError, match=message):
        Degradation(**(fields | changes))
