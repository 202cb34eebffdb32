"""`qpt` itself: instant help, nothing heavy imported, clean ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qpt_app import __version__

HEAVY = ("torch", "torchvision", "scipy", "PIL", "PySide6", "matplotlib", "pandas")
FULL_DISK = Path("/dev/full")
HELP = [sys.executable, "-m", "qpt_app.cli.main", "--help"]


@pytest.mark.parametrize("arguments", ["['--help']", "['score', '--help']", "['--version']"])
def test_help_imports_nothing_heavy(arguments):
    """In a fresh interpreter neither torch nor Qt nor Pillow is loaded by asking for help."""
    code = (
        "import sys\n"
        "from qpt_app.cli.main import run\n"
        f"try: run({arguments})\n"
        "except SystemExit as stop: code = stop.code\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "print(code, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def seconds(command):
    """Return the processor time of a program, which another program's load does not change."""
    before = os.times()
    subprocess.run(command, capture_output=True, check=True)
    after = os.times()
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system


@pytest.mark.skipif(os.name == "nt", reason="no processor time of children there")
def test_help_is_instant():
    """At most 0.3 s more than an interpreter that does nothing (best of three each)."""
    bare = min(seconds([sys.executable, "-c", "pass"]) for _ in range(3))
    assert min(seconds(HELP) for _ in range(3)) - bare < 0.3


def test_version(qpt):
    """One line on stdout."""
    done = qpt("--version")
    assert (done.code, done.lines, done.err) == (0, [f"qpt {__version__}"], "")


@pytest.mark.parametrize("arguments", [["nosuch"], ["--nosuch"], ["models", "nosuch"]])
def test_an_unknown_command_or_option_is_2(qpt, arguments):
    """Never ignored."""
    done = qpt(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert "nosuch" in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_can_be_shown(shell):
    """The script names the program; sourcing it is all that is needed."""
    environment = {**os.environ, "_QPT_COMPLETE": f"source_{shell}"}
    done = subprocess.run(HELP[:-1], env=environment, capture_output=True, text=True, check=True)
    assert "_QPT_COMPLETE" in done.stdout


def test_completion_offers_commands():
    """The shell gets the names of the commands."""
    environment = {
        **os.environ,
        "_QPT_COMPLETE": "complete_bash",
        "COMP_WORDS": "qpt sc",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(HELP[:-1], env=environment, capture_output=True, text=True, check=True)
    assert "score" in done.stdout.split()


def test_a_bug_is_one_line(qpt, monkeypatch):
    """The process' edge catches everything but says what it was."""
    import qpt_app.cli.app as module

    def broken(**_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(module, "app", broken)
    done = qpt("score")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "ZeroDivisionError: by zero" in done.err


@pytest.mark.skipif(not FULL_DISK.exists(), reason="no /dev/full there")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["models", "list"]])
def test_a_full_disk_is_one_line_and_no_bug(arguments):
    """Also where a command that is not `score` prints: nobody is asked to report a full disk."""
    with FULL_DISK.open("wb") as full:
        done = subprocess.run(
            [*HELP[:-1], *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "No space left on device" in done.stderr
    assert "report" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_spoils_no_run(real, photo_folder, tmp_path, closed):
    """What is opened later must not be taken for it: the photo is decoded and its row written."""
    rows = tmp_path / "rows.jsonl"
    arguments = ["score", str(photo_folder(1)), "--no-cache", "-o", str(rows)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *HELP[:-1], *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(rows.read_text())["status"] == "ok"
    assert "rror" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("arguments", ["--version", "models list", "score - --no-cache"])
def test_a_closed_output_is_no_bug(arguments):
    """Nothing is printed where nothing can be; a closed input is said to be that."""
    shell = f'exec "$@" {arguments} <&- >&-'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *HELP[:-1]], capture_output=True, text=True, check=False
    )
    if "-" in arguments.split():
        assert (done.returncode, done.stderr.count("standard input is closed")) == (2, 1)
    else:
        assert (done.returncode, done.stderr) == (0, "")


def test_python_files_in_the_current_folder_are_not_run(real, photo_folder, tmp_path):
    """An unpacked archive of photos may hold a `pickle.py`; no process of ours imports it."""
    folder = photo_folder(1)
    hostile = "from pathlib import Path\nPath('ran').touch()\nraise ImportError('hostile')\n"
    for name in ("pickle", "queue", "socket", "signal"):
        (folder / f"{name}.py").write_text(hostile)
    program = tmp_path / "program.py"  # as the installed `qpt` is, a script in a folder of its own
    program.write_text("from qpt_app.cli.main import run\nif __name__ == '__main__':\n    run()\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, program, "score", "0000.jpg"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "ok"
    assert not (folder / "ran").exists()


def test_ctrl_c_anywhere_is_130(qpt, monkeypatch):
    """Even before a command began."""
    import qpt_app.cli.app as module

    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "app", interrupted)
    assert qpt("score").code == 130


def test_ctrl_c_during_the_imports_has_no_traceback():
    """The edge stands before anything that takes time is imported."""
    program = (
        "import sys\n"
        "from qpt_app.cli.main import run\n"
        "assert 'typer' not in sys.modules and 'logging' not in sys.modules\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "run(['--help'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "qpt: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "help_of"),
    [
        (["nosuch"], "qpt"),
        (["score"], "qpt score"),
        (["score", "--top", "many", "."], "qpt score"),
        (["xmp", "write", "--stars", "9", "a.jpg"], "qpt xmp write"),
    ],
)
def test_wrong_usage_is_one_line_in_the_style_of_every_error(qpt, arguments, help_of):
    """No box and no usage text around it; it says where the help is."""
    done = qpt(*arguments)
    assert (done.code, done.out) == (2, b"")
    (line,) = done.err.splitlines()
    assert line.startswith("qpt: error: ")
    assert line.endswith(f"(see `{help_of} -h`)")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["cache", "info"], ["decisions", "check"], ["xmp", "check"]]
)
def test_a_reader_that_has_gone_is_no_error(tmp_path, arguments):
    """`qpt ... | true`: not a word, exit code 0, as for other tools that are cut short."""
    if arguments == ["xmp", "check"]:
        (tmp_path / "a.jpg").write_bytes(b"")
        arguments = [*arguments, str(tmp_path)]
    read, write = os.pipe()
    os.close(read)
    homes = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "qpt_app.cli.main", *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            env=os.environ | dict.fromkeys(homes, str(tmp_path / "home")),
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
