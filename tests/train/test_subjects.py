"""What weights tell of the labels that they were trained on, wherever they lie."""

import pytest
import torch
import typer
from typer.testing import CliRunner

from qpt_app.errors import CheckpointError
from qpt_train import cli_finetune
from qpt_train.checkpoint import save_checkpoint
from qpt_train.data.labelled_split import SplitConfig, split_labelled
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.encoder_weights import write_encoder_weights
from qpt_train.subjects import training_of


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
