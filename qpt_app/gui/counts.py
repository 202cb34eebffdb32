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


def raw_pairs_text(count: int, rendered: str) -> str:
    """Count RAW+JPEG pairs; `rendered` says what the other half is: `JPEG`, `JPEG/HEIC`."""
    if count == 1:
        return translate("Counts", "1 RAW+%2 pair").replace("%2", rendered)
    text = translate("Counts", "%1 RAW+%2 pairs", "", count)
    return _with(text, count).replace("%2", rendered)


def pairs_text(count: int) -> str:
    """Count pairs where it is clear of what."""
    if count == 1:
        return translate("Counts", "1 pair")
    return _with(translate("Counts", "%1 pairs", "", count), count)


def single_photos_text(count: int) -> str:
    """Count photos that are no pairs."""
    if count == 1:
        return translate("Counts", "1 single photo")
    return _with(translate("Counts", "%1 single photos", "", count), count)


def stars_text(count: int) -> str:
    """Count stars; a photo may have none."""
    if count == 0:
        return translate("Counts", "no stars")
    if count == 1:
        return translate("Counts", "1 star")
    return _with(translate("Counts", "%1 stars", "", count), count)


def and_more(text: str, more: int) -> str:
    """Add to the first of several lines how many there are besides; none: nothing."""
    if not more:
        return text
    return _with(translate("Counts", "%2 (and %1 more)", "", more), more).replace("%2", text)


def _with(text: str, count: int) -> str:
    return text.replace("%1", f"{count:,}")
