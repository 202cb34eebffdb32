"""Loads the texts of the user's language, where somebody translated them."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from qpt_app.resources import assets_dir

SOURCE_LANGUAGES = (QLocale.Language.English, QLocale.Language.C)
"""The languages whose texts are those in the source."""


def translations_dir() -> Path:
    """Return the folder of the files `qpt_LANGUAGE.qm`; it exists if there are any.

    Raises:
        QptError: if the installation lacks its assets.
    """
    return assets_dir() / "translations"


def install_translations(
    application: QCoreApplication, languages: Iterable[str], folder: Path
) -> str | None:
    """Have the program speak the first of the languages that it can; return which, None = English.

    Qt's own texts come along, never alone: an English window with German buttons, or turned to
    read from right to left, helps nobody.

    Args:
        application: what the texts are installed for; it keeps them.
        languages: such as `de-AT`, in the user's order (`QLocale.uiLanguages`).
        folder: where `qpt_de.qm` and the like lie.
    """
    for language in languages:
        locale = QLocale(language)
        if locale.language() in SOURCE_LANGUAGES:
            return None
        if _install(application, locale, "qpt", str(folder)):
            own = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
            _install(application, locale, "qtbase", own)
            return language
    return None


def _install(application: QCoreApplication, locale: QLocale, name: str, folder: str) -> bool:
    translator = QTranslator(application)
    return translator.load(locale, name, "_", folder) and application.installTranslator(translator)
