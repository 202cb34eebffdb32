"""The main window: makes parts and controllers, introduces them to each other, and closes them."""

import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from qpt_app.gui.caps_lock import CapsLock
from qpt_app.gui.decision_controller import DecisionController
from qpt_app.gui.decision_desk import DecisionDesk
from qpt_app.gui.file_controller import AskFolder, FileController
from qpt_app.gui.focus_controller import MEASURE, FocusController
from qpt_app.gui.focus_memory import FocusMemory
from qpt_app.gui.gui_settings import GuiSettings, SessionState
from qpt_app.gui.key_bindings import KeyBindings
from qpt_app.gui.library import Library
from qpt_app.gui.loupe_view import LoupeView
from qpt_app.gui.metadata_reader import MetadataReader
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_filter import PhotoFilter, PhotoOrder
from qpt_app.gui.photo_loaders import PhotoLoaders
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import display_name
from qpt_app.gui.saved_choices import plain_filter, saved_filter, saved_order
from qpt_app.gui.scoring_job import ScoringJob
from qpt_app.gui.series_controller import SeriesController
from qpt_app.gui.services import Services
from qpt_app.gui.session_keeper import SessionKeeper
from qpt_app.gui.side_by_side import MAX_COMPARED, MAX_SURVEYED, SideBySide
from qpt_app.gui.theme import Theme
from qpt_app.gui.tile_delegate import TileDelegate
from qpt_app.gui.view_controller import View, ViewController
from qpt_app.gui.window_actions import WindowActions, add_menus
from qpt_app.gui.window_parts import build_parts
from qpt_app.gui.window_status import WindowStatus

