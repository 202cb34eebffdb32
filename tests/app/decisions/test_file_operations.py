"""File operations: nothing overwritten, nothing outside, nothing half; the list shown is kept."""

import errno
import os
import unicodedata
from pathlib import Path

import pytest

from qpt_app.decisions import file_operations, file_transfer
from qpt_app.decisions.decision import DecisionChange
from qpt_app.decisions.photo_unit import PhotoUnit, find_units, unit_of
from qpt_app.decisions.session import DecisionSession
from qpt_app.errors import FileOperationError


@pytest.fixture
def picked(tmp_path) -> Path:
    folder = tmp_path / "picked"
    folder.mkdir()
    return folder


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_pair_keeps_its_common_name_when_a_name_is_taken(session, shoot, picked):
    """All files of a photo get the same suffix, so they stay a photo."""
    (picked / "A.JPG").write_bytes(b"somebody else's")
    unit = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    session.execute(session.plan_transfer([unit], [shoot], picked, copy=False))
    ends = (".jpg", ".cr2", ".xmp", ".jpg.xmp", ".cr2.xmp")
    assert names(picked) == {"A.JPG", *(f"a-1{end}" for end in ends)}
    assert (picked / "A.JPG").read_bytes() == b"somebody else's"


def test_two_photos_of_one_name_go_side_by_side(session, shoot, picked):
    """`a.jpg` of two subfolders become `a.jpg` and `a-1.jpg`."""
    units = find_units([(shoot / "a.jpg", None), (shoot / "day2" / "a.jpg", None)])
    session.execute(session.plan_transfer(units, [shoot], picked, copy=True))
    assert (picked / "a-1.jpg").read_bytes() == b"content of day2/a.jpg"
    assert (picked / "a.jpg").read_bytes() == b"content of a.jpg"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_names_are_taken_for_the_same(session, tmp_path, picked, form):
    """A name that differs only in how its accents are stored gets a suffix."""
    root = tmp_path / "accents"
    root.mkdir()
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    photo = root / unicodedata.normalize(form, "Öl-é.jpg")
    photo.write_bytes(b"mine")
    taken = picked / unicodedata.normalize(other, "Öl-é.jpg")
    taken.write_bytes(b"theirs")
    session.execute(session.plan_transfer([unit_of(photo)], [root], picked, copy=False))
    assert taken.read_bytes() == b"theirs"
    assert sorted(file.read_bytes() for file in picked.iterdir()) == [b"mine", b"theirs"]


def test_a_name_taken_after_the_list_was_shown_is_not_overwritten(session, shoot, picked):
    """The target is looked at again when it is written."""
    plan = session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=False)
    (picked / "b.jpg").write_bytes(b"new")
    session.execute(plan)
    assert (picked / "b.jpg").read_bytes() == b"new"
    assert (picked / "b-1.jpg").read_bytes() == b"content of b.jpg"


def test_a_name_taken_at_the_last_moment_is_not_overwritten(session, shoot, picked, monkeypatch):
    """Between looking and writing there is no gap: the name is reserved exclusively."""
    real = file_transfer._reserve

    def steal(source, target):
        target.write_bytes(b"stolen")
        real(source, target)

    plan = session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=False)
    monkeypatch.setattr(file_transfer, "_reserve", steal)
    report = session.execute(plan)
    assert len(report.problems) == 1
    assert (picked / "b.jpg").read_bytes() == b"stolen"
    assert (shoot / "b.jpg").read_bytes() == b"content of b.jpg"


def test_a_photo_changed_since_the_list_was_shown_stays(session, shoot, picked):
    """The others go; it is reported."""
    units = find_units([(shoot / "b.jpg", None), (shoot / "c.png", None)])
    plan = session.plan_transfer(units, [shoot], picked, copy=False)
    (shoot / "b.jpg").write_bytes(b"edited meanwhile")
    report = session.execute(plan)
    assert [problem.path.name for problem in report.problems] == ["b.jpg"]
    assert (shoot / "b.jpg").exists()
    assert names(picked) == {"c.png", "c.png.xmp"}


def test_new_photos_are_not_swept_along(session, shoot):
    """What appears after the list was frozen is not touched."""
    plan = session.plan_move_rejects([unit_of(shoot / "b.jpg")], shoot)
    (shoot / "new.jpg").write_bytes(b"new")
    session.execute(plan)
    assert (shoot / "new.jpg").exists()
    assert plan.photo_count == 1
    assert plan.counts() == {".jpg": 1}


