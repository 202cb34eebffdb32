"""Runs that do not begin from random weights say so."""

import pytest
import torch

import qpt_train.contrastive.network as network
from qpt_app.errors import CheckpointError
from qpt_train.run_log import read_run_log


def test_a_warm_start_begins_from_the_weights_and_is_marked(tiny, photos, whole_run, tmp_path):
    """The first step's loss differs from the random start's, and the record names the source."""
    tiny.run(photos, tmp_path / "warm", {"steps": 1}, init=whole_run)
    records = list(read_run_log(tmp_path / "warm/log.jsonl"))
    assert records[0]["started_from"] == f"warm start: {whole_run.name}"
    first = next(r for r in read_run_log(whole_run / "log.jsonl") if r["event"] == "step")
    assert records[1]["loss"] != first["loss"]


def test_a_resumed_warm_start_stays_one(tiny, photos, whole_run, tmp_path):
    """`--init` need not be given again, and the record still names it."""
    tiny.run(photos, tmp_path, init=whole_run, should_stop=lambda: True)
    tiny.run(photos, tmp_path, resume=True)
    starts = [r for r in read_run_log(tmp_path / "log.jsonl") if r["event"] == "start"]
    assert [r["started_from"] for r in starts] == [f"warm start: {whole_run.name}"] * 2


def test_the_slow_copy_starts_equal_too(tiny, whole_run, monkeypatch):
    """Both networks hold the weights, or the first keys would be random."""
    from qpt_train.pretrain_state import build_state, warm_start

    monkeypatch.setattr(network, "build_encoder", tiny.build_tiny_encoder)
    state = build_state(tiny.recipe(), torch.device("cpu"))
    warm_start(state, whole_run)
    for one, other in zip(
        state.network.parameters(), state.momentum_network.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_a_missing_file_is_an_error(tiny, photos, tmp_path):
    """Never a silent random start."""
    with pytest.raises(CheckpointError, match="cannot read encoder weights"):
        tiny.run(photos, tmp_path / "out", init=tmp_path / "missing.safetensors")
