"""Makes the QActions of the action table and binds them to the user's keys."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from qpt_app.gui.action_table import ACTIONS, BY_ID, Scope

VIEWS = ("grid", "loupe", "compare", "survey")
"""The actions of which exactly one is on."""
CHECKABLE = frozenset({"stack", "info", "peaking", "recursive", "panels", "fullscreen", *VIEWS})


@dataclass(frozen=True, slots=True)
class KeyConflict:
    """Two actions that want the same keys."""

    keys: str
    first: str
    second: str


class KeyBindings(QObject):
    """One QAction for each row of the table; `rebind` changes keys while the program runs."""

    rebound = Signal()
    """Actions may have other keys: texts that name keys are out of date."""

    def __init__(self, window: QWidget, photos: QWidget) -> None:
        """Make the actions; those of scope PHOTOS work inside `photos` only."""
        super().__init__(window)
        self._actions: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(spec.title, self)
            action.setObjectName(spec.id)
            action.setCheckable(spec.id in CHECKABLE)
            if spec.id == "survey":
                action.setIconText(QCoreApplication.translate("Actions", "Survey"))
            in_photos = spec.scope is Scope.PHOTOS
            action.setShortcutContext(
                Qt.ShortcutContext.WidgetWithChildrenShortcut
                if in_photos
                else Qt.ShortcutContext.WindowShortcut
            )
            (photos if in_photos else window).addAction(action)
            self._actions[spec.id] = action
        self.rebind({})

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def connect_all(self, slots: Mapping[str, Callable[[], object]]) -> None:
        """Connect actions to what they do.

        Raises:
            ValueError: if an action of the table is left out, or a name is not in it.
        """
        if slots.keys() != self._actions.keys():
            raise ValueError(f"actions without a slot: {self._actions.keys() ^ slots.keys()}")
        for action_id, slot in slots.items():
            self._actions[action_id].triggered.connect(lambda _=False, slot=slot: slot())

    def rebind(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        """Use the keys of `keys`, and the defaults for actions that are not in it."""
        for action_id, action in self._actions.items():
            wanted = keys_in_use(keys, action_id)
            action.setShortcuts([QKeySequence.fromString(text) for text in wanted])
            shown = self.text_of(action_id)
            title = BY_ID[action_id].title
            action.setToolTip(f"{title}  ({shown})" if shown else title)
        self.rebound.emit()

    def text_of(self, action_id: str) -> str:
        """Return an action's first key as this computer's users write it; empty without one."""
        return self[action_id].shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def portable_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """Return keys as Qt writes them in files (`Del` for `Delete`), none twice, none empty."""
    known = (QKeySequence.fromString(text).toString() for text in keys)
    return tuple(dict.fromkeys(key for key in known if key))


def native_key(key: str) -> str:
    """Return a key as this computer's users write it."""
    return QKeySequence.fromString(key).toString(QKeySequence.SequenceFormat.NativeText)


def conflicts(keys: Mapping[str, tuple[str, ...]]) -> list[KeyConflict]:
    """Return the keys that more than one action would have."""
    owner: dict[str, str] = {}
    found = []
    for spec in ACTIONS:
        for portable in portable_keys(keys.get(spec.id, spec.keys)):
            if portable in owner:
                found.append(KeyConflict(portable, owner[portable], spec.id))
            else:
                owner[portable] = spec.id
    return found


def keys_in_use(keys: Mapping[str, tuple[str, ...]], action_id: str) -> tuple[str, ...]:
    """Return the keys of an action: the user's, else its defaults that the user gave to no other.

    A default that came with a newer program must not take a key away that was chosen before.
    """
    if action_id in keys:
        return keys[action_id]
    taken = {key for chosen in keys.values() for key in portable_keys(chosen)}
    return tuple(
        key for key in BY_ID[action_id].keys if not taken.intersection(portable_keys([key]))
    )


def shown_keys(keys: Mapping[str, tuple[str, ...]], action_id: str) -> str:
    """Return an action's keys as this computer's users write them."""
    wanted = keys_in_use(keys, action_id)
    return ", ".join(map(native_key, wanted))
