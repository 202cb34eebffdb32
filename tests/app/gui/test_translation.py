"""Every text on screen passes through `tr()`: seen with a translator that marks what it was asked.

The window and every dialog are looked at as a user would see them; texts that appear later are
found in the source.
"""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import open_and_score
from conftest_helpers import press, select, settle
from PIL import Image
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialog,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QTabWidget,
    QWidget,
)

import qpt_app.gui
from qpt_app.core.status import PhotoStatus
from qpt_app.decisions.action import (
    Action,
    ActionKind,
    ActionState,
    OperationReport,
    Transferred,
)
from qpt_app.decisions.decision import Flag, Label
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.decisions.restore import RestoreOffer
from qpt_app.gui.action_table import ACTIONS
from qpt_app.gui.dialogs.keys_dialog import KeysDialog
from qpt_app.gui.dialogs.question_dialog import QuestionDialog
from qpt_app.gui.dialogs.report_dialog import report_lines
from qpt_app.gui.dialogs.restore_dialog import RestoreDialog
from qpt_app.gui.dialogs.settings_dialog import SettingsDialog
from qpt_app.gui.dialogs.xmp_dialog import XmpDialog
from qpt_app.gui.gui_settings import GuiSettings
from qpt_app.gui.info_text import info_lines
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.value_texts import action_text, gap_text, label_text, state_text, status_text
from qpt_app.photos.focus import FocusGap
from qpt_app.photos.results import PhotoResult

PROPER = {"qpt", "Lightroom", "MB", "CSV", "JSON", "EXIF", "ISO", "OK"}
"""Names that are the same in every language."""
SAYS = {"setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setPlaceholderText",
        "addItem", "addMenu", "announce", "setStatusTip", "setAccessibleDescription", "setTitle",
        "QLabel", "QPushButton", "QCheckBox", "QRadioButton", "QGroupBox", "QAction"}  # fmt: skip
"""Calls whose first argument ends on the screen; `announced.emit` is one too."""