_log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """Holds everything together; what anything does is in the controllers."""

    def __init__(
        self,
        services: Services,
        settings: GuiSettings,
        session: SessionState,
        theme: Theme,
        *,
        ask_folder: AskFolder | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle("qpt")
        self.setAcceptDrops(True)
        self.resize(1360, 860)
        self._is_closed = False
        self._is_first_load = False
        self._place_to_find: Path | None = None
        """The photo framed last time, until it is framed again or the user goes elsewhere."""
        self._view_to_find = View.LOUPE if session.view == View.LOUPE else None
        """The view of last time; compare and survey had a selection, which is gone."""
        self._filter_to_find: PhotoFilter | None = saved_filter(session)
        """The filter of last time, until a folder is opened."""
        self.theme = theme
        self.keeper = SessionKeeper(services.paths, settings, session, self)
        self.parts = build_parts(self, theme)
        self._make_services(services, settings)
        self._make_views()
        self._make_controllers(ask_folder)
        self._connect()
        self.desk.start()
        self._apply_session()

    # -- making ----------------------------------------------------------------------------

    def _make_services(self, services: Services, settings: GuiSettings) -> None:
        """Make what works in other threads and processes, and the model."""
        self.model = PhotoModel(self)
        self.pool = services.make_pool()
        self.desk = DecisionDesk(services.open_session, services.paths.data, self)
        self.scoring = ScoringJob(services.make_engine, services.engine_settings, self)
        self.metadata = MetadataReader(services.read_essentials, self)
        self.library = Library(self.model, self.scoring, self.desk, services, self)
        self.loaders = PhotoLoaders(
            self.parts.grid, self.model, self.pool, services.make_job,
            memory_mb=settings.memory_mb, workers=services.view_workers, parent=self,
        )  # fmt: skip
        self.series = SeriesController(
            self.model, self.metadata, self.library, self.pool, services.make_job, self
        )
        self.focus_memory = FocusMemory(services.cache_folder, MEASURE)
        self.focus = FocusController(self.model, self.library, self.pool, self.focus_memory, self)

    def _make_views(self) -> None:
        """Make the views of the photos."""
        grid, thumbnail = self.parts.grid, self.loaders.thumbnail
        delegate = TileDelegate(
            self.theme, thumbnail, lambda: grid.tile_size, grid,
            promises_scores=lambda: self.scoring.is_promising,
        )  # fmt: skip
        grid.setItemDelegate(delegate)
        grid.setModel(self.model)
        self.photo_cursor = PhotoCursor(self.model, grid.selectionModel(), self)
        parts = (self.model, self.photo_cursor, self.loaders.photos, self.theme)
        focus = self.loaders.focus
        self.loupe = LoupeView(*parts, preview=thumbnail, focus=focus)
        self.compare = SideBySide(*parts, limit=MAX_COMPARED, preview=thumbnail, focus=focus)
        self.survey = SideBySide(*parts, limit=MAX_SURVEYED, preview=thumbnail, focus=focus)

    def _make_controllers(self, ask_folder: AskFolder | None) -> None:
        """Make what reacts to the user."""
        self.caps = CapsLock(self)
        self.caps.watch(_application())
        self.views = ViewController(
            self.parts.stack, self.model, self.photo_cursor, grid=self.parts.grid, loupe=self.loupe,
            compare=self.compare, survey=self.survey, state=self.parts.state, parent=self,
        )  # fmt: skip
        self.decisions = DecisionController(
            self.model, self.photo_cursor, self.views, self.desk,
            lambda: self.keeper.settings.auto_advance or self.caps.is_on, self,
        )  # fmt: skip
        self.files = FileController(
            self, self.model, self.views.chosen, self.desk, lambda: self.library.folder,
            undo_key=lambda: self.keys.text_of("undo"), ask_folder=ask_folder,
        )  # fmt: skip
        self.keys = KeyBindings(self, self.parts.stack)
        self.status = WindowStatus(
            self.parts,
            self.model,
            self.photo_cursor,
            self.library,
            self.scoring,
            self.views,
            self.keys,
        )
        self.actions_ = WindowActions(self, ask_folder=ask_folder)
        self.keys.connect_all(self.actions_.slots())
        add_menus(self.menuBar(), self.keys)
        for view in View:
            self.parts.bar.add_view_action(self.keys[view.value])

    def _connect(self) -> None:
        """Introduce the parts to each other."""
        parts, cursor = self.parts, self.photo_cursor
        parts.bar.filter_changed.connect(self._filter_changed)
        parts.bar.order_changed.connect(self._order_changed)
        parts.bar.tile_size_changed.connect(parts.grid.set_tile_size)
        parts.grid.tile_size_changed.connect(parts.bar.set_tile_size)
        parts.grid.tile_size_changed.connect(self._tile_size_changed)
        parts.grid.visible_changed.connect(self._look_at_visible)
        parts.grid.verticalScrollBar().actionTriggered.connect(lambda _: self._begin())
        parts.folders.chosen.connect(self.open_folder)
        parts.failed.chosen.connect(self.actions_.go_to_failed)
        parts.state.clicked.connect(lambda action: self.keys[action].trigger())
        cursor.moved.connect(self._moved)
        for source in (self.decisions, self.files, self.views, self.compare, self.survey):
            source.announced.connect(parts.status.announce)
        self.decisions.files_returned.connect(self.library.rescan)
        self.decisions.refused.connect(self.actions_.refuse_decision)
        self.desk.damaged.connect(self.actions_.offer_restore)
        self.desk.restored.connect(self._read_again)
        self.decisions.decided.connect(self.actions_.ask_about_xmp)
        self.decisions.decided.connect(lambda _: self._begin())
        self.desk.earlier.connect(self.actions_.offer_earlier)
        self.files.finished.connect(self.library.rescan)
        self.scoring.state_changed.connect(lambda _: parts.grid.viewport().update())
        self.library.loaded.connect(self._loaded)
        self.library.changed.connect(self.loaders.forget)
        self.library.settled.connect(self._settled)
        self.loaders.thumbnails.loaded.connect(lambda _: self._release_library())
        self.model.refreshed.connect(lambda _: self._find_place())
        self.model.renamed.connect(lambda *_: self._note_place())
        self.desk.failed.connect(lambda text: parts.status.announce(text, lasting=True))
        self.desk.noticed.connect(lambda text: parts.status.announce(text, lasting=True))
        self.desk.adopted.connect(self.decisions.adopt)
        self.actions_.exported.connect(parts.status.announce)
        self.keeper.failed.connect(parts.status.announce)
        self.keeper.settings_changed.connect(self.apply_settings)
        self.theme.changed.connect(self._repaint)
        self.views.changed.connect(self._view_changed)
        self.loupe.percentile_of = lambda score: self.library.summary.percentile(score)
        self.library.summary_changed.connect(lambda _: self.loupe.refresh())
        self.loupe.described.connect(self.focus.look_at)
        self.focus.measured.connect(lambda _: self.loupe.refresh())

    def _apply_session(self) -> None:
        """Look as the window looked when it was closed last."""
        session = self.keeper.session
        self.keeper.restore_window(self)
        order = saved_order(session)
        self.model.set_order(order)
        self.parts.bar.set_order(order)
        self.parts.bar.set_filter(replace(self.parts.bar.filter, stacked=session.stacked))
        self.keys["stack"].setChecked(session.stacked)
        self.parts.grid.set_tile_size(self.keeper.settings.tile_size)
        self.parts.bar.set_tile_size(self.parts.grid.tile_size)
        self.parts.folders.set_recent(session.recent)
        self.keys["info"].setChecked(True)
        self.actions_.show_panels(shown=session.panels)
        self.apply_settings(self.keeper.settings)
        self._check_view(self.views.view)
        self.views.cover(True)
        self.views.focus_photos()

    # -- doing -----------------------------------------------------------------------------

    def open_folder(self, folder: Path) -> None:
        """Show a folder; go on where it was left."""
        folder = Path(os.path.abspath(folder))  # noqa: PTH100 (as in the decisions: links kept)
        self._note_place()
        self._find_filter(folder)
        at = self.keeper.session.current.get(str(folder))
        self._place_to_find = None if at is None else Path(at)
        self._is_first_load = True
        self.keeper.note_folder(folder)
        self.parts.folders.set_recent(self.keeper.session.recent)
        self.setWindowTitle(f"{display_name(folder.name or str(folder))} – qpt")
        self.loaders.clear()
        self.compare.clear()
        self.survey.clear()
        self.metadata.open(self.library.generation + 1)
        self.library.open(folder, recursive=self.keeper.settings.recursive)

    def _read_again(self) -> None:
        """The decisions were restored: show the folder with them."""
        self.parts.status.announce(self.tr("Your ratings were restored"), lasting=True)
        if self.library.folder is not None:
            self.open_folder(self.library.folder)

    def apply_settings(self, settings: GuiSettings) -> None:
        """Use other choices at once."""
        if settings.theme != self.theme.choice:
            self.theme.apply(settings.theme)
        self.keys.rebind(settings.keys)
        self.keys["recursive"].setChecked(settings.recursive)
        self.loaders.set_memory(settings.memory_mb)
        for view in (self.loupe, self.compare, self.survey):
            view.fetch()
        self.desk.set_xmp_profile(settings.xmp_profile)
        if self.library.folder is not None and settings.recursive != self.library.recursive:
            self.open_folder(self.library.folder)

    def _filter_changed(self, shown: PhotoFilter) -> None:
        self.model.set_filter(shown)
        self.focus.follow(shown)
        self.keys["stack"].setChecked(shown.stacked)
        if self._filter_to_find is None:
            self.keeper.change_session(stacked=shown.stacked, shown=plain_filter(shown))

    def _find_filter(self, folder: Path) -> None:
        """Show what was shown last time in the first folder, if it is the one of last time.

        In another folder a filter of yesterday would only hide new photos.
        """
        if self._filter_to_find is None:
            return
        is_same = str(folder) == self.keeper.session.folder
        shown = self._filter_to_find if is_same else PhotoFilter()
        self._filter_to_find = None
        self.parts.bar.set_filter(replace(shown, stacked=self.parts.bar.filter.stacked))

    def _order_changed(self, order: PhotoOrder) -> None:
        self.model.set_order(order)
        self.keeper.change_session(sort_key=order.key.value, descending=order.descending)

    def _tile_size_changed(self, side: int) -> None:
        self.keeper.change_settings(replace(self.keeper.settings, tile_size=side))
        self.loaders.want_visible()

    def _look_at_visible(self) -> None:
        self.scoring.look_at(self.loaders.visible_paths())

    def _moved(self, record: object) -> None:
        self.library.note_touch()
        if not self.photo_cursor.is_at_start:
            self._begin()
        self._note_place()
        if self.views.view is not View.GRID and self.photo_cursor.record is not None:
            self.scoring.look_at([self.photo_cursor.record.path])

    def _begin(self) -> None:
        """The user is at work: photos stay, and nothing of last time is looked for any more."""
        self.library.note_touch()
        self._place_to_find = self._view_to_find = None

    def _note_place(self) -> None:
        folder, record = self.library.folder, self.photo_cursor.record
        if self._place_to_find is not None or self.library.is_reading:
            return
        if folder is not None and record is not None:
            self.keeper.note_current(folder, record.path)

    def _loaded(self) -> None:
        """The folder is read: go on where the user stopped."""
        self._find_place()
        is_first, self._is_first_load = self._is_first_load, False
        waits = self._place_to_find is not None
        if is_first and not waits and self.photo_cursor.is_at_start and self.photo_cursor.row > 0:
            self.photo_cursor.go_to_row(0)
        self.loaders.want_visible()
        self._release_library()

    def _find_place(self) -> None:
        """Frame the photo of last time in the view of last time, once the filter shows it."""
        if self.library.is_reading:
            return
        view, place = self._view_to_find, self._place_to_find
        record = None if place is None else self.model.record(place)
        if record is None:
            self._place_to_find = None
        elif not self.photo_cursor.go_to(record):
            return
        if view is not None and self.photo_cursor.record is not None:
            self.views.show(view)

    def _release_library(self) -> None:
        """Let scoring begin once the folder is read and the first screen has its pictures."""
        waits = self.library.is_holding and not self.library.is_reading
        if waits and self.loaders.is_screen_full():
            self.library.release()

    def _settled(self) -> None:
        """All photos are with the scoring process: those in view first."""
        self._look_at_visible()
        records = list(self.model.records)
        self.desk.take_over(
            lambda: [(one.path, one.file.companion) for one in records if one.file is not None]
        )

    def _view_changed(self, view: View) -> None:
        self._view_to_find = None
        self._check_view(view)
        self.keeper.change_session(view=view.value)

    def _check_view(self, view: View) -> None:
        for other in View:
            self.keys[other.value].setChecked(other is view)

    def _repaint(self) -> None:
        """Repaint what is painted by hand."""
        for widget in self.findChildren(QWidget):
            widget.update()

    # -- events ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take folders and photos."""
        if _first_local(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first folder of this computer that was dropped; of a file, its folder."""
        path = _first_local(event)
        if path is not None:
            self.open_folder(path if path.is_dir() else path.parent)

    def changeEvent(self, event: QEvent) -> None:
        """Keep the full-screen action in step with the window."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and hasattr(self, "keys"):
            full = bool(self.windowState() & Qt.WindowState.WindowFullScreen)
            self.keys["fullscreen"].setChecked(full)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop everything; takes less than two seconds, and nothing decided is lost."""
        if not self._is_closed:
            self._is_closed = True
            self._note_place()
            self.keeper.note_window(self)
            self.keeper.save_now()
            self.caps.unwatch(_application())
            self.close_services()
        event.accept()

    def close_services(self) -> None:
        """End threads and processes, all at once."""
        self.loaders.close()
        self.series.close()
        self.focus.close()
        closers = [
            threading.Thread(target=close, name=f"close-{at}")
            for at, close in enumerate(
                (
                    self.pool.close,
                    self.scoring.close,
                    self.metadata.close,
                    self.desk.close,
                    self.focus_memory.close,
                )
            )
        ]
        for closer in closers:
            closer.start()
        self.library.close()
        for closer in closers:
            closer.join()


def _first_local(event: QDropEvent) -> Path | None:
    """Return the first thing dragged that is a file or folder here; links of a browser are not."""
    paths = (url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile())
    return next((Path(path) for path in paths if path), None)


def _application() -> QApplication:
    """Return the application object; a window is never without one."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
