"""The MLP between features and embeddings, used in pre-training only."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class Projector(nn.Module):
    """Linear - ReLU - Linear, then unit length: the head of MoCo v2 (moco/builder.py).

    That QPT uses the same head is not known. It has no batch norm, so nothing leaks here.
    """

    def __init__(self, feature_dim: int, hidden_dim: int, embedding_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(feature_dim, hidden_dim),
            nn.ReLU(inplace=True),
            nn.Linear(hidden_dim, embedding_dim),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map features, (N, C), to embeddings, (N, D) float32 of unit length."""
        return F.normalize(cast(Tensor, self.layers(features)).float(), dim=1)
