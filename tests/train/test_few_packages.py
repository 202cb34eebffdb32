"""Training on a borrowed machine: torch and a few more packages, none of the desktop program's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MISSING = (
    "PySide6",
    "defusedxml",
    "exifread",
    "pi_heif",
    "pillow_jxl",
    "platformdirs",
    "rawpy",
    "send2trash",
    "simplejpeg",
    "timm",
)
"""Packages that a machine with an image of its own may lack (docs/gpu-runs.md)."""

BLOCKER = f"""
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {MISSING!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""

DRIVER = f"""
import json, sys
{BLOCKER}
from qpt_train.cli import app
for command in json.loads(sys.argv[1]):
    app(command, standalone_mode=False)
assert not any(name.split(".")[0] in {MISSING!r} for name in sys.modules)
"""


@pytest.fixture
def labelled(noise_set, tmp_path):
    """The more blurred, the worse."""
    return noise_set(tmp_path / "labelled", height=72, width=80, suffix=".jpg").parent


@pytest.mark.slow
def test_every_step_works_without_the_programs_packages(labelled, tmp_path):
    """Pack, pre-train, probe, bench, tune, export, fit a head, evaluate, in this order."""
    scores = str(labelled / "scores.csv")
    run, parts, tuned = (str(tmp_path / name) for name in ("run", "parts", "tuned"))
    weights, model = str(tmp_path / "weights.safetensors"), str(tmp_path / "model.safetensors")
    headed, other = str(tmp_path / "headed"), str(tmp_path / "headed" / "other.safetensors")
    evaluation, sheets = str(tmp_path / "evaluation"), str(tmp_path / "sheets")
    here = ["--device", "cpu", "--num-workers", "0"]
    tiny = ["--recipe", "smoke", "--set", "steps=1", "--set", "views.crop_size=32"]
    tiny += ["--set", "views.source_size=48", "--photos", parts]
    small = ["encoder=resnet18", "head_hidden=8", "epochs=1", "global_crop=32", "split.folds=4"]
    small += ["preprocess.screen_side=64", "preprocess.global_side=32", "preprocess.crop_size=32"]
    small += ["split.validation_share=0.1", "batch_size=6"]
    sets = [part for change in small for part in ("--set", change)]
    heads = ["--name", "other", "--out", headed, "--set", "pairs.count=3", "--set", "members=1"]
    commands = [
        ["pack", str(labelled), "--out", parts, "--part-mb", "1"],
        ["pretrain", *tiny, "--probe", scores, "--out", run, *here],
        ["probe", "--data", scores, "--encoder", "resnet18", "--weights", run, "--crop-size", "32"],
        ["bench", *tiny, "--steps", "1", "--warmup", "1", "--json", *here],
        ["export-encoder", "--run", run, "--out", weights],
        ["finetune", *sets, "--data", scores, "--init", weights, "--out", tuned, *here],
        ["export", "--run", tuned, "--data", scores, "--name", "small", "--out", model],
        ["fit-head", *heads, "--model", model, "--data", scores, *here],
        ["evaluate", "--model", other, "--data", scores, "--split", "all", "--out", evaluation],
        ["degrade", str(labelled / "000.jpg"), "--out", sheets, "--side", "64"],
    ]
    result = run_python(DRIVER, json.dumps(commands), cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    for made in (weights, model, other, evaluation, sheets):
        assert Path(made).exists()


def test_the_tests_for_a_gpu_need_no_plugin():
    """With their own settings they are found by a plain pytest, and are many."""
    found = f"""
import sys
{BLOCKER}
import pytest
sys.exit(pytest.main(["-c", "tests/gpu.ini", "-p", "no:pytest-qt", "-p", "no:timeout",
                      "--collect-only", "-p", "no:cacheprovider", "tests/train/degradations"]))
"""
    result = run_python(found, cwd=ROOT)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert result.stdout.count("cuda") > 4 * 34


def run_python(code, *arguments, cwd):
    """Run code in a process of its own that finds this source folder."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
