"""Telling a set's subsets apart: a second task of fine-tuning, thrown away after it."""

from typing import cast

from torch import Tensor, nn


class SubsetHead(nn.Module):
    """Feature (N, F) -> one logit per subset (N, S).

    Where a set's subsets differ in mean opinion score (BIQ2021: snapshots and photographers'
    pictures lie 1.2 standard deviations apart), which one a photo is of is known exactly, and a
    MOS is not: a signal without noise for the encoder. No exported model holds this head. In the
    one place where it was tried, 1,400 steps on a CPU, it did not help (docs/results.md).
    """

    def __init__(self, feature_dim: int, subsets: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(feature_dim)
        self.out = nn.Linear(feature_dim, subsets)

    def forward(self, feature: Tensor) -> Tensor:
        """Map features to logits."""
        return cast(Tensor, self.out(self.norm(feature)))
