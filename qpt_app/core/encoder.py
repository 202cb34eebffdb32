"""Encoders: a view (N, 3, H, W) -> a feature (N, C). Built from torchvision, never hand-written."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torchvision import models

from qpt_app.errors import UsageError

# Channel statistics of ImageNet, torchvision's convention for all its encoders.
CHANNEL_MEAN = (0.485, 0.456, 0.406)
CHANNEL_STD = (0.229, 0.224, 0.225)


class _Architecture(NamedTuple):
    classifier: str
    """Name of the module that is replaced by nothing, so that the network ends in its feature."""
    feature_dim: int


_ARCHITECTURES: dict[str, _Architecture] = {
    "resnet18": _Architecture("fc", 512),
    "resnet50": _Architecture("fc", 2048),
    "regnet_x_400mf": _Architecture("fc", 400),
    "regnet_x_800mf": _Architecture("fc", 672),
    "mobilenet_v3_large": _Architecture("classifier", 960),
}


class Encoder(nn.Module):
    """A torchvision network without its classifier.

    The inner network is `self.network`; its state dict has torchvision's own names.
    """

    def __init__(self, name: str, network: nn.Module, feature_dim: int) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.feature_dim = feature_dim

    def forward(self, views: Tensor) -> Tensor:
        """Map normalised views, (N, 3, H, W) float, to features, (N, C)."""
        return cast(Tensor, self.network(views))


def encoder_names() -> tuple[str, ...]:
    """Return the names that `build_encoder` knows without optional packages."""
    return tuple(_ARCHITECTURES)


def build_encoder(name: str) -> Encoder:
    """Build a randomly initialised encoder (torch's global generator decides the weights).

    Args:
        name: one of `encoder_names()`, or `timm:NAME` where the package timm is installed.

    Raises:
        UsageError: if the name is unknown, or timm is not installed.
    """
    if name.startswith("timm:"):
        return _build_timm_encoder(name)
    architecture = _ARCHITECTURES.get(name)
    if architecture is None:
        raise UsageError(f"unknown encoder {name!r}; known: {', '.join(_ARCHITECTURES)}, timm:NAME")
    network = models.get_model(name, weights=None)
    setattr(network, architecture.classifier, nn.Identity())
    return Encoder(name, network, architecture.feature_dim)


def normalise(views: Tensor) -> Tensor:
    """Turn (N, 3, H, W) in [0, 1], or uint8 in 0..255, into zero-mean float32 for an encoder."""
    scaled = views.float() / 255.0 if views.dtype == torch.uint8 else views.float()
    mean = torch.tensor(CHANNEL_MEAN, device=views.device).view(1, 3, 1, 1)
    std = torch.tensor(CHANNEL_STD, device=views.device).view(1, 3, 1, 1)
    return (scaled - mean) / std


def _build_timm_encoder(name: str) -> Encoder:
    """Build an encoder of the timm package, without its classifier and without weights."""
    try:
        import timm
    except ImportError as error:
        raise UsageError(f"encoder {name!r} needs the optional package timm (qpt[timm])") from error
    short = name.removeprefix("timm:")
    if short not in timm.list_models():
        raise UsageError(f"timm has no encoder {short!r}")
    network = cast(nn.Module, timm.create_model(short, pretrained=False, num_classes=0))
    # MobileNetV3 and its kin widen their features once more in the head, which stays.
    feature_dim = getattr(network, "head_hidden_size", None) or network.num_features
    return Encoder(name, network, cast(int, feature_dim))
