"""A new head on a finished encoder: from a model file to a model file, stopped and gone on with."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from qpt_app.core.model_file import load_model, save_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import CheckpointError, DatasetError, UsageError
from qpt_train import head_inputs, refit_head
from qpt_train.cli import app, run
from qpt_train.config import config_to_dict
from qpt_train.data import mos_views
from qpt_train.data.labelled_split import SplitConfig, split_labelled
from qpt_train.data.manifest import scan_photos
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.head_config import HeadRecipe, PairsConfig
from qpt_train.head_inputs import DegradedPairSet, HeadInputs, split_pairs
from qpt_train.initial_weights import load_initial_weights
from qpt_train.subjects import UNCALIBRATED

CONFIG = PreprocessConfig(screen_side=96, global_side=64, crop_size=64, crop_columns=2, crop_rows=1)
TRAINED = FinetuneRecipe(
    encoder="mobilenet_v3_large",
    head_hidden=8,
    preprocess=CONFIG,
    split=SplitConfig(folds=4, validation_share=0.2),
)
RECIPE = HeadRecipe(members=2, hidden=4, epochs=2, batch_size=8, pairs=PairsConfig(count=5))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def mos_set(noise_set, tmp_path_factory):
    """The more blurred, the worse."""
    return load_mos_set(noise_set(tmp_path_factory.mktemp("labelled"), height=72, width=96))


@pytest.fixture(scope="module")
def base(mos_set, tmp_path_factory):
    """A model file as an export leaves it, of random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    split = split_labelled(mos_set, TRAINED.split)
    save_model(
        path,
        build_quality_model(TRAINED.encoder, head_hidden=8),
        name="base",
        preprocess=CONFIG,
        calibration=UNCALIBRATED,
        training={
            "recipe": config_to_dict(TRAINED),
            "split": split.description,
            "steps": 7,
            "data": "noise",
            "init": "random",
        },
        licence="Apache-2.0",
    )
    return path


def refit(base, mos_set, out, recipe=RECIPE, others=None, told=None, unseen=None):
    counts = [] if told is None else told
    return refit_head.refit_head(
        base,
        mos_set,
        others,
        recipe,
        refit_head.RefitOptions(
            out=out,
            device=CPU,
            num_workers=0,
            on_measured=lambda what, count, total: counts.append((what, count, total)),
        ),
        unseen=unseen,
    )


def test_encoder_stays_and_the_held_out_photos_are_not_read(base, mos_set, tmp_path, monkeypatch):
    read = []
    for module, name in ((head_inputs, "read_photo"), (mos_views, "read_pixels")):
        plain = getattr(module, name)

        def spy(photo, side, plain=plain):
            read.append(Path(getattr(photo, "path", photo)).name)
            return plain(photo, side)

        monkeypatch.setattr(module, name, spy)
    made = refit(base, mos_set, tmp_path)
    before, _ = load_model(base)
    for name, value in before.encoder.state_dict().items():
        assert torch.equal(made.run.model.encoder.state_dict()[name], value)
    assert made.run.model.with_statistics
    assert made.run.recipe.head_hidden == 8  # two heads of four
    heldout = {item.name for item in made.split.heldout}
    assert heldout == {item.name for item in split_labelled(mos_set, TRAINED.split).heldout}
    assert {item.name for item in made.split.train} <= set(read)
    assert not heldout & set(read)


def test_the_photos_that_chose_an_epoch_are_trained_on_now_and_the_record_says_so(
    base, mos_set, tmp_path
):
    made = refit(base, mos_set, tmp_path)
    assert not made.split.validation
    assert len(made.split.train) == 40 - len(made.split.heldout)
    assert "v" not in made.split.description["parts"]
    assert made.notes["init"] == "random"
    assert made.notes["head"]["encoder_of"].startswith("base@")
    assert made.notes["head"]["recipe"]["members"] == 2
    json.dumps(made.notes, allow_nan=False)


def test_what_was_measured_is_not_measured_again(base, mos_set, tmp_path, monkeypatch):
    monkeypatch.setattr(head_inputs, "PART", 8)
    told = []
    first = refit(base, mos_set, tmp_path, told=told)
    assert sum(count for what, count, _ in told if what == "photos") == len(first.split.train)
    kept = sorted((tmp_path / "inputs").iterdir())
    kept[1].write_bytes(kept[1].read_bytes()[:100])  # a part that was cut short
    measured = []
    plain = head_inputs._measure
    monkeypatch.setattr(
        head_inputs,
        "_measure",
        lambda model, views, places, *rest: (
            measured.append(len(places)),
            plain(model, views, places, *rest),
        )[1],
    )
    again = refit(base, mos_set, tmp_path)
    assert len(measured) == 1
    for name, value in first.run.model.state_dict().items():
        assert torch.equal(again.run.model.state_dict()[name], value)


