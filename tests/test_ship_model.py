"""The shipping sequence: right order, nothing twice, no model that is too large or misnamed."""

import errno
import hashlib
import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch

from qpt_app.core.calibration import Calibration
from qpt_app.core.model_file import save_model
from qpt_app.core.model_library import find_model
from qpt_app.core.model_metadata import read_metadata
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import StorageError

SCRIPT = Path(__file__).parent.parent / "packaging" / "ship_model.py"


@pytest.fixture(scope="module")
def ship():
    spec = importlib.util.spec_from_file_location("ship_model", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options(ship, *more):
    common = ["--name", "n", "--data", "D", "--clean", "C", "--large", "L", "--large", "M"]
    return ship.parse(["--model", "m.safetensors", *common, "--out", "O", *more])


def test_the_official_test_photos_are_read_only_when_that_is_asked_for(ship):
    plain = ship.steps(Path("m"), options(ship))
    assert [step.name for step in plain] == [
        "evaluate", "reliability", "sensitivity", "size-study", "worst",
    ]  # fmt: skip
    assert not any("official-test" in word for step in plain for word in step.arguments)
    final = ship.steps(Path("m"), options(ship, "--official-test"))
    assert final[:-1] == plain
    assert {"official-test", "--final", "--leak-check"} <= set(final[-1].arguments)


def test_every_step_is_a_command_of_qpt_train_with_options_it_knows(ship):
    from typer.main import get_command

    from qpt_train.cli import app

    commands = get_command(app).commands
    for step in ship.steps(Path("m"), options(ship, "--official-test")):
        known = {name for parameter in commands[step.name].params for name in parameter.opts}
        assert {word for word in step.arguments if word.startswith("--")} <= known, step.name
    large = next(s for s in ship.steps(Path("m"), options(ship)) if s.name == "size-study")
    assert [
        a for f, a in zip(large.arguments, large.arguments[1:], strict=False) if f == "--photos"
    ] == ["L", "M"]


def test_a_report_counts_only_for_the_model_it_is_of(ship, tmp_path):
    report = tmp_path / "r.json"
    step = ship.Step(name="x", report=report, arguments=())
    assert not ship.is_done(step, "a@1")
    report.write_text(json.dumps({"model": "a@1"}))
    assert ship.is_done(step, "a@1")
    assert not ship.is_done(step, "a@2")
    report.write_text("{")
    assert not ship.is_done(step, "a@1")


def save(path, *, revision="a", note="x", low=0.2, weight=0.0):
    torch.manual_seed(0)
    model = build_quality_model("mobilenet_v3_large", head_hidden=2).eval()
    with torch.no_grad():
        model.head.hidden.bias[0] += weight
    return save_model(
        path,
        model,
        name="n",
        preprocess=PreprocessConfig(),
        calibration=Calibration(raw_knots=(-1.0, 1.0), level_knots=(low, 0.8)),
        training={"git_revision": revision, "torch_version": revision, "data": note},
        licence="x",
    )


def test_an_export_by_other_code_is_the_same_model_if_nothing_else_differs(
    ship, tmp_path, monkeypatch
):
    """So that its reports stay its own, that on the official test photos above all."""
    common = ["--name", "n", "--data", "D", "--clean", "C", "--large", "L", "--out", str(tmp_path)]
    given = ship.parse(["--run", "R", *common])

    def export(**changes):
        def write(*arguments):
            save(Path(arguments[arguments.index("--out") + 1]), **changes)

        monkeypatch.setattr(ship, "qpt_train", write)
        return read_metadata(ship.export(given)).identity.label

    first = export()
    assert export(revision="b") == first
    assert export() == first
    others = {export(note="y"), export(low=0.3), export(weight=1.0)}
    assert len(others | {first}) == 4
    (tmp_path / "n.safetensors").write_bytes(b"cut short")
    assert export() == first
    assert [path.name for path in tmp_path.iterdir()] == ["n.safetensors"]


def test_the_official_test_photos_are_not_read_for_a_second_model_of_the_name(
    ship, tmp_path, monkeypatch
):
    ran = []
    monkeypatch.setattr(ship, "qpt_train", lambda *arguments: ran.append(arguments))
    label = save(tmp_path / "m.safetensors").identity.label
    report = tmp_path / "official-test" / "evaluation.json"
    report.parent.mkdir()

    def main(tested, *more):
        report.write_text(json.dumps({"model": tested}))
        monkeypatch.setattr(ship, "card_figures", lambda _out: "")
        common = ["--name", "n", "--data", "D", "--clean", "C", "--large", "L"]
        model = str(tmp_path / "m.safetensors")
        ran.clear()
        ship.main(["--model", model, *common, "--out", str(tmp_path), "--official-test", *more])
        return sum("official-test" in arguments for arguments in ran)

    with pytest.raises(SystemExit, match="one number per final model"):
        main("n@00000000")
    assert not ran
    assert main("n@00000000", "--official-test-again") == 1
    assert main(label) == 0
    assert main("another@00000000") == 1


def test_installing_writes_file_and_manifest_and_minds_name_and_size(ship, tmp_path):
    model, folder = find_model(), tmp_path / "models"
    folder.mkdir()
    (folder / "other.safetensors").write_bytes(b"x" * 100)
    size = model.stat().st_size
    with pytest.raises(SystemExit, match="calls itself"):
        ship.install(model, "other-name", folder)
    with pytest.raises(SystemExit, match="more than"):
        ship.install(model, "qpt-small", folder, limit=size + 99)
    assert not (folder / "qpt-small.safetensors").exists()
    ship.install(model, "qpt-small", folder, limit=size + 100)
    lines = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    assert set(lines) == {"other.safetensors", "qpt-small.safetensors"}
    assert lines["qpt-small.safetensors"] == hashlib.sha256(model.read_bytes()).hexdigest()
    shutil.copy(folder / "qpt-small.safetensors", tmp_path / "again.safetensors")
    ship.install(tmp_path / "again.safetensors", "qpt-small", folder, limit=size + 100)


def test_a_full_disk_leaves_the_installed_model_and_its_manifest(ship, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    before = {"qpt-small.safetensors": b"old", "SHA256SUMS": b"sums"}
    for name, content in before.items():
        (folder / name).write_bytes(content)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("qpt_app.core.atomic_write.os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        ship.install(find_model(), "qpt-small", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_export_options_go_through_and_not_with_a_finished_file(ship):
    common = ["--name", "n", "--data", "D", "--clean", "C", "--large", "L", "--out", "O"]
    found = ship.parse(["--run", "R", *common, "--", "--data-note", "text"])
    assert found.export_options == ["--data-note", "text"]
    with pytest.raises(SystemExit):
        options(ship, "--", "--data-note", "text")


def test_the_shipped_manifest_fits_the_files():
    folder = SCRIPT.parent.parent / "assets" / "models"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    stated = dict(reversed(line.split("  ")) for line in lines)
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*.safetensors")
    }
    assert stated == found
    assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) <= 36_000_000


def test_the_card_figures_are_those_of_the_reports(ship, tmp_path):
    row = {"count": 3, "srcc": 0.5, "plcc": 0.25, "rmse": 0.1, "intervals": {"srcc": [0.4, 0.6]}}
    measures = {"overall": row, "subsets": {"s": row}, "mean_subset_srcc": 0.5}
    measures["mean_subset_interval"] = [0.4, 0.6]
    (tmp_path / "heldout").mkdir()
    (tmp_path / "heldout" / "evaluation.json").write_text(
        json.dumps({"model": "a@1", "measures": measures, "without_leaks": measures})
    )
    (tmp_path / "reliability").mkdir()
    coverage = [{"group": "all photos", "covered": 0.8, "interval": [0.7, 0.9]}]
    pairs = [{"group": "all pairs", "expected_error": 0.012, "accuracy": 0.7}]
    (tmp_path / "reliability" / "reliability.json").write_text(
        json.dumps({"coverage": coverage, "pairs": pairs})
    )
    (tmp_path / "sensitivity").mkdir()
    told = {"everyday_pairwise": 0.934, "mean_pairwise": 0.848, "photos": 20}
    report = tmp_path / "sensitivity" / "sensitivity.json"
    report.write_text(json.dumps(told))
    assert "everyday operators: 0.934; all: 0.848; 20 photos" in ship.card_figures(tmp_path)
    report.write_text(json.dumps({**told, "everyday_interval": [0.9, 0.96]}))
    text = ship.card_figures(tmp_path)
    assert "everyday operators: 0.934 [0.900, 0.960]; all" in text
    assert "| all | 3 | 0.500 [0.400, 0.600] | 0.250 | 0.100 |" in text
    assert "Without near-duplicates: SRCC 0.500, mean within subsets 0.500." in text
    assert "all photos 0.800 [0.700, 0.900]" in text
    assert "expected calibration error 0.012" in text
