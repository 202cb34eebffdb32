"""The commands: help for all, one line for a mistake, files that come out."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from qpt_app.errors import DatasetError, RecipeError
from qpt_train.cli import app

COMMANDS = ("pretrain", "probe", "ablate", "curves", "export-encoder", "pack", "bench")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    """`--help` works and says something."""
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output) > 200


def test_a_misspelt_key_and_too_few_photos(tmp_path):
    """Both end in an error of the drawn tree, which the entry point prints as one line."""
    Image.fromarray(np.zeros((120, 120, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    base = ["pretrain", "--photos", str(tmp_path), "--out", str(tmp_path / "run"), "--recipe"]
    misspelt = CliRunner().invoke(app, [*base, "smoke", "--set", "batch.imagse=4"])
    assert isinstance(misspelt.exception, RecipeError)
    assert "batch.imagse" in str(misspelt.exception)
    few = CliRunner().invoke(app, [*base, "smoke", "--device", "cpu"])
    assert isinstance(few.exception, DatasetError)
    assert "1 photos are too few" in str(few.exception)


def test_pack_writes_parts(tmp_path):
    """Photos in, tar parts of at most the size asked for out."""
    (tmp_path / "photos").mkdir()
    generator = np.random.default_rng(0)
    for number in range(4):
        pixels = generator.integers(0, 255, (400, 500, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/{number}.png")
    out = tmp_path / "parts"
    result = CliRunner().invoke(
        app, ["pack", str(tmp_path / "photos"), "--out", str(out), "--part-mb", "1.3"]
    )
    assert result.exit_code == 0, result.output
    sizes = [path.stat().st_size for path in sorted(out.glob("*.tar"))]
    assert len(sizes) == 2
    assert max(sizes) <= 1_300_000
