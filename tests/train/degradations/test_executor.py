"""The executor: the same pixels however the batch is put together."""

import pytest
import torch

from qpt_train.degradations.chain import Chain, Step, draw_chains
from qpt_train.degradations.executor import (
    degrade_batch,
    degrade_single,
    finish,
    full_precision,
    plan_groups,
    run_plan,
)
from qpt_train.degradations.table import DEGRADATIONS


@pytest.fixture(scope="module")
def chains() -> list[Chain]:
    """Chains of 24 samples that together use most operators."""
    return draw_chains(4, 0, [n // 2 for n in range(24)], [n % 2 for n in range(24)])


@pytest.fixture
def batch(photos, device):
    """24 samples, (24, 3, 96, 80) uint8."""
    return photos[:24, :, :96, :80].contiguous().to(device)


def test_dtype_shape_and_input_are_kept(batch, chains, device):
    """uint8 and float go in and come out; the input stays as it was."""
    before = batch.clone()
    for dtype in (torch.uint8, torch.float32, torch.float16, torch.bfloat16):
        x = batch if dtype == torch.uint8 else (batch / 255).to(dtype)
        kept = x.clone()
        result = degrade_batch(x, chains)
        assert (result.dtype, result.shape, result.device) == (dtype, x.shape, x.device)
        assert torch.equal(x, kept)
        assert result.data_ptr() != x.data_ptr()
    assert torch.equal(batch, before)


def test_float_results_are_whole_levels(batch, chains):
    """A float result equals the 8-bit result over 255."""
    as_float = degrade_batch(batch.to(torch.float32) / 255, chains)
    assert torch.equal((as_float * 255).round().to(torch.uint8), degrade_batch(batch, chains))
    assert ((as_float * 255) - (as_float * 255).round()).abs().max() < 1e-4


def test_grouping_does_not_matter(photos, chains):
    """Alone, in any order or in parts, a sample gets the same pixels bit for bit (CPU)."""
    batch = photos[:24, :, :96, :80].contiguous()
    whole = degrade_batch(batch, chains)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = degrade_batch(batch[order], [chains[number] for number in order])
    assert torch.equal(shuffled, whole[order])
    halves = [degrade_batch(batch[part], chains[part]) for part in (slice(0, 7), slice(7, 24))]
    assert torch.equal(torch.cat(halves), whole)
    torch.set_num_threads(3)
    assert torch.equal(degrade_batch(batch, chains), whole)
    assert torch.get_num_threads() == 3


@pytest.mark.gpu
def test_grouping_hardly_matters_on_cuda(photos, chains):
    """On CUDA libraries may choose other kernels for other counts: a level here and there."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    batch = photos[:24, :, :96, :80].contiguous().cuda()
    whole = degrade_batch(batch, chains)
    assert torch.equal(whole, degrade_batch(batch, chains))
    halves = [degrade_batch(batch[part], chains[part]) for part in (slice(0, 7), slice(7, 24))]
    assert (torch.cat(halves) != whole).float().mean() < 0.005


@pytest.mark.gpu
def test_cuda_equals_cpu(photos, chains):
    """Nearly all values are equal, and the rest are near."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    batch = photos[:24, :, :96, :80].contiguous()
    here, there = degrade_batch(batch, chains), degrade_batch(batch.cuda(), chains).cpu()
    difference = (here.int() - there.int()).abs()
    assert (difference > 1).float().mean() < 0.01


def test_grouped_calls_equal_single_calls(batch, chains):
    """The plan of grouped calls gives what one sample after the other gives."""
    work = batch.to(torch.float32) / 255
    finish(run_plan(work, plan_groups(chains)))
    grouped, alone = (work * 255).round(), degrade_batch(batch, chains).to(torch.float32)
    assert ((grouped - alone).abs() > 1).float().mean() < 0.01


def test_the_plan_holds_every_step_once(chains):
    """Slot by slot, one operator a group, groups no larger than asked, parameters in place."""
    plan = plan_groups(chains, largest_group=2)
    assert sum(group.stop - group.start for group in plan.groups) == len(plan.samples)
    done = [0] * len(chains)
    for group in plan.groups:
        members = plan.samples[group.start : group.stop].tolist()
        assert len(set(members)) == len(members) <= 2
        for row, member in zip(range(group.start, group.stop), members, strict=True):
            step = chains[member].steps[done[member]]
            done[member] += 1
            assert step.name == group.name
            assert plan.params[row].tolist() == pytest.approx(step.params)
    assert done == [len(chain.steps) for chain in chains]


def test_steps_act_in_order_with_clipping(photos):
    """A chain equals its steps applied by hand, clipped after each."""
    steps = (
        Step(name="mean_shift_up", severity=5, seed=1),
        Step(name="white_noise", severity=5, seed=2),
        Step(name="mean_shift_down", severity=5, seed=3),
    )
    batch = photos[:1]
    expected = batch.to(torch.float32) / 255
    for step in steps:
        operator = DEGRADATIONS[step.name].apply
        seeds = plan_groups([Chain((step,))]).seeds
        expected = operator(expected, torch.tensor([step.params]), seeds).clamp(0, 1)
    result = degrade_batch(batch, [Chain(steps)])
    assert torch.equal(result, (expected * 255).round().to(torch.uint8))


def test_untouched_samples_stay(batch):
    """An empty chain returns the sample."""
    assert torch.equal(degrade_batch(batch, [Chain()] * 24), batch)


def test_single_degradations(batch):
    """One image or a batch; rows of a batch draw their own noise."""
    alone = degrade_single(batch[0], "white_noise", 3, seed=5)
    assert torch.equal(alone, degrade_single(batch[:1], "white_noise", 3, seed=5)[0])
    assert not torch.equal(alone, degrade_single(batch[0], "white_noise", 3, seed=6))
    twins = degrade_single(batch[:1].expand(2, -1, -1, -1), "white_noise", 3, seed=5)
    assert not torch.equal(twins[0], twins[1])


@pytest.mark.parametrize(
    ("shape", "count", "dtype", "message"),
    [
        ((2, 3, 31, 64), 2, torch.uint8, "sides"),
        ((2, 1, 64, 64), 2, torch.uint8, "B, 3, H, W"),
        ((3, 64, 64), 3, torch.uint8, "B, 3, H, W"),
        ((2, 3, 64, 64), 3, torch.uint8, "2 samples but 3 chains"),
        ((2, 3, 64, 64), 2, torch.int64, "uint8 or floating"),
    ],
)
def test_bad_batches_are_refused(shape, count, dtype, message):
    """The message says what came."""
    with pytest.raises(ValueError, match=message):
        degrade_batch(torch.zeros(shape, dtype=dtype), [Chain()] * count)


def test_autocast_outside_changes_nothing(photos, chains):
    """Degradations run in float32 also inside a bf16 training step."""
    batch = photos[:24, :, :96, :80].contiguous()
    expected = degrade_batch(batch, chains)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(degrade_batch(batch, chains), expected)


def test_precision_settings_are_put_back():
    """TF32 is off inside, and the caller's setting is back afterwards."""
    torch.set_float32_matmul_precision("high")
    try:
        with full_precision(torch.device("cpu")):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