def test_another_recipe_of_pairs_measures_pairs_anew_and_the_photos_not(base, mos_set, tmp_path):
    refit(base, mos_set, tmp_path)
    before = set((tmp_path / "inputs").iterdir())
    other = dataclasses.replace(RECIPE, pairs=PairsConfig(count=4))
    refit(base, mos_set, tmp_path, recipe=other)
    assert len(set((tmp_path / "inputs").iterdir()) - before) == 1


def test_without_weight_no_pair_is_measured(base, mos_set, tmp_path):
    told = []
    plain = dataclasses.replace(RECIPE, pairs=PairsConfig(weight=0.0))
    refit(base, mos_set, tmp_path, recipe=plain, told=told)
    assert {what for what, _, _ in told} == {"photos"}


def test_a_model_that_does_not_tell_its_training_is_refused(mos_set, tmp_path):
    path = tmp_path / "mute.safetensors"
    save_model(
        path,
        build_quality_model("mobilenet_v3_large", head_hidden=8),
        name="mute",
        preprocess=CONFIG,
        calibration=UNCALIBRATED,
        training={},
        licence="Apache-2.0",
    )
    with pytest.raises(CheckpointError, match="recipe"):
        refit(path, mos_set, tmp_path)


def test_the_command_writes_a_model_that_loads(base, mos_set, tmp_path):
    data = str(mos_set.items[0].path.parent / "scores.csv")
    words = ["fit-head", "--model", str(base), "--data", data, "--out", str(tmp_path)]
    words += ["--name", "new", "--num-workers", "0", "--device", "cpu", "--set", "members=1"]
    words += ["--set", "hidden=4", "--set", "epochs=1", "--set", "pairs.count=2"]
    Image.effect_noise((96, 72), 90).convert("RGB").save(tmp_path / "later.png")
    words += ["--unseen", str(tmp_path / "later.png")]
    app(words, standalone_mode=False)
    model, metadata = load_model(tmp_path / "new.safetensors")
    assert model.with_statistics
    assert metadata.training["head"]["recipe"]["hidden"] == 4
    assert metadata.training["head"]["pairs"]["unseen"]["count"] == 1
    assert metadata.training["split"]["heldout"] > 0
    with pytest.raises(UsageError, match="weights-bits"):
        app([*words, "--weights-bits", "4"], standalone_mode=False)


def test_photos_for_pairs_that_the_model_holds_out_are_refused(base, mos_set, tmp_path):
    everything = scan_photos([mos_set.items[0].path.parent])
    told = []
    with pytest.raises(DatasetError, match="stay unseen"):
        refit(base, mos_set, tmp_path, others=everything, told=told)
    assert not told


def test_what_resembles_photos_kept_unseen_makes_no_pair(base, mos_set, tmp_path):
    folder, away = tmp_path / "pool", tmp_path / "unseen"
    folder.mkdir(), away.mkdir()
    scenes = [Image.effect_noise((6, 5), 90).resize((96, 80)).convert("RGB") for _ in range(3)]
    for number, scene in enumerate(scenes):
        scene.save(folder / f"{number}.png")
    scenes[1].resize((192, 160)).save(away / "large.jpg", quality=60)  # another file of scene 1
    alike = split_labelled(mos_set, TRAINED.split).train[0]
    Image.open(alike.path).convert("RGB").save(away / "labelled.png")
    held = split_labelled(mos_set, TRAINED.split).heldout[0]
    Image.open(held.path).convert("RGB").save(folder / "renamed.tif")
    made = refit(
        base, mos_set, tmp_path / "run", others=scan_photos([folder]), unseen=scan_photos([away])
    )
    record = made.notes["head"]["pairs"]
    assert record["left_out"] == 3
    assert record["unseen"]["count"] == 2
    rest = [folder / "0.png", folder / "2.png"]
    assert record["photos"] == {"count": 2, "digest": scan_photos(rest).digest()}
    with pytest.raises(DatasetError, match="all of the photos"):
        refit(
            base,
            mos_set,
            tmp_path,
            others=scan_photos([folder / "1.png"]),
            unseen=scan_photos([away]),
        )


