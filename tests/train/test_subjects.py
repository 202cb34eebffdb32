"""What weights tell of the labels that they were trained on, wherever they lie."""

import math

import pytest
import torch
import typer
from typer.testing import CliRunner

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import CheckpointError, ModelNotFoundError, UsageError
from qpt_train import cli_checks, cli_evaluate, cli_finetune
from qpt_train.checkpoint import save_checkpoint
from qpt_train.config import config_to_dict
from qpt_train.data.labelled_split import SplitConfig, split_labelled
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.encoder_weights import write_encoder_weights
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.subjects import load_subject, training_of

TINY = PreprocessConfig(
    screen_side=64, global_side=32, global_multiple=16, crop_size=32, crop_columns=1, crop_rows=1
)


def save_run(folder, record):
    """Write what a run leaves; return every path that stands for it."""
    for step in (3, 7):
        newest = save_checkpoint(folder / "checkpoints", step, {"average": {}}, record, keep=2)
    return [folder, folder / "checkpoints", newest]


def test_a_run_tells_its_split_by_folder_checkpoints_and_checkpoint(tmp_path):
    split = {"set": "x", "hash": "0", "heldout_fold": 1}
    for path in save_run(tmp_path / "run", {"recipe": {}, "split": split}):
        assert training_of(path) == {"split": split}


def test_weights_without_labels_tell_nothing(tmp_path):
    for path in save_run(tmp_path / "pretrained", {"recipe": {}}):
        assert training_of(path) == {}
    weights = tmp_path / "encoder.safetensors"
    write_encoder_weights({"a": torch.zeros(2)}, weights, description={"encoder": "tiny"})
    assert training_of(weights) == {}


def test_a_checkpoint_that_cannot_be_read_is_no_sign_of_weights_without_labels(tmp_path):
    *_, newest = save_run(tmp_path / "run", {"split": {"set": "x"}})
    newest.write_bytes(b"cut short")
    with pytest.raises(CheckpointError, match="digest"):
        training_of(newest)
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        training_of(tmp_path)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_fine_tuning_refuses_every_path_of_a_run_that_saw_what_it_holds_out(
    place, noise_set, tmp_path
):
    scores = noise_set(tmp_path / "labelled")
    seen = split_labelled(load_mos_set(scores), SplitConfig(heldout_fold=0))
    paths = save_run(tmp_path / "run", {"split": seen.description})
    app = typer.Typer()
    cli_finetune.register(app)
    done = CliRunner().invoke(
        app,
        [
            *("finetune", "--data", str(scores), "--out", str(tmp_path / "new")),
            *("--init", str(paths[place]), "--set", "split.heldout_fold=1"),
        ],
    )
    assert isinstance(done.exception, CheckpointError)
    assert "trained on photos that this run holds out" in str(done.exception)


@pytest.fixture(scope="module")
def last_only(noise_set, tmp_path_factory):
    """(labelled set, run that was never validated and so has no best weights)."""
    folder = tmp_path_factory.mktemp("last-only")
    scores = noise_set(folder / "labelled")
    recipe = FinetuneRecipe(encoder="resnet18", head_hidden=2, preprocess=TINY)
    split = split_labelled(load_mos_set(scores), SplitConfig(folds=2, validation_share=0.0))
    torch.manual_seed(0)
    weights = build_quality_model("resnet18", head_hidden=2).state_dict()
    state = {
        **{"average": weights, "best_weights": {}, "step": 3, "best_epoch": -1},
        **{"best_srcc": -math.inf, "last_srcc": -math.inf},
    }
    record = {"recipe": config_to_dict(recipe), "split": split.description}
    save_checkpoint(folder / "run" / "checkpoints", 3, state, record, keep=2)
    return scores, folder / "run"


@pytest.mark.parametrize(
    "command", ["evaluate", "benchmark", "sensitivity", "reliability", "size-study"]
)
def test_every_command_on_a_run_takes_its_last_weights_and_no_others(command, last_only, tmp_path):
    scores, folder = last_only
    small = ("--count", "1", "--photos", str(scores.parent))
    data = ("--data", str(scores))
    more = {
        "evaluate": (*data, "--resamples", "5"),
        "benchmark": (*data, "--method", "as-is", "--splits", "1", "--out", str(tmp_path)),
        "sensitivity": (*small, "--operator", "jpeg"),
        "reliability": data,
        "size-study": (*small, "--smallest-side", "64"),
    }[command]
    app = typer.Typer()
    cli_evaluate.register(app)
    cli_checks.register(app)

    def run(*options):
        given = [command, "--model", str(folder), *more, "--device", "cpu", *options]
        return CliRunner().invoke(app, given)

    refused = run()
    assert isinstance(refused.exception, CheckpointError)
    assert "use --weights last" in str(refused.exception)
    for wrong in ("Last", "latest"):
        assert isinstance(run("--weights", wrong).exception, UsageError)
    done = run("--weights", "last")
    if command == "reliability":  # twenty photos were scored and are too few to fit anything on
        assert "20 photos are too few" in str(done.exception)
        return
    assert done.exit_code == 0, done.output
    assert "last weights at step 3" in done.stdout


def test_recalibrating_a_run_is_refused_before_anything_is_scored(last_only, tmp_path):
    scores, folder = last_only
    app = typer.Typer()
    cli_checks.register(app)
    done = CliRunner().invoke(
        app,
        [
            *("recalibrate", "--model", str(folder), "--data", str(scores)),
            *("--out", str(tmp_path / "x.safetensors")),
        ],
    )
    assert isinstance(done.exception, ModelNotFoundError)


def test_weights_are_checked_for_a_model_file_too():
    with pytest.raises(UsageError, match="best or last, not 'Last'"):
        load_subject("qpt-small", weights="Last")
