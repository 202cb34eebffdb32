"""`qpt score`: rows, order, filters, formats, exit codes and what goes where."""

import csv
import io
import json
import os
import sys

import pytest

from qpt_app.errors import DeviceError, ModelFormatError


def rows(finished):
    return [json.loads(line) for line in finished.out.splitlines()]


def names(finished):
    return [row["path"].rsplit(os.sep, 1)[-1] for row in rows(finished)]


@pytest.fixture
def mixed(shoot):
    """The shoot with a file that cannot be scored."""
    (shoot / "bad.jpg").write_text("unsupported not a photo")
    return shoot


def test_one_row_a_photo_by_path(qpt, fake, shoot):
    """Without a terminal the rows are jsonl, in the order of the paths."""
    done = qpt("score", shoot)
    assert done.code == 0
    assert names(done) == ["a.jpg", "b.jpg", "c.jpg"]
    assert all(row["schema"] == 1 and row["status"] == "ok" for row in rows(done))


def test_a_streamed_row_has_no_percentile_and_a_sorted_one_has(qpt, fake, shoot):
    """The percentile needs the whole folder."""
    assert {row["percentile"] for row in rows(qpt("score", shoot))} == {None}
    ranked = rows(qpt("score", shoot, "--sort"))
    assert [row["percentile"] for row in ranked] == [100.0, 50.0, 0.0]


def test_sorted_rows_are_best_first_and_ties_by_path(qpt, fake, shoot):
    """Stable whatever the order of the arguments."""
    (shoot / "z.jpg").write_text("55.5")
    done = qpt("score", "--sort", shoot / "z.jpg", shoot / "c.jpg", shoot / "b.jpg")
    assert names(done) == ["b.jpg", "c.jpg", "z.jpg"]


def test_scores_that_print_alike_are_ties(qpt, fake, shoot):
    """Ranking uses the published precision, so printed order is never at odds with the paths."""
    (shoot / "c.jpg").write_text("90.0001")
    assert names(qpt("score", "--sort", shoot))[:2] == ["b.jpg", "c.jpg"]


def test_photos_without_a_score_come_last(qpt, fake, mixed):
    """They are ranked by path at the end."""
    assert names(qpt("score", "--sort", mixed))[-1] == "bad.jpg"


def test_top_keeps_the_best_and_ranks_them(qpt, fake, shoot):
    """`--top` alone sorts; with --no-sort the same photos come by path."""
    assert names(qpt("score", "--top", "2", shoot)) == ["b.jpg", "c.jpg"]
    (shoot / "d.jpg").write_text("99")
    assert names(qpt("score", "--top", "2", "--no-sort", shoot)) == ["b.jpg", "d.jpg"]


def test_percentiles_are_those_of_the_whole_run(qpt, fake, shoot):
    """A filter does not change what a percentile means."""
    (row,) = rows(qpt("score", "--sort", "--min-score", "30", "--top", "1", shoot))
    assert row["percentile"] == 100.0
    kept = rows(qpt("score", "--sort", "--min-score", "30", shoot))
    assert [row["percentile"] for row in kept] == [100.0, 50.0]


def test_min_score_filters_a_stream_too(qpt, fake, shoot):
    """Rows below are left out."""
    assert names(qpt("score", "--min-score", "55.5", shoot)) == ["b.jpg", "c.jpg"]


@pytest.mark.parametrize("option", [("--top", "1"), ("--min-score", "1")])
def test_a_file_that_a_filter_hides_is_still_named_on_stderr(qpt, fake, mixed, option):
    """Nothing that failed disappears without a word, and the exit code still tells."""
    done = qpt("score", *option, mixed)
    assert "bad.jpg" not in names(done)
    assert "bad.jpg: unsupported: not a photo" in done.err
    assert done.code == 3


def test_exit_3_and_a_row_for_what_cannot_be_scored(qpt, fake, mixed):
    """Unreadable files are rows with a status and a reason."""
    done = qpt("score", mixed)
    assert done.code == 3
    bad = next(row for row in rows(done) if row["path"].endswith("bad.jpg"))
    assert (bad["status"], bad["reason"], bad["score"]) == ("unsupported", "not a photo", None)


def test_a_damaged_photo_with_a_score_is_no_failure(qpt, fake, shoot, monkeypatch):
    """It was scored, so the code stays 0."""
    from dataclasses import replace

    from qpt_app.core.status import PhotoStatus

    original = fake.score
    monkeypatch.setattr(
        fake,
        "score",
        lambda files: (replace(row, status=PhotoStatus.DAMAGED) for row in original(files)),
    )
    assert qpt("score", shoot).code == 0


@pytest.mark.parametrize(("bound", "code"), [("20", 0), ("20.1", 4), ("99", 4), ("0", 0)])
def test_fail_under(qpt, fake, shoot, bound, code):
    """4 if any scored photo is below; equal is not below."""
    assert qpt("score", "--fail-under", bound, shoot).code == code


