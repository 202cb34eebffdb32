"""The commands that a model card rests on, end to end, with a tiny model on made-up photos."""

import json

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from qpt_app.core.calibration import Calibration
from qpt_app.core.model_file import load_model, save_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import DatasetError, UsageError
from qpt_train import cli_checks, cli_evaluate
from qpt_train.calibrate import PAIR_KNOTS
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.recorded_splits import fold_letters
from qpt_train.data.splits import split_hash

TINY = PreprocessConfig(
    screen_side=64, global_side=32, global_multiple=16, crop_size=32, crop_columns=1, crop_rows=1
)
PHOTOS = 120


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Photos of one scene each; people like bright ones."""
    folder = tmp_path_factory.mktemp("labelled")
    generator = np.random.default_rng(5)
    lines = ["path,mos,subset"]
    for number in range(PHOTOS):
        small = generator.integers(0, 256, size=(6, 6, 3)).astype(np.uint8)
        Image.fromarray(small).resize((48, 40), Image.Resampling.BICUBIC).save(
            folder / f"{number:03}.png"
        )
        lines.append(f"{number:03}.png,{small.mean() / 255:.4f},{'ab'[number % 2]}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    return folder / "scores.csv"


@pytest.fixture(scope="module")
def model_file(labelled, tmp_path_factory):
    """A random model in 8 bits that held out two thirds of the photos."""
    items = load_mos_set(labelled).items
    folds = [int(number % 3 == 0) for number in range(len(items))]
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    split = {"set": "x", "seed": 0, "folds": 2, "heldout_fold": 0}
    split |= {"hash": split_hash(items, folds), "assignment": fold_letters(items, folds)}
    save_model(
        path,
        build_quality_model("resnet18", head_hidden=8).eval(),
        name="tiny",
        preprocess=TINY,
        calibration=Calibration(raw_knots=(-1.0, 1.0), level_knots=(0.2, 0.8), mos_mean=0.25),
        training={"split": split},
        licence="Apache-2.0",
        weight_bits=8,
    )
    return path


@pytest.fixture(scope="module")
def run():
    app = typer.Typer()
    cli_evaluate.register(app)
    cli_checks.register(app)

    def invoke(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture(scope="module")
def report(run, model_file, labelled, tmp_path_factory):
    """An evaluation of the model."""
    out = tmp_path_factory.mktemp("report")
    done = run(
        "evaluate", "--model", model_file, "--data", labelled, "--out", out, "--device", "cpu",
        "--resamples", 5,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return out


def test_reliability_says_the_same_from_an_evaluation_as_from_the_photos(
    run, model_file, labelled, report, tmp_path
):
    common = ["reliability", "--model", model_file, "--data", labelled, "--device", "cpu"]
    read = run(*common, "--predictions", report, "--out", tmp_path / "read")
    scored = run(*common, "--out", tmp_path / "scored")
    assert read.exit_code == scored.exit_code == 0, read.output + scored.output
    assert read.stdout.startswith("# Reliability of tiny@")
    one, other = (
        json.loads((tmp_path / name / "reliability.json").read_text())
        for name in ("read", "scored")
    )
    assert one["coverage"][0]["photos"] == 2 * PHOTOS // 3
    assert one["coverage"][0]["covered"] == pytest.approx(other["coverage"][0]["covered"], abs=0.03)


def test_predictions_of_another_model_or_of_other_photos_are_refused(
    run, model_file, labelled, report, tmp_path
):
    common = ["reliability", "--model", model_file, "--data", labelled, "--device", "cpu"]
    rows = (report / "predictions.csv").read_text().splitlines()
    (tmp_path / "fewer.csv").write_text("\n".join(rows[:-1]) + "\n")
    fewer = run(*common, "--predictions", tmp_path / "fewer.csv")
    assert isinstance(fewer.exception, DatasetError)
    assert "other photos" in str(fewer.exception)
    cells = [row.split(",") for row in rows[1:]]
    moved = [",".join([*row[:3], str(float(row[3]) + 0.5), row[4]]) for row in cells]
    (tmp_path / "moved.csv").write_text("\n".join([rows[0], *moved]) + "\n")
    other = run(*common, "--predictions", tmp_path / "moved.csv")
    assert "another model" in str(other.exception)


def test_recalibrating_fits_everything_and_keeps_the_weights(
    run, model_file, labelled, report, tmp_path
):
    out = tmp_path / "new.safetensors"
    common = ["recalibrate", "--model", model_file, "--data", labelled, "--device", "cpu"]
    done = run(*common, "--predictions", report, "--out", out)
    assert done.exit_code == 0, done.output
    (before, old), (after, new) = load_model(model_file), load_model(out)
    assert old.calibration.pair_knots == ()
    assert new.calibration.pair_knots == PAIR_KNOTS
    assert (new.name, new.weights, new.training) == (old.name, old.weights, old.training)
    assert new.calibration.mos_mean == old.calibration.mos_mean == 0.25
    for name, value in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], value), name
    refused = run(*common, "--predictions", report, "--out", model_file)
    assert isinstance(refused.exception, UsageError)


def test_the_worst_photos_are_shown_outside_repositories_only(run, labelled, report, tmp_path):
    common = ["worst", "--predictions", report, "--data", labelled, "--count", 5, "--side", 64]
    done = run(*common, "--out", tmp_path / "sheet")
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "sheet" / "worst.csv").read_text().splitlines()) == 6
    with Image.open(tmp_path / "sheet" / "worst.png") as picture:
        assert picture.width > 5 * 64
    (tmp_path / ".git").mkdir()
    assert isinstance(run(*common, "--out", tmp_path / "sheet").exception, UsageError)


def test_the_size_study_runs_to_the_end(run, model_file, tmp_path):
    photos = tmp_path / "large"
    photos.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (100, 160, 3)).astype(np.uint8)
    Image.fromarray(noise).save(photos / "a.png")
    done = run(
        "size-study", "--model", model_file, "--photos", photos, "--smallest-side", 160,
        "--device", "cpu", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    stored = json.loads((tmp_path / "out" / "size-study.json").read_text())
    assert stored["settings"][0]["setting"] == "screen 64 (the model's)"
    assert len(stored["settings"][0]["versions"]) == 6
