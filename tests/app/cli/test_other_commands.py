"""`models`, `cache`, `doctor`, `bench`, `gui`: what they print and how they end."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qpt_app.cli import gui_command
from qpt_app.cli.bench_command import GUI_BENCH_MODULE
from qpt_app.errors import UsageError


class TestModels:
    """The model files."""

    def test_path_and_verify_of_a_file(self, qpt, tiny_model):
        """A file's path is a model too."""
        assert qpt("models", "path", tiny_model).lines == [str(tiny_model)]
        done = qpt("models", "verify", tiny_model)
        assert done.code == 0
        assert done.lines[0].startswith("ok  tiny@")

    def test_path_without_a_name_is_the_model_in_use(self, qpt, tiny_model, monkeypatch):
        """The settings decide."""
        monkeypatch.setenv("QPT_MODEL", str(tiny_model))
        assert qpt("models", "path").lines == [str(tiny_model)]

    @pytest.mark.skipif(os.name == "nt", reason="names are not bytes there")
    def test_a_path_that_is_not_utf_8_is_printed_byte_for_byte(self, qpt, tiny_model, tmp_path):
        """So that a script can use it."""
        odd = tmp_path / os.fsdecode(b"\xff.safetensors")
        odd.write_bytes(tiny_model.read_bytes())
        assert qpt("models", "path", odd).out == os.fsencode(odd) + b"\n"
        assert rb"\xff.safetensors" in qpt("models", "verify", odd).out

    @pytest.mark.parametrize("command", ["path", "verify"])
    def test_an_unknown_model_is_2(self, qpt, command):
        """One line that names it."""
        done = qpt("models", command, "nosuch")
        assert (done.code, done.out) == (2, b"")
        assert "nosuch" in done.err

    def test_a_damaged_model_is_1(self, qpt, tiny_model, tmp_path):
        """Any flipped bit is found."""
        data = bytearray(tiny_model.read_bytes())
        data[len(data) // 2] ^= 4
        damaged = tmp_path / "damaged.safetensors"
        damaged.write_bytes(data)
        done = qpt("models", "verify", tiny_model, damaged)
        assert done.code == 1
        assert done.err.count("\n") == 1
        assert str(damaged) in done.err

    def test_list_shows_the_shipped_models(self, qpt, tiny_model, tmp_path, monkeypatch):
        """Name, label, encoder, licence, path; none at all is an error, not silence."""
        from qpt_app.core import model_library

        monkeypatch.setattr(model_library, "models_dir", lambda: tmp_path)
        assert qpt("models", "list").code == 2
        (tmp_path / "qpt-small.safetensors").write_bytes(tiny_model.read_bytes())
        done = qpt("models", "list")
        assert done.code == 0
        assert done.lines[0] == "qpt-small (default)"
        assert "regnet_x_400mf" in done.out.decode()
        assert qpt("models", "verify").code == 0


class TestCache:
    """The score cache."""

    def test_info_and_clear(self, qpt, real, photo_folder):
        """What went in is counted, and is gone after clear."""
        qpt("score", photo_folder(3))
        info = dict(line.split(None, 1) for line in qpt("cache", "info").lines)
        assert info["scores"] == "3"
        assert info["path"].startswith(os.environ["QPT_CACHE_FOLDER"])
        assert "by tiny@" in qpt("cache", "info").out.decode()
        assert qpt("cache", "clear").lines == ["3 scores forgotten"]
        assert "scores  0" in qpt("cache", "info").lines
        assert "focus   0" in qpt("cache", "info").lines

    def test_a_cache_that_cannot_be_opened_is_1(self, qpt, tmp_path, monkeypatch):
        """One line."""
        (tmp_path / "cache").write_text("in the way")
        monkeypatch.setenv("QPT_CACHE_FOLDER", str(tmp_path / "cache"))
        for command in ("info", "clear"):
            done = qpt("cache", command)
            assert done.code == 1
            assert done.err.count("\n") == 1


class TestDoctor:
    """One look at the whole installation."""

    def test_everything_in_order(self, qpt, real):
        """Each section, each setting with its source, no problem."""
        done = qpt("doctor")
        text = done.out.decode()
        assert done.code == 0, text
        for section in (
            "versions",
            "devices",
            "formats",
            "model",
            "cache",
            "decisions",
            "settings",
        ):
            assert section in done.lines
        assert "(environment QPT_MODEL)" in text
        assert "(default)" in text
        assert "JPEG" in text
        assert done.lines[-1] == "0 problems"

    def test_what_is_wrong_is_marked_and_counted(self, qpt, monkeypatch):
        """A missing model and a misspelt variable; the rest is still shown."""
        monkeypatch.setenv("QPT_MODEL", "nosuch")
        monkeypatch.setenv("QPT_MODLE", "x")
        done = qpt("doctor")
        problems = [line for line in done.lines if "problem: " in line]
        assert done.code == 1
        assert len(problems) == 2
        assert "nosuch" in problems[0]
        assert "QPT_MODLE" in problems[1]
        assert done.lines[-1] == "2 problems"

    def test_broken_settings_do_not_stop_the_other_sections(self, qpt):
        """They are reported where they belong."""
        Path(os.environ["QPT_SETTINGS"]).write_text("nonsense")
        done = qpt("doctor")
        assert done.code == 1
        assert "settings" in done.lines
        assert "Traceback" not in done.err


class TestBench:
    """Photos a second."""

    def test_json_holds_every_stage(self, qpt, real, photo_folder):
        """The figures fit together: no pipeline beats the bound by much."""
        done = qpt("bench", photo_folder(4), "--json")
        assert done.code == 0, done.err
        report = json.loads(done.out)
        for stage in ("decode", "preprocess", "forward", "end_to_end", "bound"):
            assert report[f"{stage}_per_s"] > 0
        assert report["photos"] == 4
        assert report["share_of_bound"] == pytest.approx(
            report["end_to_end_per_s"] / report["bound_per_s"]
        )

    def test_text_names_every_figure(self, qpt, monkeypatch, tmp_path):
        """No raw field name is shown."""
        from dataclasses import fields

        from qpt_app.cli.bench_command import _text
        from qpt_app.photos.bench import BenchReport

        names = [field.name for field in fields(BenchReport)]
        text = _text(dict.fromkeys(names, 1.5) | {"memory_peak_mb": None})
        assert not any(name in text for name in names if "_" in name)
        assert "unknown" in text
        assert "150.0" in text

    def test_wrong_folders(self, qpt, real, tmp_path):
        """No folder, or one without photos, is wrong usage."""
        assert qpt("bench", tmp_path / "nosuch").code == 2
        assert qpt("bench", tmp_path).code == 2


class TestGui:
    """The desktop program is a program of its own."""

    @pytest.fixture
    def started(self, monkeypatch):
        calls = []

        def run(command, *, check):
            calls.append(command)
            return subprocess.CompletedProcess(command, 7)

        monkeypatch.setattr(subprocess, "run", run)
        return calls

    def test_it_is_started_with_the_folder_and_its_code_is_ours(self, qpt, started, tmp_path):
        """The folder is made absolute, so a name such as -x cannot be taken for an option."""
        assert qpt("gui", tmp_path).code == 7
        assert started == [[sys.executable, "-P", "-m", "qpt_app.gui.main", str(tmp_path)]]

    def test_without_a_folder(self, qpt, started):
        """Nothing is passed on."""
        qpt("gui")
        assert started[0][-1] == "qpt_app.gui.main"

    def test_no_such_folder(self, qpt, started, tmp_path):
        """Said here, not in a window."""
        assert qpt("gui", tmp_path / "nosuch").code == 2
        assert not started

    def test_in_a_frozen_build_it_is_the_program_beside(self, monkeypatch):
        """There is no python to run a module with."""
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        monkeypatch.setattr(sys, "executable", str(Path("/programs/qpt/qpt")))
        assert gui_command.gui_program() == [str(Path("/programs/qpt/qpt-gui"))]
        with pytest.raises(UsageError):
            gui_command.gui_program(GUI_BENCH_MODULE)

    def test_a_program_that_cannot_be_started_is_one_line(self, qpt, monkeypatch, tmp_path):
        """For instance half an installation."""
        monkeypatch.setattr(sys, "executable", str(tmp_path / "nosuch"))
        done = qpt("gui")
        assert done.code == 1
        assert done.err.count("\n") == 1

    def test_bench_of_the_window(self, qpt, started, tmp_path):
        """Also a program of its own; it takes no folder."""
        assert qpt("bench", "--gui", "--json").code == 7
        assert started == [[sys.executable, "-P", "-m", GUI_BENCH_MODULE, "--json"]]
        assert qpt("bench", "--gui", tmp_path).code == 2
        assert qpt("bench").code == 2

    @pytest.mark.parametrize("module", [gui_command.GUI_MODULE, GUI_BENCH_MODULE])
    def test_the_modules_that_are_started_exist(self, module):
        """A renamed module must not be found out by the user."""
        assert importlib.util.find_spec(module) is not None
