"""Evaluation: the right photos, honest about the test part, the same path as scoring."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.errors import DatasetError, UsageError
from qpt_train import metrics
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.splits import grouped_folds, split_hash
from qpt_train.evaluate import FINAL_WARNING, choose_photos, evaluate, parse_split
from qpt_train.evaluation_report import evaluation_markdown, write_evaluation
from qpt_train.group_measures import MEASURES, BootstrapConfig, measure_split
from qpt_train.leaks import find_leaks
from qpt_train.photo_scores import SCORING_BATCH, decode_ahead, score_paths
from qpt_train.subjects import Subject

TINY = PreprocessConfig(
    screen_side=64, global_side=32, global_multiple=16, crop_size=16, crop_columns=2, crop_rows=1
)
FEW = BootstrapConfig(resamples=50)


class BrightnessScorer:
    """Scores the mean brightness of the global view; remembers the sizes of its batches."""

    identity = ModelIdentity(name="bright", digest="0" * 64, preprocess=TINY)
    device_name = "cpu"

    def __init__(self):
        self.batches = []

    def score(self, photos):
        self.batches.append(len(photos))
        values = [float(photo.global_view.mean()) / 255 for photo in photos]
        return [PhotoScore(100 * v, None, v, np.full(4, v, np.float16)) for v in values]


def save_photo(path, brightness, seed):
    """A textured photo of a mean brightness, unlike any other seed's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texture = np.random.default_rng(seed).integers(-30, 30, size=(6, 6, 3))
    small = np.clip(brightness + texture, 0, 255).astype(np.uint8)
    Image.fromarray(small).resize((48, 36), Image.Resampling.BICUBIC).save(path, format="PNG")


@pytest.fixture(scope="module")
def biq2021(tmp_path_factory):
    """40 train and 6 test photos of two subsets; MOS follows brightness with a little noise."""
    folder = tmp_path_factory.mktemp("biq2021")
    generator = np.random.default_rng(5)
    for table, numbers in (("Train", range(40)), ("Test", range(40, 46))):
        lines = ["Image Name,MOS"]
        for number in numbers:
            brightness = int(generator.integers(40, 210))
            name = f"ss0{1 + number % 2} ({10 * number}).jpg"
            save_photo(folder / "Images" / name, brightness, seed=number)
            mos = np.clip(brightness / 255 + 0.05 * generator.normal(), 0, 1)
            lines.append(f"{name},{mos:.4f}")
        (folder / f"{table} (Images and MOS).csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def trained_split(biq2021):
    items = load_mos_set(biq2021).items
    folds = grouped_folds(items, folds=4, seed=3)
    return {"seed": 3, "folds": 4, "heldout_fold": 1, "hash": split_hash(items, folds)}


def make_subject(training=None):
    return Subject(
        label="bright@00000000", scorer=BrightnessScorer(), digest="0", training=training or {}
    )


def test_heldout_photos_are_exactly_the_fold_left_out_in_training(biq2021, trained_split):
    items = load_mos_set(biq2021).items
    folds = grouped_folds(items, folds=4, seed=3)
    photos = choose_photos(biq2021, "heldout", trained_split)
    expected = {item.name for item, fold in zip(items, folds, strict=True) if fold == 1}
    assert {item.name for item in photos.tested} == expected
    assert {item.name for item in photos.others} == {item.name for item in items} - expected
    assert photos.split_hash == trained_split["hash"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hash": "0" * 64}, "is not the one that the model was trained with"),
        ({"seed": 4}, "is not the one that the model was trained with"),
        ({"heldout_fold": None}, "without holding out"),
    ],
)
def test_a_split_that_cannot_be_made_again_is_refused(biq2021, trained_split, change, message):
    with pytest.raises(DatasetError, match=message):
        choose_photos(biq2021, "heldout", {**trained_split, **change})


def test_a_model_that_does_not_tell_its_split_has_no_held_out_photos(biq2021):
    with pytest.raises(DatasetError, match="does not say which split"):
        choose_photos(biq2021, "heldout", None)


def test_official_test_photos_need_the_word_final_and_a_loud_line(biq2021):
    with pytest.raises(UsageError, match="--final"):
        choose_photos(biq2021, "official-test", None)
    photos = choose_photos(biq2021, "official-test", None, final=True)
    assert len(photos.tested) == 6
    assert all(item.official_part == "test" for item in photos.tested)
    result, _ = evaluate(make_subject(), photos, bootstrap=FEW)
    assert FINAL_WARNING in evaluation_markdown(result)
    assert result.to_dict()["final"] is True


@pytest.mark.parametrize("final", [False, True])
def test_all_never_holds_official_test_photos(biq2021, final):
    photos = choose_photos(biq2021, "all", None, final=final)
    assert len(photos.tested) == 40
    assert not any(item.official_part == "test" for item in photos.tested)


