"""Makes docs/images from the real window: each view, dark and light, at 1x and 2x.

    python docs/make_screenshots.py [FOLDER FOR THE IMAGES]

Each scale factor needs a process of its own, because Qt reads it once. The photos are rendered by
rendered_photos.py. Scores come from the shipped model; without one, `--stand-in` scores by
sharpness, for work on the looks alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIZES = {1: (1360, 850), 2: (1120, 720)}
"""Scale factor -> size of the window; smaller at 2x, to keep the files small."""
COLOURS = 232
"""Colours of a picture's palette for the photos; the rest is for the window's own colours."""


def main() -> int:
    """Render the shoot once, then take the pictures in a process per scale factor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", type=Path, default=HERE / "images")
    parser.add_argument("--stand-in", action="store_true")
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scale", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--shoot", type=Path)
    parser.add_argument("--themes", default="dark,light")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    if arguments.scale is not None:
        take_pictures(arguments)
        return 0
    sys.path.insert(0, str(HERE))
    from rendered_photos import render_shoot

    arguments.target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shoot = arguments.shoot or Path(folder) / "2026-09-12 Coast"
        if not shoot.exists():
            render_shoot(shoot)
        for scale in arguments.scales:
            command = [sys.executable, __file__, str(arguments.target), "--scale", str(scale),
                       "--shoot", str(shoot), "--themes", arguments.themes,
                       "--only", arguments.only]  # fmt: skip
            command += ["--stand-in"] if arguments.stand_in else []
            environment = {**os.environ, "QT_SCALE_FACTOR": str(scale),
                           "QT_QPA_PLATFORM": "offscreen"}  # fmt: skip
            environment["PYTHONPATH"] = str(HERE.parent)
            subprocess.run(command, check=True, env=environment)
    return 0


def take_pictures(arguments: argparse.Namespace) -> None:
    """Open the window on the shoot, go through its views and save each."""
    from PySide6.QtGui import QFont

    from qpt_app.gui.application import make_application
    from qpt_app.gui.gui_settings import GuiPaths, GuiSettings, SessionState
    from qpt_app.gui.main_window import MainWindow
    from qpt_app.gui.services import real_services
    from qpt_app.gui.theme import Theme
    from qpt_app.photos.app_settings import AppSettings

    application = make_application()
    font = QFont("Inter")
    font.setPixelSize(13)
    application.setFont(font)
    theme = Theme()
    with tempfile.TemporaryDirectory() as home:
        paths = GuiPaths.below(Path(home))
        services = real_services(paths, AppSettings(cache_folder=paths.cache))
        if arguments.stand_in:
            sys.path.insert(0, str(HERE))
            from stand_in_engine import StandInEngine

            services = replace(services, make_engine=StandInEngine)
        theme.apply("dark")
        session = SessionState(recent=("/photos/2026-08 Alps", "/photos/2026-05 Wedding"))
        window = MainWindow(services, GuiSettings(xmp_profile="off", tile_size=168), session, theme)
        window.resize(*SIZES[arguments.scale])
        window.show()
        Photographer(window, theme, arguments).go_round()
        window.close()


def reduce_colours(image, tokens):  # noqa: ANN001, ANN201
    """Return the picture with a palette of its own in which the window's colours are exact."""
    import numpy as np
    from PIL import Image

    from qpt_app.gui.tokens import colour_names

    count = COLOURS if image.width < 2000 else COLOURS // 3
    palette = image.quantize(count, method=Image.Quantize.MEDIANCUT).getpalette()[: 3 * count]
    palette += [0] * (3 * count - len(palette))  # a plain picture has fewer; ours come after them
    for name in colour_names()[: 256 - COLOURS]:
        palette += list(bytes.fromhex(getattr(tokens, name)[1:]))
    holder = Image.new("P", (1, 1))
    holder.putpalette(palette)
    reduced = np.array(image.quantize(palette=holder, dither=Image.Dither.NONE))
    colours = np.asarray(image)
    for at, name in enumerate(colour_names()[: 256 - COLOURS]):
        exact = list(bytes.fromhex(getattr(tokens, name)[1:]))
        reduced[(colours == exact).all(axis=-1)] = count + at
    result = Image.fromarray(reduced, "P")
    result.putpalette(palette)
    return result


