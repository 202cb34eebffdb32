"""The settings of the window, and its keys."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from qpt_app.gui.action_table import ACTIONS, BY_ID
from qpt_app.gui.arrow_combo import ArrowCombo
from qpt_app.gui.dialogs.key_fields import KeyFields
from qpt_app.gui.dialogs.xmp_dialog import PROFILES, profile_texts
from qpt_app.gui.gui_settings import GuiSettings
from qpt_app.gui.key_bindings import conflicts, native_key, portable_keys
from qpt_app.gui.theme import THEME_CHOICES

MEMORY_CHOICES = (256, 512, 768, 1024, 2048, 4096, 8192)
"""Bounds of the memory for pictures that the dialog offers, MiB."""


class SettingsDialog(QDialog):
    """Edits a copy; `changed` carries it when the user says OK."""

    changed = Signal(object)

    def __init__(self, settings: GuiSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumSize(560, 520)
        self.resize(870, 600)
        tabs = QTabWidget()
        tabs.setAccessibleName(self.tr("Settings"))
        tabs.addTab(self._general(), self.tr("General"))
        tabs.addTab(self._keys(), self.tr("Keys"))
        self._problem = QLabel()
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.RestoreDefaults
        )
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        restore = self._buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        restore.clicked.connect(self._restore)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.addWidget(tabs, 1)
        layout.addWidget(self._problem)
        layout.addWidget(self._buttons)
        self._check()

    @property
    def edited(self) -> GuiSettings:
        """What the fields say."""
        return replace(
            self._settings,
            theme=THEME_CHOICES[self.theme.currentIndex()],
            memory_mb=int(self.memory.currentData()),
            auto_advance=self.advance.isChecked(),
            recursive=self.recursive.isChecked(),
            xmp_profile=self._profile(),
            keys=self._edited_keys(),
        )

    def accept(self) -> None:
        """Hand the edited settings over."""
        if not conflicts(self._edited_keys()):
            self.changed.emit(self.edited)
            super().accept()

    # -- parts -----------------------------------------------------------------------------

    def _general(self) -> QWidget:
        """Make the first page."""
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(16, 18, 16, 16)
        form.setVerticalSpacing(12)
        self.theme = ArrowCombo()
        for text in (self.tr("Dark"), self.tr("Light"), self.tr("As the system")):
            self.theme.addItem(text)
        self.theme.setCurrentIndex(THEME_CHOICES.index(self._settings.theme))
        self.memory = ArrowCombo()
        for size in sorted({*MEMORY_CHOICES, self._settings.memory_mb}):
            self.memory.addItem(f"{size} MB", size)
        self.memory.setCurrentIndex(self.memory.findData(self._settings.memory_mb))
        self.advance = QCheckBox(self.tr("Go to the next photo after a decision"))
        self.advance.setChecked(self._settings.auto_advance)
        self.recursive = QCheckBox(self.tr("Include subfolders"))
        self.recursive.setChecked(self._settings.recursive)
        self.profile = ArrowCombo()
        self.profile.addItem(self.tr("Ask at the first decision"), None)
        for profile, (name, text) in profile_texts().items():
            self.profile.addItem(name, profile)
            at = self.profile.count() - 1
            self.profile.setItemData(at, text, Qt.ItemDataRole.ToolTipRole)
        self.profile.setCurrentIndex(max(0, self.profile.findData(self._settings.xmp_profile)))
        rows: list[tuple[str, QWidget]] = [
            (self.tr("Theme"), self.theme),
            (self.tr("Memory for pictures"), self.memory),
            (self.tr("Ratings for other programs"), self.profile),
            (self.tr("Culling"), self.advance),
            (self.tr("Folders"), self.recursive),
        ]
        for title, widget in rows:
            widget.setAccessibleName(title)
            form.addRow(title, widget)
            if widget is self.profile:
                form.addRow("", self._profile_note())
        return page

    def _profile_note(self) -> QLabel:
        """Make the line that says what the chosen profile does."""
        self.note = QLabel()
        self.note.setObjectName("quiet")
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.profile.currentIndexChanged.connect(self._show_note)
        self._show_note()
        return self.note

    def _show_note(self) -> None:
        _, text = profile_texts().get(self._profile() or "", ("", ""))
        self.note.setText(text or self.tr("No file beside your photos is written until then."))

    def _keys(self) -> QWidget:
        """Make the page of keys: fields for all keys of each action."""
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(16, 18, 16, 16)
        hint = QLabel(self.tr("Press a key in a field to set it; the same key again clears it."))
        hint.setObjectName("quiet")
        hint.setTextFormat(Qt.TextFormat.PlainText)
        form.addRow(hint)
        self._editors: dict[str, KeyFields] = {}
        for spec in ACTIONS:
            editor = KeyFields(spec.title, self._settings.keys.get(spec.id, spec.keys))
            editor.changed.connect(self._check)
            self._editors[spec.id] = editor
            form.addRow(spec.title, editor)
        area = QScrollArea()
        area.setWidget(page)
        area.setWidgetResizable(True)
        return area

    # -- inner -----------------------------------------------------------------------------

    def _edited_keys(self) -> dict[str, tuple[str, ...]]:
        """Return the keys of the actions whose keys are not the defaults."""
        return {
            action_id: editor.keys
            for action_id, editor in self._editors.items()
            if editor.keys != portable_keys(BY_ID[action_id].keys)
        }

    def _profile(self) -> str | None:
        value = self.profile.currentData()
        return value if value in PROFILES else None

    def _check(self) -> None:
        """Say which keys are used twice; such settings cannot be taken over."""
        found = conflicts(self._edited_keys())
        text = "\n".join(
            self.tr("%1 would be a key of “%2” and of “%3”: clear or change one of them.")
            .replace("%1", native_key(one.keys))
            .replace("%2", BY_ID[one.first].title)
            .replace("%3", BY_ID[one.second].title)
            for one in found
        )
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not found)

    def _restore(self) -> None:
        """Put every field to its default."""
        defaults = GuiSettings()
        self.theme.setCurrentIndex(THEME_CHOICES.index(defaults.theme))
        self.memory.setCurrentIndex(self.memory.findData(defaults.memory_mb))
        self.advance.setChecked(defaults.auto_advance)
        self.recursive.setChecked(defaults.recursive)
        for action_id, editor in self._editors.items():
            editor.set_keys(BY_ID[action_id].keys)