def test_if_one_file_of_a_photo_cannot_go_none_does(session, shoot, picked, monkeypatch, tree):
    """A pair is never torn apart by a failure in the middle."""
    before = tree(shoot)
    real = file_transfer._rename
    monkeypatch.setattr(file_transfer, "_rename", lambda a, b: _fail_for("a.cr2.xmp", real, a, b))
    unit = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    report = session.execute(session.plan_transfer([unit], [shoot], picked, copy=False))
    assert report.action is None
    assert len(report.problems) == 1
    assert tree(shoot) == before
    assert names(picked) == set()


def _fail_for(name, real, source, target):
    if Path(source).name == name:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(source))
    return real(source, target)


@pytest.fixture
def other_device(monkeypatch):
    """Every rename behaves as if it led to another volume."""

    def refuse(source, target):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(file_transfer, "_rename", refuse)


def test_across_devices_time_stamps_and_modes_are_kept(session, shoot, picked, other_device, tree):
    """Copy, verify, delete; undo the same way back."""
    before = tree(shoot)
    (shoot / "b.jpg").chmod(0o640)
    session.execute(session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=False))
    assert (picked / "b.jpg").stat().st_mtime_ns == before["b.jpg"][1]
    assert (picked / "b.jpg").stat().st_mode & 0o777 == 0o640
    assert not (shoot / "b.jpg").exists()
    session.undo()
    assert tree(shoot) == before


def test_a_copy_that_differs_is_removed_and_the_source_stays(
    session, shoot, picked, other_device, monkeypatch, tree
):
    """The copy is read again before the source is deleted."""
    before = tree(shoot)
    monkeypatch.setattr(file_transfer, "_hash_from_disk", lambda path: "0" * 32)
    report = session.execute(
        session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=False)
    )
    assert "differs" in report.problems[0].reason
    assert tree(shoot) == before
    assert names(picked) == set()


def test_too_little_space_is_said_before_anything_is_touched(session, shoot, picked, monkeypatch):
    """Copying what cannot fit is not begun."""
    usage = type("Usage", (), {"free": 3})
    monkeypatch.setattr(file_operations.shutil, "disk_usage", lambda path: usage)
    plan = session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=True)
    with pytest.raises(FileOperationError, match="free"):
        session.execute(plan)
    assert names(picked) == set()


def test_a_full_disk_in_the_middle_leaves_the_photo(session, shoot, picked, monkeypatch, tree):
    """RLIMIT_FSIZE makes the copy fail at a chosen byte; the source is whole."""
    resource = pytest.importorskip("resource")
    import signal

    (shoot / "b.jpg").write_bytes(b"x" * 2_000_000)
    before = tree(shoot)
    plan = session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
        report = session.execute(plan)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert len(report.problems) == 1
    assert tree(shoot) == before
    assert list(picked.iterdir()) == []


