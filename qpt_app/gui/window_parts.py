"""Builds the widgets of the main window and lays them out; no behaviour."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QLabel, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from qpt_app.gui.filter_bar import FilterBar
from qpt_app.gui.grid_view import GridView
from qpt_app.gui.panels.failed_panel import FailedPanel
from qpt_app.gui.panels.folder_panel import FolderPanel
from qpt_app.gui.panels.histogram_panel import HistogramPanel
from qpt_app.gui.panels.threshold_buttons import ThresholdButtons
from qpt_app.gui.state_page import StatePage
from qpt_app.gui.status_line import StatusLine
from qpt_app.gui.theme import Theme


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowParts:
    """The widgets that controllers work with."""

    bar: FilterBar
    stack: QStackedWidget
    grid: GridView
    state: StatePage
    folders: FolderPanel
    side: QWidget
    histogram: HistogramPanel
    threshold: ThresholdButtons
    failed: FailedPanel
    status: StatusLine
    splitter: QSplitter


def build_parts(window: QMainWindow, theme: Theme) -> WindowParts:
    """Make the widgets and put them into the window."""
    parts = WindowParts(
        bar=FilterBar(theme),
        stack=QStackedWidget(),
        grid=GridView(),
        state=StatePage(),
        folders=FolderPanel(),
        side=QWidget(),
        histogram=HistogramPanel(theme),
        threshold=ThresholdButtons(),
        failed=FailedPanel(),
        status=StatusLine(),
        splitter=QSplitter(Qt.Orientation.Horizontal),
    )
    _fill_side(parts)
    splitter = parts.splitter
    splitter.setHandleWidth(1)
    splitter.setChildrenCollapsible(False)
    for at, (widget, least) in enumerate(
        ((parts.folders, 160), (parts.stack, 320), (parts.side, 180))
    ):
        widget.setMinimumWidth(least)
        splitter.addWidget(widget)
        splitter.setStretchFactor(at, 1 if widget is parts.stack else 0)
    splitter.setSizes([208, 900, 240])
    middle = QWidget()
    layout = QVBoxLayout(middle)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(parts.bar)
    layout.addWidget(_hairline())
    layout.addWidget(splitter, 1)
    layout.addWidget(_hairline())
    layout.addWidget(parts.status)
    window.setCentralWidget(middle)
    return parts


def _fill_side(parts: WindowParts) -> None:
    """Stack the panels at the right."""
    parts.side.setObjectName("panel")
    parts.side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    heading = QLabel(QCoreApplication.translate("WindowParts", "Scores"))
    heading.setObjectName("heading")
    heading.setContentsMargins(12, 14, 0, 0)
    layout = QVBoxLayout(parts.side)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(heading)
    layout.addWidget(parts.histogram)
    layout.addWidget(parts.threshold)
    layout.addWidget(parts.failed, 1)
    layout.addStretch(0)
    spacer = QWidget()
    layout.addWidget(spacer, 1)


def _hairline() -> QWidget:
    """Return a line of one pixel."""
    line = QWidget()
    line.setObjectName("hairline")
    line.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    line.setFixedHeight(1)
    return line