def test_evaluation_equals_the_measures_computed_by_hand(biq2021):
    photos = choose_photos(biq2021, "all", None)
    result, found = evaluate(make_subject(), photos, bootstrap=FEW)
    mos = np.asarray([item.mos for item in photos.tested])
    overall = result.measures.overall
    assert overall.agreement == metrics.agreement(found.raw_scores, mos)
    assert overall.agreement.srcc > 0.9
    within = []
    for name in ("ss01", "ss02"):
        rows = np.asarray([item.subset == name for item in photos.tested])
        within.append(metrics.srcc(found.raw_scores[rows], mos[rows]))
        assert result.measures.subsets[name].agreement.srcc == within[-1]
    assert result.measures.mean_subset_srcc == pytest.approx(np.mean(within))
    for measure in MEASURES:
        low, high = overall.intervals[measure]
        assert low <= high
    assert overall.intervals["srcc"].low <= overall.agreement.srcc


def test_scoring_keeps_the_order_for_any_number_of_threads(biq2021):
    paths = [item.path for item in load_mos_set(biq2021).items]
    one, many = (score_paths(BrightnessScorer(), paths, workers=workers) for workers in (1, 4))
    assert one.raw_scores.tolist() == many.raw_scores.tolist()
    assert one.features.shape == (40, 4)
    seen = []
    score_paths(BrightnessScorer(), paths, on_photo=seen.append)
    assert seen == [SCORING_BATCH, 40 - SCORING_BATCH]


def test_decoding_stays_a_bounded_number_of_photos_ahead(tmp_path):
    save_photo(tmp_path / "a.png", 100, 0)
    paths = [tmp_path / "a.png"] * (2 * SCORING_BATCH + 5) + [tmp_path / "missing.png"]
    views = decode_ahead(paths, TINY, workers=2)
    for _ in range(2 * SCORING_BATCH + 5):
        next(views)
    with pytest.raises(DatasetError, match=r"missing\.png"):
        next(views)


def test_a_score_that_is_not_finite_stops_the_evaluation_and_names_the_photo(biq2021):
    class Broken(BrightnessScorer):
        def score(self, photos):
            return [found._replace(raw_score=float("nan")) for found in super().score(photos)]

    photos = choose_photos(biq2021, "all", None)
    subject = Subject(label="broken", scorer=Broken(), digest="0", training={})
    with pytest.raises(DatasetError, match=r"ss0\d .* no finite score"):
        evaluate(subject, photos, bootstrap=FEW)


def test_the_leak_check_leaves_out_near_duplicates_and_nothing_else(tmp_path):
    lines = {"Train": ["Image Name,MOS"], "Test": ["Image Name,MOS"]}
    for number in range(12):
        part = "Train" if number < 6 else "Test"
        seed = 2 if number == 9 else number  # test photo 9 is train photo 2, a little brighter
        brightness = 60 + 10 * number if number != 9 else 84
        name = f"ss01 ({100 * number}).jpg"
        save_photo(tmp_path / "Images" / name, brightness, seed)
        lines[part].append(f"{name},{brightness / 255:.4f}")
    for part, rows in lines.items():
        (tmp_path / f"{part} (Images and MOS).csv").write_text("\n".join(rows) + "\n")
    photos = choose_photos(tmp_path, "official-test", None, final=True)
    leaks = find_leaks(photos.tested, photos.others)
    assert leaks.pairs == (("ss01 (900).jpg", "ss01 (200).jpg"),)
    assert leaks.leaked.tolist() == [False, False, False, True, False, False]
    result, _ = evaluate(make_subject(), photos, bootstrap=FEW, leak_check=True)
    assert result.leak_pairs == 1
    assert result.measures.overall.agreement.count == 6
    assert result.without_leaks.overall.agreement.count == 5
    assert "Without the 1 photos that have a near-duplicate" in evaluation_markdown(result)


def test_a_single_photo_is_refused_before_it_is_scored(tmp_path):
    save_photo(tmp_path / "a.png", 100, 0)
    (tmp_path / "scores.csv").write_text("path,mos\na.png,0.5\n")
    subject = make_subject()
    with pytest.raises(DatasetError, match="two photos to test on or more, not 1"):
        evaluate(subject, choose_photos(tmp_path, "all", None), bootstrap=FEW)
    assert not subject.scorer.batches


