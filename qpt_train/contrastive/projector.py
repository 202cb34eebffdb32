"""The MLP between features and embeddings, used in pre-training only."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class Projector(nn.Module):
    """Linear - ReLU - Linear, then unit length: the head of MoCo v2 (moco/builder.py).

    With `batch_norm`, one follows each linear layer, the last without scale and shift: the head of
    MoCo v3. Without it a short run stays in the two or three directions that it finds first. Its
    statistics are those of a batch-norm group, as in the encoder (contrastive/batch_norm.py), so
    they leak nothing. Which head QPT has is not known.
    """

    def __init__(
        self, feature_dim: int, hidden_dim: int, embedding_dim: int, *, batch_norm: bool = False
    ) -> None:
        super().__init__()
        if batch_norm:
            self.layers = nn.Sequential(
                nn.Linear(feature_dim, hidden_dim, bias=False),
                nn.BatchNorm1d(hidden_dim),
                nn.ReLU(inplace=True),
                nn.Linear(hidden_dim, embedding_dim, bias=False),
                nn.BatchNorm1d(embedding_dim, affine=False),
            )
        else:
            self.layers = nn.Sequential(
                nn.Linear(feature_dim, hidden_dim),
                nn.ReLU(inplace=True),
                nn.Linear(hidden_dim, embedding_dim),
            )

    def forward(self, features: Tensor) -> Tensor:
        """Map features, (N, C), to embeddings, (N, D) float32 of unit length."""
        return F.normalize(cast(Tensor, self.layers(features)).float(), dim=1)
