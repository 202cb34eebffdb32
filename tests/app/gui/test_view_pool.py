"""The decode processes of the window start before Qt does."""

import os
import subprocess
import sys

from PIL import Image

from qpt_app.core.decode_pool import ImageJob
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import SettingsError
from qpt_app.gui import main
from qpt_app.gui.view_pool import VIEW_WORKERS, start_view_pool
from qpt_app.photos import settings
from qpt_app.photos.app_settings import AppSettings


def test_starting_it_imports_no_qt():
    """The program starts it first, so Qt must not come along."""
    code = (
        "import sys, qpt_app.gui.main, qpt_app.gui.view_pool, qpt_app.photos.settings\n"
        "sys.exit(any(name.startswith('PySide6') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_decodes_and_has_all_its_workers(tmp_path):
    """A photo comes back in the size asked for; nothing was left out of the warm-up."""
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "a.png")
    with start_view_pool(AppSettings()) as pool:
        outcome = pool.submit(ImageJob(tmp_path / "a.png", 32)).result(timeout=120)
        assert len(pool._threads) == VIEW_WORKERS
    assert outcome.status is PhotoStatus.OK
    assert outcome.pixels.shape == (24, 32, 3)


def test_python_files_in_the_current_folder_are_not_run(tmp_path):
    """The processes that decode are Pythons too, and start in the folder of the person's photos."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(folder / "a.png")
    (folder / "pickle.py").write_text("open('ran', 'w')\nraise ImportError('hostile')\n")
    program = tmp_path / "program.py"  # as the installed `qpt-gui` is
    program.write_text(
        "from pathlib import Path\n"
        "from qpt_app.core.decode_pool import ImageJob\n"
        "from qpt_app.gui import main, view_pool\n"
        "def decode(arguments):\n"
        "    view_pool.VIEW_WORKERS = 1\n"
        "    with main._started_pool() as pool:\n"
        "        outcome = pool.submit(ImageJob(Path('a.png'), 32)).result(timeout=120)\n"
        "    return outcome.status != 'ok'\n"
        "if __name__ == '__main__':\n"
        "    main.main = decode\n"
        "    main.run()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, program], cwd=folder, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "ran").exists()


def test_settings_that_cannot_be_read_are_left_for_the_window_to_tell(monkeypatch):
    """No pool, no traceback."""

    def refuse() -> None:
        raise SettingsError("misspelt")

    monkeypatch.setattr(settings, "load_settings", refuse)
    assert main._started_pool() is None
