"""The item models keep Qt's rules and put photos where they belong."""

import os
from dataclasses import replace
from pathlib import Path

import gui_fakes
import pytest
from PySide6.QtCore import QAbstractItemModel, QItemSelection, QItemSelectionModel
from PySide6.QtTest import QAbstractItemModelTester

from qpt_app.core.status import PhotoStatus
from qpt_app.decisions.decision import Decision, Flag
from qpt_app.decisions.photo_unit import find_units
from qpt_app.decisions.session import DecisionSession
from qpt_app.gui.dialogs.plan_dialog import PlanModel
from qpt_app.gui.panels.failed_panel import FailedModel
from qpt_app.gui.photo_cursor import PhotoCursor, runs
from qpt_app.gui.photo_filter import PhotoFilter, PhotoOrder, SortKey, StarTest
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.series import Series, SeriesKind


def record(name: str, *, score: float | None = None, stars: int | None = None, flag=Flag.NONE):
    path = Path("/shoot") / name
    photo = PhotoRecord(
        os.fspath(path), PhotoFile(location=os.fspath(path), device=1, inode=1, size=1, mtime_ns=0)
    )
    if score is not None:
        photo.result = PhotoResult(path=path, status=PhotoStatus.OK, score=score)
    photo.decision = Decision(stars=stars, flag=flag)
    return photo


def burst(*names: str) -> Series:
    """A series of photos named from the best to the worst."""
    paths = tuple(Path("/shoot") / name for name in names)
    return Series(kind=SeriesKind.BURST, members=paths, ranked=paths, from_tags=True)


@pytest.fixture
def model(qapp):
    model = PhotoModel()
    strict(model)
    return model


def strict(model: QAbstractItemModel) -> None:
    """Have Qt check every signal of a model; a breach ends the test run."""
    model.tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal
    )


def names(model: PhotoModel) -> list[str]:
    return [photo.name for photo in model.visible_records()]


def test_every_change_of_the_photo_model_keeps_the_rules_of_qt(model):
    """Add, score, sort, filter, remove and clear under the model tester."""
    model.add([record(f"{number}.jpg", score=number) for number in range(5)])
    model.set_order(PhotoOrder(key=SortKey.SCORE, descending=True))
    assert names(model) == ["4.jpg", "3.jpg", "2.jpg", "1.jpg", "0.jpg"]
    model.set_filter(PhotoFilter(score_from=2))
    assert names(model) == ["4.jpg", "3.jpg", "2.jpg"]
    model.add([record("9.jpg", score=9), record("0.jpg", score=1)])
    assert len(model.records) == 6
    model.remove([Path("/shoot/3.jpg")])
    assert names(model) == ["4.jpg", "2.jpg", "9.jpg"]
    model.refresh()
    assert names(model) == ["9.jpg", "4.jpg", "2.jpg"]
    model.set_decision(Path("/shoot/4.jpg"), Decision(flag=Flag.REJECT))
    model.set_filter(PhotoFilter(flags=frozenset({Flag.NONE})))
    assert "4.jpg" not in names(model)
    model.clear()
    assert model.rowCount() == 0


def test_persistent_indexes_follow_their_photos_through_a_sort(model):
    """What points at a photo still points at it when rows move."""
    from PySide6.QtCore import QPersistentModelIndex

    model.add([record(f"{number}.jpg", score=number) for number in range(4)])
    held = QPersistentModelIndex(model.index(0, 0))
    model.set_order(PhotoOrder(key=SortKey.SCORE, descending=True))
    assert held.row() == 3
    assert model.record_at(held.row()).name == "0.jpg"


@pytest.mark.parametrize("descending", [False, True])
def test_photos_without_a_score_come_last_in_both_directions(model, descending):
    """An unscored photo is neither the best nor the worst."""
    model.add([record("a.jpg"), record("b.jpg", score=5), record("c.jpg", score=70)])
    model.set_order(PhotoOrder(key=SortKey.SCORE, descending=descending))
    assert names(model)[-1] == "a.jpg"


def test_exactly_and_at_least_stars_differ(model):
    """Exactly one star is not at least one star."""
    model.add([record(f"{stars}.jpg", stars=stars) for stars in range(4)])
    model.set_filter(PhotoFilter(star_test=StarTest.EXACTLY, stars=1))
    assert names(model) == ["1.jpg"]
    model.set_filter(PhotoFilter(star_test=StarTest.AT_LEAST, stars=1))
    assert names(model) == ["1.jpg", "2.jpg", "3.jpg"]
    model.set_filter(PhotoFilter(star_test=StarTest.EXACTLY, stars=0))
    assert names(model) == ["0.jpg"]


