"""Benchmark protocols: honest splits, the right photos to the right side, repeatable."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.errors import CheckpointError, DatasetError, UsageError
from qpt_train import benchmark_methods, metrics
from qpt_train.benchmark import (
    BenchmarkResult,
    Trial,
    measure_trial,
    plan_cross,
    plan_few_labels,
    plan_official,
    plan_splits,
    run_trials,
)
from qpt_train.benchmark_features import photo_features
from qpt_train.benchmark_methods import AsItIsMethod, FinetuneMethod, RidgeMethod, inner_folds
from qpt_train.benchmark_report import benchmark_markdown, median_and_range, write_benchmark
from qpt_train.benchmark_run import (
    BenchmarkOptions,
    BenchmarkPhotos,
    cautions,
    parse_labels,
    parse_protocol,
    plan_benchmark,
    run_benchmark,
)
from qpt_train.benchmark_setup import MethodOptions, build_method
from qpt_train.data.labelled_split import SplitConfig
from qpt_train.data.mos_records import MosItem
from qpt_train.evaluate import FINAL_WARNING
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.group_measures import BootstrapConfig
from qpt_train.subjects import Subject, load_encoder_subject

FEW = BootstrapConfig(resamples=20)
TINY = PreprocessConfig(
    screen_side=64, global_side=32, global_multiple=16, crop_size=16, crop_columns=2, crop_rows=1
)


def make_items(count, *, tested=()):
    generator = np.random.default_rng(1)
    return [
        MosItem(
            path=Path(f"{number}.png"),
            name=f"{number}.png",
            mos=float(generator.random()),
            subset="ab"[number % 2],
            official_part="test" if number in tested else "train",
        )
        for number in range(count)
    ]


class BrightnessScorer:
    """Features are the mean brightness and noise; counts how many photos it was shown."""

    identity = ModelIdentity(name="bright", digest="0" * 64, preprocess=TINY)
    device_name = "cpu"

    def __init__(self):
        self.seen = 0

    def score(self, photos):
        self.seen += len(photos)
        return [
            PhotoScore(
                50.0,
                None,
                float(photo.global_view.mean()),
                np.asarray([photo.global_view.mean(), photo.crops.std(), 1.0], np.float16),
            )
            for photo in photos
        ]


def make_subject(training=None):
    return Subject(label="bright", scorer=BrightnessScorer(), digest="d1", training=training or {})


def save_photo(path, brightness, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    texture = np.random.default_rng(seed).integers(-30, 30, size=(6, 6, 3))
    small = np.clip(brightness + texture, 0, 255).astype(np.uint8)
    Image.fromarray(small).resize((48, 36), Image.Resampling.BICUBIC).save(path, format="PNG")


@pytest.fixture(scope="module")
def biq2021(tmp_path_factory):
    """60 train and 8 test photos; MOS is brightness; test photo 60 copies train photo 0."""
    folder = tmp_path_factory.mktemp("biq2021")
    generator = np.random.default_rng(5)
    brightness = generator.integers(40, 210, size=68)
    brightness[60] = brightness[0]
    for table, numbers in (("Train", range(60)), ("Test", range(60, 68))):
        lines = ["Image Name,MOS"]
        for number in numbers:
            name = f"ss0{1 + number % 2} ({10 * number}).jpg"
            seed = 0 if number == 60 else number
            save_photo(folder / "Images" / name, int(brightness[number]), seed)
            lines.append(f"{name},{brightness[number] / 255:.4f}")
        (folder / f"{table} (Images and MOS).csv").write_text("\n".join(lines) + "\n")
    return folder


def groups_cross(trial, groups):
    return {groups[row] for row in trial.train} & {groups[row] for row in trial.test}


def test_ten_splits_are_80_20_keep_groups_and_differ():
    items = make_items(300)
    groups = [number // 4 for number in range(300)]
    trials = plan_splits(items, groups, count=10, seed=0)
    assert len(trials) == 10
    for trial in trials:
        assert not groups_cross(trial, groups)
        assert sorted([*trial.train, *trial.test]) == list(range(300))
        assert 0.17 < len(trial.test) / 300 < 0.23
    assert len({tuple(trial.test) for trial in trials}) == 10
    again = plan_splits(items, groups, count=3, seed=0)
    assert [tuple(t.test) for t in again] == [tuple(t.test) for t in trials[:3]]
    assert tuple(plan_splits(items, groups, count=1, seed=1)[0].test) != tuple(trials[0].test)


def test_a_large_group_is_not_in_every_split_nor_in_none():
    """Dealt largest first, the same scenes would be tested whatever the seed."""
    items = make_items(400)
    groups = [0] * 40 + [1] * 36 + [2] * 32 + [number // 2 for number in range(108, 400)]
    trials = plan_splits(items, groups, count=60, seed=0)
    for first in (0, 40, 76):
        tested = sum(first in trial.test for trial in trials)
        assert 2 <= tested <= 40
    assert all(0.17 < len(trial.test) / 400 < 0.23 for trial in trials)


def test_official_test_photos_are_never_trained_on(biq2021, tmp_path):
    """`--final` lets a protocol test on them; those that would train on them refuse it."""
    for protocol in ("splits", "few-labels"):
        options = BenchmarkOptions(protocol=protocol, data=biq2021, final=True)
        with pytest.raises(UsageError, match="would train on test photos"):
            plan_benchmark(options, cache_folder=tmp_path)


def test_few_labels_are_drawn_outside_one_fixed_test_part():
    items = make_items(300)
    groups = [number // 3 for number in range(300)]
    trials = plan_few_labels(items, groups, counts=(20, 50), draws=4, seed=2)
    assert [trial.group for trial in trials] == ["20 labels"] * 4 + ["50 labels"] * 4
    assert [len(trial.train) for trial in trials] == [20] * 4 + [50] * 4
    assert len({tuple(trial.test) for trial in trials}) == 1
    assert len({tuple(trial.train) for trial in trials}) == 8
    for trial in trials:
        assert not groups_cross(trial, groups)
        assert len(set(trial.train)) == len(trial.train)
    with pytest.raises(UsageError, match="only .* photos are left"):
        plan_few_labels(items, groups, counts=(290,), draws=1, seed=0)


def test_official_and_cross_plans():
    items = make_items(20, tested={3, 7})
    (official,) = plan_official(items, seed=0)
    assert official.test.tolist() == [3, 7]
    assert len(official.train) == 18
    with pytest.raises(DatasetError, match="no official split"):
        plan_official(make_items(5), seed=0)
    (cross,) = plan_cross(4, 3, seed=0)
    assert (cross.train.tolist(), cross.test.tolist()) == ([0, 1, 2, 3], [4, 5, 6])


def test_ridge_uses_the_training_rows_alone():
    """Absurd features and MOS outside the training rows change no other prediction."""
    items = make_items(80)
    groups = tuple(range(80))
    mos = np.asarray([item.mos for item in items])
    features = np.stack([mos, mos**2, np.ones(80)], axis=1).astype(np.float32)
    trial = plan_splits(items, groups, count=1, seed=0)[0]
    found = RidgeMethod(items=items, features=features, groups=groups).predict(trial)
    assert metrics.srcc(found, mos[trial.test]) > 0.99
    poisoned = features.copy()
    poisoned[trial.test[1:]] = 1e6
    again = RidgeMethod(items=items, features=poisoned, groups=groups).predict(trial)
    assert again[0] == pytest.approx(found[0], rel=1e-9)


def test_inner_folds_keep_groups():
    items = make_items(120)
    groups = [number // 6 for number in range(120)]
    trial = plan_splits(items, groups, count=1, seed=0)[0]
    folds = inner_folds(items, groups, trial, 5)
    pairs = {(groups[row], fold) for row, fold in zip(trial.train, folds, strict=True)}
    assert len(pairs) == len({group for group, _ in pairs})
    assert set(folds) == set(range(5))


def test_measures_and_leaks_of_one_trial():
    items = make_items(30)
    trial = Trial(group="g", number=0, train=np.arange(20), test=np.arange(20, 30), seed=0)
    mos = np.asarray([item.mos for item in items])
    marks = np.zeros(10, dtype=bool)
    marks[[1, 4]] = True
    result = measure_trial(items, trial, mos[20:], FEW, marks)
    assert result.measures.overall.agreement.srcc == pytest.approx(1.0)
    assert (result.leaked, result.without_leaks.overall.agreement.count) == (2, 8)
    plain = measure_trial(items, trial, mos[20:], FEW, None)
    assert (plain.leaked, plain.without_leaks) == (None, None)
    assert plain.split_hash == result.split_hash


def test_official_protocol_needs_the_word_final_and_finds_the_leak(biq2021, tmp_path):
    with pytest.raises(UsageError, match="--final"):
        plan_benchmark(BenchmarkOptions(protocol="official", data=biq2021), cache_folder=tmp_path)
    options = BenchmarkOptions(
        protocol="official", data=biq2021, final=True, leak_check=True, bootstrap=FEW
    )
    photos = plan_benchmark(options, cache_folder=tmp_path)
    subject = make_subject()
    found = photo_features(subject, photos.items, cache_folder=tmp_path)
    method = RidgeMethod(items=photos.items, features=found.features, groups=photos.groups)
    result = run_benchmark(options, photos, method, subject)
    (trial,) = result.trials
    assert result.final
    assert trial.trained_on == 60
    assert trial.measures.overall.agreement.count == 8
    assert trial.measures.overall.agreement.srcc > 0.9
    assert trial.leaked == 1
    assert trial.without_leaks.overall.agreement.count == 7
    text = benchmark_markdown(result)
    assert FINAL_WARNING in text
    assert "(1 over all trials)" in text


@pytest.mark.parametrize("protocol", ["splits", "few-labels"])
def test_other_protocols_never_see_the_official_test_part(biq2021, tmp_path, protocol):
    options = BenchmarkOptions(
        protocol=protocol,
        data=biq2021,
        splits=2,
        labels=(20,),
        draws=2,
        leak_check=True,
        bootstrap=FEW,
    )
    photos = plan_benchmark(options, cache_folder=tmp_path)
    assert len(photos.items) == 60
    assert not any(item.official_part == "test" for item in photos.items)
    method = AsItIsMethod(raw_scores=np.asarray([item.mos for item in photos.items]))
    result = run_benchmark(options, photos, method, None)
    assert not result.final
    assert [trial.leaked for trial in result.trials] == [0, 0]


def test_cross_dataset_trains_on_one_set_and_tests_on_the_other(biq2021, tmp_path):
    other = tmp_path / "other"
    lines = ["path,mos"]
    for number in range(12):
        save_photo(other / f"{number}.png", 60 + 10 * number, 500 + number)
        lines.append(f"{number}.png,{number}")
    (other / "scores.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match="--test-data"):
        plan_benchmark(BenchmarkOptions(protocol="cross", data=biq2021), cache_folder=tmp_path)
    options = BenchmarkOptions(protocol="cross", data=biq2021, test_data=other, bootstrap=FEW)
    photos = plan_benchmark(options, cache_folder=tmp_path)
    assert photos.data_name == "biq2021 -> other"
    subject = make_subject()
    found = photo_features(subject, photos.items, cache_folder=tmp_path)
    method = RidgeMethod(items=photos.items, features=found.features, groups=photos.groups)
    (trial,) = run_benchmark(options, photos, method, subject).trials
    assert (trial.trained_on, trial.measures.overall.agreement.count) == (60, 12)
    assert trial.measures.overall.agreement.srcc > 0.9


def copied_set(biq2021, folder, count):
    """Write a set of `count` copies, under other names, of the photos of another one."""
    folder.mkdir()
    lines = ["path,mos"]
    for number, path in enumerate(sorted((biq2021 / "Images").iterdir())[:count]):
        shutil.copy(path, folder / f"copy{number}.png")
        lines.append(f"copy{number}.png,{number}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_set_too_small_for_a_protocol_is_refused_when_it_is_planned(biq2021, tmp_path):
    few = copied_set(biq2021, tmp_path / "few", 3)
    options = BenchmarkOptions(protocol="splits", data=few, grouped=False)
    with pytest.raises(DatasetError, match=r"80/20 leaves \d photos to train and [01] to test on"):
        plan_benchmark(options, cache_folder=tmp_path)


def test_cross_with_the_set_that_was_trained_on_is_refused(biq2021, tmp_path):
    other = copied_set(biq2021, tmp_path / "other", 5)
    same = BenchmarkOptions(protocol="cross", data=biq2021, test_data=other / ".." / biq2021)
    with pytest.raises(UsageError, match="is the set trained on"):
        plan_benchmark(same, cache_folder=tmp_path)
    twice = BenchmarkOptions(protocol="cross", data=other, test_data=other / "scores.csv")
    with pytest.raises(UsageError, match=r"^5 photos of .* are trained on"):
        plan_benchmark(twice, cache_folder=tmp_path)


def test_cross_tells_of_contents_in_both_sets_and_of_a_leak_check_that_leaves_nothing(
    biq2021, tmp_path
):
    other = copied_set(biq2021, tmp_path / "other", 5)
    options = BenchmarkOptions(
        protocol="cross", data=biq2021, test_data=other, leak_check=True, bootstrap=FEW
    )
    photos = plan_benchmark(options, cache_folder=tmp_path)
    method = AsItIsMethod(raw_scores=np.asarray([item.mos for item in photos.items]))
    result = run_benchmark(options, photos, method, None)
    assert result.trials[0].leaked == 5
    assert result.trials[0].without_leaks is None
    text = benchmark_markdown(result)
    assert "5 of 5 tested photos show a content or scene of the set trained on" in text
    assert "no figures without leaks" in text
    assert "Without tested photos" not in text


def test_features_are_made_once_per_model_and_photo(biq2021, tmp_path, caplog):
    items = plan_benchmark(
        BenchmarkOptions(protocol="splits", data=biq2021, grouped=False), cache_folder=tmp_path
    ).items
    subject = make_subject()
    first = photo_features(subject, items, cache_folder=tmp_path)
    again = photo_features(subject, items, cache_folder=tmp_path)
    assert subject.scorer.seen == 60
    assert (first.features == again.features).all()
    other = Subject(label="other", scorer=BrightnessScorer(), digest="d2", training={})
    photo_features(other, items, cache_folder=tmp_path)
    assert other.scorer.seen == 60
    for path in tmp_path.glob("features-*.npz"):
        path.write_bytes(b"cut")
    photo_features(subject, items, cache_folder=tmp_path)
    assert subject.scorer.seen == 120
    assert "made anew" in caplog.text


def test_reports_give_medians_and_the_same_figures_in_every_form(tmp_path):
    items = make_items(100)
    noise = np.random.default_rng(0).normal(size=100)
    scores = np.asarray([item.mos for item in items]) + 0.3 * noise
    groups = list(range(100))
    trials = plan_splits(items, groups, count=5, seed=0)
    results = run_trials(items, trials, AsItIsMethod(raw_scores=scores), bootstrap=FEW)
    options = BenchmarkOptions(protocol="splits", data=tmp_path, splits=5, grouped=False)
    result = BenchmarkResult(
        protocol="splits",
        method="the model as it is",
        model="m",
        data="d",
        seed=0,
        final=False,
        trials=results,
        cautions=cautions(options, {"set": "biq2021"}),
    )
    write_benchmark(tmp_path / "out", result)
    text = (tmp_path / "out" / "benchmark.md").read_text()
    stored = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    srccs = [trial["measures"]["overall"]["srcc"] for trial in stored["trials"]]
    assert median_and_range(srccs) in text
    assert f"{np.median(srccs):.3f} (" in text
    assert "| 80/20: a |" in text
    assert "mean within subsets" in text
    assert "fine-tuned on labels of biq2021" in text
    assert "may lie on both sides" in text
    with Image.open(tmp_path / "out" / "benchmark.png") as picture:
        assert picture.width > 300


def test_median_and_range_closed_form():
    assert median_and_range([0.5]) == "0.500"
    assert median_and_range([0.1, 0.2, 0.3, 0.4, 0.5]) == "0.300 (0.200 to 0.400)"


@pytest.mark.parametrize("text", ["", "1", "20,x", "20,,50", "-5"])
def test_silly_numbers_of_labels_are_usage_errors(text):
    assert parse_labels("20, 50") == (20, 50)
    with pytest.raises(UsageError):
        parse_labels(text)


def test_unknown_protocols_and_methods_are_usage_errors(biq2021, tmp_path):
    with pytest.raises(UsageError, match="few-labels"):
        parse_protocol("kfold")
    options = BenchmarkOptions(protocol="splits", data=biq2021, grouped=False)
    photos = plan_benchmark(options, cache_folder=tmp_path)

    def build(**changes):
        fields = {
            "method": "ridge",
            "model": None,
            "encoder": None,
            "init": None,
            "init_seed": 0,
            "recipe": "none",
            "overrides": (),
            "device": "cpu",
            "batch_size": None,
            "workers": 1,
            "folder": tmp_path,
        }
        return build_method(MethodOptions(**{**fields, **changes}), photos)

    with pytest.raises(UsageError, match="ridge, finetune or as-is"):
        build(method="svr", model="x")
    with pytest.raises(UsageError, match="either --model or --encoder"):
        build()
    with pytest.raises(UsageError, match="goes with --encoder"):
        build(model="x", init=tmp_path)
    with pytest.raises(UsageError, match="no scores of its own"):
        build(method="as-is", encoder="resnet18")
    with pytest.raises(UsageError, match="from --recipe"):
        build(method="finetune", model="x")
    with pytest.raises(UsageError, match="less than a batch of 500"):
        build(method="finetune", recipe="finetune-small", overrides=("batch_size=500",))


def test_a_bare_encoder_gives_features_that_depend_on_its_seed(biq2021, tmp_path):
    options = BenchmarkOptions(protocol="splits", data=biq2021, grouped=False)
    items = plan_benchmark(options, cache_folder=tmp_path).items[:3]
    found = []
    for seed in (0, 0, 1):
        subject = load_encoder_subject("resnet18", seed=seed, device="cpu")
        found.append((subject.digest, photo_features(subject, items, cache_folder=tmp_path)))
    assert found[0][0] == found[1][0] != found[2][0]
    assert found[0][1].features.shape == (3, 1024)
    assert not np.allclose(found[0][1].features, found[2][1].features)


def tiny_finetuning(photos, folder, **changes):
    recipe = FinetuneRecipe(
        encoder="resnet18",
        head_hidden=4,
        epochs=1,
        batch_size=16,
        global_crop=0,
        precision="float32",
        preprocess=TINY,
        split=SplitConfig(heldout_fold=None),
    )
    return FinetuneMethod(
        items=photos.items,
        groups=photos.groups,
        recipe=dataclasses.replace(recipe, **changes),
        folder=folder,
        device=torch.device("cpu"),
        num_workers=0,
    )


def test_few_labels_are_all_trained_on_and_the_last_weights_count(biq2021, tmp_path):
    """A tenth of twenty labels is often one photo, which has no order at all."""
    options = BenchmarkOptions(
        protocol="few-labels", data=biq2021, labels=(20,), draws=2, bootstrap=FEW
    )
    photos = plan_benchmark(options, cache_folder=tmp_path)
    method = tiny_finetuning(photos, tmp_path / "runs", batch_size=8)
    splits = [method.labelled_split(trial) for trial in photos.trials]
    assert [(len(s.train), len(s.validation)) for s in splits] == [(20, 0)] * 2
    result = run_benchmark(options, photos, method, None)
    assert [trial.trained_on for trial in result.trials] == [20, 20]
    assert "With 20 labels no photos chose the epoch" in benchmark_markdown(result)


def test_enough_labels_choose_the_epoch_and_a_single_photo_never_does(tmp_path):
    items = make_items(240)
    photos = BenchmarkPhotos(
        data_name="x", items=tuple(items), groups=tuple(range(240)), prints=None, trials=()
    )
    method = tiny_finetuning(photos, tmp_path)

    def trial(count):
        rows = np.arange(count)
        return Trial(group="g", number=0, train=rows, test=np.arange(200, 240), seed=0)

    assert not method.labelled_split(trial(99)).validation
    assert len(method.labelled_split(trial(100)).validation) == 10
    assert method.remarks([trial(100), trial(200)]) == ()
    assert "With 20, 99 labels" in method.remarks([trial(20), trial(100), trial(99)])[0]
    one_scene = dataclasses.replace(method, groups=(0,) * 99 + tuple(range(1, 142)))
    assert not one_scene.labelled_split(trial(100)).validation
    assert one_scene.remarks([trial(100)])


def test_fine_tuning_trains_on_the_training_rows_and_can_be_gone_on_with(
    biq2021, tmp_path, monkeypatch
):
    options = BenchmarkOptions(protocol="splits", data=biq2021, splits=1)
    photos = plan_benchmark(options, cache_folder=tmp_path)
    monkeypatch.setattr(benchmark_methods, "LEAST_VALIDATION", 2)
    method = tiny_finetuning(photos, tmp_path / "runs")
    (trial,) = photos.trials
    split = method.labelled_split(trial)
    names = {photos.items[row].name for row in trial.train}
    assert {item.name for item in (*split.train, *split.validation)} == names
    assert split.validation
    first = method.predict(trial)
    assert first.shape == trial.test.shape
    assert np.isfinite(first).all()
    assert method.predict(trial) == pytest.approx(first, abs=1e-6)  # a finished run is only read
    elsewhere = dataclasses.replace(method, init=tmp_path / "runs" / trial.name)
    with pytest.raises(CheckpointError, match="began from other weights"):
        elsewhere.predict(trial)
    (tmp_path / "runs" / trial.name / "start.txt").unlink()
    with pytest.raises(CheckpointError, match="does not say what it began from"):
        method.predict(trial)
