"""Decisions and XMP in step: three ways, foreign edits, undo, dry runs, failures."""

import os
from pathlib import Path

import pytest

from qpt_app.decisions import xmp_exchange
from qpt_app.decisions.decision import Decision, DecisionChange, Flag, Label
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_exchange import RatingRequest
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, merge_properties
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import read_properties
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile

RATING, LABEL = XmpProperty.RATING, XmpProperty.LABEL


@pytest.fixture
def card(tmp_path) -> Path:
    """A folder with photos and no sidecars."""
    root = tmp_path / "card"
    root.mkdir()
    for name in ("a.jpg", "a.cr2", "b.jpg", "c.nef"):
        (root / name).write_bytes(name.encode())
    return root


@pytest.fixture
def writing(session):
    """A session that writes darktable's sidecars."""
    session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
    return session


def foreign(path: Path, rating: str | None, label: str | None = None, *, at: float) -> None:
    """Another program changes a sidecar at a given time."""
    data = path.read_bytes() if path.exists() else EMPTY_SIDECAR.replace(b"qpt", b"other")
    path.write_bytes(merge_properties(data, {RATING: rating, LABEL: label}))
    os.utime(path, (at, at))


def read(path: Path) -> dict:
    return read_properties(path.read_bytes())


@pytest.mark.parametrize(
    ("profile", "files"),
    [
        (XmpProfile.LIGHTROOM, {"a.xmp"}),
        (XmpProfile.DARKTABLE, {"a.jpg.xmp", "a.cr2.xmp"}),
        (XmpProfile.ALL, {"a.xmp", "a.jpg.xmp", "a.cr2.xmp"}),
    ],
)
def test_each_profile_writes_its_files_and_undo_removes_them(session, card, profile, files):
    """Sidecars that qpt made and that hold nothing any more go away with the decision."""
    session.xmp_policy = XmpPolicy(profile=profile)
    before = {file.name for file in card.iterdir()}
    session.decide([unit_of(card / "a.jpg", card / "a.cr2")], DecisionChange(stars=4))
    assert not [o for o in session.write_pending_xmp() if o.problems or o.notes]
    assert {file.name for file in card.iterdir()} - before == files
    assert all(read(card / name) == {RATING: "4"} for name in files)
    session.undo()
    session.write_pending_xmp()
    assert {file.name for file in card.iterdir()} == before
    session.redo()
    session.write_pending_xmp()
    assert {file.name for file in card.iterdir()} - before == files


def test_nothing_is_written_without_a_policy(session, card):
    """XMP is off until it is asked for."""
    session.decide([unit_of(card / "b.jpg")], DecisionChange(stars=4))
    assert session.write_pending_xmp() == []
    assert session.pending_xmp_count == 0


def test_what_waits_is_written_after_a_restart(data_folder, clock, trash, card):
    """A decision that was kept but not yet written is written by the next session."""
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
        session.decide([unit_of(card / "b.jpg")], DecisionChange(stars=2))
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        assert session.pending_xmp_count == 1
        session.write_pending_xmp()
        assert session.pending_xmp_count == 0
    assert read(card / "b.jpg.xmp") == {RATING: "2"}


def test_decisions_made_without_a_policy_are_written_when_asked_for(session, card, clock):
    """A rating that somebody gave elsewhere and nobody read stays; what was adopted is no work."""
    foreign(card / "a.jpg.xmp", "2", at=clock.now)
    session.read_xmp([unit_of(card / "a.jpg")])
    session.decide([unit_of(card / name) for name in ("b.jpg", "c.nef")], DecisionChange(stars=4))
    foreign(card / "c.nef.xmp", "1", at=clock.now)
    assert session.decided_here() == [card / "b.jpg", card / "c.nef"]
    session.have_written(session.decided_here())
    assert session.pending_xmp_count == 0
    session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
    session.have_written([*session.decided_here(), card / "a.cr2"])
    outcomes = {one.photo.name: one for one in session.write_pending_xmp()}
    assert set(outcomes) == {"b.jpg", "c.nef"}
    assert read(card / "b.jpg.xmp") == {RATING: "4"}
    assert read(card / "c.nef.xmp")[RATING] == "1"
    assert "was kept" in outcomes["c.nef"].notes[0].reason
    session.undo()
    session.write_pending_xmp()
    assert not (card / "b.jpg.xmp").exists()


