"""What the information overlay says of a photo: lines of (name, value)."""

from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication

from qpt_app.gui.photo_filter import FocusTest, focus_of
from qpt_app.gui.photo_record import PhotoRecord, display_name
from qpt_app.gui.value_texts import gap_text, status_text

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""


def info_lines(record: PhotoRecord, percentile: float | None) -> list[tuple[str, str]]:
    """Return what is known of a photo; lines without a value are left out."""
    lines = [
        *_score_lines(record, percentile),
        (translate("Information", "Sharpest"), _focus_text(record)),
        *_file_lines(record),
        *_exif_lines(record),
    ]
    return [(name, value) for name, value in lines if value]


def _score_lines(record: PhotoRecord, percentile: float | None) -> list[tuple[str, str]]:
    result = record.result
    if result is None:
        return [(translate("Information", "Score"), translate("Information", "waiting"))]
    if result.score is None:
        status = status_text(result.status)
        reason = f"{status}: {result.reason}" if result.reason else status
        return [(translate("Information", "Not scored"), reason)]
    score = f"{result.score:.1f}"
    if result.uncertainty is not None:
        score += f"  ± {result.uncertainty:.1f}"
    rank = ""
    if percentile is not None:
        rank = translate("Information", "better than %1 % of this folder").replace(
            "%1", f"{percentile:.0f}"
        )
    return [
        (translate("Information", "Score"), score),
        (translate("Information", "Rank"), rank),
        (translate("Information", "Remark"), result.reason or ""),
        (translate("Information", "Model"), result.model or ""),
        (translate("Information", "Series"), _series_text(record)),
    ]


def _series_text(record: PhotoRecord) -> str:
    """Say what series the photo belongs to and how it stands in it."""
    series = record.series
    if series is None:
        return ""
    names = {
        "burst": translate("Information", "burst"),
        "exposure": translate("Information", "exposure bracket, kept whole"),
        "focus": translate("Information", "focus series, kept whole"),
        "panorama": translate("Information", "panorama, kept whole"),
        "undecided": translate("Information", "series not looked at yet, kept whole"),
    }
    text = f"{names.get(str(series.kind), str(series.kind))}, {len(series.members)}"
    if series.best == record.path:
        text = (
            translate("Information", "best of %1").replace("%1", str(len(series.members)))
            + f" ({text})"
        )
    return text


def _focus_text(record: PhotoRecord) -> str:
    """Say how sharp the sharpest part is."""
    if not record.is_focus_measured:
        return ""
    if record.focus_gap is not None:
        return translate("Information", "cannot be told: %1").replace(
            "%1", gap_text(record.focus_gap)
        )
    return {
        FocusTest.SHARP: translate("Information", "sharp"),
        FocusTest.SLIGHTLY_SOFT: translate("Information", "slightly soft"),
        FocusTest.SOFT: translate("Information", "soft"),
    }.get(focus_of(record), translate("Information", "cannot be told"))


def _file_lines(record: PhotoRecord) -> list[tuple[str, str]]:
    result, file = record.result, record.file
    size = ""
    if result is not None and result.width and result.height:
        megapixels = result.width * result.height / 1e6
        size = f"{result.width} × {result.height}  ({megapixels:.1f} MP)"
    if result is not None and result.format:
        size = f"{size}  {result.format}".strip()
    raw = ""
    if file is not None and file.companion is not None:
        raw = display_name(file.companion.name)
    return [(translate("Information", "Size"), size), (translate("Information", "With"), raw)]


def _exif_lines(record: PhotoRecord) -> list[tuple[str, str]]:
    """Return time, camera and exposure from EXIF."""
    exif = record.essentials
    if exif is None:
        return []
    taken = ""
    if record.taken_at is not None:
        taken = datetime.fromtimestamp(record.taken_at, UTC).strftime("%Y-%m-%d  %H:%M:%S")
    exposure = [
        exposure_text(exif.exposure_s),
        f"f/{exif.f_number:g}" if exif.f_number else "",
        f"ISO {exif.iso:g}" if exif.iso else "",
        f"{exif.focal_mm:g} mm" if exif.focal_mm else "",
        f"{exif.exposure_bias:+.1f} EV" if exif.exposure_bias else "",
    ]
    return [
        (translate("Information", "Taken"), taken),
        (translate("Information", "Camera"), camera_text(exif.camera_make, exif.camera_model)),
        (translate("Information", "Lens"), exif.lens or ""),
        (translate("Information", "Exposure"), "   ".join(part for part in exposure if part)),
    ]


def exposure_text(seconds: float | None) -> str:
    """Write an exposure time as photographers do: `1/250 s`, `2.5 s`."""
    if not seconds or seconds <= 0:
        return ""
    return f"1/{1 / seconds:.0f} s" if seconds < 0.3 else f"{seconds:g} s"


def camera_text(make: str | None, model: str | None) -> str:
    """Write make and model without saying the make twice."""
    if make and model and not model.lower().startswith(make.split()[0].lower()):
        return f"{make} {model}"
    return model or make or ""
