"""The slow copy of a network that makes the keys."""

import copy
from typing import TypeVar

import torch
from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def momentum_copy(module: ModuleT) -> ModuleT:
    """Return a copy that takes no gradient; it starts equal and stays in training mode."""
    slow = copy.deepcopy(module)
    slow.requires_grad_(False)
    return slow


@torch.no_grad()
def update_momentum(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """Set slow = momentum * slow + (1 - momentum) * fast for every parameter.

    Buffers are left alone: the keys use the statistics of their own batch-norm group.
    """
    torch._foreach_lerp_(list(slow.parameters()), list(fast.parameters()), 1.0 - momentum)
