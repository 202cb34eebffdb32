"""Checkpoints: verified before use, the newest good one wins, damage is one clear error."""

import pickle

import pytest
import torch

from qpt_app.errors import CheckpointError
from qpt_train.checkpoint import (
    list_checkpoints,
    load_checkpoint,
    load_given,
    load_latest,
    save_checkpoint,
)


def save(folder, step, keep=3):
    return save_checkpoint(folder, step, {"w": torch.full((3,), step)}, {"a": step}, keep=keep)


def test_round_trip(tmp_path):
    path = save(tmp_path, 7)
    state, manifest = load_checkpoint(path)
    assert state["w"].tolist() == [7, 7, 7]
    assert (manifest["step"], manifest["a"]) == (7, 7)


def test_only_the_newest_are_kept(tmp_path):
    for step in (1, 2, 3, 10):
        save(tmp_path, step, keep=2)
    assert [entry.step for entry in list_checkpoints(tmp_path)] == [3, 10]
    assert len(list(tmp_path.iterdir())) == 4


def test_keeping_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="two"):
        save(tmp_path, 1, keep=1)


def test_damaged_newest_falls_back_by_one(tmp_path):
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    state, _, path = load_latest(tmp_path)
    assert state["w"][0] == 1
    assert path.name == "step-00000001.pt"


def test_a_run_its_checkpoints_and_a_checkpoint_stand_for_the_same(tmp_path):
    save(tmp_path / "checkpoints", 1)
    newest = save(tmp_path / "checkpoints", 2)
    for given in (tmp_path, tmp_path / "checkpoints", newest):
        state, manifest, path = load_given(given)
        assert (state["w"][0], manifest["step"], path) == (2, 2, newest)
    for nothing in (tmp_path / "none", tmp_path / "none.pt"):
        with pytest.raises(CheckpointError):
            load_given(nothing)


def test_cut_anywhere_is_one_clear_error(tmp_path):
    path = save(tmp_path, 1)
    data = path.read_bytes()
    for part in range(20):
        path.write_bytes(data[: len(data) * part // 20])
        with pytest.raises(CheckpointError, match="digest"):
            load_checkpoint(path)


def test_file_without_manifest_does_not_count(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2).with_suffix(".json").unlink()
    assert [entry.step for entry in list_checkpoints(tmp_path)] == [1]


def test_code_in_a_checkpoint_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = save(tmp_path, 1)
    data = pickle.dumps(Evil(), protocol=2)
    path.write_bytes(data)
    import hashlib
    import json

    manifest = json.loads(path.with_suffix(".json").read_text())
    manifest["sha256"] = hashlib.sha256(data).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_checkpoint(path)


def test_unknown_version_names_both(tmp_path):
    path = save(tmp_path, 1)
    manifest = path.with_suffix(".json")
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(CheckpointError, match="version 9.*version 1"):
        load_checkpoint(path)


def test_empty_folder_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        load_latest(tmp_path)