def test_the_leak_check_counts_photos_that_show_a_scene_of_the_others(tmp_path):
    """Tested photos 3 numbers after a train photo: alike (but no near-duplicates) or not."""
    shapes = np.random.default_rng(0).normal(size=(20, 6, 6, 3))
    rows = {"Train": ["Image Name,MOS"], "Test": ["Image Name,MOS"]}

    def save(part, subset, number, texture):
        name = f"{subset} ({number}).jpg"
        small = np.clip(120 + 35 * texture, 0, 255).astype(np.uint8)
        (tmp_path / "Images").mkdir(exist_ok=True)
        picture = Image.fromarray(small).resize((48, 36), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "Images" / name, format="PNG")
        rows[part].append(f"{name},{small.mean() / 255:.4f}")

    for place in range(8):
        subset = "ss01" if place < 5 else "ss02"
        same_scene = place in (0, 1, 2, 5)
        save("Train", subset, 100 * place, shapes[place])
        other = 0.8 * shapes[place] + 0.6 * shapes[place + 8] if same_scene else shapes[place + 8]
        save("Test", subset, 100 * place + 3, other)
    for part, lines in rows.items():
        (tmp_path / f"{part} (Images and MOS).csv").write_text("\n".join(lines) + "\n")
    photos = choose_photos(tmp_path, "official-test", None, final=True)
    result, found = evaluate(make_subject(), photos, bootstrap=FEW, leak_check=True)
    assert result.leak_pairs == 0
    write_evaluation(tmp_path / "report", result, photos.tested, found)
    told = json.loads((tmp_path / "report" / "evaluation.json").read_text())["shared_scenes"]
    subsets = {"ss01": {"photos": 5, "shared": 3}, "ss02": {"photos": 3, "shared": 1}}
    assert told == {"photos": 8, "shared": 4, "subsets": subsets}
    text = (tmp_path / "report" / "evaluation.md").read_text()
    assert "4 of 8 photos (ss01: 3 of 5; ss02: 1 of 3) show one scene with a photo on the" in text
    plain, _ = evaluate(make_subject(), photos, bootstrap=FEW)
    assert plain.to_dict()["shared_scenes"] is None


def test_a_leak_check_that_leaves_nothing_to_measure_says_so(tmp_path):
    rows = {"Train": ["Image Name,MOS"], "Test": ["Image Name,MOS"]}
    for part, shift in (("Train", 0), ("Test", 50)):
        for number in range(1, 4):
            name = f"ss01 ({100 * number + shift}).jpg"
            save_photo(tmp_path / "Images" / name, 60 + 10 * number, number)
            rows[part].append(f"{name},0.{number}")
        (tmp_path / f"{part} (Images and MOS).csv").write_text("\n".join(rows[part]) + "\n")
    photos = choose_photos(tmp_path, "official-test", None, final=True)
    result, _ = evaluate(make_subject(), photos, bootstrap=FEW, leak_check=True)
    assert result.leak_pairs == 3
    assert result.without_leaks is None
    assert "no figures without leaks" in evaluation_markdown(result)


def test_the_report_holds_the_same_figures_in_every_form(biq2021, trained_split, tmp_path):
    photos = choose_photos(biq2021, "heldout", trained_split)
    result, found = evaluate(make_subject(), photos, bootstrap=FEW)
    paths = write_evaluation(tmp_path / "report", result, photos.tested, found)
    assert {path.name for path in paths} == {
        "evaluation.md",
        "evaluation.json",
        "predictions.csv",
        "scatter.png",
    }
    text = (tmp_path / "report" / "evaluation.md").read_text()
    stored = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert f"{result.measures.overall.agreement.srcc:.3f} [" in text
    assert stored["measures"]["overall"]["srcc"] == result.measures.overall.agreement.srcc
    assert trained_split["hash"] in text
    assert stored["split_hash"] == trained_split["hash"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report/predictions.csv").read_text())))
    assert [row["name"] for row in rows] == [item.name for item in photos.tested]
    again = metrics.srcc(
        [float(row["raw_score"]) for row in rows], [float(row["mos"]) for row in rows]
    )
    assert again == pytest.approx(result.measures.overall.agreement.srcc, abs=1e-6)
    with Image.open(tmp_path / "report" / "scatter.png") as picture:
        assert picture.size > (400, 300)


def test_the_mean_within_subsets_is_not_fooled_by_subset_means():
    """A model that only knows the subset: high overall, nothing within."""
    generator = np.random.default_rng(0)
    subsets = ["a"] * 200 + ["b"] * 200
    offset = np.repeat([0.0, 3.0], 200)
    mos = offset + generator.normal(size=400)
    predicted = offset + 0.01 * generator.normal(size=400)
    found = measure_split(predicted, mos, subsets, FEW)
    assert found.overall.agreement.srcc > 0.7
    assert abs(found.mean_subset_srcc) < 0.15
    assert found.mean_subset_interval.low <= found.mean_subset_srcc
    assert found.mean_subset_srcc <= found.mean_subset_interval.high


def test_a_set_without_subsets_has_no_mean_within_them():
    found = measure_split([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [None, None, None], FEW)
    assert found.subsets == {}
    assert found.mean_subset_srcc is None


def test_unknown_split_names_are_usage_errors():
    assert parse_split("heldout") == "heldout"
    with pytest.raises(UsageError, match="heldout, official-test or all"):
        parse_split("test")
