"""However a step is divided, its gradient is that of one big batch."""

import sys

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from qpt_train.contrastive.qc_loss import KeyBank, qc_loss
from qpt_train.distributed import (
    Ranks,
    exchange_groups,
    gather_rows,
    mean_over_ranks,
    sum_gradients,
)

IMAGES, COMPOSITIONS, DIM = 8, 2, 6


def inputs():
    """Return (weights, queries' and keys' inputs, queue): the same in every process."""
    generator = torch.Generator().manual_seed(3)
    rows = IMAGES * COMPOSITIONS
    return (
        torch.randn(DIM, 10, generator=generator, dtype=torch.float64),
        torch.randn(rows, 10, generator=generator, dtype=torch.float64),
        torch.randn(rows, 10, generator=generator, dtype=torch.float64),
        F.normalize(torch.randn(5, DIM, generator=generator, dtype=torch.float64), dim=1),
    )


def gradient(ranks):
    """Return the gradient of the step's mean loss, computed by this process' part of it."""
    weights, query_inputs, key_inputs, queue = inputs()
    layer = torch.nn.Linear(10, DIM, bias=False, dtype=torch.float64)
    layer.weight.data = weights
    part = slice(
        ranks.rank * len(query_inputs) // ranks.world_size,
        (ranks.rank + 1) * len(query_inputs) // ranks.world_size,
    )
    rows = torch.arange(len(query_inputs))
    with torch.no_grad():
        keys = gather_rows(F.normalize(layer(key_inputs[part]), dim=1), ranks)
    bank = KeyBank(
        keys,
        gather_rows((rows // COMPOSITIONS)[part], ranks),
        gather_rows(rows[part], ranks),
        queue,
        torch.tensor([90, 91, 2, 93, -1]),
    )
    result = qc_loss(
        F.normalize(layer(query_inputs[part]), dim=1), rows[part], bank, temperature=0.2
    )
    (result.loss / len(rows)).backward()
    sum_gradients(list(layer.parameters()), ranks)
    return layer.weight.grad


def child(rank, world, folder):
    """Run as one of several gloo processes; leave the results in a file."""
    dist.init_process_group(
        "gloo", store=dist.FileStore(f"{folder}/store", world), rank=rank, world_size=world
    )
    ranks = Ranks(rank, world)
    groups = 4
    # Row g * 10 + place: this rank's part of every group, as `to_key_groups` orders it.
    own = torch.tensor([g * 10 + rank * 2 + place for g in range(groups) for place in range(2)])
    averaged = [torch.full((2,), float(rank)), torch.full((3,), 10.0 * rank)]
    mean_over_ranks(averaged, ranks)
    result = {
        "gradient": gradient(ranks),
        "groups": exchange_groups(own, groups, ranks),
        "averaged": averaged,
    }
    torch.save(result, f"{folder}/rank-{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.dist
@pytest.mark.skipif(sys.platform == "win32", reason="gloo over a file store is for Unix")
def test_two_ranks_give_one_big_batchs_gradient(tmp_path):
    """Keys gathered without gradient, losses as shares, gradients summed: the same to 1e-6."""
    mp.spawn(child, args=(2, str(tmp_path)), nprocs=2)
    results = [torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True) for rank in range(2)]
    expected = gradient(Ranks())
    for result in results:
        assert torch.allclose(result["gradient"], expected, rtol=1e-5, atol=1e-7)
    assert results[0]["groups"].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert results[1]["groups"].tolist() == [20, 21, 22, 23, 30, 31, 32, 33]
    assert [t[0].item() for t in results[0]["averaged"]] == [0.5, 5.0]


def test_no_gradient_reaches_the_keys():
    """The momentum branch is outside the graph: only queries move the network."""
    weights, query_inputs, key_inputs, queue = inputs()
    del weights, queue
    layer = torch.nn.Linear(10, DIM, bias=False, dtype=torch.float64)
    rows = torch.arange(len(query_inputs))
    with torch.no_grad():
        keys = F.normalize(layer(key_inputs), dim=1)
    empty = torch.zeros(0, DIM)
    bank = KeyBank(keys, rows // COMPOSITIONS, rows, empty, torch.zeros(0, dtype=torch.int64))
    assert not bank.keys.requires_grad
    qc_loss(F.normalize(layer(query_inputs), dim=1), rows, bank, temperature=0.2).loss.backward()
    assert layer.weight.grad.abs().sum() > 0
