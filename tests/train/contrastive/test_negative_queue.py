"""The queue: oldest out first, any batch size, survives a checkpoint."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_train.contrastive.negative_queue import EMPTY, NegativeQueue


def numbered(first, count, dim=2):
    """Return keys that carry their own number, and that number as image id."""
    ids = torch.arange(first, first + count)
    return ids[:, None].expand(count, dim).float(), ids


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 12), batches=st.lists(st.integers(1, 20), max_size=8))
def test_holds_the_newest_keys(size, batches):
    """After any pushes the queue holds exactly the last `size` keys, each with its own image."""
    queue = NegativeQueue(size, 2)
    pushed = 0
    for count in batches:
        queue.push(*numbered(pushed, count))
        pushed += count
    expected = set(range(max(0, pushed - size), pushed))
    assert set(queue.image_ids.tolist()) - {EMPTY} == expected
    filled = queue.image_ids != EMPTY
    assert torch.equal(queue.keys[filled][:, 0].long(), queue.image_ids[filled])


def test_a_restored_queue_goes_on_where_it_was():
    """Position and content are in the state dict: both copies hold the same after more pushes."""
    queue = NegativeQueue(5, 2)
    queue.push(*numbered(0, 7))
    copy = NegativeQueue(5, 2)
    copy.load_state_dict(queue.state_dict())
    for one in (queue, copy):
        one.push(*numbered(7, 2))
    assert torch.equal(queue.keys, copy.keys)
    assert torch.equal(queue.image_ids, copy.image_ids)


def test_pushing_does_not_tie_the_queue_to_a_graph():
    """Keys are stored without their history."""
    queue = NegativeQueue(4, 2)
    keys, ids = numbered(0, 2)
    queue.push(keys.requires_grad_(), ids)
    assert not queue.keys.requires_grad


def test_a_queue_of_no_places_takes_everything_and_holds_nothing():
    """`queue_size = 0` switches it off."""
    queue = NegativeQueue(0, 2)
    queue.push(*numbered(0, 3))
    assert queue.keys.shape == (0, 2)