@pytest.mark.parametrize(("rejected", "expected"), [(2, "3.jpg"), (4, "3.jpg"), (0, "1.jpg")])
def test_when_a_filter_hides_the_framed_photo_the_next_nearest_is_framed(model, rejected, expected):
    """The next one, or the previous one at the end; never the first one by default."""
    model.add([record(f"{number}.jpg") for number in range(5)])
    selection = QItemSelectionModel(model)
    cursor = PhotoCursor(model, selection)
    cursor.go_to_row(rejected)
    model.set_filter(PhotoFilter(flags=frozenset({Flag.NONE, Flag.PICK})))
    model.set_decision(Path(f"/shoot/{rejected}.jpg"), Decision(flag=Flag.REJECT))
    model.hide_unwanted(model.records)
    assert cursor.record.name == expected


def test_series_mixed_by_the_sorting_are_come_by_once_each_and_the_same_way_back(model):
    """Down used to go round for ever between two series that a sort by score had interleaved."""
    scores = {"a1": 90, "b1": 80, "a2": 70, "c": 60, "b2": 50, "a3": 40, "d": 30}
    photos = {name: record(f"{name}.jpg", score=score) for name, score in scores.items()}
    for members in (["a2", "a1", "a3"], ["b2", "b1"]):  # a2 is the best of its series
        series = burst(*(f"{name}.jpg" for name in members))
        for name in members:
            photos[name].series = series
    model.add(photos.values())
    model.set_order(PhotoOrder(key=SortKey.SCORE, descending=True))
    cursor = PhotoCursor(model, QItemSelectionModel(model))
    cursor.go_to_row(0)

    def walk(direction):
        seen = []
        while len(seen) < len(scores) and cursor.step_series(direction):
            seen.append(cursor.record.name[:-4])
        return seen

    assert walk(1) == ["b2", "c", "d"]
    assert walk(-1) == ["c", "b2", "a2"]
    assert walk(1) == ["b2", "c", "d"]
    model.set_filter(PhotoFilter(score_to=65))
    cursor.go_to_row(0)
    assert walk(1) == ["b2", "a3", "d"]  # the best of those that are shown


def test_what_stands_for_a_stack_changes_in_place(model):
    """The best that passes, whatever of the series was moved away."""
    photos = [record(f"{name}.jpg") for name in ("a1", "a2", "a3", "b", "c1", "c2")]
    series, other = burst("a3.jpg", "a1.jpg", "a2.jpg"), burst("gone.jpg", "c2.jpg", "c1.jpg")
    for photo in photos[:3]:
        photo.series = series
    for photo in photos[4:]:
        photo.series = other
    model.add(photos)
    model.set_filter(PhotoFilter(stacked=True, flags=frozenset({Flag.NONE, Flag.PICK})))
    assert names(model) == ["a3.jpg", "b.jpg", "c2.jpg"]
    for name, shown in (("a3", ["a1", "b", "c2"]), ("a1", ["a2", "b", "c2"]), ("a2", ["b", "c2"])):
        model.set_decision(Path(f"/shoot/{name}.jpg"), Decision(flag=Flag.REJECT))
        model.hide_unwanted([model.record(Path(f"/shoot/{name}.jpg"))])
        assert names(model) == [f"{one}.jpg" for one in shown]
    model.set_decision(Path("/shoot/a1.jpg"), Decision())
    model.refresh()
    assert names(model) == ["a1.jpg", "b.jpg", "c2.jpg"]


def test_the_selection_survives_a_sort_and_a_filter(model):
    """Selected photos that are still shown stay selected."""
    model.add([record(f"{number}.jpg", score=number) for number in range(6)])
    selection = QItemSelectionModel(model)
    cursor = PhotoCursor(model, selection)
    cursor.go_to_row(1)
    for row in (2, 4):
        selection.select(model.index(row, 0), QItemSelectionModel.SelectionFlag.Select)
    model.set_order(PhotoOrder(key=SortKey.SCORE, descending=True))
    assert {photo.name for photo in cursor.selected()} == {"1.jpg", "2.jpg", "4.jpg"}
    assert cursor.record.name == "1.jpg"
    model.set_filter(PhotoFilter(score_from=2))
    assert {photo.name for photo in cursor.selected()} >= {"2.jpg", "4.jpg"}


