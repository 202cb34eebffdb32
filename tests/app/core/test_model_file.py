"""Model files: round trip, and every kind of damage is one clear error."""

import json
import struct

import pytest
import torch
from safetensors.torch import save

from qpt_app.core.calibration import Calibration
from qpt_app.core.model_file import load_model, save_model
from qpt_app.core.model_metadata import (
    STATISTICS_VERSION,
    content_digest,
    read_metadata,
    split_header,
)
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import ModelDigestError, ModelFormatError, ModelNotFoundError

CALIBRATION = Calibration(raw_knots=(-1.0, 1.0), level_knots=(0.2, 0.8))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    model = build_quality_model("mobilenet_v3_large", head_hidden=8)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    metadata = save_model(
        path,
        model,
        name="tiny",
        preprocess=PreprocessConfig(),
        calibration=CALIBRATION,
        training={"data": "none", "seed": 0},
        licence="Apache-2.0",
    )
    return path, model, metadata


def rewritten(saved, tmp_path, change):
    """A copy whose description was changed, with a fitting digest."""
    path, model, _ = saved
    data = path.read_bytes()
    start, header = split_header(path, data)
    description = json.loads(header["__metadata__"]["qpt"])
    change(description)
    text = json.dumps(description)
    header["__metadata__"] = {"qpt": text, "sha256": content_digest(text, data[start:])}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    copy = tmp_path / "changed.safetensors"
    copy.write_bytes(struct.pack("<Q", len(raw)) + raw + data[start:])
    return copy


def test_round_trip_keeps_weights_to_half_precision(saved):
    path, model, metadata = saved
    loaded, read = load_model(path)
    assert read == metadata
    assert not loaded.training
    for name, value in model.state_dict().items():
        kept = loaded.state_dict()[name]
        assert kept.dtype == value.dtype
        exact = "running_" in name or not value.is_floating_point()
        assert torch.equal(kept, value if exact else value.half().to(value.dtype))


def test_identity_names_model_digest_and_preprocessing(saved):
    identity = saved[2].identity
    assert identity.label == f"tiny@{identity.digest[:8]}"
    assert identity.preprocess == PreprocessConfig()


def test_one_flipped_bit_anywhere_is_noticed(saved, tmp_path):
    data = bytearray(saved[0].read_bytes())
    for place in (9, 300, len(data) // 2, len(data) - 1):
        data[place] ^= 1
        copy = tmp_path / "bit.safetensors"
        copy.write_bytes(data)
        with pytest.raises((ModelDigestError, ModelFormatError)):
            read_metadata(copy)
        data[place] ^= 1


def test_cut_anywhere_is_one_clear_error(saved, tmp_path):
    data = saved[0].read_bytes()
    copy = tmp_path / "cut.safetensors"
    for part in range(20):
        copy.write_bytes(data[: len(data) * part // 20])
        with pytest.raises((ModelDigestError, ModelFormatError), match="cut"):
            read_metadata(copy)


def test_huge_stated_header_is_refused(tmp_path):
    path = tmp_path / "header.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    with pytest.raises(ModelFormatError):
        read_metadata(path)


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"\x80\x04cos\nsystem\n", struct.pack("<Q", 4) + b"null"]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError):
        load_model(path)


def test_plain_safetensors_is_not_a_model(tmp_path):
    path = tmp_path / "plain.safetensors"
    path.write_bytes(save({"a": torch.zeros(2)}))
    with pytest.raises(ModelFormatError, match="not a qpt model"):
        read_metadata(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelNotFoundError, match="nowhere"):
        load_model(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format_version", 4, "format 4"),
        ("scene_statistics", STATISTICS_VERSION, "do not fit"),
        ("scene_statistics", STATISTICS_VERSION - 1, f"statistics {STATISTICS_VERSION - 1}"),
        ("scene_statistics", STATISTICS_VERSION + 1, f"statistics {STATISTICS_VERSION + 1}"),
        ("scene_statistics", None, "scene statistics None"),
        ("encoder", "resnet18", "do not fit"),
        ("head_hidden", 9, "shape"),
        ("surprise", 1, "surprise"),
        ("weights", "int4", "int4"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(saved, tmp_path, field, value, message):
    copy = rewritten(saved, tmp_path, lambda fields: fields.update({field: value}))
    with pytest.raises(ModelFormatError, match=message):
        load_model(copy)


def test_a_file_of_format_1_is_still_read(saved, tmp_path):
    """Format 1 did not say how weights are kept: in half precision, always."""

    def age(fields):
        fields["format_version"] = 1
        del fields["weights"], fields["scene_statistics"]

    loaded, metadata = load_model(rewritten(saved, tmp_path, age))
    assert metadata.weights == "float16"
    again, _ = load_model(saved[0])
    name = "head.hidden.weight"
    assert torch.equal(loaded.state_dict()[name], again.state_dict()[name])


def test_a_file_of_format_2_has_no_scene_statistics(saved, tmp_path):
    def age(fields):
        fields["format_version"] = 2
        del fields["scene_statistics"]

    loaded, metadata = load_model(rewritten(saved, tmp_path, age))
    assert metadata.scene_statistics == 0
    assert not loaded.with_statistics


@pytest.mark.parametrize("bits", [8, 16])
def test_the_knots_of_scene_statistics_are_kept_whole(tmp_path, bits):
    """Peakedness lies between .3 and .64: in half precision, knots would fall onto each other."""
    torch.manual_seed(0)
    model = build_quality_model("mobilenet_v3_large", head_hidden=64, with_statistics=True)
    scale = model.head.scale
    scale.statistic_knots += 1e-5 * torch.rand(scale.statistic_knots.shape)
    path = tmp_path / "whole.safetensors"
    metadata = save_model(
        path,
        model,
        name="whole",
        preprocess=PreprocessConfig(),
        calibration=CALIBRATION,
        training={},
        licence="Apache-2.0",
        weight_bits=bits,
    )
    assert metadata.scene_statistics == STATISTICS_VERSION
    loaded, _ = load_model(path)
    assert loaded.with_statistics
    assert torch.equal(loaded.head.scale.statistic_knots, scale.statistic_knots)


def test_format_1_never_holds_8_bit_weights(saved, tmp_path):
    with pytest.raises(ModelFormatError, match="weights"):
        read_metadata(rewritten(saved, tmp_path, lambda fields: fields.update(format_version=1)))