def test_what_one_profile_could_not_write_is_tried_under_another(session, card):
    """Two photos would share Lightroom's sidecar; darktable's names are their own."""
    (card / "b.png").write_bytes(b"b.png")
    session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM)
    session.decide([unit_of(card / "b.jpg")], DecisionChange(stars=4))
    assert session.write_pending_xmp()[0].problems
    session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
    session.have_written(session.decided_here())
    assert session.write_pending_xmp()[0].written == (card / "b.jpg.xmp",)


def test_a_reject_is_minus_one_and_keeps_its_stars(writing, card):
    """Other programs see the reject, qpt keeps the stars."""
    unit = unit_of(card / "b.jpg")
    writing.decide([unit], DecisionChange(stars=3, label=Label.GREEN))
    writing.decide([unit], DecisionChange(flag=Flag.REJECT))
    writing.write_pending_xmp()
    found = read(card / "b.jpg.xmp")
    assert found[RATING] == "-1"
    assert found[XmpProperty.STARS] == "3"
    assert found[LABEL] == "Green"


def test_ratings_of_others_are_read_once_and_can_be_undone(session, card, clock):
    """Opening a folder takes ratings over as one action; undone, they do not come back."""
    foreign(card / "b.jpg.xmp", "5", "Rot", at=clock.now - 100)
    foreign(card / "c.xmp", "-1", at=clock.now - 100)
    units = [unit_of(card / "b.jpg"), unit_of(card / "c.nef")]
    action, _ = session.read_xmp(units)
    assert action is not None
    known = session.decisions_for([card / "b.jpg", card / "c.nef"])
    assert known[card / "b.jpg"] == Decision(stars=5, label=Label.RED)
    assert known[card / "c.nef"] == Decision(flag=Flag.REJECT)
    assert session.read_xmp(units)[0] is None
    session.undo()
    assert session.read_xmp(units)[0] is None
    assert session.decisions_for([card / "b.jpg"])[card / "b.jpg"] == Decision()


def test_a_decision_made_while_others_are_read_is_not_overwritten(
    session, card, clock, monkeypatch
):
    """Reading a large folder takes a while; what the person decides meanwhile holds."""
    foreign(card / "b.jpg.xmp", "5", at=clock.now - 100)
    foreign(card / "c.xmp", "4", at=clock.now - 100)
    units = [unit_of(card / "b.jpg"), unit_of(card / "c.nef")]
    asked = []

    def between_portions() -> bool:
        asked.append(True)
        if len(asked) == 2:  # the first photo was read, nothing is taken over yet
            session.decide([units[0]], DecisionChange(stars=1))
        return False

    monkeypatch.setattr(xmp_exchange, "PORTION", 1)
    session.read_xmp(units, cancelled=between_portions)
    known = session.decisions_for([units[0].path, units[1].path])
    assert known == {units[0].path: Decision(stars=1), units[1].path: Decision(stars=4)}


def test_reading_that_is_stopped_takes_nothing_over(session, card, clock):
    """The window was closed; the next opening reads it all."""
    foreign(card / "b.jpg.xmp", "5", at=clock.now - 100)
    units = [unit_of(card / "b.jpg")]
    assert session.read_xmp(units, cancelled=lambda: True) == (None, [])
    assert session.read_xmp(units)[0] is not None


def test_a_newer_foreign_edit_wins_and_is_reported(writing, card, clock):
    """Somebody changed our rating in the file later: it is taken over, as an action."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    writing.decide([unit], DecisionChange(stars=2, label=Label.RED))
    writing.write_pending_xmp()
    foreign(sidecar, "5", "Red", at=clock.now + 50)
    action, readings = writing.read_xmp([unit])
    assert action is not None
    assert "taken over" in readings[0].notes[0].reason
    assert writing.decisions_for([unit.path])[unit.path] == Decision(stars=5, label=Label.RED)


def test_a_foreign_edit_found_while_writing_wins_if_it_is_newer(writing, card, clock):
    """The merge looks at the file at the last moment."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    writing.decide([unit], DecisionChange(stars=2))
    writing.write_pending_xmp()
    writing.decide([unit], DecisionChange(stars=3))
    foreign(sidecar, "5", at=clock.now + 1000)
    outcomes = writing.write_pending_xmp()
    assert "taken over" in outcomes[0].notes[0].reason
    assert read(sidecar)[RATING] == "5"
    assert writing.decisions_for([unit.path])[unit.path].stars == 5
    assert writing.pending_xmp_count == 0