def test_a_selection_of_all_comes_back_in_few_ranges(model):
    """Qt's time grows with the square of the number of ranges: seconds in a large folder."""
    model.add([record(f"{number:03d}.jpg", score=number * 37 % 100) for number in range(100)])
    selection = QItemSelectionModel(model)
    cursor = PhotoCursor(model, selection)
    cursor.go_to_row(3)
    everything = QItemSelection(model.index(0, 0), model.index(99, 0))
    selection.select(everything, QItemSelectionModel.SelectionFlag.Select)
    model.set_order(PhotoOrder(key=SortKey.SCORE, descending=True))
    assert len(cursor.selected()) == 100
    assert len(selection.selection()) <= 3  # the framed one, and what is above and below it
    assert cursor.record.name == "003.jpg"
    assert runs([0, 1, 2, 5, 7, 8]) == [(0, 2), (5, 5), (7, 8)]


def test_only_the_changed_photo_is_looked_at_again(model):
    """The others stay, whatever came in about them meanwhile, until all are sorted anew."""
    model.add([record(f"{number}.jpg", score=50) for number in range(4)])
    model.set_filter(PhotoFilter(score_from=20, flags=frozenset({Flag.NONE})))
    model.set_results([replace(model.records[3].result, score=5.0)])
    model.set_decision(Path("/shoot/1.jpg"), Decision(flag=Flag.REJECT))
    counted = []
    model.counts_changed.connect(lambda: counted.append(model.rowCount()))
    model.hide_unwanted([model.records[1]])
    assert names(model) == ["0.jpg", "2.jpg", "3.jpg"]
    assert counted == [3]
    model.refresh()
    assert names(model) == ["0.jpg", "2.jpg"]


def test_a_stack_whose_photo_changed_is_looked_at_again_alone(model):
    """Rows of other stacks stay, whatever came in about them; what is inside can come up."""
    photos = [record(f"{name}.jpg", score=50) for name in ("a1", "a2", "b", "c1", "c2")]
    for members in (photos[:2], photos[3:]):
        series = burst(*(photo.name for photo in members))
        for photo in members:
            photo.series = series
    photos[0].decision = Decision(flag=Flag.REJECT)
    model.add(photos)
    model.set_filter(PhotoFilter(stacked=True, score_from=20, flags=frozenset({Flag.NONE})))
    assert names(model) == ["a2.jpg", "b.jpg", "c1.jpg"]
    model.set_results([replace(photo.result, score=5.0) for photo in (photos[2], photos[3])])
    model.set_decision(photos[0].path, Decision())
    model.hide_unwanted([photos[0]])
    assert names(model) == ["a1.jpg", "b.jpg", "c1.jpg"]
    model.set_decision(photos[3].path, Decision(flag=Flag.REJECT))
    model.hide_unwanted([photos[3]])
    assert names(model) == ["a1.jpg", "b.jpg", "c2.jpg"]


def test_the_list_of_failures_and_the_plan_keep_the_rules_of_qt(qapp, tmp_path):
    """The small models too."""
    failed = FailedModel()
    strict(failed)
    photo = record("a.jpg")
    photo.result = PhotoResult.failed(photo.path, PhotoStatus.UNREADABLE, "empty")
    failed.set_records([photo])
    assert failed.index(0, 0).data() == "a.jpg\nempty"
    failed.set_records([])
    image = gui_fakes.write_photo(tmp_path / "a.jpg", seed=1, brightness=90)
    (tmp_path / "a.xmp").write_text("<x/>")
    trash = gui_fakes.FolderTrash(tmp_path / "trash")
    with DecisionSession.open(tmp_path / "data", gui_fakes.Clock(), trash=trash) as session:
        plan = session.plan_trash(find_units([(image, None)]), [tmp_path])
    table = PlanModel(plan)
    strict(table)
    assert table.rowCount() == 2
    assert table.index(0, 2).data() == "trash"


def test_a_name_cannot_break_a_line_or_read_backwards():
    """Control characters, overrides and odd bytes are shown as replacements."""
    photo = record("a\n\x1b[31m\u202egpj.exe")
    assert photo.name.isprintable()
    assert record("x\udcff.jpg").name == "x\N{REPLACEMENT CHARACTER}.jpg"
