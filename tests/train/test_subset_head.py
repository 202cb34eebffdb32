"""Telling subsets apart: part of the loss, of the checkpoint, and of no exported model."""

import dataclasses
import math

import pytest
import torch

from qpt_app.core.model_file import load_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.errors import DatasetError
from qpt_train import finetune as finetune_module
from qpt_train.checkpoint import list_checkpoints
from qpt_train.data.labelled_split import SplitConfig, split_labelled
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.export import export_run, load_run
from qpt_train.finetune import finetune
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.finetune_state import RunOptions
from qpt_train.run_log import read_run_log
from qpt_train.subset_head import SubsetHead

RECIPE = FinetuneRecipe(
    encoder="mobilenet_v3_large",
    head_hidden=8,
    epochs=1,
    batch_size=6,
    global_crop=32,
    precision="float32",
    subset_weight=1.0,
    preprocess=PreprocessConfig(screen_side=64, global_side=32, crop_size=32),
    split=SplitConfig(folds=4, validation_share=0.1),
)


@pytest.fixture(scope="module")
def plain_set(noise_set, tmp_path_factory):
    """Pictures of no subset."""
    return load_mos_set(noise_set(tmp_path_factory.mktemp("labelled"), blurred=False))


@pytest.fixture(scope="module")
def split(plain_set):
    """The same pictures, every third of another subset."""
    plain = split_labelled(plain_set, RECIPE.split)
    train = [
        dataclasses.replace(item, subset="b" if place % 3 == 0 else "a")
        for place, item in enumerate(plain.train)
    ]
    return dataclasses.replace(plain, train=train)


def run(split, out, recipe=RECIPE, **changes):
    """Fine-tune; return the loss of every step."""
    chosen = RunOptions(out=out, device=torch.device("cpu"), num_workers=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune_module, "LOG_EVERY", 1)
        finetune(recipe, split, dataclasses.replace(chosen, **changes))
    log = read_run_log(out / "log.jsonl")
    return [record["loss"] for record in log if record["event"] == "step"]


@pytest.fixture(scope="module")
def whole(split, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    return out, run(split, out)


def test_there_is_one_logit_per_subset_and_the_scale_of_the_feature_does_not_matter():
    torch.manual_seed(0)
    head = SubsetHead(16, 3)
    feature = torch.randn(5, 16)
    logits = head(feature)
    assert logits.shape == (5, 3)
    torch.testing.assert_close(head(100 * feature), logits, rtol=1e-3, atol=1e-3)


def test_the_loss_grows_by_the_weight_times_the_cross_entropy(split, whole, tmp_path):
    """Before the first step nothing else differs, so the first loss is linear in the weight."""
    none, twice = (
        run(split, tmp_path / str(weight), dataclasses.replace(RECIPE, subset_weight=weight))
        for weight in (0.0, 2.0)
    )
    once = whole[1]
    assert twice[0] - once[0] == pytest.approx(once[0] - none[0], rel=1e-4)
    assert once[0] - none[0] == pytest.approx(math.log(2), abs=0.6)  # an untrained head's guess
    assert once[-1] - none[-1] != pytest.approx(once[0] - none[0], rel=1e-4)


def test_a_stopped_run_goes_on_with_the_same_head(split, whole, tmp_path):
    steps = iter(range(100))
    out = tmp_path / "parts"
    run(split, out, should_stop=lambda: next(steps) == 1)
    assert run(split, out, resume=True) == whole[1]
    first, second = (
        torch.load(list_checkpoints(folder / "checkpoints")[-1].path, weights_only=True)
        for folder in (whole[0], out)
    )
    for name, value in first["subset_head"].items():
        assert torch.equal(value, second["subset_head"][name])


def test_an_exported_model_does_not_hold_the_head(split, whole, tmp_path):
    path = tmp_path / "model.safetensors"
    export_run(load_run(whole[0]), split, path, name="t", licence="x", notes={}, num_workers=0)
    model, _ = load_model(path)
    assert not any("subset" in name for name in model.state_dict())


def test_one_subset_cannot_be_told_apart(plain_set, tmp_path):
    with pytest.raises(DatasetError, match="of one subset"):
        run(split_labelled(plain_set, RECIPE.split), tmp_path / "run")
