"""Every action of the window: its id, its text and its default keys, in one table."""

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

CONTEXT = "Actions"


class Scope(Enum):
    """Where an action's keys work."""

    WINDOW = "window"
    PHOTOS = "photos"
    """Only while the photos have the focus, so that fields and lists keep their arrows."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action."""

    id: str
    text: str
    """English text; `title` translates it."""
    keys: tuple[str, ...]
    """Default key sequences in Qt's portable notation; `Ctrl` is the command key on macOS."""
    group: str
    scope: Scope = Scope.WINDOW

    @property
    def title(self) -> str:
        """The text in the user's language."""
        return QCoreApplication.translate(CONTEXT, self.text)

    @property
    def group_title(self) -> str:
        """The group's name in the user's language."""
        return QCoreApplication.translate(CONTEXT, self.group)


def _spec(
    action_id: str, text: object, keys: str, group: str, scope: Scope = Scope.WINDOW
) -> ActionSpec:
    return ActionSpec(action_id, str(text), tuple(keys.split()), group, scope)


_DECIDE = str(QT_TRANSLATE_NOOP("Actions", "Decide"))
_MOVE = str(QT_TRANSLATE_NOOP("Actions", "Move"))
_LOOK = str(QT_TRANSLATE_NOOP("Actions", "Look"))
_FILES = str(QT_TRANSLATE_NOOP("Actions", "Files"))
_PROGRAM = str(QT_TRANSLATE_NOOP("Actions", "Program"))

