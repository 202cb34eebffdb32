"""Fine-tuning: learns, resumes bit by bit, stops when told, refuses what it cannot go on from."""

import dataclasses
import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from qpt_app.core.model_file import load_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.torch_scorer import load_scorer
from qpt_app.errors import (
    CheckpointError,
    DatasetError,
    ModelFormatError,
    NonFiniteLossError,
)
from qpt_train import export as export_module
from qpt_train import finetune as finetune_module
from qpt_train.checkpoint import list_checkpoints
from qpt_train.data.labelled_split import SplitConfig, split_labelled
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.mos_views import TrainingBatch
from qpt_train.export import (
    PARITY_TOLERANCE,
    check_parity,
    export_run,
    git_revision,
    load_run,
    remake_split,
    started_from,
)
from qpt_train.finetune import batch_loss, finetune
from qpt_train.finetune_config import FinetuneRecipe, OptimiserConfig
from qpt_train.finetune_loss import within_group_loss
from qpt_train.finetune_state import RunOptions
from qpt_train.predict import predict_raw_scores
from qpt_train.run_log import RunLog, read_run_log
from qpt_train.weight_averaging import (
    average_runs,
    holds_out_as_much,
    model_as_run,
    recorded_split,
    require_unseen,
)

RECIPE = FinetuneRecipe(
    encoder="mobilenet_v3_large",
    head_hidden=8,
    epochs=2,
    batch_size=6,
    global_crop=32,
    precision="float32",
    preprocess=PreprocessConfig(screen_side=64, global_side=32, crop_size=32),
    optimiser=OptimiserConfig(learning_rate=2e-3),
    split=SplitConfig(folds=4, validation_share=0.1),
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def mos_set(noise_set, tmp_path_factory):
    """The more blurred, the worse."""
    return load_mos_set(noise_set(tmp_path_factory.mktemp("labelled")))


@pytest.fixture(scope="module")
def split(mos_set):
    return split_labelled(mos_set, RECIPE.split)


def another_split(split):
    """Return the description of a split that holds everything out."""
    heldout = str(split["heldout_fold"]) * len(split["assignment"])
    return {**split, "hash": "0" * 64, "assignment": heldout}


def options(out, **changes):
    return dataclasses.replace(RunOptions(out=out, device=CPU, num_workers=0), **changes)


def losses(out):
    return [
        (record["step"], record["loss"])
        for record in read_run_log(out / "log.jsonl")
        if record["event"] == "step"
    ]


@pytest.fixture(scope="module")
def uninterrupted(split, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune_module, "LOG_EVERY", 1)
        summary = finetune(RECIPE, split, options(out))
    return out, summary


def test_a_run_finishes_and_is_recorded(uninterrupted, split):
    out, summary = uninterrupted
    assert summary.finished
    assert summary.step == 2 * (len(split.train) // 6) == len(losses(out))
    assert summary.best_epoch in (1, 2)
    assert -1 <= summary.last_validation_srcc <= summary.best_validation_srcc <= 1


def test_parts_share_no_photo(split):
    parts = [
        {item.name for item in part} for part in (split.train, split.validation, split.heldout)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40
    assert all(parts)


def test_stopped_and_resumed_losses_are_bit_equal(uninterrupted, split, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune_module, "LOG_EVERY", 1)
    whole, _ = uninterrupted
    out = tmp_path / "parts"
    steps = iter(range(100))
    stopped = finetune(RECIPE, split, options(out, should_stop=lambda: next(steps) == 2))
    assert not stopped.finished
    assert stopped.step == 3
    resumed = finetune(RECIPE, split, options(out, resume=True))
    assert resumed.finished
    assert losses(out) == losses(whole)
    first, second = (
        torch.load(list_checkpoints(run / "checkpoints")[-1].path, weights_only=True)
        for run in (whole, out)
    )
    for name, value in first["average"].items():
        assert torch.equal(value, second["average"][name])


def test_time_limit_saves_and_stops(split, tmp_path):
    now = iter(np.arange(0.0, 1e6, 50.0))
    out = tmp_path / "run"
    summary = finetune(RECIPE, split, options(out, max_minutes=1.5, clock=lambda: next(now)))
    assert not summary.finished
    assert list_checkpoints(out / "checkpoints")[-1].step == summary.step == 2


def test_resume_without_a_checkpoint_is_an_error(split, tmp_path):
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        finetune(RECIPE, split, options(tmp_path / "empty", resume=True))


def test_a_fresh_start_never_overwrites_a_run(uninterrupted, split):
    with pytest.raises(CheckpointError, match="--resume"):
        finetune(RECIPE, split, options(uninterrupted[0]))


def test_resume_with_another_recipe_is_refused(uninterrupted, split):
    other = dataclasses.replace(RECIPE, dropout=0.5)
    with pytest.raises(CheckpointError, match="recipe differs"):
        finetune(other, split, options(uninterrupted[0], resume=True))


def test_a_loss_that_is_not_finite_stops_before_the_step(split, tmp_path, monkeypatch):
    monkeypatch.setattr(
        finetune_module, "quality_loss", lambda scores, _targets, **_: scores.sum() * math.nan
    )
    with pytest.raises(NonFiniteLossError, match="step 0"):
        finetune(RECIPE, split, options(tmp_path / "run"))


def test_too_few_photos_is_one_clear_error(split, tmp_path):
    recipe = dataclasses.replace(RECIPE, batch_size=500)
    with pytest.raises(DatasetError, match="less than one batch"):
        finetune(recipe, split, options(tmp_path / "run"))


def test_one_validation_photo_is_one_clear_error_before_the_first_step(split, tmp_path):
    alone = dataclasses.replace(split, validation=split.validation[:1])
    with pytest.raises(DatasetError, match="no order to choose an epoch by"):
        finetune(RECIPE, alone, options(tmp_path / "run"))
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_init_takes_the_weights_of_another_run(uninterrupted, split, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1, optimiser=OptimiserConfig(learning_rate=1e-12))
    out = tmp_path / "run"
    finetune(recipe, split, options(out, init=uninterrupted[0]))
    before = load_run(uninterrupted[0]).model.state_dict()
    after = load_run(out, weights="last").model.state_dict()
    name = "encoder.network.features.0.0.weight"
    assert torch.allclose(before[name], after[name], atol=1e-6)


def test_init_of_another_encoder_is_refused(uninterrupted, split, tmp_path):
    recipe = dataclasses.replace(RECIPE, encoder="resnet18")
    with pytest.raises(CheckpointError, match="resnet18"):
        finetune(recipe, split, options(tmp_path / "run", init=uninterrupted[0]))


def test_export_writes_a_calibrated_model_that_the_program_loads(uninterrupted, mos_set, tmp_path):
    run = load_run(uninterrupted[0])
    split = remake_split(run, mos_set, None)
    path = tmp_path / "model.safetensors"
    metadata, parity = export_run(
        run, split, path, name="tiny", licence="Apache-2.0", notes={"data": "x"}, num_workers=0
    )
    assert 0 < parity.largest_raw < PARITY_TOLERANCE
    assert parity.photos == len(split.heldout)
    assert list(tmp_path.iterdir()) == [path]
    assert metadata.training["split"]["hash"] == split.description["hash"]
    assert metadata.calibration.mos_mean == pytest.approx(split.mos_mean)
    assert load_scorer(path, device="cpu").identity.name == "tiny"


def test_export_in_8_bits_states_how_far_scores_move(uninterrupted, mos_set, tmp_path, monkeypatch):
    """A larger tolerance than real: forty photos make a steep curve out of tiny differences."""
    run = load_run(uninterrupted[0])
    split = remake_split(run, mos_set, None)
    path = tmp_path / "model.safetensors"
    monkeypatch.setattr(export_module, "PARITY_POINTS", 100.0)
    monkeypatch.setattr(export_module, "PARITY_TOLERANCE", 1.0)
    metadata, parity = export_run(
        run, split, path, name="t", licence="x", notes={}, num_workers=0, weight_bits=8
    )
    assert metadata.weights == "int8-per-channel"
    assert 0 < parity.mean_points <= parity.largest_points < 100
    scorer = load_scorer(path, device="cpu")
    assert scorer.identity.digest == metadata.digest


def test_an_8_bit_file_that_moves_scores_too_far_is_not_kept(
    uninterrupted, mos_set, tmp_path, monkeypatch
):
    """Neither where there was no file, nor in the place of a good one."""
    run = load_run(uninterrupted[0])
    split = remake_split(run, mos_set, None)
    path = tmp_path / "model.safetensors"
    monkeypatch.setattr(export_module, "PARITY_POINTS", 1e-9)
    monkeypatch.setattr(export_module, "PARITY_TOLERANCE", 1.0)
    for before in (None, b"the good file of another day"):
        if before is not None:
            path.write_bytes(before)
        with pytest.raises(ModelFormatError, match="8-bit weights would move scores"):
            export_run(
                run, split, path, name="t", licence="x", notes={}, num_workers=0, weight_bits=8
            )
        assert (path.read_bytes() if path.exists() else None) == before
        assert set(tmp_path.iterdir()) <= {path}  # nothing is left lying about


def test_parity_tells_points_from_raw_scores(uninterrupted, mos_set, tmp_path, monkeypatch):
    """Expected scores that are off by a known amount come out as that amount."""
    run = load_run(uninterrupted[0])
    split = remake_split(run, mos_set, None)
    path = tmp_path / "model.safetensors"
    metadata, _ = export_run(run, split, path, name="t", licence="x", notes={}, num_workers=0)
    photos = [item.path for item in split.heldout[:3]]
    model, _ = load_model(path)
    exact = predict_raw_scores(model, photos, RECIPE.preprocess, device=CPU, num_workers=0)
    same = check_parity(path, photos, exact)
    assert same.largest_raw == pytest.approx(0, abs=1e-6)
    moved = exact + np.array([0.0, 0.01, 0.0])
    found = check_parity(path, photos, moved)
    assert found.largest_raw == pytest.approx(0.01, abs=1e-5)
    curve = metadata.calibration
    points = abs(curve.score(moved[1]) - curve.score(exact[1]))
    assert found.largest_points == pytest.approx(points, abs=0.01)
    assert found.mean_points == pytest.approx(points / 3, abs=0.01)
    with pytest.raises(ModelFormatError, match="raw scores"):
        check_parity(path, photos, exact + 0.1)


def test_what_a_run_started_from_is_read_from_its_log(uninterrupted, split, tmp_path):
    assert started_from(uninterrupted[0]) == "random"
    recipe = dataclasses.replace(RECIPE, epochs=1)
    finetune(recipe, split, options(tmp_path / "later", init=uninterrupted[0]))
    assert started_from(tmp_path / "later") == f"weights of {uninterrupted[0].name}"
    with pytest.raises(CheckpointError, match="--init-note"):
        started_from(tmp_path)


def test_the_last_beginning_counts_and_going_on_is_none(tmp_path):
    with RunLog(tmp_path / "log.jsonl") as log:
        for step, init in ((0, "runs/wrong"), (0, "runs/right/checkpoints"), (20, "runs/later")):
            log.write("start", step=step, init=init)
    assert started_from(tmp_path) == "weights of right"


def test_a_revision_says_when_the_code_differs_from_it(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    code = tmp_path / "qpt_train" / "export.py"
    monkeypatch.setattr(export_module, "__file__", str(code))
    code.parent.mkdir()
    git("init", "-q")
    code.write_text("a = 1")
    (tmp_path / "model.safetensors").write_text("one")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("tag", "a-tag")
    committed = git_revision()
    assert committed is not None
    assert re.fullmatch("[0-9a-f]{40}", committed)
    (tmp_path / "model.safetensors").write_text("another")
    assert git_revision() == committed
    new = code.with_name("new.py")
    new.write_text("b = 1")
    assert git_revision() == f"{committed}-dirty"
    new.unlink()
    code.write_text("a = 2")
    assert git_revision() == f"{committed}-dirty"


def test_another_split_is_refused_when_exporting(uninterrupted, mos_set):
    run = load_run(uninterrupted[0])
    changed = dataclasses.replace(run, split={**run.split, "hash": "0" * 64})
    with pytest.raises(DatasetError, match="split"):
        remake_split(changed, mos_set, None)


def test_averaging_lies_between_two_runs_and_refuses_strangers(uninterrupted, split, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1)
    out = tmp_path / "later"
    finetune(recipe, split, options(out, init=uninterrupted[0]))
    first, second = load_run(uninterrupted[0]), load_run(out)
    name = "encoder.network.features.0.0.weight"
    ends = [run.model.state_dict()[name] for run in (first, second)]
    middle = average_runs(first, second, 0.25).model.state_dict()[name]
    assert torch.allclose(middle, 0.75 * ends[0] + 0.25 * ends[1], atol=1e-6)
    stranger = dataclasses.replace(second, split=another_split(second.split))
    with pytest.raises(CheckpointError, match="split"):
        average_runs(first, stranger, 0.5)


def test_a_run_can_be_averaged_with_the_model_file_it_started_from(
    uninterrupted, mos_set, tmp_path
):
    """The file's weights are those of its half precision; the record stays the run's."""
    run = load_run(uninterrupted[0])
    path = tmp_path / "model.safetensors"
    split = remake_split(run, mos_set, None)
    export_run(run, split, path, name="t", licence="x", notes={}, num_workers=0)
    later = dataclasses.replace(run, step=run.step + 5)
    average = average_runs(later, model_as_run(path, later), 0.5)
    assert average.step == later.step
    for name, value in run.model.state_dict().items():
        assert torch.allclose(average.model.state_dict()[name], value, rtol=2e-3, atol=1e-3)
    stranger = dataclasses.replace(run, split=another_split(run.split))
    with pytest.raises(CheckpointError, match="another split"):
        model_as_run(path, stranger)


def test_a_final_run_trains_on_part_of_what_was_held_out(split, mos_set):
    """The validation photos stay the same, and what is left out was left out before."""
    config = dataclasses.replace(RECIPE.split, returned_share=0.5)
    final = split_labelled(mos_set, config)
    assert {item.name for item in final.heldout} < {item.name for item in split.heldout}
    assert final.validation == split.validation
    assert len(final.train) + len(final.heldout) == len(split.train) + len(split.heldout)
    assert {item.name for item in split.train} < {item.name for item in final.train}
    again = split_labelled(mos_set, config, recorded=final.description)
    assert again == final
    moved = {**final.description, "parts": final.description["parts"].replace("v", "t", 1)}
    fewer = split_labelled(mos_set, config, recorded=moved)  # the record decides, not the draw
    assert len(fewer.validation) == len(final.validation) - 1
    assert holds_out_as_much(split.description, final.description)
    assert not holds_out_as_much(final.description, split.description)
    require_unseen(split.description, final.description, Path("m"))
    require_unseen(None, final.description, Path("m"))
    require_unseen({**final.description, "set": "other"}, split.description, Path("m"))
    with pytest.raises(CheckpointError, match="photos that this run holds out"):
        require_unseen(final.description, split.description, Path("m"))
    all_trained = {**split.description, "parts": split.description["parts"].replace("v", "t")}
    with pytest.raises(CheckpointError, match="choose its epoch by"):
        require_unseen(all_trained, split.description, Path("m"))
    record = {**split.description, "hash": "0", "assignment": "0a"}
    tenth = {**record, "heldout_fold": 10}
    assert holds_out_as_much(tenth, {**tenth, "hash": "1"})
    assert not holds_out_as_much({**tenth, "heldout_fold": 0}, {**tenth, "hash": "1"})
    stranger = {**split.description, "hash": "0", "set": "another"}
    assert not holds_out_as_much(stranger, final.description)
    assert not holds_out_as_much({"hash": "0"}, final.description)


def test_the_split_of_an_earlier_run_is_used_again(uninterrupted, split, mos_set, tmp_path):
    """Whatever draws parts today: the record of the run or of its model file decides."""
    run = load_run(uninterrupted[0])
    path = tmp_path / "model.safetensors"
    export_run(run, split, path, name="t", licence="x", notes={}, num_workers=0)
    for source in (uninterrupted[0], path):
        recorded = recorded_split(source, RECIPE.split)
        assert split_labelled(mos_set, RECIPE.split, recorded=recorded) == split
        with pytest.raises(CheckpointError, match=r"split\.folds=4"):
            recorded_split(source, dataclasses.replace(RECIPE.split, folds=5))
    with pytest.raises(CheckpointError, match="does not say"):
        recorded_split(tmp_path / "none.safetensors", RECIPE.split)


def test_the_term_within_subsets_is_part_of_the_loss():
    empty = torch.empty(0)
    batch = TrainingBatch(
        global_views=empty,
        crops=empty,
        targets=torch.tensor([0.3, -1.0, 0.8, 2.0]),
        degraded_rows=torch.empty(0, dtype=torch.int64),
        severities=empty,
        groups=torch.tensor([0, 0, 1, 1]),
        positions=torch.arange(4),
    )
    scores = torch.tensor([0.1, 0.4, -0.2, 1.0])
    plain = batch_loss(RECIPE, scores, batch)
    weighted = batch_loss(dataclasses.replace(RECIPE, within_subset_weight=0.7), scores, batch)
    within = within_group_loss(scores, batch.targets, batch.groups)
    assert (weighted - plain).item() == pytest.approx(0.7 * within.item())