def test_4_wins_over_3(qpt, fake, mixed):
    """When both apply."""
    assert qpt("score", "--fail-under", "50", mixed).code == 4


def test_fail_under_looks_at_photos_that_a_filter_hides(qpt, fake, shoot):
    """The threshold is about the run, not about what is printed."""
    assert qpt("score", "--top", "1", "--fail-under", "50", shoot).code == 4


def test_nothing_scored_is_1(qpt, fake, tmp_path):
    """Only failed files, or none at all; the latter says so."""
    (tmp_path / "bad.jpg").write_text("unreadable empty")
    assert qpt("score", "--fail-under", "50", tmp_path).code == 1
    (tmp_path / "bad.jpg").unlink()
    done = qpt("score", "-q", tmp_path)
    assert done.code == 1
    assert done.out == b""
    assert "no photos found" in done.err


@pytest.mark.parametrize("row_format", ["jsonl", "csv", "json", "table"])
def test_an_empty_folder_gives_valid_output(qpt, fake, tmp_path, row_format):
    """Nothing, a header, or an empty array."""
    done = qpt("score", "--format", row_format, tmp_path)
    if row_format == "json":
        assert json.loads(done.out) == []
    elif row_format == "csv":
        assert len(done.lines) == 1
    else:
        assert done.out == b""


def test_json_and_csv_hold_the_same_rows_with_percentiles(qpt, fake, shoot):
    """All formats but a stream know the whole run."""
    array = json.loads(qpt("score", "--format", "json", shoot).out)
    text = qpt("score", "--format", "csv", shoot).out.decode()
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["path"] for row in array] == [row["path"] for row in table]
    assert [row["percentile"] for row in array] == [0.0, 100.0, 50.0]
    assert [float(row["score"]) for row in table] == [row["score"] for row in array]


def test_raw_csv_leaves_formulas_alone(qpt, fake, tmp_path, monkeypatch):
    """Only on demand, and only for CSV: by its name or by the ending of the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "=1+1.jpg").write_text("50")

    def path(text):
        return [row["path"] for row in csv.DictReader(io.StringIO(text))]

    csv_ = ("score", "--format", "csv", "=1+1.jpg")
    assert path(qpt(*csv_).out.decode()) == ["'=1+1.jpg"]
    assert path(qpt(*csv_, "--raw").out.decode()) == ["=1+1.jpg"]
    assert qpt("score", "--raw", "=1+1.jpg", "-o", "rows.csv").code == 0
    assert path((tmp_path / "rows.csv").read_text()) == ["=1+1.jpg"]


@pytest.mark.parametrize("options", [(), ("--format", "json"), ("-o", "rows.jsonl")])
def test_raw_is_wrong_usage_with_another_format(qpt, fake, shoot, tmp_path, monkeypatch, options):
    """Said before anything is scored or written."""
    monkeypatch.chdir(tmp_path)
    done = qpt("score", shoot, "--raw", *options)
    assert (done.code, done.out) == (2, b"")
    shown = "json" if "json" in options else "jsonl"
    assert done.err == f"qpt: error: --raw is for CSV; the format is {shown}\n"
    assert not (tmp_path / "rows.jsonl").exists()


def test_data_on_stdout_everything_else_on_stderr(qpt, fake, mixed):
    """The summary is on stderr and goes away under -q."""
    done = qpt("score", mixed)
    assert len(rows(done)) == 4
    assert "3 of 4 photos scored" in done.err
    assert qpt("score", "-q", mixed).err == ""


def test_verbose_says_what_is_wrong(qpt, fake, mixed):
    """One line a photo that has a reason."""
    assert "bad.jpg: unsupported: not a photo" in qpt("score", "-v", mixed).err


def test_a_table_on_a_terminal(qpt, fake, shoot, monkeypatch):
    """The default there; colours only if wanted."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    done = qpt("score", "--sort", shoot)
    assert done.lines[0].startswith("\x1b[1m")
    assert "90.0" in done.lines[1]
    for arguments, variable in [(["--no-color"], None), ([], "NO_COLOR")]:
        if variable:
            monkeypatch.setenv(variable, "1")
        assert "\x1b" not in qpt("score", "--sort", *arguments, shoot).out.decode()


def test_a_table_in_a_pipe_has_colours_only_if_forced(qpt, fake, shoot, monkeypatch):
    """FORCE_COLOR is honoured, NO_COLOR wins."""
    assert b"\x1b" not in qpt("score", "--format", "table", shoot).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert b"\x1b" in qpt("score", "--format", "table", shoot).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b" not in qpt("score", "--format", "table", shoot).out


