"""The page of keys: every key of every action can be changed, freed and put back."""

import pytest
from conftest_helpers import KEYS, press, settle
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox, QTabWidget

from qpt_app.decisions.decision import Flag
from qpt_app.gui.action_table import ACTIONS, BY_ID
from qpt_app.gui.dialogs.settings_dialog import SettingsDialog
from qpt_app.gui.gui_settings import GuiSettings, load_gui_settings
from qpt_app.gui.key_bindings import portable_keys

CONTROL = Qt.KeyboardModifier.ControlModifier
SECOND_KEYS = [(spec.id, at) for spec in ACTIONS for at in range(1, len(spec.keys))]


@pytest.fixture
def dialog(qtbot):
    """`dialog(keys)` shows the settings with these keys."""

    def make(keys=None):
        shown = SettingsDialog(GuiSettings(keys=keys or {}))
        qtbot.addWidget(shown)
        shown.show()
        qtbot.waitExposed(shown)
        shown.activateWindow()
        qtbot.waitUntil(shown.isActiveWindow, timeout=20000)
        return shown

    return make


def button(dialog, which):
    return dialog.findChild(QDialogButtonBox).button(
        getattr(QDialogButtonBox.StandardButton, which)
    )


def field(dialog, action_id, at):
    return dialog._editors[action_id].fields[at]


def shown(dialog, action_id):
    return dialog._editors[action_id].keys


def type_key(dialog, action_id, at, key, modifiers=Qt.KeyboardModifier.NoModifier):
    code = KEYS.get(key) or getattr(Qt.Key, f"Key_{key}")
    QTest.keyClick(field(dialog, action_id, at), code, modifiers)


def test_all_keys_of_every_action_are_shown(dialog):
    """And nothing counts as changed before something is."""
    made = dialog()
    for spec in ACTIONS:
        assert shown(made, spec.id) == portable_keys(spec.keys)
    assert made.edited.keys == {}


def test_a_key_that_a_newer_program_gives_to_another_action_is_named(dialog):
    """The user's key works as before; here it is said which default it stands in the way of."""
    made = dialog({"survey": ("K",)})
    assert made._problem.isVisible()
    titles = {BY_ID[one].title for one in ("survey", "peaking")}
    assert made._problem.text().startswith("K would be a key of ")
    assert all(f"“{title}”" in made._problem.text() for title in titles)
    assert not button(made, "Ok").isEnabled()
    type_key(made, "peaking", 0, "K")
    assert made._problem.text() == ""
    assert made.edited.keys == {"survey": ("K",), "peaking": ()}


def test_space_can_be_freed_and_given_to_another_action(qtbot, opened):
    """In the real window: Space picks, and no longer goes on."""
    opened.keys["settings"].trigger()
    made = opened.actions_.dialog
    type_key(made, "pick", 1, "Space")
    assert made._problem.text() == (
        "Space would be a key of “Pick” and of “Next photo”: clear or change one of them."
    )
    assert not button(made, "Ok").isEnabled()
    type_key(made, "next", 1, "Space")
    assert shown(made, "next") == ("Right", "PgDown")
    assert made._problem.text() == ""
    qtbot.mouseClick(button(made, "Ok"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(opened.isActiveWindow, timeout=20000)
    opened.photo_cursor.go_to_row(2)
    press(qtbot, opened, "Space")
    assert opened.photo_cursor.row == 2
    assert opened.photo_cursor.record.decision.flag is Flag.PICK
    press(qtbot, opened, "Right")
    assert opened.photo_cursor.row == 3
    settle(qtbot, opened)


@pytest.mark.parametrize(("action_id", "at"), SECOND_KEYS)
def test_every_further_key_can_be_freed_and_changed(dialog, action_id, at):
    """By key alone: the same key again clears a field, another one replaces it."""
    made = dialog()
    keys = portable_keys(BY_ID[action_id].keys)
    code = field(made, action_id, at).keySequence()[0]
    QTest.keyClick(field(made, action_id, at), code.key(), code.keyboardModifiers())
    without = keys[:at] + keys[at + 1 :]
    assert shown(made, action_id) == without
    assert made.edited.keys == {action_id: without}
    type_key(made, action_id, at, "F9")
    assert shown(made, action_id) == (*keys[:at], "F9", *keys[at + 1 :])
    assert button(made, "Ok").isEnabled()


def test_restoring_brings_exactly_the_defaults_back(dialog):
    """Keys that were taken away return, keys that were added go."""
    made = dialog({"next": ("Right", "PgDown"), "pick": ("K", "F9"), "undo": ()})
    QTest.mouseClick(button(made, "RestoreDefaults"), Qt.MouseButton.LeftButton)
    for spec in ACTIONS:
        assert shown(made, spec.id) == portable_keys(spec.keys)
    assert made.edited.keys == {}
    assert button(made, "Ok").isEnabled()


def test_keys_are_kept_as_they_were_set(qtbot, opened, paths):
    """A third key, added in the empty field, comes back from the file."""
    opened.keys["settings"].trigger()
    made = opened.actions_.dialog
    type_key(made, "undo", 1, "F9", CONTROL)
    type_key(made, "undo", 2, "F10")
    assert len(made._editors["undo"].fields) == 4
    qtbot.mouseClick(button(made, "Ok"), Qt.MouseButton.LeftButton)
    opened.keeper.save_now()
    assert load_gui_settings(paths.settings).keys == {"undo": ("Ctrl+Z", "Ctrl+F9", "F10")}


def test_the_same_key_in_two_fields_of_one_action_is_no_clash(dialog):
    """It counts once."""
    made = dialog()
    type_key(made, "redo", 2, "Y", CONTROL)
    assert made._problem.text() == ""
    assert made.edited.keys == {}


def test_ctrl_alone_is_no_key(dialog):
    """The field is left as it was."""
    made = dialog()
    made.findChild(QTabWidget).setCurrentIndex(1)
    field(made, "undo", 0).setFocus()
    QTest.keyClick(field(made, "undo", 0), Qt.Key.Key_Control, CONTROL)
    QTest.keyClick(field(made, "undo", 0), Qt.Key.Key_Tab)
    assert shown(made, "undo") == ("Ctrl+Z",)


def test_tab_goes_from_field_to_field(qtbot, dialog):
    """It is never taken as a key; each field says whose it is."""
    made = dialog()
    made.findChild(QTabWidget).setCurrentIndex(1)
    field(made, "next", 0).setFocus()
    QTest.keyClick(field(made, "next", 0), Qt.Key.Key_Tab)
    assert made.focusWidget() is field(made, "next", 1)
    assert field(made, "next", 1).accessibleName() == "Next photo, key 2"