def test_an_older_foreign_edit_loses_and_is_reported(writing, card, clock):
    """The person decided here after the other program wrote."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    writing.decide([unit], DecisionChange(stars=2))
    writing.write_pending_xmp()
    foreign(sidecar, "5", at=clock.now)
    clock.now += 100
    writing.decide([unit], DecisionChange(stars=3))
    outcomes = writing.write_pending_xmp()
    assert "replaced" in outcomes[0].notes[0].reason
    assert read(sidecar)[RATING] == "3"


def test_a_rating_that_was_never_read_is_kept(writing, card, clock):
    """An existing human rating is not overwritten without being asked to."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    foreign(sidecar, "5", "Ferien", at=clock.now - 1000)
    before = sidecar.read_bytes()
    writing.decide([unit], DecisionChange(stars=1, label=Label.BLUE))
    notes = [note.reason for note in writing.write_pending_xmp()[0].notes]
    assert len(notes) == 2
    assert sidecar.read_bytes() == before
    writing.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE, overwrite=True)
    writing.decide([unit], DecisionChange(stars=2))
    writing.write_pending_xmp()
    assert read(sidecar) == {RATING: "2", LABEL: "Blue"}
    writing.undo()
    writing.undo()
    writing.write_pending_xmp()
    assert read(sidecar) == {RATING: "5", LABEL: "Ferien"}


def test_a_rating_that_was_read_may_be_changed(writing, card, clock):
    """The person saw the 5 stars and chose 3; undo brings the 5 back."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    foreign(sidecar, "5", at=clock.now - 1000)
    writing.read_xmp([unit])
    writing.decide([unit], DecisionChange(stars=3))
    assert writing.write_pending_xmp()[0].notes == ()
    assert read(sidecar)[RATING] == "3"
    writing.undo()
    writing.write_pending_xmp()
    assert read(sidecar)[RATING] == "5"


def test_an_unknown_label_of_others_stays(writing, card, clock):
    """Rating a photo does not touch a label text that is no colour."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    foreign(sidecar, None, "To print", at=clock.now - 1000)
    writing.read_xmp([unit])
    writing.decide([unit], DecisionChange(stars=3))
    writing.write_pending_xmp()
    assert read(sidecar) == {RATING: "3", LABEL: "To print"}


def test_label_names_of_the_editor_are_written_and_read(session, card):
    """A German Lightroom gets `Gelb`."""
    names = LabelNames(red="Rot", yellow="Gelb", green="Grün", blue="Blau", purple="Lila")
    session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM, labels=names)
    session.decide([unit_of(card / "c.nef")], DecisionChange(label=Label.YELLOW))
    session.write_pending_xmp()
    assert read(card / "c.xmp") == {LABEL: "Gelb"}


