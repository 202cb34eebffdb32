"""How values of the parts without Qt are called on screen, in the user's language."""

import re

from PySide6.QtCore import QCoreApplication

from qpt_app.core.status import PhotoStatus
from qpt_app.decisions.action import Action, ActionKind, ActionState
from qpt_app.decisions.decision import Label
from qpt_app.gui.counts import photos_text
from qpt_app.gui.photo_record import display_name
from qpt_app.photos.focus import FocusGap
from qpt_app.photos.results import PhotoResult

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""

_PHOTOS = r"(?P<count>\d+) photos?(?: \(of pairs only the (?P<half>[A-Z0-9/]+)\))?"
_TITLES = {
    ActionKind.TRASH: re.compile(rf"move {_PHOTOS} to the trash"),
    ActionKind.MOVE: re.compile(rf"move {_PHOTOS} to (?P<folder>.+)", re.DOTALL),
    ActionKind.COPY: re.compile(rf"copy {_PHOTOS} to (?P<folder>.+)", re.DOTALL),
    ActionKind.ADOPT: re.compile(rf"ratings read from XMP: {_PHOTOS}"),
}
"""How the journal writes titles. It keeps one English line for each action, undone perhaps years
later by a window in another language; a test holds that these are the forms it writes."""


def label_text(label: Label) -> str:
    """Name a colour label."""
    return {
        Label.RED: translate("Values", "red label"),
        Label.YELLOW: translate("Values", "yellow label"),
        Label.GREEN: translate("Values", "green label"),
        Label.BLUE: translate("Values", "blue label"),
        Label.PURPLE: translate("Values", "purple label"),
    }[label]


def status_text(status: PhotoStatus) -> str:
    """Name what became of a photo."""
    return {
        PhotoStatus.OK: translate("Values", "scored"),
        PhotoStatus.DAMAGED: translate("Values", "damaged"),
        PhotoStatus.UNSUPPORTED: translate("Values", "unsupported"),
        PhotoStatus.TOO_LARGE: translate("Values", "too large"),
        PhotoStatus.UNREADABLE: translate("Values", "unreadable"),
        PhotoStatus.TIMEOUT: translate("Values", "took too long"),
        PhotoStatus.CRASHED: translate("Values", "crashed the decoder"),
        PhotoStatus.VANISHED: translate("Values", "vanished"),
        PhotoStatus.CHANGED: translate("Values", "still being written"),
        PhotoStatus.ERROR: translate("Values", "error of the model"),
    }[status]


def gap_text(gap: FocusGap) -> str:
    """Say why nothing is known of a photo's focus."""
    return {
        FocusGap.TOO_SMALL: translate("Values", "the photo is too small"),
        FocusGap.SMALL_PREVIEW: translate("Values", "the RAW file's preview is too small"),
    }[gap]


def reason_text(result: PhotoResult) -> str:
    """Say why a photo has no score, or what was wrong with it."""
    return result.reason or status_text(result.status)


def state_text(state: ActionState) -> str:
    """Name where an action stands."""
    return {
        ActionState.RUNNING: translate("Values", "not finished"),
        ActionState.DONE: translate("Values", "done"),
        ActionState.UNDOING: translate("Values", "not all taken back"),
        ActionState.UNDONE: translate("Values", "taken back"),
        ActionState.DISCARDED: translate("Values", "taken back for good"),
    }[state]


def action_text(action: Action) -> str:
    """Return an action's title in the user's language.

    Decisions made in the window have titles in its language already.
    """
    pattern = _TITLES.get(action.kind)
    match = None if pattern is None else pattern.fullmatch(action.title)
    if match is None:
        return display_name(action.title)
    texts = {
        ActionKind.TRASH: translate("Values", "move %1 to the trash"),
        ActionKind.MOVE: translate("Values", "move %1 to %2"),
        ActionKind.COPY: translate("Values", "copy %1 to %2"),
        ActionKind.ADOPT: translate("Values", "ratings read from XMP: %1"),
    }
    parts = match.groupdict()
    photos = photos_text(int(parts["count"]))
    if parts["half"] is not None:
        only = translate("Values", "%1 (of pairs only the %2)").replace("%2", parts["half"])
        photos = only.replace("%1", photos)
    text = texts[action.kind].replace("%1", photos)
    return text.replace("%2", display_name(parts.get("folder", "")))
