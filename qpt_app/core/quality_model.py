"""Encoder, scene statistics and quality head: views -> feature -> raw score."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from qpt_app.core.encoder import Encoder, build_encoder
from qpt_app.core.scene_statistics import STATISTIC_COUNT, scene_statistics

SCALE_KNOTS = 33
"""Points of each statistic's line. Our choice."""
LARGEST_LEVEL = 2.5
"""Where those lines end, in standard deviations: 0.6 % of the photos lie beyond on either side."""


class QualityOutput(NamedTuple):
    """What the network gives for a batch of N photos."""

    raw_score: Tensor
    """(N,) float, standardised MOS, higher is better."""
    feature: Tensor
    """(N, 2C): the global view's feature, then the mean of the crops' features."""


class StatisticsScale(nn.Module):
    """Scene statistics -> evenly spread numbers, each along its own rising line of straight parts.

    The lines are fitted to training photos so that what comes out is close to a standard normal
    distribution; beyond the outermost knots they are level, so an unheard-of photo cannot drive
    the head anywhere.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.statistic_knots: Tensor
        self.statistic_levels: Tensor
        even = torch.linspace(-LARGEST_LEVEL, LARGEST_LEVEL, SCALE_KNOTS).repeat(count, 1)
        self.register_buffer("statistic_knots", even)
        self.register_buffer("statistic_levels", even.clone())

    def forward(self, statistics: Tensor) -> Tensor:
        """Map (N, F) to (N, F), each column in -`LARGEST_LEVEL`..`LARGEST_LEVEL`."""
        knots, levels = self.statistic_knots, self.statistic_levels
        columns = statistics.float().t().contiguous()
        columns = columns.clamp(knots[:, :1], knots[:, -1:])
        above = torch.searchsorted(knots, columns).clamp(1, knots.shape[1] - 1)
        left, right = knots.gather(1, above - 1), knots.gather(1, above)
        low, high = levels.gather(1, above - 1), levels.gather(1, above)
        share = (columns - left) / (right - left).clamp_min(torch.finfo(torch.float32).tiny)
        return torch.lerp(low, high, share.clamp(0, 1)).t()


class QualityHead(nn.Module):
    """Feature (N, 2C), and scene statistics (N, F) where it has them -> raw score (N,)."""

    def __init__(
        self, feature_dim: int, hidden: int, dropout: float = 0.0, statistic_count: int = 0
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(feature_dim)
        self.scale = StatisticsScale(statistic_count) if statistic_count else None
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(feature_dim + statistic_count, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, feature: Tensor, statistics: Tensor | None = None) -> Tensor:
        """Map features to raw scores."""
        known = self.norm(feature)
        if self.scale is not None:
            if statistics is None:
                raise ValueError("this head needs scene statistics")
            known = torch.cat([known, self.scale(statistics)], dim=1)
        hidden = torch.relu(self.hidden(self.dropout(known)))
        return cast(Tensor, self.out(hidden)).squeeze(-1)


class QualityModel(nn.Module):
    """One encoder, shared by the global view and the crops, and a quality head."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        head_hidden: int,
        dropout: float = 0.0,
        with_statistics: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        count = STATISTIC_COUNT if with_statistics else 0
        self.head = QualityHead(2 * encoder.feature_dim, head_hidden, dropout, count)

    @property
    def with_statistics(self) -> bool:
        """Whether scene statistics go into the score besides the encoder's features."""
        return self.head.scale is not None

    def forward(self, global_views: Tensor, crops: Tensor) -> QualityOutput:
        """Score a batch.

        Args:
            global_views: (N, 3, H, W) normalised float.
            crops: (N, K, 3, S, S) normalised float, any K >= 1.
        """
        feature = self.encode(global_views, crops)
        statistics = scene_statistics(global_views, crops) if self.with_statistics else None
        return QualityOutput(self.head(feature, statistics), feature)

    def encode(self, global_views: Tensor, crops: Tensor) -> Tensor:
        """Return the feature of a batch of `forward`'s arguments, (N, 2C) float32."""
        count, per_photo = crops.shape[:2]
        overview = self.encoder(global_views)
        # flatten() would break the channels-last layout of the crops; this keeps it.
        flat = crops.reshape(count * per_photo, *crops.shape[2:])
        flat = flat.contiguous(memory_format=torch.channels_last)
        detail = self.encoder(flat).reshape(count, per_photo, -1).mean(dim=1)
        return torch.cat([overview, detail], dim=1).float()


def build_quality_model(
    encoder_name: str, *, head_hidden: int, dropout: float = 0.0, with_statistics: bool = False
) -> QualityModel:
    """Build a randomly initialised model.

    Raises:
        UsageError: for an unknown encoder name.
    """
    return QualityModel(
        build_encoder(encoder_name),
        head_hidden=head_hidden,
        dropout=dropout,
        with_statistics=with_statistics,
    )
