"""Batch norm that neither leaks nor depends on the number of GPUs.

Two rules do it, without any special layer:

1. A network is always run on groups of exactly `group_rows` rows. One process runs its groups one
   after the other, eight processes run one each: the statistics are the same.
2. Queries are grouped by consecutive images, keys by strided ones (image i of the step goes to
   key group i mod n, with all its compositions). So every key group shares the same number of
   images with every query group, and all keys of an image share one group: the statistics tell
   a query neither which key is its own (MoCo shuffles for that) nor which are its siblings.

The running statistics serve only evaluation and export. They are averaged over all groups and
processes of a step, so that they, too, do not depend on how the step was divided.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

STATISTICS_MOMENTUM = 0.02
"""Weight of the newest step in the running statistics; our choice: about the last 50 steps."""


def to_key_groups(rows: Tensor, groups: int, compositions: int) -> Tensor:
    """Reorder rows from image order to strided key groups.

    Args:
        rows: (B * M, ...) in the order r = i * M + m.
        groups: n, a divisor of B.
        compositions: M.

    Returns:
        (B * M, ...): group h holds the images h, h + n, h + 2n ... with all their compositions.
    """
    images = rows.reshape(-1, groups, compositions, *rows.shape[1:])  # (B / n, n, M, ...)
    return images.transpose(0, 1).reshape(rows.shape)


def from_key_groups(rows: Tensor, groups: int, compositions: int) -> Tensor:
    """Undo `to_key_groups`."""
    images = rows.reshape(groups, -1, compositions, *rows.shape[1:])  # (n, B / n, M, ...)
    return images.transpose(0, 1).reshape(rows.shape)


class RunningStatistics:
    """Collects the batch-norm statistics of every group and keeps one average of them.

    It sets the layers' own momentum to 1, so that after each forward their buffers hold the
    statistics of that group alone.
    """

    def __init__(self, network: nn.Module) -> None:
        layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
        for layer in layers:
            layer.momentum = 1.0
        self._counters = [
            layer.num_batches_tracked for layer in layers if layer.num_batches_tracked is not None
        ]
        self._buffers: list[Tensor] = [
            buffer
            for layer in layers
            for buffer in (layer.running_mean, layer.running_var)
            if buffer is not None
        ]
        self._sums = [torch.zeros_like(buffer) for buffer in self._buffers]
        self._average = [buffer.clone() for buffer in self._buffers]
        self._groups = 0
        self._steps = 0

    @torch.no_grad()
    def collect(self) -> None:
        """Take in the group that was just run; call it after every forward in training mode."""
        if self._buffers:
            torch._foreach_add_(self._sums, self._buffers)
        self._groups += 1

    @torch.no_grad()
    def end_step(self, mean_over_ranks: Callable[[list[Tensor]], None]) -> None:
        """Move the average towards the mean over the step's groups on all processes.

        Args:
            mean_over_ranks: replaces tensors by their mean over the processes, in place.
        """
        if self._buffers:
            torch._foreach_div_(self._sums, float(self._groups))
            mean_over_ranks(self._sums)
            # While young, a plain mean; later an exponential one.
            weight = max(STATISTICS_MOMENTUM, 1.0 / (self._steps + 1))
            torch._foreach_lerp_(self._average, self._sums, weight)
            torch._foreach_zero_(self._sums)
        self._groups = 0
        self._steps += 1

    @torch.no_grad()
    def write(self) -> None:
        """Put the average into the layers, for evaluation, export and checkpoints.

        Training may go on afterwards: each forward overwrites the layers' buffers.
        """
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._average)
        for counter in self._counters:
            counter.fill_(self._steps)

    def restore(self, steps: int) -> None:
        """Take the average from the layers, as a checkpoint of `steps` steps left it."""
        self._average = [buffer.clone() for buffer in self._buffers]
        self._steps = steps
