"""Two benchmarks are compared trial by trial, and only if the trials are the same."""

import json

import pytest

from qpt_app.errors import DatasetError
from qpt_train.benchmark_compare import (
    compare_benchmarks,
    compare_json,
    compare_markdown,
    paired_difference,
)


def write(folder, values, *, hashes="abc", subset=None):
    folder.mkdir()
    trials = [
        {
            "group": "80/20",
            "number": number,
            "split_hash": hashes[number],
            "measures": {
                "overall": dict.fromkeys(("srcc", "plcc", "plcc_logistic", "krcc", "rmse"), value),
                "mean_subset_srcc": subset,
            },
        }
        for number, value in enumerate(values)
    ]
    (folder / "benchmark.json").write_text(json.dumps({"trials": trials}))
    return folder


def test_differences_are_paired_by_trial(tmp_path):
    first = write(tmp_path / "a", [0.5, 0.6, 0.7])
    second = write(tmp_path / "b", [0.6, 0.5, 0.75])
    found = {row.measure: row for row in compare_benchmarks(first, second / "benchmark.json")}
    row = found["srcc"]
    assert (row.first, row.second, row.trials) == (0.6, 0.6, 3)
    assert (row.median, row.low, row.high) == pytest.approx((0.05, -0.1, 0.1))
    assert row.improved == 2
    assert found["rmse"].improved == 1  # lower is better
    assert "mean_subset_srcc" not in found
    text = compare_markdown(list(found.values()))
    assert "| 80/20 | srcc | 0.600 | 0.600 | +0.050 | -0.100 to +0.100 | 2 of 3 |" in text
    assert json.loads(compare_json(list(found.values())))["differences"][0]["improved"] == 2


def test_the_mean_within_subsets_is_compared_where_both_have_it(tmp_path):
    first = write(tmp_path / "a", [0.5], subset=0.4)
    second = write(tmp_path / "b", [0.5], subset=0.45)
    found = {row.measure: row for row in compare_benchmarks(first, second)}
    assert found["mean_subset_srcc"].median == pytest.approx(0.05)


def test_other_trials_or_splits_are_refused(tmp_path):
    first = write(tmp_path / "a", [0.5, 0.6])
    with pytest.raises(DatasetError, match="same trials"):
        compare_benchmarks(first, write(tmp_path / "b", [0.5]))
    with pytest.raises(DatasetError, match="another split"):
        compare_benchmarks(first, write(tmp_path / "c", [0.5, 0.6], hashes="ax"))


@pytest.mark.parametrize("content", ["", "[]", '{"trials": [1]}'])
def test_a_file_that_is_no_benchmark_is_one_clear_error(tmp_path, content):
    (tmp_path / "benchmark.json").write_text(content)
    with pytest.raises(DatasetError, match="cannot read the benchmark"):
        compare_benchmarks(tmp_path, tmp_path)


def test_a_tie_is_no_improvement():
    assert paired_difference("g", "srcc", [(0.5, 0.5)]).improved == 0
