"""The door to decisions: rating, undo and redo over restarts, file operations as one unit."""

import os
from pathlib import Path

import pytest

from qpt_app.decisions.decision import UNDECIDED, Decision, DecisionChange, Flag, Label
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.session import DecisionSession
from qpt_app.errors import TrashUnavailableError

REJECT = DecisionChange(flag=Flag.REJECT)


def test_a_decision_survives_the_end_of_the_program(data_folder, clock, trash, shoot):
    """What was decided is there for the next session."""
    photo = shoot / "b.jpg"
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        assert session.decide([unit_of(photo)], DecisionChange(stars=4)) is not None
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        assert session.decisions_for([photo]) == {photo: Decision(stars=4)}


def test_a_reject_keeps_its_stars(session, shoot):
    """Flag, stars and label are three things."""
    unit = unit_of(shoot / "b.jpg")
    session.decide([unit], DecisionChange(stars=3, label=Label.RED))
    session.decide([unit], REJECT)
    assert session.decisions_for([unit.path])[unit.path] == Decision(
        stars=3, flag=Flag.REJECT, label=Label.RED
    )


def test_both_photos_of_a_pair_are_decided(session, shoot):
    """The RAW of a pair has the decision of its JPEG."""
    unit = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    session.decide([unit], DecisionChange(stars=5))
    assert set(session.decisions_for(unit.photos).values()) == {Decision(stars=5)}


def test_what_changes_nothing_is_no_action(session, shoot):
    """The history holds no empty steps."""
    assert session.decide([unit_of(shoot / "b.jpg")], DecisionChange(flag=Flag.NONE)) is None
    assert session.next_undo is None


def test_undo_and_redo_go_on_after_a_restart(data_folder, clock, trash, shoot):
    """The whole history can be walked back and forth by later sessions."""
    photo = shoot / "b.jpg"
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        for stars in (1, 2, 3):
            session.decide([unit_of(photo)], DecisionChange(stars=stars))
    seen = []
    for _ in range(4):
        with DecisionSession.open(data_folder, clock, trash=trash) as session:
            session.undo()
            seen.append(session.decisions_for([photo])[photo].stars)
    assert seen == [2, 1, None, None]
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        while session.redo() is not None:
            pass
        assert session.decisions_for([photo])[photo].stars == 3


def test_a_new_decision_ends_redo(session, shoot):
    """After something new, what was undone stays undone."""
    unit = unit_of(shoot / "b.jpg")
    session.decide([unit], DecisionChange(stars=1))
    session.undo()
    session.decide([unit], DecisionChange(stars=2))
    assert session.next_redo is None
    session.undo()
    assert session.decisions_for([unit.path])[unit.path] == UNDECIDED


def test_keep_one_and_reject_the_rest_is_one_action(session, shoot):
    """Different changes can be one step of the history."""
    best, other = unit_of(shoot / "b.jpg"), unit_of(shoot / "c.png")
    session.decide_each([(best, DecisionChange(flag=Flag.PICK)), (other, REJECT)])
    session.undo()
    assert set(session.decisions_for([best.path, other.path]).values()) == {UNDECIDED}


def test_rejects_move_with_all_their_files_and_come_back(session, shoot, tree):
    """Pair and sidecars go together; undo restores names, bytes and time stamps."""
    before = tree(shoot)
    unit = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    session.decide([unit], REJECT)
    report = session.execute(session.plan_move_rejects([unit], shoot))
    moved = {name for name in tree(shoot) if name.startswith("_rejected/")}
    assert moved == {
        f"_rejected/a{end}" for end in (".jpg", ".cr2", ".xmp", ".jpg.xmp", ".cr2.xmp")
    }
    assert not report.problems
    at_new_place = shoot / "_rejected" / "a.cr2"
    assert session.decisions_for([at_new_place])[at_new_place].is_rejected
    assert session.undo().problems == ()
    assert tree(shoot) == before
    assert session.decisions_for([unit.path])[unit.path].is_rejected
    session.redo()
    assert {name for name in tree(shoot) if name.startswith("_rejected/")} == moved


def test_trash_comes_back_after_a_restart(data_folder, clock, trash, shoot, tree):
    """The trash remembers, and the next session finds the file in it."""
    before = tree(shoot)
    unit = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.execute(session.plan_trash([unit], [shoot]))
        assert not unit.path.exists()
        assert len(list(trash.folder.iterdir())) == 5
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.undo()
    assert tree(shoot) == before


