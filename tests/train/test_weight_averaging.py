"""Weights that saw a photo never meet a run that holds it out, whatever the splits' hashes say."""

import dataclasses
from pathlib import Path

import pytest
import torch

from qpt_app.core.model_file import save_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import CheckpointError
from qpt_train.config import config_to_dict
from qpt_train.data.labelled_split import SplitConfig, split_labelled
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.export import FinishedRun
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.subjects import UNCALIBRATED
from qpt_train.weight_averaging import (
    average_runs,
    average_with,
    holds_out_as_much,
    model_as_run,
    require_unseen,
)

RECIPE = FinetuneRecipe(
    encoder="mobilenet_v3_large",
    head_hidden=8,
    preprocess=PreprocessConfig(screen_side=64, global_side=32, crop_size=32),
)


@pytest.fixture(scope="module")
def splits(noise_set, tmp_path_factory):
    """One assignment to folds, of which 0, 1 or none is held out: their hashes are equal."""
    mos_set = load_mos_set(noise_set(tmp_path_factory.mktemp("labelled")))
    described = {
        fold: split_labelled(
            mos_set, SplitConfig(folds=4, heldout_fold=fold, validation_share=0.0)
        ).description
        for fold in (0, 1, None)
    }
    assert len({split["hash"] for split in described.values()}) == 1
    return described


@pytest.fixture(scope="module")
def run(splits):
    torch.manual_seed(0)
    return FinishedRun(
        recipe=RECIPE,
        model=build_quality_model(RECIPE.encoder, head_hidden=RECIPE.head_hidden).eval(),
        step=1,
        best_epoch=1,
        best_srcc=0.5,
        last_srcc=0.5,
        split=splits[0],
    )


PAIRS = [(0, 1), (1, 0), (None, 0), (None, 1)]
"""(held-out fold of the weights, held-out fold of the run that would see too much)"""


@pytest.mark.parametrize(("seen", "wanted"), PAIRS)
def test_an_equal_hash_does_not_hide_another_held_out_fold(splits, seen, wanted):
    assert not holds_out_as_much(splits[seen], splits[wanted])
    with pytest.raises(CheckpointError, match="trained on photos that this run holds out"):
        require_unseen(splits[seen], splits[wanted], Path("m"))


@pytest.mark.parametrize("fold", [0, 1, None])
def test_the_same_fold_is_as_much_and_nothing_held_out_asks_for_nothing(splits, fold):
    assert holds_out_as_much(splits[fold], splits[fold])
    assert holds_out_as_much(splits[fold], splits[None])
    require_unseen(splits[fold], splits[None], Path("m"))


def test_an_old_record_without_the_folds_counts_by_hash_and_held_out_fold(splits):
    old = {name: value for name, value in splits[0].items() if name not in ("assignment", "parts")}
    assert holds_out_as_much(old, splits[0])
    assert not holds_out_as_much(old, splits[1])
    assert not holds_out_as_much({**old, "heldout_fold": None}, splits[0])


@pytest.mark.parametrize(("seen", "wanted"), PAIRS)
def test_no_run_or_model_file_of_another_held_out_fold_is_averaged_in(
    run, splits, seen, wanted, tmp_path
):
    one, other = (dataclasses.replace(run, split=splits[fold]) for fold in (seen, wanted))
    with pytest.raises(CheckpointError, match="one trained on what the other holds out"):
        average_runs(one, other, 0.5)
    path = tmp_path / "model.safetensors"
    save_model(
        path,
        run.model,
        name="m",
        preprocess=RECIPE.preprocess,
        calibration=UNCALIBRATED,
        training={"recipe": config_to_dict(RECIPE), "split": splits[seen]},
        licence="x",
    )
    with pytest.raises(CheckpointError, match="another split"):
        average_with(other, path, 0.5, weights="best")
    assert model_as_run(path, one).split == one.split
