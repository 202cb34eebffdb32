"""Exported weights drop into other people's networks and back into ours."""

import json

import pytest
import torch
import torchvision
from safetensors.torch import load_file

from qpt_app.core.encoder import build_encoder
from qpt_app.errors import CheckpointError, UsageError
from qpt_train.checkpoint import save_checkpoint
from qpt_train.encoder_weights import (
    load_encoder_weights,
    read_description,
    read_encoder_weights,
    write_encoder_weights,
)
from qpt_train.export_encoder import export_encoder


@pytest.fixture(scope="module")
def resnet18():
    """A random ResNet-18, made once."""
    torch.manual_seed(0)
    return build_encoder("resnet18")


def checkpoint(tmp_path, encoder):
    """Write a run of one checkpoint with an encoder; return the encoder."""
    name = encoder.name
    weights = encoder.network.state_dict()
    save_checkpoint(
        tmp_path / "run/checkpoints",
        7,
        {
            "encoder": weights,
            "momentum_encoder": {
                k: v + 1 if v.is_floating_point() else v for k, v in weights.items()
            },
            "projector": {},
        },
        {
            "recipe": {"encoder": name, "seed": 0},
            "started_from": "random weights",
            "photos": {"count": 3, "digest": "d"},
        },
        keep=2,
    )
    return encoder


def test_a_run_loads_into_torchvisions_resnet50(tmp_path):
    """Every name but the classifier's, strictly, and the same features."""
    encoder = checkpoint(tmp_path, build_encoder("resnet50")).eval()
    (path,) = export_encoder(tmp_path / "run", tmp_path / "r50.safetensors")
    theirs = torchvision.models.resnet50(weights=None).eval()
    result = theirs.load_state_dict(load_file(path), strict=False)
    assert result.unexpected_keys == []
    assert result.missing_keys == ["fc.weight", "fc.bias"]
    theirs.fc = torch.nn.Identity()
    views = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(theirs(views), encoder(views))


def test_half_precision_shards_are_small_and_come_back(tmp_path, resnet18):
    """Shards of at most the size asked for; any of them names the whole set."""
    encoder = checkpoint(tmp_path, resnet18)
    paths = export_encoder(tmp_path / "run", tmp_path / "e.safetensors", half=True, shard_mb=8.0)
    assert len(paths) > 1
    assert all(path.stat().st_size <= 8_100_000 for path in paths)
    back = build_encoder("resnet18")
    load_encoder_weights(back, paths[1])
    for one, other in zip(back.network.parameters(), encoder.network.parameters(), strict=True):
        assert torch.equal(one, other.half().float())
    paths[0].unlink()
    with pytest.raises(CheckpointError, match="lack their shard"):
        read_encoder_weights(paths[1])


def test_the_file_says_what_it_is(tmp_path, resnet18):
    """Encoder, step and start travel with the weights."""
    checkpoint(tmp_path, resnet18)
    (path,) = export_encoder(tmp_path / "run", tmp_path / "e.safetensors")
    described = read_description(path)
    assert described["encoder"] == "resnet18"
    assert described["step"] == 7
    assert described["started_from"] == "random weights"
    assert json.dumps(described)


def test_the_momentum_branch(tmp_path, resnet18):
    """The slow copy's weights with the trained one's running statistics."""
    encoder = checkpoint(tmp_path, resnet18)
    (path,) = export_encoder(tmp_path / "run", tmp_path / "m.safetensors", branch="momentum")
    weights, own = load_file(path), encoder.network.state_dict()
    assert torch.equal(weights["conv1.weight"], own["conv1.weight"] + 1)
    assert torch.equal(weights["bn1.running_var"], own["bn1.running_var"])


def test_refusals_name_what_is_wrong(tmp_path, resnet18):
    """Another encoder, a missing file, junk, a wrong branch, a wrong ending."""
    checkpoint(tmp_path, resnet18)
    with pytest.raises(CheckpointError, match="does not fit encoder resnet50"):
        load_encoder_weights(build_encoder("resnet50"), tmp_path / "run")
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk")
    for path in (junk, tmp_path / "missing.safetensors"):
        with pytest.raises(CheckpointError, match="cannot read encoder weights"):
            read_encoder_weights(path)
    with pytest.raises(UsageError, match="branch is one of"):
        export_encoder(tmp_path / "run", tmp_path / "x.safetensors", branch="slow")
    with pytest.raises(UsageError, match="must end in"):
        export_encoder(tmp_path / "run", tmp_path / "x.pth")


def test_a_classifier_in_foreign_weights_is_left_out(tmp_path):
    """torchvision's own state dict is a valid start."""
    theirs = torchvision.models.resnet18(weights=None)
    write_encoder_weights(theirs.state_dict(), tmp_path / "t.safetensors", description={})
    ours = build_encoder("resnet18")
    load_encoder_weights(ours, tmp_path / "t.safetensors")
    assert torch.equal(ours.network.conv1.weight, theirs.conv1.weight)
