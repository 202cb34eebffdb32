"""The window speaks the first of the user's languages that somebody translated it into."""

import subprocess
from pathlib import Path

import PySide6
import pytest
from PySide6.QtCore import QCoreApplication, QTranslator

from qpt_app.gui.translations import install_translations, translations_dir
from qpt_app.resources import assets_dir

SOURCE = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE TS><TS version="2.1" language="de_DE">
<context><name>StatePage</name><message><source>Open a folder of photos</source>
<translation>Einen Ordner mit Fotos öffnen</translation></message></context>
</TS>"""


@pytest.fixture
def german(tmp_path) -> Path:
    """A folder with a translation into German, as a translator would make it."""
    source = tmp_path / "qpt_de.ts"
    source.write_text(SOURCE, encoding="utf-8")
    program = next(Path(PySide6.__file__).parent.glob("lrelease*"))
    command = [program, "-silent", source, "-qm", tmp_path / "qpt_de.qm"]
    subprocess.run(command, check=True)
    return tmp_path


@pytest.fixture(autouse=True)
def english_after(qapp):
    """What a test installs goes with it."""
    known = set(qapp.findChildren(QTranslator))
    yield
    for translator in set(qapp.findChildren(QTranslator)) - known:
        QCoreApplication.removeTranslator(translator)
        translator.deleteLater()


def test_the_window_speaks_the_language_of_the_system(qapp, make_window, german):
    """Austrian German is served by German; Qt's buttons come along."""
    assert install_translations(qapp, ["de-AT", "de", "en"], german) == "de-AT"
    assert make_window().parts.state.title == "Einen Ordner mit Fotos öffnen"
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Abbrechen"


@pytest.mark.parametrize("languages", [["en-GB", "de"], ["C"], ["fr", "en", "de"], []])
def test_whoever_prefers_english_is_not_spoken_to_in_german(qapp, make_window, german, languages):
    """A second language counts only where the first is not spoken."""
    assert install_translations(qapp, languages, german) is None
    assert make_window().parts.state.title == "Open a folder of photos"


def test_a_language_that_is_not_spoken_gives_way_to_the_next(qapp, german):
    """Qt's own texts do not come alone: Arabic ones would turn the English window round."""
    assert install_translations(qapp, ["ar", "de"], german) == "de"
    assert not qapp.isRightToLeft()
    assert install_translations(qapp, ["ar"], german) is None
    assert not qapp.isRightToLeft()


def test_without_translations_the_window_is_english(qapp, tmp_path):
    """None is shipped yet; where they would lie need not exist."""
    assert translations_dir().parent == assets_dir()
    assert install_translations(qapp, ["de"], tmp_path / "none") is None
