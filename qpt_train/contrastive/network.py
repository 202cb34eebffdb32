"""Encoder and projector as one network: uint8 views -> embeddings."""

from typing import cast

import torch
from torch import Tensor, nn

from qpt_app.core.encoder import CHANNEL_MEAN, CHANNEL_STD, build_encoder
from qpt_train.contrastive.projector import Projector


class ContrastiveNetwork(nn.Module):
    """An encoder with its projector."""

    mean: Tensor
    scale: Tensor

    def __init__(self, encoder_name: str, hidden_dim: int, embedding_dim: int) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder_name)
        self.projector = Projector(self.encoder.feature_dim, hidden_dim, embedding_dim)
        # Buffers, so that a forward copies nothing from the host; not part of the state.
        mean = torch.tensor(CHANNEL_MEAN).view(1, 3, 1, 1) * 255.0
        scale = 1.0 / (torch.tensor(CHANNEL_STD).view(1, 3, 1, 1) * 255.0)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def features(self, views: Tensor) -> Tensor:
        """Map views, (N, 3, H, W) uint8, to features, (N, C)."""
        normalised = (views.float() - self.mean) * self.scale
        channels_last = normalised.contiguous(memory_format=torch.channels_last)
        return cast(Tensor, self.encoder(channels_last))

    def forward(self, views: Tensor) -> Tensor:
        """Map views, (N, 3, H, W) uint8, to embeddings, (N, D) float32 of unit length."""
        return cast(Tensor, self.projector(self.features(views)))
