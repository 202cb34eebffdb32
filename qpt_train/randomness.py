"""Seeds as a pure function of (seed, purpose, numbers): the same for any worker, rank, restart."""

import hashlib

import numpy as np
import torch


def derive_seed(seed: int, purpose: str, *numbers: int) -> int:
    """Return a 63-bit seed that depends on all arguments and on nothing else."""
    text = ":".join([str(seed), purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def numpy_generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Return a numpy generator for one purpose and place, such as ("crop", epoch, index)."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, purpose, *numbers)))


def torch_generator(
    seed: int, purpose: str, *numbers: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a torch generator for one purpose and place."""
    return torch.Generator(device).manual_seed(derive_seed(seed, purpose, *numbers))


def seed_initialisation(seed: int) -> None:
    """Seed torch's global generator, which decides initial weights and dropout."""
    torch.manual_seed(derive_seed(seed, "initialisation"))
