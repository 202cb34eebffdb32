"""Seeds depend on all of their arguments and on nothing else."""

import torch

from qpt_train.randomness import derive_seed, numpy_generator, seed_initialisation, torch_generator


def test_every_argument_matters():
    seeds = {
        derive_seed(0, "crop", 1, 2),
        derive_seed(1, "crop", 1, 2),
        derive_seed(0, "flip", 1, 2),
        derive_seed(0, "crop", 2, 1),
        derive_seed(0, "crop", 12),
        derive_seed(0, "crop", 1, 2, 0),
    }
    assert len(seeds) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_known_value_so_that_old_runs_can_be_repeated():
    assert derive_seed(7, "initialisation") == 1447194612142096004


def test_generators_repeat():
    first, second = (numpy_generator(3, "x", 1).random(4).tolist() for _ in range(2))
    assert first == second
    one, two = (torch.rand(4, generator=torch_generator(3, "x", 1)) for _ in range(2))
    assert torch.equal(one, two)


def test_initialisation_is_repeatable():
    values = []
    for _ in range(2):
        seed_initialisation(5)
        values.append(torch.rand(3))
    assert torch.equal(*values)