def test_no_trash_means_a_refusal_and_nothing_is_touched(session, shoot, trash, tree):
    """Without a trash every file stays, and the message names the other way."""
    before = tree(shoot)
    trash.full = True
    plan = session.plan_trash([unit_of(shoot / "b.jpg"), unit_of(shoot / "c.png")], [shoot])
    with pytest.raises(TrashUnavailableError, match="_rejected"):
        session.execute(plan)
    assert tree(shoot) == before
    assert session.next_undo is None


def test_an_emptied_trash_is_said_and_the_action_stays(session, shoot, trash):
    """What cannot come back is reported, not forgotten."""
    unit = unit_of(shoot / "b.jpg")
    session.execute(session.plan_trash([unit], [shoot]))
    for file in trash.folder.iterdir():
        file.unlink()
    step = session.undo()
    assert [problem.path for problem in step.problems] == [unit.path]
    assert session.next_undo is not None


def test_decisions_follow_a_photo_moved_by_another_program(session, shoot, tmp_path):
    """Content tells that it is the same photo."""
    photo, elsewhere = shoot / "b.jpg", tmp_path / "elsewhere.jpg"
    session.decide([unit_of(photo)], DecisionChange(stars=5))
    assert session.remember_content([photo]) == 1
    photo.rename(elsewhere)
    assert session.find_moved([elsewhere, shoot / "c.png"]) == {elsewhere: Decision(stars=5)}
    assert session.decisions_for([elsewhere])[elsewhere].stars == 5


def test_a_copy_that_still_has_its_original_takes_nothing_over(session, shoot):
    """A record follows only when its own file is gone."""
    photo, copy = shoot / "b.jpg", shoot / "b2.jpg"
    session.decide([unit_of(photo)], DecisionChange(stars=5))
    session.remember_content([photo])
    copy.write_bytes(photo.read_bytes())
    assert session.find_moved([copy]) == {}


def test_what_a_photo_contains_is_learnt_again_when_its_size_changed(session, shoot, tmp_path):
    """A rating embedded later makes other bytes; the photo is still known after a move."""
    photo, elsewhere = shoot / "b.jpg", tmp_path / "elsewhere.jpg"
    session.decide([unit_of(photo)], DecisionChange(stars=2))
    assert session.remember_content([photo]) == 1
    assert session.remember_content([photo]) == 0
    photo.write_bytes(photo.read_bytes() + b"more")
    assert session.remember_content([photo]) == 1
    photo.rename(elsewhere)
    assert session.find_moved([elsewhere]) == {elsewhere: Decision(stars=2)}


def test_a_decision_follows_one_file_never_two(session, shoot, tmp_path):
    """Of two equal files that turn up, one is the photo that was moved."""
    photo = shoot / "b.jpg"
    session.decide([unit_of(photo)], DecisionChange(stars=1))
    session.remember_content([photo])
    places = [tmp_path / "x.jpg", tmp_path / "y.jpg"]
    for place in places:
        place.write_bytes(photo.read_bytes())
    photo.unlink()
    assert session.find_moved(places) == {places[0]: Decision(stars=1)}
    assert session.find_moved(places) == {}


def test_decisions_below_a_folder_are_those_of_its_photos_alone(session, tmp_path):
    """Neither its neighbours of a longer name nor itself; any bytes in a name."""
    inside = [tmp_path / "a" / "p.jpg", tmp_path / "a" / "sub" / Path("\udce9.jpg")]
    outside = [tmp_path / "ab" / "p.jpg", tmp_path / "a.jpg", tmp_path / "a0.jpg"]
    for number, photo in enumerate((*inside, *outside)):
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(b"x")
        session.decide([unit_of(photo)], DecisionChange(stars=number % 5 + 1))
    found = session.decisions_below(tmp_path / "a" / "sub" / "..")
    assert found == {
        os.fsencode(inside[0]): Decision(stars=1), os.fsencode(inside[1]): Decision(stars=2)
    }  # fmt: skip


def test_names_that_are_not_utf8_are_kept(session, tmp_path):
    """A name of any bytes has a decision and can be moved."""
    root = tmp_path / "odd"
    root.mkdir()
    photo = root / Path("\udce9\n.jpg")
    photo.write_bytes(b"x")
    session.decide([unit_of(photo)], REJECT)
    session.execute(session.plan_move_rejects([unit_of(photo)], root))
    assert (root / "_rejected" / photo.name).read_bytes() == b"x"
    session.undo()
    assert session.decisions_for([photo])[photo].is_rejected
