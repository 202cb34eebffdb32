"""Preparing one batch ahead yields the same as not doing so."""

import pytest
import torch

from qpt_train.degradations.ahead import prepare_ahead


def test_results_in_order(device):
    """Every item once, in order, with usable tensors, on the CPU and on a side stream."""
    offset = torch.arange(1000, device=device)
    results = prepare_ahead(range(7), lambda item: (offset + item, offset * item), device)
    sums = [(int(a.sum()), int(b.sum())) for a, b in results]
    total = 999 * 1000 // 2
    assert sums == [(total + 1000 * item, total * item) for item in range(7)]


def test_no_items(device):
    """Nothing in, nothing out."""
    assert list(prepare_ahead([], lambda item: (item,), device)) == []


def test_cpu_does_not_run_ahead():
    """On the CPU an item is prepared when it is asked for."""
    begun = []

    def work(item):
        begun.append(item)
        return (torch.zeros(1),)

    results = prepare_ahead(range(3), work, torch.device("cpu"))
    next(results)
    assert begun == [0]


@pytest.mark.gpu
def test_cuda_runs_one_ahead():
    """The next item is under way when the present one is handed over."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    begun = []

    def work(item):
        begun.append(item)
        return (torch.zeros(1, device="cuda"),)

    results = prepare_ahead(range(3), work, torch.device("cuda"))
    next(results)
    assert begun == [0, 1]
