"""The order of photos: a function of seed and step, whatever the processes and restarts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_train.data.sampler import GlobalOrder, GroupSampler


def stream(*, world=1, start=0, stop=6, seed=0, count=50, images=16, group=4):
    """Return what all ranks see, step by step, in rank order."""
    groups_per_step = images // group // world
    ranks = [
        list(
            GroupSampler(
                GlobalOrder(count=count, images_per_step=images, seed=seed),
                images_per_group=group,
                groups_per_step=groups_per_step,
                rank=rank,
                start_step=start,
                stop_step=stop,
            )
        )
        for rank in range(world)
    ]
    steps = []
    for step in range(stop - start):
        chosen = slice(step * groups_per_step, (step + 1) * groups_per_step)
        steps.append([place for rank in ranks for group_ in rank[chosen] for place in group_])
    return steps


@pytest.mark.parametrize("world", [2, 4])
def test_any_number_of_ranks_sees_the_same_stream(world):
    """Two or four processes see, together and in order, what one sees."""
    assert stream(world=world) == stream(world=1)


def test_a_restart_goes_on_in_the_same_stream():
    """Starting at step 4 gives the tail of the whole stream, across an epoch's end."""
    assert stream(start=4) == stream()[4:]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), count=st.integers(16, 80))
def test_an_epoch_uses_no_photo_twice(seed, count):
    """Within an epoch all photos differ, and they come from the whole set over the epochs."""
    per_epoch = count // 16
    steps = stream(seed=seed, count=count, stop=per_epoch)
    numbers = [number for step in steps for _, number in step]
    assert len(set(numbers)) == len(numbers) == 16 * per_epoch
    assert set(numbers) <= set(range(count))
    assert {epoch for step in steps for epoch, _ in step} == {0}


def test_epochs_and_seeds_differ():
    """Another epoch or another seed is another order."""
    steps = stream(count=16, stop=2)
    assert [n for _, n in steps[0]] != [n for _, n in steps[1]]
    assert stream(seed=1) != stream(seed=0)


def test_too_few_photos():
    """Less than one step is an error that says so."""
    with pytest.raises(ValueError, match="less than one step"):
        GlobalOrder(count=3, images_per_step=4, seed=0)
