"""Drives a real digiKam on a virtual screen: Xvfb for the screen, xdotool for the keys.

digiKam has no command line for metadata, so it is started as its users start it, with a home
folder, a library and settings of its own below one test folder. Its file dialogs and its first-run
wizard are never met: the library is made by a first start, the collection entered into it, and the
album to open written into the settings.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

PROGRAMS = ("digikam", "Xvfb", "openbox", "xdotool", "dbus-run-session")
"""What has to be installed (Debian: digikam, libqt5sql5-sqlite, xvfb, openbox, xdotool, dbus)."""

PATIENCE_S = 120.0
"""How long digiKam may take for one step, on a busy machine with software rendering."""

SETTINGS = """\
[General Settings]
Version=7.9.0

[Album Settings]
Show Splash=false

[MainWindow]
InitialAlbumID=1

[AlbumFolderView Sidebar]
CurrentIndex=1
Expansion=0,1
Selection=1

[Database Settings]
Database Type=QSQLITE
Database Name={library}/
Database Name Thumbnails={library}/
Database Name Face={library}/
Database Name Similarity={library}/
Internal Database Server=false

[Metadata Settings]
Metadata Writing Mode={mode}
Use XMP Sidecar For Reading=true
Save Rating=true
Save Color Label=true
Save Pick Label=true
Save Tags=true
Use Lazy Synchronization=false
"""

TO_FILE, TO_SIDECAR = 0, 1
"""digiKam's own numbers of where it writes metadata."""


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name) is None]


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Look again and again until something is there; it is another program that we wait for."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(sqlite3.Error, OSError):
            if found := look():
                return found
        time.sleep(0.2)
    raise TimeoutError(f"digiKam did not come so far in {PATIENCE_S:.0f} s: {what}")


class Digikam:
    """A digiKam with a collection of its own; `running` starts it and ends it."""

    def __init__(self, folder: Path, photos: Path, *, mode: int = TO_SIDECAR) -> None:
        self.photos = photos
        self.library = folder / "library"
        self.home = folder / "home"
        for new in (self.library, self.home / ".config", folder / "runtime"):
            new.mkdir(parents=True)
        (folder / "runtime").chmod(0o700)
        settings = SETTINGS.format(library=self.library, mode=mode)
        (self.home / ".config" / "digikamrc").write_text(settings)
        self.database = self.library / "digikam4.db"
        sqlite3.connect(self.database).execute("VACUUM").connection.close()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "LC_ALL": "C.UTF-8",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "QTWEBENGINE_DISABLE_SANDBOX": "1",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start digiKam and wait until it has looked through the collection."""
        with self._screen():
            if not self._has_collection():
                with self._process():
                    wait_for("its library", self._has_tables)
                self._add_collection()
            with self._process():
                wait_for("the photos in its library", lambda: self.rows("SELECT id FROM Images"))
                yield

    def press_until(self, keys: Sequence[str], look: Callable[[], Any]) -> Any:
        """Press keys for the photo that is chosen (the album's first) until they took effect.

        The window manager gives the keys to the newest window: the offer to download models for
        faces, which Escape turns down, and then the main window.
        """

        def press_and_look() -> Any:
            if found := look():
                return found
            offered = self._xdotool("search", "--name", "^Download required files")
            self._xdotool("key", "--delay", "500", *(["Escape"] if offered else keys))
            time.sleep(3)
            return look()

        return wait_for(f"the effect of {', '.join(keys)}", press_and_look)

    def rows(self, query: str) -> list[tuple]:
        """Ask its library."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def _xdotool(self, *arguments: str) -> bool:
        command = ["xdotool", *arguments]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, timeout=30, check=False
        )
        return done.returncode == 0

    def _has_tables(self) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'AlbumRoots'")) and bool(
            self.rows("SELECT 1 FROM Settings WHERE keyword = 'DBVersion'")
        )

    def _has_collection(self) -> bool:
        with contextlib.suppress(sqlite3.Error):
            return bool(self.rows("SELECT 1 FROM AlbumRoots"))
        return False

    def _add_collection(self) -> None:
        connection = sqlite3.connect(self.database)
        connection.execute(
            "INSERT INTO AlbumRoots (label, status, type, identifier, specificPath) "
            "VALUES ('photos', 0, 1, ?, '/')",
            (f"volumeid:?path={self.photos}",),
        )
        connection.commit()
        connection.close()

    @contextlib.contextmanager
    def _screen(self) -> Iterator[None]:
        """A virtual screen on a free display number, which Xvfb itself chooses."""
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24"]
        server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        try:
            with os.fdopen(read) as stream:
                self.environment["DISPLAY"] = f":{stream.readline().strip()}"
            manager = subprocess.Popen(["openbox"], env=self.environment, stderr=subprocess.DEVNULL)
            try:
                yield
            finally:
                manager.terminate()
                manager.wait()
        finally:
            server.terminate()
            server.wait()

    @contextlib.contextmanager
    def _process(self) -> Iterator[None]:
        """digiKam, with its bus and whatever it starts, in a process group that is ended whole."""
        with (self.home / "digikam.log").open("ab") as log:
            command = ["dbus-run-session", "--", "digikam"]
            program = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                yield
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGTERM)
                try:
                    program.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(program.pid, signal.SIGKILL)
                    program.wait()
