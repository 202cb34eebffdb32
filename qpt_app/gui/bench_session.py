"""One measured session with the real window, in a process of its own."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qpt_app.core.atomic_write import atomic_write

if TYPE_CHECKING:
    from qpt_app.gui.image_loader import ImageKey

BEAT_MS = 5
LIMIT_S = 900.0
NEXT_PHOTOS = 30
MIB = 1 << 20


def session_main(
    kind: str, work: str, answer: str, started_at: float, options: dict[str, Any]
) -> None:
    """Run one session and write what was measured; the entry point of the process."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        session = _Session(Path(work), kind, started_at, options)
        values = session.cold() if kind == "cold" else session.cached()
    except Exception as error:  # the process' edge: the parent reports it
        atomic_write(Path(answer), json.dumps({"error": f"{type(error).__name__}: {error}"}))
        raise
    atomic_write(Path(answer), json.dumps(values))


class _Session:
    """A window, a heart that beats in its thread, and a stop watch."""

    def __init__(self, work: Path, kind: str, started_at: float, options: dict[str, Any]) -> None:
        from qpt_app.gui.gui_settings import GuiPaths
        from qpt_app.gui.view_pool import start_view_pool
        from qpt_app.photos.app_settings import AppSettings

        paths = GuiPaths.below(work / f"{kind}-home")
        app_settings = AppSettings(cache_folder=paths.cache)
        pool = start_view_pool(app_settings)  # as `qpt-gui` does
        from PySide6.QtCore import QEvent, QObject, QTimer

        from qpt_app.gui.application import make_application
        from qpt_app.gui.gui_settings import GuiSettings, SessionState
        from qpt_app.gui.main_window import MainWindow
        from qpt_app.gui.services import real_services
        from qpt_app.gui.theme import Theme

        self._started_at = started_at
        self._options = options
        self._folder = work / kind
        self._application = make_application()
        theme = Theme()
        theme.apply("dark")
        services = real_services(paths, app_settings, pool)
        if kind == "cached" or options.get("engine") == "none":
            from qpt_app.gui.bench_engine import BenchEngine

            services = replace(services, make_engine=BenchEngine)
        settings = GuiSettings(xmp_profile="off")
        self.window = MainWindow(services, settings, SessionState(), theme)
        self.window.resize(1360, 860)
        self.painted_at: float | None = None

        session = self

        class Watcher(QObject):
            """Notes the first paint."""

            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                """Look at every event."""
                if event.type() == QEvent.Type.Paint and session.painted_at is None:
                    session.painted_at = time.time()
                return False

        self._watcher = Watcher()
        self.window.parts.state.installEventFilter(self._watcher)
        self._beats: list[float] = []
        self._last = time.perf_counter()
        self._heart = QTimer()
        self._heart.setInterval(BEAT_MS)
        self._heart.timeout.connect(self._beat)
        self._heart.start()
        self.window.show()
        self.wait(lambda: self.painted_at is not None)

    def cold(self) -> dict[str, Any]:
        """A folder nobody has scored: open, scroll, wait, rate."""
        window, scoring = self.window, self.window.scoring
        times: dict[str, float] = {}
        scoring.state_changed.connect(
            lambda state: times.setdefault("ready", time.time()) if state == "running" else None
        )
        scoring.scored.connect(lambda _: times.setdefault("scored", time.time()))
        self._beats = []
        window.open_folder(self._folder)
        self.wait(self._screen_is_full)
        thumbnails = time.time()
        self.wait(lambda: not window.library.is_reading)
        opening = self._heartbeat()
        scrolling = self._scroll()
        self.wait(lambda: "scored" in times or scoring.state == "failed")
        before, start = scoring.progress[0], time.time()
        self._beats = []
        self.wait(lambda: time.time() - start > 5 or scoring.state in ("done", "failed"))
        scored = (scoring.progress[0] - before) / (time.time() - start)
        idle = self._heartbeat()
        latencies = self._next_photos()
        rating = self._rate(int(self._options.get("rated", 500)))
        has_model = "ready" in times
        return {
            "photos": len(window.model.records),
            "window_painted_s": self._since_start(self.painted_at),
            "thumbnails_s": self._since_start(thumbnails),
            "model_ready_s": self._since_start(times.get("ready")) if has_model else None,
            "first_scores_s": times["scored"] - times["ready"] if "scored" in times else None,
            "opening": opening,
            "scrolling": scrolling,
            "scoring": idle,
            "rating": rating,
            "next_photo_p50_ms": float(np.percentile(latencies, 50)),
            "next_photo_p95_ms": float(np.percentile(latencies, 95)),
            "scored_per_s": scored if has_model else None,
            **self._memory(),
            "close_s": self._close(),
        }

    def cached(self) -> dict[str, Any]:
        """A large folder whose scores are known: open, scroll."""
        window = self.window
        self._beats = []
        start = time.time()
        window.open_folder(self._folder)
        self.wait(lambda: not window.library.is_reading and self._screen_is_full())
        usable = time.time() - start
        self.wait(lambda: window.scoring.state in ("done", "failed"))
        scores = time.time() - start
        opening = self._heartbeat()
        return {
            "photos": len(window.model.records),
            "window_painted_s": self._since_start(self.painted_at),
            "usable_s": usable,
            "scores_s": scores,
            "opening": opening,
            "scrolling": self._scroll(),
            **self._memory(),
            "close_s": self._close(),
        }

    # -- what is driven --------------------------------------------------------------------

    def _scroll(self) -> dict[str, float]:
        """Scroll to the end and back in steps of a screen, as fast as the window paints."""
        bar = self.window.parts.grid.verticalScrollBar()
        self._beats = []
        step = max(bar.pageStep(), bar.maximum() // 60)
        for value in (*range(0, bar.maximum(), step), *range(bar.maximum(), 0, -step)):
            bar.setValue(value)
            self._run_for(0.02)
        return self._heartbeat()

    def _next_photos(self) -> list[float]:
        """Go from photo to photo in the loupe and time each picture, prefetched."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        window = self.window
        window.photo_cursor.go_to_row(0)
        window.keys["loupe"].trigger()
        window.views.focus_photos()
        self._run_for(0.2)
        latencies = []
        for _ in range(min(NEXT_PHOTOS, window.model.rowCount() - 1)):
            self.wait(lambda: window.loaders.photos.is_idle, 20)
            start = time.perf_counter()
            QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Right)
            pane = window.loupe.pane
            key = pane.wanted_key()
            self.wait(partial(self._holds, key), 20)
            pane.repaint()
            latencies.append(1000 * (time.perf_counter() - start))
        return latencies

    def _holds(self, key: "ImageKey | None") -> bool:
        return key is None or self.window.loaders.photos.image(*key) is not None

    def _rate(self, count: int) -> dict[str, float]:
        """Rate photo after photo by key."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        window = self.window
        window.views.focus_photos()
        self._beats = []
        for number in range(count):
            target = window.focusWidget() or window
            QTest.keyClick(target, Qt.Key(int(Qt.Key.Key_1) + number % 5))
            QTest.keyClick(target, Qt.Key.Key_Right)
            self._run_for(0.01)
        result = self._heartbeat()
        self.wait(lambda: window.desk.is_idle)
        return result

    def _close(self) -> float:
        self._heart.stop()
        start = time.perf_counter()
        self.window.close()
        return time.perf_counter() - start

    # -- measuring -------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Run the event loop until something holds."""
        end = time.monotonic() + limit_s
        while not condition():
            self._process()
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")

    def _run_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._process()

    def _process(self) -> None:
        from PySide6.QtCore import QCoreApplication, QEventLoop

        # Without a time limit, which would make Qt ignore the flag and this loop spin beside the
        # window's threads; the heart wakes it every 5 ms.
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def _beat(self) -> None:
        now = time.perf_counter()
        self._beats.append(1000 * (now - self._last) - BEAT_MS)
        self._last = now

    def _heartbeat(self) -> dict[str, float]:
        beats = np.maximum(np.asarray(self._beats or [0.0]), 0.0)
        return {
            "p99_ms": float(np.percentile(beats, 99)),
            "max_ms": float(beats.max()),
            "beats": len(beats),
        }

    def _screen_is_full(self) -> bool:
        """Whether every tile in view has its picture."""
        loaders = self.window.loaders
        return bool(loaders.visible_paths()) and loaders.is_screen_full()

    def _since_start(self, moment: float | None) -> float:
        assert moment is not None
        return moment - self._started_at

    def _memory(self) -> dict[str, float]:
        """Return memory figures in MiB."""
        loaders = self.window.loaders
        held = loaders.thumbnails.bytes_held + loaders.photos.bytes_held
        return {"picture_memory_mb": held / MIB, "peak_memory_mb": _peak_rss() / MIB}


def _peak_rss() -> int:
    """Return the peak resident memory of this process in bytes; 0 where nobody can tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