def test_paths_outside_of_the_folder_are_refused(session, shoot, tmp_path):
    """`..`, other folders and folders that are links: the photo stays and is reported."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.jpg").write_bytes(b"x")
    (shoot / "link").symlink_to(outside)
    (shoot / "y.jpg").symlink_to(outside / "x.jpg")
    units = [
        PhotoUnit(path=outside / "x.jpg"),
        PhotoUnit(path=shoot / "day2" / ".." / "b.jpg"),
        PhotoUnit(path=shoot / "link" / "x.jpg"),
        PhotoUnit(path=shoot / "y.jpg"),
        PhotoUnit(path=shoot / "gone.jpg"),
        PhotoUnit(path=shoot / "day2"),
    ]
    plan = session.plan_move_rejects(units, shoot)
    assert len(plan.refused) == len(units)
    assert plan.files == ()
    assert session.execute(plan).action is None
    assert (outside / "x.jpg").read_bytes() == b"x"


def test_a_link_in_place_of_the_target_folder_is_refused(session, shoot, tmp_path):
    """`_rejected` that leads elsewhere is not followed."""
    (shoot / "_rejected").symlink_to(tmp_path)
    with pytest.raises(FileOperationError, match="link"):
        session.plan_move_rejects([unit_of(shoot / "b.jpg")], shoot)


def test_a_subfolder_swapped_for_a_link_after_planning_is_refused(session, shoot, tmp_path):
    """The way is looked at again at the last moment."""
    plan = session.plan_move_rejects([unit_of(shoot / "day2" / "a.jpg")], shoot)
    (shoot / "_rejected").mkdir()
    (shoot / "_rejected" / "day2").symlink_to(tmp_path)
    report = session.execute(plan)
    assert len(report.problems) == 1
    assert (shoot / "day2" / "a.jpg").exists()
    assert not (tmp_path / "a.jpg").exists()


def test_rejects_keep_their_subfolders(session, shoot):
    """`_rejected` mirrors the folder, and what lies in it already is left alone."""
    unit = unit_of(shoot / "day2" / "a.jpg")
    session.execute(session.plan_move_rejects([unit], shoot))
    moved = shoot / "_rejected" / "day2" / "a.jpg"
    assert moved.exists()
    again = session.plan_move_rejects([unit_of(moved)], shoot)
    assert again.files == ()
    assert len(again.refused) == 1


def test_the_sidecar_of_two_photos_stays(session, shoot, picked):
    """`a.xmp` of a.cr2 and a.dng belongs to neither alone."""
    (shoot / "a.dng").write_bytes(b"dng")
    (shoot / "a.jpg").unlink()
    unit = unit_of(shoot / "a.cr2")
    assert shoot / "a.xmp" in unit.shared
    session.execute(session.plan_transfer([unit], [shoot], picked, copy=False))
    assert names(picked) == {"a.cr2", "a.cr2.xmp"}
    assert (shoot / "a.xmp").exists()


def test_cancelling_stops_between_photos(session, shoot, picked):
    """What was done stays done and can be undone; the rest was not begun."""
    units = find_units([(shoot / "b.jpg", None), (shoot / "c.png", None)])
    asked = iter([False, True])
    report = session.execute(
        session.plan_transfer(units, [shoot], picked, copy=False), cancelled=lambda: next(asked)
    )
    assert names(picked) == {"b.jpg"}
    assert report.left == (shoot / "c.png",)
    session.undo()
    assert (shoot / "b.jpg").exists()


def test_undo_does_not_overwrite_what_took_the_old_place(session, shoot, tree):
    """The photo comes back under another name, beside what is there now."""
    session.execute(session.plan_move_rejects([unit_of(shoot / "b.jpg")], shoot))
    (shoot / "b.jpg").write_bytes(b"another")
    step = session.undo()
    assert (shoot / "b.jpg").read_bytes() == b"another"
    assert (shoot / "b-1.jpg").read_bytes() == b"content of b.jpg"
    assert step.paths == (shoot / "b-1.jpg",)


def test_undoing_a_copy_never_removes_what_was_edited(session, shoot, picked):
    """Only a copy that is still identical to its original goes away."""
    units = find_units([(shoot / "b.jpg", None), (shoot / "c.png", None)])
    session.decide(units, DecisionChange(stars=5))
    session.execute(session.plan_transfer(units, [shoot], picked, copy=True))
    assert session.decisions_for([picked / "b.jpg"])[picked / "b.jpg"].stars == 5
    (picked / "b.jpg").write_bytes(b"edited")
    step = session.undo()
    assert names(picked) == {"b.jpg"}
    assert len(step.problems) == 1


def test_undo_makes_a_folder_again_that_is_gone(session, shoot):
    """The old folder may have been removed once it was empty."""
    session.execute(session.plan_move_rejects([unit_of(shoot / "day2" / "a.jpg")], shoot))
    (shoot / "day2").rmdir()
    session.undo()
    assert (shoot / "day2" / "a.jpg").exists()


def test_two_operations_at_once_are_refused(data_folder, clock, trash, shoot, picked):
    """Another window or program that moves files is waited for by the person, not by luck."""
    from qpt_app.decisions.operation_lock import operation_lock

    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        plan = session.plan_transfer([unit_of(shoot / "b.jpg")], [shoot], picked, copy=False)
        with operation_lock(data_folder), pytest.raises(FileOperationError, match="running"):
            session.execute(plan)
        assert session.recover() == []
        session.execute(plan)
    assert names(picked) == {"b.jpg"}


@pytest.mark.parametrize(
    "name", ["x" * 251 + ".jpg", "-rf.jpg", "a\nb.jpg", "\u202egpj.jpg", "é .jpg"]
)
def test_odd_names_move_byte_for_byte(session, tmp_path, picked, name):
    """Any name the file system allows arrives as it was."""
    root = tmp_path / "odd"
    root.mkdir()
    (root / name).write_bytes(b"x")
    session.execute(session.plan_transfer([unit_of(root / name)], [root], picked, copy=False))
    assert [os.fsencode(file.name) for file in picked.iterdir()] == [os.fsencode(name)]
    session.undo()
    assert [os.fsencode(file.name) for file in root.iterdir()] == [os.fsencode(name)]
