"""The commands end to end, with a tiny model file on made-up photos."""

import json

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from qpt_app.core.calibration import Calibration
from qpt_app.core.model_file import save_model
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import ModelNotFoundError, UsageError
from qpt_train import cli_evaluate
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.recorded_splits import fold_letters
from qpt_train.data.splits import grouped_folds, split_hash
from qpt_train.evaluate import FINAL_WARNING
from qpt_train.photo_scores import score_paths
from qpt_train.subjects import load_encoder_subject, load_subject, weights_digest

TINY = PreprocessConfig(
    screen_side=64, global_side=32, global_multiple=16, crop_size=32, crop_columns=1, crop_rows=1
)


@pytest.fixture(scope="module")
def biq2021(tmp_path_factory):
    folder = tmp_path_factory.mktemp("biq2021")
    (folder / "Images").mkdir()
    generator = np.random.default_rng(5)
    for table, numbers in (("Train", range(30)), ("Test", range(30, 34))):
        lines = ["Image Name,MOS"]
        for number in numbers:
            name = f"ss0{1 + number % 2} ({10 * number}).jpg"
            small = generator.integers(0, 256, size=(6, 6, 3)).astype(np.uint8)
            picture = Image.fromarray(small).resize((48, 40), Image.Resampling.BICUBIC)
            picture.save(folder / "Images" / name, format="PNG")
            lines.append(f"{name},{generator.random():.4f}")
        (folder / f"{table} (Images and MOS).csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def model_file(biq2021, tmp_path_factory):
    """A random model that says it held out fold 1 of 3."""
    items = load_mos_set(biq2021).items
    folds = grouped_folds(items, folds=3, seed=0)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(
        path,
        build_quality_model("resnet18", head_hidden=2).eval(),
        name="tiny",
        preprocess=TINY,
        calibration=Calibration(raw_knots=(-1.0, 1.0), level_knots=(0.2, 0.8)),
        training={
            "split": {
                "set": "biq2021",
                "seed": 0,
                "folds": 3,
                "heldout_fold": 1,
                "hash": split_hash(items, folds),
                "assignment": fold_letters(items, folds),
            }
        },
        licence="Apache-2.0",
    )
    return path


@pytest.fixture
def run():
    app = typer.Typer()
    cli_evaluate.register(app)

    def invoke(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


def test_evaluate_writes_what_it_prints(run, model_file, biq2021, tmp_path):
    out = tmp_path / "report"
    done = run(
        "evaluate", "--model", model_file, "--data", biq2021, "--out", out, "--device", "cpu",
        "--resamples", 20,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("# tiny@")
    stored = json.loads((out / "evaluation.json").read_text())
    assert stored["split_hash"] in done.stdout
    assert f"{stored['measures']['overall']['srcc']:.3f} [" in done.stdout
    assert 5 <= stored["measures"]["overall"]["count"] <= 15
    assert FINAL_WARNING not in done.output
    assert f"wrote {out / 'scatter.png'}" in done.stderr


def test_the_official_test_part_needs_final_and_is_announced(run, model_file, biq2021):
    common = ["evaluate", "--model", model_file, "--data", biq2021, "--split", "official-test"]
    common += ["--device", "cpu", "--resamples", 5]
    refused = run(*common)
    assert isinstance(refused.exception, UsageError)
    assert refused.exception.exit_code == 2
    done = run(*common, "--final", "--leak-check")
    assert done.exit_code == 0, done.output
    assert FINAL_WARNING in done.stderr
    assert FINAL_WARNING in done.stdout
    assert "| all photos | 4 |" in done.stdout


def test_benchmark_sensitivity_and_compare_run_to_the_end(run, model_file, biq2021, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 3)):
        done = run(
            "benchmark", "--model", model_file, "--data", biq2021, "--out", tmp_path / name,
            "--splits", 1, "--device", "cpu", "--seed", seed,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert "fine-tuned on labels of biq2021" in done.stdout
    same = run("compare", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "change.json")
    assert same.exit_code == 0
    changes = json.loads((tmp_path / "change.json").read_text())["differences"]
    assert {change["median"] for change in changes} == {0.0}
    assert "another split" in str(run("compare", tmp_path / "a", tmp_path / "c").exception)
    done = run(
        "sensitivity", "--model", model_file, "--photos", biq2021 / "Images", "--count", 1,
        "--operator", "jpeg", "--operator", "darken", "--device", "cpu", "--out", tmp_path / "s",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    stored = json.loads((tmp_path / "s" / "sensitivity.json").read_text())
    assert [row["operator"] for row in stored["operators"]] == ["jpeg", "darken"]


def test_a_subject_scores_as_the_model_file_does(model_file, biq2021):
    subject = load_subject(str(model_file), device="cpu")
    assert subject.split["heldout_fold"] == 1
    assert subject.label.startswith("tiny@")
    paths = [item.path for item in load_mos_set(biq2021).items[:3]]
    first, again = (score_paths(subject.scorer, paths).raw_scores for _ in range(2))
    assert first.tolist() == again.tolist()
    with pytest.raises(ModelNotFoundError):
        load_subject("no-such-model")


def test_an_encoder_subject_takes_the_weights_it_is_given(model_file):
    loaded = load_encoder_subject("resnet18", init=model_file, seed=3, device="cpu")
    other_seed = load_encoder_subject("resnet18", init=model_file, seed=4, device="cpu")
    random = load_encoder_subject("resnet18", seed=3, device="cpu")
    assert random.split is None
    assert loaded.digest == other_seed.digest != random.digest
    assert "tiny.safetensors" in loaded.label
    assert "random weights, seed 3" in random.label
    assert loaded.split["set"] == "biq2021"  # its labels have been seen: the report says so


def test_the_digest_sees_every_weight():
    model = torch.nn.Linear(2, 2)
    before = weights_digest(model)
    assert weights_digest(model) == before
    with torch.no_grad():
        model.bias[1] += 1e-6
    assert weights_digest(model) != before