class Marker(QTranslator):
    """Translates every text to itself in brackets."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context, source, disambiguation=None, n=-1):
        return f"⟦{source}⟧"


@pytest.fixture
def marked(qapp):
    marker = Marker()
    assert QCoreApplication.installTranslator(marker)
    yield
    QCoreApplication.removeTranslator(marker)


def texts_of(widget: QWidget):
    """What a widget shows and says."""
    yield widget.toolTip()
    yield widget.accessibleName()
    if isinstance(widget, QDialog):
        yield widget.windowTitle()
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    if isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    if isinstance(widget, QGroupBox | QMenu):
        yield widget.title()
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(row) for row in range(widget.count()))
    if isinstance(widget, QTabWidget):
        yield from (widget.tabText(at) for at in range(widget.count()))
    for action in widget.actions():
        yield action.text()
        yield action.toolTip()


def untranslated(root: QWidget, names: set[str]) -> set[str]:
    """Texts with a word of two letters that no translator was asked for."""
    found = set()
    for widget in (root, *root.findChildren(QWidget)):
        if widget.objectName().startswith("qt_"):
            continue
        for text in texts_of(widget):
            words = "".join(c if c.isalpha() else " " for c in text).split()
            told = [word for word in words if len(word) > 1 and word not in PROPER]
            if told and "⟦" not in text and not any(name in text for name in names):
                found.add(text)
    return found


def test_everything_in_the_window_is_translated(qtbot, marked, make_window, shoot, tmp_path):
    """Empty, without photos, with photos, with a photo that failed."""
    names = {"p0", "p1", "shoot", "empty", str(tmp_path), "not a photo", "/"}
    window = make_window()
    assert not untranslated(window, names)
    open_and_score(qtbot, window, shoot)
    for key in ("loupe", "compare", "grid"):
        window.keys[key].trigger()
        assert not untranslated(window, names), key
    window.decisions.set_flag(Flag.PICK)
    assert "⟦" in window.parts.status.message
    qtbot.waitUntil(lambda: window.desk.is_idle, timeout=20000)


def test_everything_in_the_dialogs_is_translated(qtbot, marked, make_window):
    """Their own texts; what they are given is translated by who gives it."""
    window = make_window()
    offer = RestoreOffer(backup=Path("b"), made_at=1e9, photos=3, aside_name="d.corrupt-1")
    dialogs = [
        KeysDialog({}, window), SettingsDialog(GuiSettings(), window), XmpDialog(None, window),
        RestoreDialog("⟦why⟧", offer, window), QuestionDialog("⟦t⟧", "⟦x⟧", "⟦a⟧", window),
    ]  # fmt: skip
    keys = {key for spec in ACTIONS for key in spec.keys}
    for dialog in dialogs:
        assert not {text for text in untranslated(dialog, set()) if text not in keys}, dialog
        dialog.deleteLater()


def test_the_list_before_a_file_operation_is_translated(qtbot, marked, make_window, shoot):
    """Files keep their names, all else is asked for."""
    window = make_window()
    open_and_score(qtbot, window, shoot)
    window.files.trash_selected()
    qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=20000)
    dialog = window.files.dialog
    assert not untranslated(dialog, {"p0", str(shoot)})
    dialog.reject()


@pytest.mark.parametrize(
    ("task", "choice"),
    [
        ("trash", PairChoice.JPEG),
        ("copy_picks", PairChoice.RAW),
        ("move_picks", PairChoice.RAW),
    ],
)
def test_the_choice_about_pairs_is_translated(
    qtbot, marked, make_window, shoot, tmp_path, task, choice
):
    """Its names, what it leaves and what is copied along."""
    for name in ("p00.cr2", "p00.xmp", "p00.cr2.xmp"):
        (shoot / name).write_bytes(b"x")
    window = make_window()
    open_and_score(qtbot, window, shoot)
    target = tmp_path / "picks"
    target.mkdir()
    window.files._ask_folder = lambda parent, title: target
    select(window, 0, 1)
    window.decisions.set_flag(Flag.PICK)
    settle(qtbot, window)
    window.keys[task].trigger()
    qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=20000)
    dialog = window.files.dialog
    names = {"p0", "shoot", str(target)}
    assert not untranslated(dialog, names)
    dialog.pairs.buttons[choice].click()
    qtbot.waitUntil(lambda: dialog.plan.choice is choice, timeout=20000)
    assert not untranslated(dialog, names)
    dialog.reject()
    settle(qtbot, window)


def test_values_have_names_in_the_users_language(marked):
    """Each label, each status of a photo, each state of an action, each gap in what is known."""
    names = [
        (label_text, Label), (status_text, PhotoStatus), (state_text, ActionState),
        (gap_text, FocusGap),
    ]  # fmt: skip
    for name, kind in names:
        texts = [name(value) for value in kind]
        assert all(text.startswith("⟦") for text in texts)
        assert len(set(texts)) == len(kind)


def test_what_the_journal_calls_an_action_is_said_in_the_users_language(
    qtbot, marked, make_window, shoot, tmp_path
):
    """Done, undone, and in the report of what an interrupted run left."""
    window = make_window()
    open_and_score(qtbot, window, shoot)
    target = tmp_path / "%2 best"
    target.mkdir()
    window.files._ask_folder = lambda parent, title: target
    window.decisions.set_flag(Flag.PICK)
    press(qtbot, window, "Right")
    press(qtbot, window, "6")
    assert window.parts.status.message == "p01.jpg: ⟦red label⟧"
    press(qtbot, window, "X")
    spoken = {
        "copy_picks": "⟦copy ⟦1 photo⟧ to %2 best⟧",
        "move_rejects": "⟦move ⟦1 photo⟧ to _rejected⟧",
        "trash": "⟦move ⟦1 photo⟧ to the trash⟧",
    }
    for action, text in spoken.items():
        settle(qtbot, window)
        qtbot.waitUntil(window.isActiveWindow, timeout=20000)
        window.views.focus_photos()
        window.keys[action].trigger()
        qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=20000)
        with qtbot.waitSignal(window.desk.executed, timeout=20000) as executed:
            window.files.dialog.confirm.click()
        qtbot.waitUntil(lambda text=text: text in window.parts.status.message, timeout=20000)
        assert report_lines([executed.args[0]])[0] == f"{text}: ⟦done⟧"
        settle(qtbot, window)
        with qtbot.waitSignal(window.desk.stepped, timeout=20000) as stepped:
            window.decisions.undo()
        assert stepped.args[0].title == text
    settle(qtbot, window)


def test_the_report_of_a_file_operation_is_translated(marked):
    """What was left, and what lies in a trash that does not say where."""
    gone = (Transferred(source=Path("/shoot/a.jpg"), target=None),)
    report = OperationReport(action=None, transferred=gone, left=(Path("/shoot/b.jpg"),))
    assert report_lines([report]) == [
        "/shoot/b.jpg: ⟦not begun⟧", "/shoot/a.jpg → ⟦trash⟧"
    ]  # fmt: skip


def test_ratings_of_other_programs_are_named_in_the_users_language(marked):
    """Their title is written where there is no Qt."""
    action = Action(
        action_id=1, kind=ActionKind.ADOPT, state=ActionState.DONE, created_at=0.0,
        title="ratings read from XMP: 1200 photos",
    )  # fmt: skip
    assert action_text(action) == "⟦ratings read from XMP: ⟦1,200 photos⟧⟧"
    half = replace(
        action, kind=ActionKind.MOVE, title="move 2 photos (of pairs only the RAW) to (of 3) x"
    )
    assert action_text(half) == "⟦move ⟦⟦2 photos⟧ (of pairs only the RAW)⟧ to %2⟧".replace(
        "%2", "(of 3) x"
    )
    mixed = replace(half, title="move 1 photo (of pairs only the JPEG/HEIC) to x")
    assert action_text(mixed) == "⟦move ⟦⟦1 photo⟧ (of pairs only the JPEG/HEIC)⟧ to x⟧"
    decided = replace(action, kind=ActionKind.DECIDE, title="p01.jpg: 4 Sterne")
    assert action_text(decided) == "p01.jpg: 4 Sterne"


def test_a_photo_without_a_reason_says_its_status(marked):
    """In the information, in the tile and to screen readers."""
    failed = PhotoRecord("/shoot/a.jpg", None)
    failed.result = PhotoResult.failed(failed.path, PhotoStatus.TOO_LARGE, "")
    assert info_lines(failed, None)[0] == ("⟦Not scored⟧", "⟦too large⟧")
    assert PhotoModel().describe(failed) == "a.jpg, ⟦not scored: ⟦too large⟧⟧"


def test_why_focus_is_not_known_is_said_in_the_users_language(qtbot, marked, make_window, tmp_path):
    """Under the photo, where K would paint it, and in the information."""
    Image.new("RGB", (300, 12)).save(tmp_path / "a.png")
    window = make_window()
    open_and_score(qtbot, window, tmp_path)
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    reason = "⟦the photo is too small⟧"
    pane, lines = window.loupe.pane, window.loupe.overlay
    qtbot.waitUntil(lambda: pane.focus_note() == f"⟦focus not measured: {reason}⟧", timeout=20000)
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(lines.lines)["⟦Sharpest⟧"] == f"⟦cannot be told: {reason}⟧"


def test_no_text_in_the_source_goes_to_the_screen_untranslated():
    """What shows only now and then, found in the syntax tree."""
    found = []
    for file in Path(qpt_app.gui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _speaks(node.func):
                found += [f"{file.name}:{node.lineno}: {text}" for text in _bare(node.args[0])]
    assert not found


def test_texts_to_translate_are_literals_so_that_lupdate_finds_them():
    """`tr(text)` of a variable works on screen, but no translator ever gets to see the text."""
    found = []
    for file in Path(qpt_app.gui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            texts = {"tr": node.args[:1], "translate": node.args[:2]}.get(name, [])
            if name == "translate" and not all(map(_is_text, node.args[:1])):
                continue  # QPainter.translate(x, y)
            if not all(map(_is_text, texts)):
                found.append(f"{file.name}:{node.lineno}")
        assert "def _tr(" not in file.read_text(encoding="utf-8"), file
    assert not found


def _is_text(node) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _speaks(called) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name == "emit" and isinstance(called, ast.Attribute):
        return getattr(called.value, "attr", "") in ("announced", "exported", "notice", "done")
    return name in SAYS


def _bare(argument):
    """Literals with words in an argument, those inside a call of `tr` left out."""
    if isinstance(argument, ast.Call):
        name = getattr(argument.func, "attr", getattr(argument.func, "id", ""))
        if name in ("tr", "translate", "QT_TRANSLATE_NOOP"):
            return
        if isinstance(argument.func, ast.Attribute):  # "…".replace(…): what it is called on
            yield from _bare(argument.func.value)
        return
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        words = "".join(c if c.isalpha() else " " for c in argument.value).split()
        if any(len(word) > 1 and word not in PROPER for word in words):
            yield argument.value
    for child in ast.iter_child_nodes(argument):
        yield from _bare(child)


def test_the_search_finds_a_text_that_was_forgotten():
    """The test of the test."""
    node = ast.parse('label.setText("Nobody translates " + name)').body[0].value
    assert _speaks(node.func)
    assert list(_bare(node.args[0])) == ["Nobody translates "]
    node = ast.parse('label.setText(self.tr("Hello %1").replace("%1", name))').body[0].value
    assert not list(_bare(node.args[0]))