ACTIONS: tuple[ActionSpec, ...] = (
    _spec("pick", QT_TRANSLATE_NOOP("Actions", "Pick"), "P", _DECIDE),
    _spec("reject", QT_TRANSLATE_NOOP("Actions", "Reject"), "X", _DECIDE),
    _spec("unflag", QT_TRANSLATE_NOOP("Actions", "Remove flag"), "U", _DECIDE),
    _spec("stars_0", QT_TRANSLATE_NOOP("Actions", "No stars"), "0", _DECIDE),
    _spec("stars_1", QT_TRANSLATE_NOOP("Actions", "1 star"), "1", _DECIDE),
    _spec("stars_2", QT_TRANSLATE_NOOP("Actions", "2 stars"), "2", _DECIDE),
    _spec("stars_3", QT_TRANSLATE_NOOP("Actions", "3 stars"), "3", _DECIDE),
    _spec("stars_4", QT_TRANSLATE_NOOP("Actions", "4 stars"), "4", _DECIDE),
    _spec("stars_5", QT_TRANSLATE_NOOP("Actions", "5 stars"), "5", _DECIDE),
    _spec("label_red", QT_TRANSLATE_NOOP("Actions", "Red label"), "6", _DECIDE),
    _spec("label_yellow", QT_TRANSLATE_NOOP("Actions", "Yellow label"), "7", _DECIDE),
    _spec("label_green", QT_TRANSLATE_NOOP("Actions", "Green label"), "8", _DECIDE),
    _spec("label_blue", QT_TRANSLATE_NOOP("Actions", "Blue label"), "9", _DECIDE),
    _spec("label_purple", QT_TRANSLATE_NOOP("Actions", "Purple label"), "", _DECIDE),
    _spec(
        "keep_this",
        QT_TRANSLATE_NOOP("Actions", "Pick this, reject the rest of its series"),
        "Shift+P",
        _DECIDE,
    ),
    _spec(
        "reject_selected", QT_TRANSLATE_NOOP("Actions", "Reject all selected …"), "Ctrl+Shift+X",
        _DECIDE,
    ),
    _spec("undo", QT_TRANSLATE_NOOP("Actions", "Undo"), "Ctrl+Z", _DECIDE),
    _spec("redo", QT_TRANSLATE_NOOP("Actions", "Redo"), "Ctrl+Shift+Z Ctrl+Y", _DECIDE),
    _spec(
        "next", QT_TRANSLATE_NOOP("Actions", "Next photo"), "Right Space PgDown", _MOVE,
        Scope.PHOTOS,
    ),
    _spec(
        "previous", QT_TRANSLATE_NOOP("Actions", "Previous photo"), "Left Backspace PgUp", _MOVE,
        Scope.PHOTOS,
    ),
    _spec(
        "next_series", QT_TRANSLATE_NOOP("Actions", "Next series (grid: row below)"), "Down",
        _MOVE, Scope.PHOTOS,
    ),
    _spec(
        "previous_series", QT_TRANSLATE_NOOP("Actions", "Previous series (grid: row above)"), "Up",
        _MOVE, Scope.PHOTOS,
    ),
    _spec("first", QT_TRANSLATE_NOOP("Actions", "First photo"), "Home", _MOVE, Scope.PHOTOS),
    _spec("last", QT_TRANSLATE_NOOP("Actions", "Last photo"), "End", _MOVE, Scope.PHOTOS),
    _spec("grid", QT_TRANSLATE_NOOP("Actions", "Grid"), "G", _LOOK),
    _spec("loupe", QT_TRANSLATE_NOOP("Actions", "Loupe"), "E", _LOOK),
    _spec("compare", QT_TRANSLATE_NOOP("Actions", "Compare"), "C", _LOOK),
    _spec("survey", QT_TRANSLATE_NOOP("Actions", "Survey the selection"), "N", _LOOK),
    _spec("compare_series", QT_TRANSLATE_NOOP("Actions", "Compare this series"), "B", _LOOK),
    _spec("pin", QT_TRANSLATE_NOOP("Actions", "Pin as reference (compare)"), "R", _LOOK),
    _spec("zoom", QT_TRANSLATE_NOOP("Actions", "Fit or 100 %"), "Z", _LOOK),
    _spec("stack", QT_TRANSLATE_NOOP("Actions", "Stack series"), "S", _LOOK),
    _spec("peaking", QT_TRANSLATE_NOOP("Actions", "Show what is in focus"), "K", _LOOK),
    _spec("info", QT_TRANSLATE_NOOP("Actions", "Information"), "I", _LOOK),
    _spec("open_photo", QT_TRANSLATE_NOOP("Actions", "Open in loupe"), "Return Enter", _LOOK,
          Scope.PHOTOS),
    _spec("fullscreen", QT_TRANSLATE_NOOP("Actions", "Full screen"), "F", _LOOK),
    _spec("panels", QT_TRANSLATE_NOOP("Actions", "Panels"), "Tab", _LOOK, Scope.PHOTOS),
    _spec("back", QT_TRANSLATE_NOOP("Actions", "One layer back"), "Esc", _LOOK),
    _spec("bigger", QT_TRANSLATE_NOOP("Actions", "Bigger thumbnails"), "+ =", _LOOK),
    _spec("smaller", QT_TRANSLATE_NOOP("Actions", "Smaller thumbnails"), "-", _LOOK),
    _spec("open_folder", QT_TRANSLATE_NOOP("Actions", "Open folder …"), "Ctrl+O", _FILES),
    _spec("rescan", QT_TRANSLATE_NOOP("Actions", "Read the folder again"), "F5", _FILES),
    _spec("recursive", QT_TRANSLATE_NOOP("Actions", "Include subfolders"), "Ctrl+Shift+R", _FILES),
    _spec("trash", QT_TRANSLATE_NOOP("Actions", "Move to the trash …"), "Delete", _FILES),
    _spec(
        "trash_rejects", QT_TRANSLATE_NOOP("Actions", "Move all rejects to the trash …"), "",
        _FILES,
    ),
    _spec(
        "move_rejects", QT_TRANSLATE_NOOP("Actions", "Move all rejects to “_rejected” …"),
        "Ctrl+Shift+M", _FILES,
    ),
    _spec("copy_picks", QT_TRANSLATE_NOOP("Actions", "Copy picks to …"), "", _FILES),
    _spec("move_picks", QT_TRANSLATE_NOOP("Actions", "Move picks to …"), "", _FILES),
    _spec("export", QT_TRANSLATE_NOOP("Actions", "Export scores …"), "Ctrl+E", _FILES),
    _spec("pause", QT_TRANSLATE_NOOP("Actions", "Pause or resume scoring"), "Ctrl+P", _PROGRAM),
    _spec("cancel_scoring", QT_TRANSLATE_NOOP("Actions", "Stop scoring"), "", _PROGRAM),
    _spec("retry_failed", QT_TRANSLATE_NOOP("Actions", "Try failed photos again"), "", _PROGRAM),
    _spec("filter", QT_TRANSLATE_NOOP("Actions", "Filter by name"), "Ctrl+F", _PROGRAM),
    _spec("clear_filter", QT_TRANSLATE_NOOP("Actions", "Show all photos"), "Ctrl+Shift+F",
          _PROGRAM),
    _spec("regions", QT_TRANSLATE_NOOP("Actions", "Go to the next part of the window"), "F6",
          _PROGRAM),
    _spec("settings", QT_TRANSLATE_NOOP("Actions", "Settings …"), "Ctrl+,", _PROGRAM),
    _spec("help", QT_TRANSLATE_NOOP("Actions", "Keys"), "? F1", _PROGRAM),
    _spec("quit", QT_TRANSLATE_NOOP("Actions", "Quit"), "Ctrl+Q", _PROGRAM),
)  # fmt: skip
BY_ID = {spec.id: spec for spec in ACTIONS}