@pytest.mark.skipif(os.name == "nt", reason="such names do not exist there")
def test_a_name_cannot_steer_the_terminal(qpt, fake, tmp_path, monkeypatch):
    """Escape sequences, newlines and bidi controls are spelt out in every format."""
    name = "\x1b[2J\nevil\u202egpj.jpg"
    (tmp_path / name).write_text("50")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for row_format in ("table", "csv", "jsonl", "json"):
        out = qpt("score", "--no-color", "-v", "--format", row_format, tmp_path).out.decode()
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert out.count("evil") == 1


@pytest.mark.skipif(os.name == "nt", reason="such names do not exist there")
@pytest.mark.parametrize("name", [b"\xff\xfe.jpg", "🙂 ü.jpg".encode(), b"-rf.jpg", b"a\nb.jpg"])
def test_odd_names_survive_byte_for_byte(qpt, fake, tmp_path, name):
    """`path_b64` has the bytes where the name is not UTF-8."""
    import base64

    photo = tmp_path / os.fsdecode(name)
    photo.write_text("50")
    (row,) = rows(qpt("score", tmp_path))
    got = base64.b64decode(row["path_b64"]) if "path_b64" in row else row["path"].encode()
    assert got == os.fsencode(photo)


def test_a_file_named_on_the_command_line_always_gets_its_row(qpt, fake, tmp_path):
    """Whatever its ending; in a folder only photo endings count."""
    (tmp_path / "notes.txt").write_text("unsupported text")
    assert names(qpt("score", tmp_path / "notes.txt")) == ["notes.txt"]
    assert qpt("score", tmp_path).out == b""


def test_a_name_with_a_leading_dash(qpt, fake, tmp_path, monkeypatch):
    """After `--` it is a path."""
    (tmp_path / "-x.jpg").write_text("50")
    monkeypatch.chdir(tmp_path)
    assert names(qpt("score", "--", "-x.jpg")) == ["-x.jpg"]


