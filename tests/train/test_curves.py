"""Curves of pre-training runs: what the log holds, running means, a picture of several runs."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from qpt_app.errors import DatasetError
from qpt_train.cli import app
from qpt_train.curves import PANELS, read_curves, smooth

FIELDS = [name for panel in PANELS for name in panel.fields]


def write_log(folder, steps, slope=0.0):
    folder.mkdir()
    records = [{"event": "start", "step": 0}]
    for step in steps:
        values = {name: 5.0 + slope * step for name in FIELDS}
        records.append({"event": "step", "step": step, **values})
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, records)))
    return folder


def test_a_step_that_was_done_again_counts_once(tmp_path):
    run = write_log(tmp_path / "run", [10, 20, 30, 20, 30, 40], slope=0.1)
    steps, values = read_curves(run, ["loss"])["loss"]
    assert steps.tolist() == [10, 20, 30, 40]
    assert values.tolist() == pytest.approx([6.0, 7.0, 8.0, 9.0])


def test_values_that_were_not_finite_are_left_out(tmp_path):
    run = write_log(tmp_path / "run", [10, 20])
    with (run / "log.jsonl").open("a") as stream:
        stream.write('\n{"event": "step", "step": 30, "loss": null, "embedding_rank": 2}')
    curves = read_curves(run, ["loss", "embedding_rank", "no such field"])
    assert curves["loss"][0].tolist() == [10, 20]
    assert curves["embedding_rank"][0].tolist() == [10, 20, 30]
    assert "no such field" not in curves


@pytest.mark.parametrize("width", [1, 4, 9])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_running_means_are_those_of_a_loop(width, count):
    values = np.random.default_rng(0).random(count)
    _, means = smooth((np.arange(count, dtype=float), values), width)
    before = (width - 1) // 2
    by_hand = [
        values[max(0, place - before) : place + width - before].mean() for place in range(count)
    ]
    np.testing.assert_allclose(means, by_hand)


def test_several_runs_become_one_picture(tmp_path):
    runs = [
        write_log(tmp_path / name, range(10, 200, 10), slope)
        for name, slope in (("a", 0.0), ("b", 0.02))
    ]
    out = tmp_path / "curves.png"
    asked = [part for run in runs for part in ("--run", str(run))]
    result = CliRunner().invoke(app, ["curves", *asked, "--out", str(out)])
    assert result.exit_code == 0, result.output
    both = np.asarray(Image.open(out).convert("RGB"))
    CliRunner().invoke(app, ["curves", "--run", str(runs[0]), "--out", str(out)])
    alone = np.asarray(Image.open(io.BytesIO(out.read_bytes())).convert("RGB"))
    assert both.shape == alone.shape
    assert (both != alone).any()


def test_a_folder_without_steps_is_named(tmp_path):
    with pytest.raises(DatasetError, match="not a pre-training run"):
        read_curves(tmp_path, FIELDS)
    empty = write_log(tmp_path / "empty", [])
    with pytest.raises(DatasetError, match="no steps yet"):
        read_curves(empty, FIELDS)
