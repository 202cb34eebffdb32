"""Encoder and quality head: views -> feature -> raw score."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from qpt_app.core.encoder import Encoder, build_encoder


class QualityOutput(NamedTuple):
    """What the network gives for a batch of N photos."""

    raw_score: Tensor
    """(N,) float, standardised MOS, higher is better."""
    feature: Tensor
    """(N, 2C): the global view's feature, then the mean of the crops' features."""


class QualityHead(nn.Module):
    """Feature (N, 2C) -> raw score (N,)."""

    def __init__(self, feature_dim: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(feature_dim)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(feature_dim, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Map features to raw scores."""
        hidden = torch.relu(self.hidden(self.dropout(self.norm(feature))))
        return cast(Tensor, self.out(hidden)).squeeze(-1)


class QualityModel(nn.Module):
    """One encoder, shared by the global view and the crops, and a quality head."""

    def __init__(self, encoder: Encoder, *, head_hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = QualityHead(2 * encoder.feature_dim, head_hidden, dropout)

    def forward(self, global_views: Tensor, crops: Tensor) -> QualityOutput:
        """Score a batch.

        Args:
            global_views: (N, 3, H, W) normalised float.
            crops: (N, K, 3, S, S) normalised float, any K >= 1.
        """
        count, per_photo = crops.shape[:2]
        overview = self.encoder(global_views)
        # flatten() would break the channels-last layout of the crops; this keeps it.
        flat = crops.reshape(count * per_photo, *crops.shape[2:])
        flat = flat.contiguous(memory_format=torch.channels_last)
        detail = self.encoder(flat).reshape(count, per_photo, -1).mean(dim=1)
        feature = torch.cat([overview, detail], dim=1).float()
        return QualityOutput(self.head(feature), feature)


def build_quality_model(
    encoder_name: str, *, head_hidden: int, dropout: float = 0.0
) -> QualityModel:
    """Build a randomly initialised model.

    Raises:
        UsageError: for an unknown encoder name.
    """
    return QualityModel(build_encoder(encoder_name), head_hidden=head_hidden, dropout=dropout)
