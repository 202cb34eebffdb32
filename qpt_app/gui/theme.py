"""Turns design tokens into a QPalette and the one style sheet."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from qpt_app.gui.tokens import DARK, PALETTES, RADIUS, SPACE, Tokens

THEME_CHOICES = ("dark", "light", "system")


class Theme(QObject):
    """The tokens in use. Views repaint on `changed`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tokens: Tokens = DARK
        self.choice = "dark"
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._follow_system)

    def apply(self, choice: str) -> None:
        """Use `dark`, `light` or `system` from now on, in every window of the program."""
        self.choice = choice if choice in THEME_CHOICES else "dark"
        self.tokens = PALETTES[resolved(self.choice)]
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.setStyle("Fusion")
            application.setPalette(palette(self.tokens))
            application.setStyleSheet(style_sheet(self.tokens))
        self.changed.emit()

    def colour(self, name: str) -> QColor:
        """Return the colour of a token."""
        return QColor(getattr(self.tokens, name))

    def _follow_system(self) -> None:
        """Change with the desktop while the choice is `system`."""
        if self.choice == "system":
            self.apply("system")


def resolved(choice: str) -> str:
    """Return `dark` or `light` for a choice; a system that does not say counts as dark."""
    if choice != "system":
        return choice
    light = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light
    return "light" if light else "dark"


def palette(tokens: Tokens) -> QPalette:
    """Return the palette for the parts of Qt that the style sheet does not reach."""
    result = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.window, role.WindowText: tokens.text, role.Base: tokens.raised,
        role.AlternateBase: tokens.window, role.Text: tokens.text, role.Button: tokens.raised,
        role.ButtonText: tokens.text, role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text, role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent, role.PlaceholderText: tokens.quiet,
        role.Link: tokens.accent, role.LinkVisited: tokens.accent, role.Accent: tokens.accent,
        role.Light: tokens.hover, role.Midlight: tokens.raised, role.Mid: tokens.line,
        role.Dark: tokens.line, role.Shadow: tokens.line, role.BrightText: tokens.text,
    }  # fmt: skip
    for name, colour in colours.items():
        result.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens.quiet))
    return result


def style_sheet(tokens: Tokens) -> str:
    """Return the style sheet of the whole program, built from the tokens alone."""
    values = {name: getattr(tokens, name) for name in tokens.__slots__}
    values |= {"radius": f"{RADIUS}px", "space": f"{SPACE}px", "half": f"{SPACE // 2}px"}
    sheet = _SHEET
    for name, value in values.items():
        sheet = sheet.replace(f"@{name};", f"{value};").replace(f"@{name} ", f"{value} ")
    return sheet


_SHEET = """
QMainWindow, QDialog { background: @window; }
QToolTip { background: @raised; color: @text; border: 1px solid @line; padding: 3px; }
QWidget#bar, QWidget#panel { background: @window; }
QWidget#surround { background: @surround; }
QWidget#hairline { background: @line; }
QLabel { background: transparent; color: @text; }
QLabel#quiet { color: @quiet; }
QLabel#heading { color: @quiet; font-weight: 600; }
QLabel#title { font-size: 20px; font-weight: 600; }
QPushButton, QToolButton { background: @raised; color: @text; border: 1px solid transparent;
  border-radius: @radius; padding: 4px 10px; min-height: 18px; }
QToolButton { padding: 4px 8px; }
QPushButton:hover, QToolButton:hover { background: @hover; }
QPushButton:pressed, QToolButton:pressed { background: @line; }
QPushButton:checked, QToolButton:checked { background: @hover; border-color: @quiet; }
QPushButton:focus, QToolButton:focus { border-color: @accent; }
QPushButton:disabled, QToolButton:disabled { color: @quiet; background: @window; }
QPushButton:default { background: @accent; color: @on_accent; }
QPushButton:default:hover { border-color: @text; }
QToolButton#flat { background: transparent; padding: 4px 4px; }
QToolButton#view { background: transparent; padding: 4px 6px; }
QToolButton#view:hover { background: @hover; }
QToolButton#view:focus { border-color: @accent; }
QToolButton#view:checked { background: @hover; border-color: transparent; }
QToolButton#flat:hover { background: @hover; }
QToolButton#flat:focus { border-color: @accent; }
QToolButton#flat:checked { background: @raised; border-color: transparent; }
QToolButton::menu-indicator { image: none; }
QLineEdit, QComboBox, QKeySequenceEdit { background: @raised;
  color: @text; border: 1px solid transparent; border-radius: @radius; padding: 3px 8px;
  min-height: 20px; selection-background-color: @accent; selection-color: @on_accent; }
QLineEdit:focus, QComboBox:focus { border-color: @accent; }
QComboBox::drop-down { border: none; width: 18px; }
QComboBox QAbstractItemView { background: @raised; color: @text; border: 1px solid @line;
  selection-background-color: @hover; selection-color: @text; outline: none; }
QMenuBar { background: @window; color: @text; }
QMenuBar::item { padding: 4px 9px; background: transparent; }
QMenuBar::item:selected { background: @raised; }
QMenu { background: @raised; color: @text; border: 1px solid @line; padding: 4px; }
QMenu::item { padding: 5px 26px 5px 14px; border-radius: 3px; }
QMenu::item:selected { background: @hover; }
QMenu::item:disabled { color: @quiet; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }
QTreeView, QListView, QTableView, QListWidget, QTableWidget, QTreeWidget { background: @window;
  alternate-background-color: @window; color: @text; border: 1px solid transparent;
  outline: none; gridline-color: @line; }
QTreeView:focus, QListView:focus, QTableView:focus { border-color: @accent; }
QListView#surround { border: none; }
QDialog QTreeView, QDialog QListView, QDialog QTableView { background: @raised; }
QTreeView::item, QTableView::item { padding: 3px 2px; }
QListView::item { padding: 3px 10px; }
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected {
  background: @hover; color: @text; }
QHeaderView::section { text-align: left; background: @window; color: @quiet; border: none;
  border-bottom: 1px solid @line; padding: 4px 6px; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: @hover; border-radius: 4px; margin: 2px; min-height: 28px;
  min-width: 28px; }
QScrollBar::handle:hover { background: @quiet; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
  background: none; border: none; width: 0; height: 0; }
QSlider::groove:horizontal { height: 3px; background: @hover; border-radius: 1px; }
QSlider::handle:horizontal { background: @quiet; width: 12px; height: 12px; margin: -5px 0;
  border-radius: 6px; }
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus { background: @accent; }
QProgressBar { background: @raised; border: none; border-radius: 2px; max-height: 4px; }
QProgressBar::chunk { background: @quiet; border-radius: 2px; }
QCheckBox, QRadioButton { color: @text; spacing: 9px; background: transparent; padding: 2px; }
QCheckBox::indicator, QRadioButton::indicator { width: 14px; height: 14px;
  border: 1px solid @quiet; background: @raised; }
QCheckBox::indicator { border-radius: 3px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:checked, QRadioButton::indicator:checked { width: 6px; height: 6px;
  border: 5px solid @accent; background: @on_accent; }
QCheckBox:focus, QRadioButton:focus { color: @accent; }
QTabWidget::pane { border: none; border-top: 1px solid @line; }
QTabBar::tab { background: transparent; color: @quiet; padding: 7px 14px;
  border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text; border-bottom-color: @accent; }
QTabBar::tab:focus { color: @accent; }
QSplitter::handle { background: @line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QScrollArea { background: transparent; border: none; }
QPlainTextEdit { background: @raised; color: @text; border: none; border-radius: @radius; }
"""
