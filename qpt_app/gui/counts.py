"""Counts with their nouns.

English needs `1 photo` beside `2 photos`; other languages have more forms, which translators give
for the texts that carry the number.
"""

from PySide6.QtCore import QCoreApplication

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""


def photos_text(count: int) -> str:
    """Count photos: `1 photo`, `1,200 photos`."""
    if count == 1:
        return translate("Counts", "1 photo")
    return _with(translate("Counts", "%1 photos", "", count), count)


def files_text(count: int) -> str:
    """Count files."""
    if count == 1:
        return translate("Counts", "1 file")
    return _with(translate("Counts", "%1 files", "", count), count)


def stars_text(count: int) -> str:
    """Count stars; a photo may have none."""
    if count == 0:
        return translate("Counts", "no stars")
    if count == 1:
        return translate("Counts", "1 star")
    return _with(translate("Counts", "%1 stars", "", count), count)


def _with(text: str, count: int) -> str:
    return text.replace("%1", f"{count:,}")
