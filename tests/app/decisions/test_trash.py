"""The real trash: in, found, out again; refused politely where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.trash import SystemTrash
from qpt_app.errors import TrashUnavailableError

STORY = """
import os, sys
from pathlib import Path
from qpt_app.decisions.photo_unit import find_units
from qpt_app.decisions.session import DecisionSession
data, root, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
with DecisionSession.open(data, lambda: 1e9) as session:
    if step == "send":
        photos = [(root / os.fsdecode(b"\\xff a%.jpg"), None), (root / "b.jpg", root / "b.cr2")]
        report = session.execute(session.plan_trash(find_units(photos), [root]))
    else:
        report = session.undo()
    assert not report.problems, report
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the freedesktop trash")
@pytest.mark.parametrize("below_home", [True, False])
def test_the_freedesktop_trash_gives_everything_back(tmp_path, below_home):
    """Send2Trash really trashes; another process finds name, bytes and time stamp again."""
    root = tmp_path / ("data/shoot" if below_home else "shoot")
    root.mkdir(parents=True)
    for name in (os.fsdecode(b"\xff a%.jpg"), "b.jpg", "b.cr2", "b.xmp"):
        (root / name).write_bytes(os.fsencode(name))
        os.utime(root / name, ns=(10**18, 10**18 + 7))
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}

    def run(step):
        arguments = [sys.executable, "-c", STORY, str(tmp_path / "decisions"), str(root), step]
        subprocess.run(arguments, env=environment, cwd=Path(__file__).parents[3], check=True)

    trash = tmp_path / "data" / "Trash"
    run("send")
    assert list(root.iterdir()) == []
    assert len(list((trash / "files").iterdir())) == 4
    run("undo")
    found = {os.fsencode(file.name): file for file in root.iterdir()}
    assert set(found) == {b"\xff a%.jpg", b"b.jpg", b"b.cr2", b"b.xmp"}
    for name, file in found.items():
        assert file.read_bytes() == name
        assert file.stat().st_mtime_ns == 10**18 + 7
    assert list((trash / "files").iterdir()) == []
    assert list((trash / "info").iterdir()) == []


@pytest.mark.parametrize("error", ["permission", "share", "silent"])
def test_no_trash_is_a_refusal_and_never_an_unlink(data_folder, clock, shoot, monkeypatch, error):
    """Whatever Send2Trash does, a file that it did not take stays, and `_rejected` is named."""
    import send2trash

    def refuse(path):
        if error == "permission":
            raise send2trash.TrashPermissionError(path)
        if error == "share":
            raise OSError(95, "Operation not supported")

    monkeypatch.setattr(send2trash, "send2trash", refuse)
    with DecisionSession.open(data_folder, clock) as session:
        plan = session.plan_trash([unit_of(shoot / "b.jpg")], [shoot])
        with pytest.raises(TrashUnavailableError, match="_rejected"):
            session.execute(plan)
        assert session.next_undo is None
    assert (shoot / "b.jpg").read_bytes() == b"content of b.jpg"


def test_a_trash_without_address_says_where_the_file_is(data_folder, clock, shoot, tmp_path):
    """On a system whose trash does not say where it put a file, undo tells the person."""

    class Silent(SystemTrash):
        def send(self, path):
            path.rename(tmp_path / "somewhere")

        def find(self, path, inode):
            return None

    with DecisionSession.open(data_folder, clock, trash=Silent()) as session:
        session.execute(session.plan_trash([unit_of(shoot / "b.jpg")], [shoot]))
        step = session.undo()
    assert "trash" in step.problems[0].reason
    assert str(shoot / "b.jpg") in step.problems[0].reason