def test_a_photo_that_cannot_be_read_cannot_be_kept_unseen(base, mos_set, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    told = []
    with pytest.raises(DatasetError, match="kept unseen"):
        refit(base, mos_set, tmp_path, unseen=scan_photos([tmp_path]), told=told)
    assert not told


def test_official_test_photos_are_neither_measured_nor_taken_for_pairs(base, mos_set, tmp_path):
    folder = tmp_path / "official"
    folder.mkdir()
    Image.effect_noise((96, 72), 90).convert("RGB").save(folder / "final.png")
    final = dataclasses.replace(
        mos_set.items[0], name="final", path=folder / "final.png", official_part="test"
    )
    whole = dataclasses.replace(mos_set, items=(*mos_set.items, final))
    assert "final" not in {item.name for item in refit(base, whole, tmp_path).split.train}
    with pytest.raises(DatasetError, match=r"final\.png"):
        refit(base, whole, tmp_path, others=scan_photos([folder]))


def test_finetune_cannot_start_from_a_head_with_statistics_and_says_what_can(
    base, mos_set, tmp_path
):
    made = refit(base, mos_set, tmp_path)
    path = tmp_path / "headed.safetensors"
    save_model(
        path,
        made.run.model,
        name="headed",
        preprocess=CONFIG,
        calibration=UNCALIBRATED,
        training={},
        licence="Apache-2.0",
    )
    plain = build_quality_model(TRAINED.encoder, head_hidden=8)
    with pytest.raises(CheckpointError, match="scene statistics"):
        load_initial_weights(plain, path)


def test_a_model_is_never_written_over_itself(base, mos_set):
    words = ["fit-head", "--model", str(base), "--data", str(base), "--out", str(base.parent)]
    with pytest.raises(UsageError, match="itself"):
        app([*words, "--name", "base"], standalone_mode=False)


def test_a_photo_that_breaks_in_a_decoding_worker_is_one_line(base, mos_set, tmp_path, capsys):
    """Torch hands a worker's error on with its whole traceback in the message."""
    folder = tmp_path / "copy"
    shutil.copytree(mos_set.items[0].path.parent, folder)
    trained = refit(base, mos_set, tmp_path / "plain").split.train
    words = ["--model", str(base), "--data", str(folder / "scores.csv"), "--name", "new"]
    words += ["--out", str(tmp_path / "run"), "--num-workers", "1", "--device", "cpu"]
    broken = folder / trained[0].name
    plain = head_inputs.measure_in_parts

    def break_first(*args, **kwargs):
        broken.write_bytes(b"nothing")
        return plain(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refit_head, "measure_in_parts", break_first)
        patch.setattr(sys, "argv", ["qpt-train", "fit-head", *words])
        with pytest.raises(SystemExit) as stopped:
            run()
    assert stopped.value.code == DatasetError("").exit_code
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("qpt-train:")]
    assert len(told) == 1
    assert broken.name in told[0]
    assert "Traceback" not in told[0]


@pytest.fixture
def others(tmp_path):
    """Five photos without labels; one is broken, one too small."""
    folder = tmp_path / "others"
    folder.mkdir()
    generator = np.random.default_rng(3)
    for number in range(3):
        noise = generator.integers(0, 256, (80, 90, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    Image.fromarray(noise[:20]).save(folder / "small.png")
    (folder / "broken.jpg").write_bytes(b"nothing")
    return scan_photos([folder])


def pair_set(mos_set, others, **config):
    paths = sorted({item.path.parent for item in mos_set.items})
    return DegradedPairSet(scan_photos(paths), others, CONFIG, PairsConfig(**config), seed=3)


def test_pairs_are_a_function_of_seed_and_index(mos_set, others):
    one, two = pair_set(mos_set, others, count=30), pair_set(mos_set, others, count=30)
    for index in (7, 0, 29):
        for first, second in zip(one[index], two[index], strict=True):
            assert np.array_equal(first.crops, second.crops)
    assert len({one.plan(index) for index in range(30)}) == 30


def test_pairs_are_two_severities_apart_of_all_operators_and_both_kinds_of_photos(mos_set, others):
    pairs = pair_set(mos_set, others, count=400, operators=("jpeg", "darken"))
    plans = [pairs.plan(index) for index in range(400)]
    assert {plan.lower for plan in plans} == {0, 1, 2, 3}
    assert {plan.operator for plan in plans} == {"jpeg", "darken"}
    share = np.mean([plan.photo < 40 for plan in plans])
    assert 0.4 < share < 0.6


def test_the_worse_state_is_darker_and_an_unusable_photo_is_replaced(mos_set, others):
    pairs = pair_set(mos_set, others, count=40, operators=("darken",), labelled_share=0.0)
    drawn = {pairs.plan(index).photo - 40 for index in range(40)}
    assert drawn == {0, 1, 2, 3, 4}  # the broken one and the small one among them
    for index in range(12):
        better, worse = pairs[index]
        assert worse.crops.mean() < better.crops.mean()


def test_no_usable_photo_at_all_is_one_clear_error(mos_set, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    pairs = pair_set(mos_set, scan_photos([tmp_path]), count=1, labelled_share=0.0)
    with pytest.raises(DatasetError, match=r"broken\.jpg"):
        pairs[0]


def test_pairs_are_taken_apart_in_their_order():
    inputs = HeadInputs(np.arange(8.0).reshape(4, 2), np.arange(4.0).reshape(4, 1))
    pairs = split_pairs(inputs)
    assert pairs.better.statistics.ravel().tolist() == [0, 2]
    assert pairs.worse.features.tolist() == [[2, 3], [6, 7]]