@pytest.mark.parametrize("content", [b"", b"<x:xmpmeta", b"<!DOCTYPE x><x/>", b"\xff\xfe<\0"])
def test_a_broken_sidecar_is_left_alone_and_reported(writing, card, content):
    """It stays byte for byte, the decision stays in qpt and waits."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    sidecar.write_bytes(content)
    writing.decide([unit], DecisionChange(stars=3))
    outcomes = writing.write_pending_xmp()
    assert [problem.path for problem in outcomes[0].problems] == [sidecar]
    assert sidecar.read_bytes() == content
    assert writing.pending_xmp_count == 1
    assert writing.write_pending_xmp() == []
    sidecar.unlink()
    assert writing.write_pending_xmp(retry=True)[0].written == (sidecar,)
    assert writing.pending_xmp_count == 0


def test_a_read_only_folder_is_reported(writing, card, monkeypatch):
    """A failed write is never silent."""
    from qpt_app.decisions import xmp_writer
    from qpt_app.errors import StorageError

    def refuse(path, data):
        raise StorageError(f"cannot write {path}: read-only")

    monkeypatch.setattr(xmp_writer, "atomic_write", refuse)
    writing.decide([unit_of(card / "b.jpg")], DecisionChange(stars=3))
    assert "read-only" in writing.write_pending_xmp()[0].problems[0].reason
    monkeypatch.undo()
    writing.write_pending_xmp(retry=True)
    assert read(card / "b.jpg.xmp") == {RATING: "3"}


def test_a_shared_sidecar_name_is_refused(session, card):
    """`c.nef` and `c.dng` would share `c.xmp`; neither writes it, both say so."""
    (card / "c.dng").write_bytes(b"dng")
    session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM)
    session.decide([unit_of(card / "c.nef")], DecisionChange(stars=3))
    assert "c.dng" in session.write_pending_xmp()[0].problems[0].reason
    assert not (card / "c.xmp").exists()


def test_moving_takes_the_memory_of_the_sidecar_along(writing, card, clock):
    """After a move the three-way merge still knows what was written."""
    unit = unit_of(card / "b.jpg")
    writing.decide([unit], DecisionChange(stars=2, flag=Flag.REJECT))
    writing.write_pending_xmp()
    writing.execute(writing.plan_move_rejects([unit_of(card / "b.jpg")], card))
    moved = unit_of(card / "_rejected" / "b.jpg")
    writing.decide([moved], DecisionChange(flag=Flag.NONE))
    assert writing.write_pending_xmp()[0].notes == ()
    assert read(card / "_rejected" / "b.jpg.xmp") == {RATING: "2"}


def test_writing_the_same_again_changes_no_file(writing, card):
    """The second write leaves bytes and time stamps alone."""
    unit, sidecar = unit_of(card / "b.jpg"), card / "b.jpg.xmp"
    writing.decide([unit], DecisionChange(stars=2))
    writing.write_pending_xmp()
    os.utime(sidecar, ns=(1, 1))
    for stars in (3, 2):
        writing.decide([unit], DecisionChange(stars=stars))
    assert writing.write_pending_xmp()[0].written == ()
    assert sidecar.stat().st_mtime_ns == 1


def test_batch_writes_keep_what_is_there_and_a_dry_run_touches_nothing(session, card, clock, tree):
    """`write_ratings` skips parts that somebody decided, and says which."""
    foreign(card / "b.jpg.xmp", "5", at=clock.now - 1000)
    policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
    change = DecisionChange(stars=2, label=Label.RED)
    requests = [
        RatingRequest(unit=unit_of(card / "b.jpg"), change=change, score=71.234),
        RatingRequest(unit=unit_of(card / "c.nef"), change=change),
    ]
    before = tree(card)
    dry = session.write_ratings(requests, policy, dry_run=True)
    assert tree(card) == before
    assert session.next_undo is None
    real = session.write_ratings(requests, policy)
    assert [result.decision for result in dry] == [result.decision for result in real]
    assert [r.outcomes[0].written for r in dry] == [r.outcomes[0].written for r in real]
    assert [result.kept for result in real] == [("5 stars",), ()]
    assert read(card / "b.jpg.xmp") == {RATING: "5", LABEL: "Red", XmpProperty.SCORE: "71.23"}
    assert read(card / "c.nef.xmp") == {RATING: "2", LABEL: "Red"}
    over = XmpPolicy(profile=XmpProfile.DARKTABLE, overwrite=True)
    assert session.write_ratings(requests, over)[0].decision.stars == 2
    assert read(card / "b.jpg.xmp")[RATING] == "2"


def test_a_plan_has_the_sidecars_that_were_still_to_be_written(writing, card):
    """A reject decided a moment ago takes its new sidecar along; its outcome is told later."""
    unit = unit_of(card / "b.jpg")
    writing.decide([unit], DecisionChange(flag=Flag.REJECT))
    plan = writing.plan_move_rejects([unit], card)
    assert [file.source.name for file in plan.files] == ["b.jpg", "b.jpg.xmp"]
    assert [outcome.photo for outcome in writing.write_pending_xmp()] == [unit.path]
    writing.execute(plan)
    assert not (card / "b.jpg.xmp").exists()


def test_sidecars_written_while_photos_move_never_stay_behind(writing, card):
    """One thread decides and writes, another moves there and back: no orphan sidecar is left."""
    import threading

    for number in range(12):
        (card / f"x{number}.jpg").write_bytes(b"x")
    photos = [card / f"x{number}.jpg" for number in range(12)]
    done = threading.Event()

    def write():
        while not done.is_set():
            writing.write_pending_xmp(retry=True)

    writing.decide([unit_of(photo) for photo in photos], DecisionChange(stars=1))
    thread = threading.Thread(target=write)
    thread.start()
    try:
        for stars in (2, 3, 4):
            units = [unit_of(photo) for photo in photos]
            writing.decide(units, DecisionChange(stars=stars))
            writing.execute(writing.plan_move_rejects([unit_of(p) for p in photos], card))
            assert not writing.undo().problems
    finally:
        done.set()
        thread.join()
    writing.write_pending_xmp(retry=True)
    assert {read(photo.with_name(f"{photo.name}.xmp"))[RATING] for photo in photos} == {"4"}
    assert not [file for file in (card / "_rejected").rglob("*") if file.is_file()]
