"""Encoders: torchvision's by name, timm's where it is installed."""

import sys
import types

import pytest
import torch
from torch import nn

from qpt_app.core.encoder import build_encoder, encoder_names
from qpt_app.errors import UsageError


@pytest.mark.parametrize("name", encoder_names())
def test_features_have_the_width_that_is_said(name):
    """A view in, one feature vector of `feature_dim` out."""
    encoder = build_encoder(name).eval()
    with torch.no_grad():
        assert encoder(torch.zeros(1, 3, 64, 64)).shape == (1, encoder.feature_dim)


def fake_timm(network):
    """A timm that knows one encoder."""
    timm = types.ModuleType("timm")
    timm.list_models = lambda: ["wide"]
    timm.create_model = lambda name, *, pretrained, num_classes: network
    return timm


@pytest.mark.parametrize("head", [True, False])
def test_timm_encoders_whose_head_widens_the_feature(monkeypatch, head):
    """MobileNetV3 puts out `head_hidden_size` values, most others `num_features`."""
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(7))
    network.num_features = 5 if head else 7
    if head:
        network.head_hidden_size = 7
    monkeypatch.setitem(sys.modules, "timm", fake_timm(network))
    encoder = build_encoder("timm:wide")
    assert encoder(torch.zeros(2, 3, 4, 4)).shape == (2, encoder.feature_dim)
    with pytest.raises(UsageError, match="timm has no encoder 'narrow'"):
        build_encoder("timm:narrow")


def test_without_timm_the_message_says_what_to_install(monkeypatch):
    """One clear line."""
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"qpt\[timm\]"):
        build_encoder("timm:mobilevit_s")