class Photographer:
    """Brings the window into each state and saves it."""

    def __init__(self, window, theme, arguments: argparse.Namespace) -> None:  # noqa: ANN001
        self.window = window
        self.theme = theme
        self.arguments = arguments
        self.shoot: Path = arguments.shoot

    def wait(self, condition: Callable[[], bool], seconds: float = 600.0) -> None:
        """Run the event loop until something holds.

        Raises:
            TimeoutError: if it does not in time.
        """
        from PySide6.QtCore import QCoreApplication, QEventLoop

        end = time.monotonic() + seconds
        while not condition():
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
            if time.monotonic() > end:
                raise TimeoutError("the window did not get ready")

    def settle(self) -> None:
        """Wait until all pictures are there and painted."""
        from PySide6.QtCore import QCoreApplication

        self.wait(lambda: self.window.loaders.thumbnails.is_idle
                  and self.window.loaders.photos.is_idle
                  and self.window.loaders.focus.is_idle)  # fmt: skip
        for _ in range(20):
            QCoreApplication.processEvents()

    def save(self, name: str, widget=None) -> None:  # noqa: ANN001
        """Save the window, or a dialog over it, in every theme."""
        from PIL import Image

        if self.arguments.only and self.arguments.only not in name:
            return
        for choice in self.arguments.themes.split(","):
            self.theme.apply(choice)
            self.settle()
            suffix = "" if self.arguments.scale == 1 else f"@{self.arguments.scale}x"
            path = self.arguments.target / f"{name}-{choice}{suffix}.png"
            (widget or self.window).grab().save(str(path))
            with Image.open(path) as image:
                reduce_colours(image.convert("RGB"), self.theme.tokens).save(path, optimize=True)
        self.theme.apply("dark")

    def go_round(self) -> None:
        """All views and states."""
        window = self.window
        self.show_only_the_shoot()
        self.save("welcome")
        if self.arguments.only == "welcome":
            return
        window.library.loaded.connect(self._loaded)
        self._is_loaded = False
        window.open_folder(self.shoot)
        self.show_only_the_shoot()
        self.wait(lambda: self._is_loaded)
        self.wait(lambda: window.scoring.progress[0] >= 9)
        window.keys["pause"].trigger()
        self.save("scoring")
        window.keys["pause"].trigger()
        self.wait(lambda: window.scoring.state.value == "done", 600)
        self.wait(lambda: window.series.is_idle and not window.library.is_unsettled)
        self.decide()
        self.save("grid")
        self.loupe()
        self.beside()
        self.panels()
        self.dialogs()

    def show_only_the_shoot(self) -> None:
        """Keep the folders of the computer that makes the pictures out of them."""
        folders = self.window.parts.folders
        folders.show_folder(self.shoot.parent)
        folders.tree.setRootIndex(folders.tree.model().index(str(self.shoot.parent)))

    def _loaded(self) -> None:
        self._is_loaded = True

    def decide(self) -> None:
        """Rate some photos as a person would."""
        window = self.window
        keys = {0: "4", 1: "pick", 2: "5", 5: "reject", 7: "3", 9: "pick", 11: "label_green",
                13: "reject", 14: "2", 16: "label_blue"}  # fmt: skip
        for row, action in keys.items():
            window.photo_cursor.go_to_row(row)
            window.keys[action if not action.isdigit() else f"stars_{action}"].trigger()
        window.photo_cursor.go_to_row(2)
        window.keys["pick"].trigger()
        self.wait(lambda: window.desk.is_idle)
        window.views.focus_photos()

    def loupe(self) -> None:
        """The loupe, fitted, with what is in focus, and at 100 %."""
        window = self.window
        window.keys["loupe"].trigger()
        self.save("loupe")
        window.photo_cursor.go_to_row(8)
        window.keys["peaking"].trigger()
        self.save("focus")
        window.keys["peaking"].trigger()
        window.photo_cursor.go_to_row(2)
        window.loupe.state.toggle((0.52, 0.46))
        self.save("zoom")
        window.loupe.state.toggle(None)

    def beside(self) -> None:
        """Compare a burst, survey a selection."""
        window = self.window
        burst = next(record for record in window.model.visible_records()
                     if record.series is not None and not record.series.is_protected)  # fmt: skip
        window.photo_cursor.go_to(burst)
        window.keys["compare_series"].trigger()
        window.compare.pin()
        self.save("compare")
        window.keys["grid"].trigger()
        rows = window.model
        from PySide6.QtCore import QItemSelection, QItemSelectionModel

        window.photo_cursor.go_to_row(6)
        window.parts.grid.selectionModel().select(
            QItemSelection(rows.index(6, 0), rows.index(14, 0)),
            QItemSelectionModel.SelectionFlag.Select,
        )
        window.keys["survey"].trigger()
        self.save("survey")
        window.keys["grid"].trigger()
        window.photo_cursor.go_to_row(2)

    def panels(self) -> None:
        """A threshold in the histogram; sorted by score; stacked series."""
        from qpt_app.gui.photo_filter import PhotoOrder, SortKey

        window = self.window
        order = PhotoOrder(key=SortKey.SCORE, descending=True)
        window.parts.bar.set_order(order)
        window.model.set_order(order)
        window.keys["stack"].trigger()
        median = window.library.summary.median or 50
        window.parts.histogram.set_threshold(median)
        window.photo_cursor.go_to_row(0)
        self.save("sorted")
        window.keys["stack"].trigger()

    def dialogs(self) -> None:
        """The list before a move, settings, keys, the questions."""
        from qpt_app.decisions.restore import RestoreOffer
        from qpt_app.gui.dialogs.restore_dialog import RestoreDialog
        from qpt_app.gui.dialogs.xmp_dialog import XmpDialog

        window = self.window
        window.keys["move_rejects"].trigger()
        self.wait(lambda: window.files.dialog is not None)
        self.save("move", window.files.dialog)
        window.files.dialog.reject()
        window.keys["settings"].trigger()
        self.save("settings", window.actions_.dialog)
        window.actions_.dialog.reject()
        window.keys["help"].trigger()
        self.save("keys", window.actions_.dialog)
        window.actions_.dialog.reject()
        question = XmpDialog(None, window)
        question.open()
        self.save("xmp", question)
        question.reject()
        offer = RestoreOffer(
            backup=Path("decisions.sqlite"), made_at=1_789_200_000.0, photos=412,
            aside_name="decisions.sqlite.corrupt-20260913-081500",
        )  # fmt: skip
        reason = "the decisions database is damaged (file is not a database)"
        damaged = RestoreDialog(reason, offer, window)
        damaged.open()
        self.save("restore", damaged)
        damaged.reject()


if __name__ == "__main__":
    sys.exit(main())
