"""The application object, the window and the folder it starts with."""

import contextlib
import faulthandler
import gc
import logging
import sys
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox

from qpt_app.core.decode_pool import DecodePool
from qpt_app.errors import QptError
from qpt_app.gui.gui_settings import GuiPaths, load_gui_settings, load_session
from qpt_app.gui.main_window import MainWindow
from qpt_app.gui.services import real_services
from qpt_app.gui.theme import Theme
from qpt_app.gui.translations import install_translations, translations_dir

_log = logging.getLogger("qpt.gui")


def run_application(folder: Path | None, pool: DecodePool | None = None) -> int:
    """Show the window on a folder, or on the one shown last; return the exit code at its end.

    Args:
        folder: what to open; None for the folder shown last.
        pool: decode processes that were started already; the window closes them.
    """
    logging.basicConfig(level=logging.WARNING)
    if sys.stderr is not None:
        faulthandler.enable()
    application = make_application()
    with contextlib.suppress(QptError):  # without its assets the program says so soon enough
        install_translations(application, QLocale.system().uiLanguages(), translations_dir())
    sys.excepthook = _show_error
    window = make_window(GuiPaths.of_user(), pool)
    if window is None:
        if pool is not None:
            pool.close()
        return 1
    window.show()
    folder = folder or last_folder(window)
    if folder is not None:
        QTimer.singleShot(0, lambda: window.open_folder(folder))
    return int(application.exec())


def make_application() -> QApplication:
    """Return the QApplication, named and set up."""
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(
        Qt.HighDpiScaleFactorRoundingPolicy.PassThrough
    )
    # Threads of this process hand the interpreter over after 1 ms instead of 5, and it looks for
    # reference cycles seldom: with 50,000 records a full search takes 0.2 s in the GUI thread.
    sys.setswitchinterval(0.001)
    gc.set_threshold(50_000, 20, 100)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("qpt")
    application.setApplicationDisplayName("qpt")
    application.setDesktopFileName("qpt")
    return application


def make_window(paths: GuiPaths, pool: DecodePool | None = None) -> MainWindow | None:
    """Read the settings and build the window; None if the program cannot start."""
    from qpt_app.photos.settings import load_settings

    theme = Theme()
    try:
        settings = load_gui_settings(paths.settings)
        loaded = load_settings()
    except QptError as error:
        theme.apply("dark")
        _tell("qpt", str(error))
        return None
    theme.apply(settings.theme)
    services = real_services(paths, loaded.values, pool)
    return MainWindow(services, settings, load_session(paths.session), theme)


def last_folder(window: MainWindow) -> Path | None:
    """Return the folder to go on with, if it is still there."""
    name = window.keeper.session.folder
    return Path(name) if name is not None and Path(name).is_dir() else None


def _tell(title: str, text: str) -> None:
    box = QMessageBox(QMessageBox.Icon.Warning, title, text)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.exec()


def _show_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log an error nobody expected and say so; the window stays, decisions are kept already."""
    if issubclass(kind, KeyboardInterrupt):
        QApplication.quit()
        return
    _log.error("unexpected error", exc_info=(kind, error, trace))
    for window in QApplication.topLevelWidgets():
        if isinstance(window, MainWindow):
            window.parts.status.announce(f"{kind.__name__}: {error}", lasting=True)
