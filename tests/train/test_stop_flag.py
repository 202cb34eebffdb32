"""SIGTERM to a whole job: the loop stops at its next step, and its workers wait for that."""

import multiprocessing
import os
import signal

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from qpt_train.stop_flag import SIGTERM_EXIT_CODE, StopFlag, survive_first_sigterm


class _Pids(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, index):
        return torch.tensor(os.getpid())


@pytest.fixture
def handler():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def start():
    loader = DataLoader(_Pids(), num_workers=1, worker_init_fn=survive_first_sigterm)
    batches = iter(loader)
    return batches, int(next(batches))


def test_the_flag_is_set_by_the_signal(handler):
    flag = StopFlag()
    assert not flag()
    os.kill(os.getpid(), signal.SIGTERM)
    assert flag()


def test_a_worker_survives_the_signal_that_the_whole_job_gets(handler):
    flag = StopFlag()
    batches, worker = start()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(worker, signal.SIGTERM)
    assert [int(batch) for batch in batches] == [worker] * 39
    assert flag()


def _echo(pipe):
    survive_first_sigterm(0)
    while True:
        pipe.send(pipe.recv())


def test_a_second_signal_ends_a_worker():
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_echo, args=(theirs,), daemon=True)
    process.start()
    for word in ("ready", "still here"):
        ours.send(word)
        assert ours.recv() == word
        os.kill(process.pid, signal.SIGTERM)
    process.join(30)
    assert process.exitcode == SIGTERM_EXIT_CODE