def test_recursion_include_and_exclude(qpt, fake, shoot):
    """Subfolders only if asked for; patterns choose within folders."""
    (shoot / "sub").mkdir()
    (shoot / "sub" / "d.jpg").write_text("10")
    assert len(rows(qpt("score", shoot))) == 3
    assert len(rows(qpt("score", "-r", shoot))) == 4
    assert names(qpt("score", "-r", "--include", "[ad].jpg", shoot)) == ["a.jpg", "d.jpg"]
    assert names(qpt("score", "-r", "--exclude", "sub", "--exclude", "a*", shoot)) == [
        "b.jpg",
        "c.jpg",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tpo", "3"],
        ["--top", "0"],
        ["--top", "x"],
        ["--min-score", "nan"],
        ["--min-score", "101"],
        ["--fail-under", "-1"],
        ["--format", "xml"],
        ["--device", "gpu"],
        ["--batch-size", "0"],
        ["--batch-size", "-3"],
        ["--workers", "many"],
        ["nosuch.jpg"],
        ["@nosuch.txt"],
        [""],
        ["-o", "nosuch/out.jsonl"],
        ["-o", "."],
        [],
    ],
)
def test_wrong_usage_is_2_and_says_why(qpt, fake, tmp_path, monkeypatch, arguments):
    """Unknown options, bad values, missing paths."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_text("50")
    needs_path = not arguments or arguments[0].startswith("-")
    done = qpt("score", *arguments, *(["a.jpg"] if needs_path and arguments else []))
    assert done.code == 2
    assert done.out == b""
    assert done.err.strip()
    assert "Traceback" not in done.err


def test_a_missing_path_spoils_the_run_before_it_begins(qpt, fake, shoot):
    """A slip of the pen is known at once, and named on one line."""
    done = qpt("score", shoot, shoot / "nosuch.jpg")
    assert (done.code, done.out) == (2, b"")
    assert "nosuch.jpg" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"), [(ModelFormatError("x is not a model"), 1), (DeviceError("no cuda"), 2)]
)
def test_an_expected_error_is_one_line(qpt, fake, shoot, error, code):
    """Its message, its exit code, no traceback."""
    fake.error = error
    done = qpt("score", shoot)
    assert done.code == code
    assert done.err == f"qpt: error: {error}\n"
    assert fake.closed


def test_an_unexpected_error_is_one_line_and_a_traceback_only_for_debugging(
    qpt, fake, shoot, monkeypatch
):
    """It says how to report it."""
    fake.error = RuntimeError("a bug\nof ours")
    done = qpt("score", shoot)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "RuntimeError: a bug of ours" in done.err
    assert "report" in done.err
    monkeypatch.setenv("QPT_DEBUG", "1")
    assert "Traceback" in qpt("score", shoot).err


@pytest.mark.parametrize("row_format", ["jsonl", "csv", "json", "table"])
def test_ctrl_c_writes_what_is_finished(qpt, fake, shoot, row_format):
    """130, the finished rows, valid output, everything closed."""
    fake.interrupt_after = 2
    done = qpt("score", "--format", row_format, shoot)
    assert done.code == 130
    assert done.out.count(b".jpg") == 2
    if row_format == "json":
        assert len(json.loads(done.out)) == 2
    assert "interrupted" in done.err
    assert fake.closed


def test_ctrl_c_keeps_the_finished_rows_in_a_file(qpt, fake, shoot, tmp_path):
    """-o holds the partial result, whole lines only."""
    fake.interrupt_after = 1
    target = tmp_path / "out.jsonl"
    assert qpt("score", "-o", target, shoot).code == 130
    assert len(target.read_text().splitlines()) == 1


def test_output_to_a_file_and_its_format_by_ending(qpt, fake, shoot, tmp_path):
    """Nothing on stdout; the ending decides unless --format does."""
    for name, first in [("o.csv", "schema,"), ("o.json", "["), ("o.txt", '{"schema"')]:
        done = qpt("score", shoot, "-o", tmp_path / name)
        assert (done.code, done.out) == (0, b"")
        assert (tmp_path / name).read_text().startswith(first)
    qpt("score", shoot, "-o", tmp_path / "o.csv", "--format", "jsonl")
    assert (tmp_path / "o.csv").read_text().startswith("{")


@pytest.mark.parametrize("named", ["a.jpg", "scan"])
def test_a_forgotten_output_name_costs_no_photo(qpt, fake, shoot, named):
    """`-o *.jpg`: the first photo would be the output; it is refused and left alone."""
    (shoot / "scan").write_text("60")
    before = (shoot / named).read_bytes()
    inputs = [shoot / "b.jpg", shoot / "scan"]
    done = qpt("score", "--sort", "-o", shoot / named, *inputs)
    assert (done.code, done.out) == (2, b"")
    assert "name another file after -o" in done.err
    assert (shoot / named).read_bytes() == before


def test_output_dash_is_stdout(qpt, fake, shoot):
    """As if -o were not there."""
    assert qpt("score", shoot, "-o", "-").out == qpt("score", shoot).out


def test_settings_reach_the_engine(qpt, fake, shoot, monkeypatch):
    """Flag over variable; --no-cache switches the cache off."""
    monkeypatch.setenv("QPT_MODEL", "from-env")
    monkeypatch.setenv("QPT_WORKERS", "3")
    qpt("score", "--model", "from-flag", "--no-cache", "--batch-size", "auto", shoot)
    settings = fake.settings
    assert (settings.model, settings.workers, settings.cache) == ("from-flag", 3, False)


def test_a_misspelt_variable_is_told(qpt, fake, shoot, monkeypatch):
    """It would otherwise do nothing, silently."""
    monkeypatch.setenv("QPT_MODLE", "x")
    assert "QPT_MODLE" in qpt("score", "-q", shoot).err


def test_a_broken_settings_file_is_one_line(qpt, fake, shoot):
    """Exit code 2, the file's name."""
    from pathlib import Path

    Path(os.environ["QPT_SETTINGS"]).write_text("modle = 1\n")
    done = qpt("score", shoot)
    assert done.code == 2
    assert "modle" in done.err
    assert done.err.count("\n") == 1


def test_a_drive_that_is_gone_is_1_and_said(qpt, fake, tmp_path):
    """20 photos in a row vanish; every one still has its row."""
    (tmp_path / "0.jpg").write_text("50")
    for number in range(19):
        (tmp_path / f"1{number:02}.jpg").write_text("vanished no longer there")
    assert qpt("score", tmp_path).code == 3
    (tmp_path / "119.jpg").write_text("vanished no longer there")
    done = qpt("score", "-q", tmp_path)
    assert done.code == 1
    assert len(rows(done)) == 21
    assert "drive" in done.err
    (tmp_path / "110.jpg").write_text("60")
    assert qpt("score", tmp_path).code == 3


def test_ctrl_c_while_the_file_is_written_waits_for_its_end(
    qpt, fake, shoot, tmp_path, monkeypatch
):
    """The file is whole, the code is 130."""
    import signal

    from qpt_app.photos import export

    original = export.jsonl_line

    def interrupted(result):
        signal.raise_signal(signal.SIGINT)
        return original(result)

    monkeypatch.setattr(export, "jsonl_line", interrupted)
    target = tmp_path / "rows.jsonl"
    assert qpt("score", "--sort", "-o", target, shoot).code == 130
    assert len(target.read_text().splitlines()) == 3


def test_an_interrupt_before_the_first_photo_keeps_the_old_file(qpt, fake, shoot, tmp_path):
    """An empty result never replaces one that says something."""
    fake.interrupt_after = 0
    target = tmp_path / "rows.csv"
    target.write_text("old")
    assert qpt("score", "--sort", "-o", target, shoot).code == 130
    assert target.read_text() == "old"
