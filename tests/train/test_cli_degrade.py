"""`qpt-train degrade` from the command line."""

import json

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from qpt_app.errors import DatasetError, StorageError
from qpt_train.cli_degrade import register


@pytest.fixture
def app():
    """An application with this command and another, so that the command keeps its name."""
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    return app


@pytest.fixture
def photo(tmp_path):
    """A rendered 300x240 photo."""
    down, right = np.mgrid[0:240, 0:300]
    pixels = np.stack([down, right * 0.8, (down * right) % 255], axis=-1).astype(np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def test_sheets_are_written(app, photo, tmp_path):
    """Two sheets, the chains as JSON lines, and the size of the space."""
    out = tmp_path / "new" / "sheets"
    arguments = ["degrade", str(photo), "--out", str(out), "--side", "64", "--chains", "8"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "distinct chains" in result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "chains.jsonl",
        "chains.png",
        "operators.png",
    ]
    assert len([json.loads(line) for line in (out / "chains.jsonl").read_text().splitlines()]) == 8
    with Image.open(out / "operators.png") as sheet:
        assert sheet.width > 12 * 64


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.jpg", "missing"), ("small.png", "less than")]
)
def test_unusable_photos_are_named(app, tmp_path, name, reason):
    """One line that names the file."""
    if name == "small.png":
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    path = tmp_path / name
    result = CliRunner().invoke(app, ["degrade", str(path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, DatasetError)
    assert name in str(result.exception)
    assert reason in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_an_unusable_folder_is_named(app, photo, tmp_path):
    """A file in the way of the output folder."""
    (tmp_path / "out").write_text("x")
    result = CliRunner().invoke(
        app,
        ["degrade", str(photo), "--out", str(tmp_path / "out"), "--side", "64", "--chains", "2"],
    )
    assert isinstance(result.exception, StorageError)
