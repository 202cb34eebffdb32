"""What the window knows of one photo. Plain data, changed only in the GUI thread. No Qt."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qpt_app.core.status import PhotoStatus
from qpt_app.decisions.decision import UNDECIDED, Decision, own_or_others
from qpt_app.photos.exif import ExifEssentials
from qpt_app.photos.focus import FocusGap
from qpt_app.photos.frame_signature import FrameSignature
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.series import Series


@dataclass(slots=True, eq=False)
class PhotoRecord:
    """One row of the window: the file, what the program found and what the person decided."""

    location: str
    """The path as text, as in `PhotoFile`."""
    file: PhotoFile | None
    """None for a path that never became a photo; `result` then says why."""
    result: PhotoResult | None = None
    decision: Decision = UNDECIDED
    essentials: ExifEssentials | None = None
    """What its EXIF says, once read."""
    taken_at: float | None = None
    """Seconds since the epoch from EXIF; None until read or where there is none."""
    series: Series | None = None
    """The series it belongs to, or None."""
    signature: FrameSignature | None = None
    """What the frame shows, if it was looked at for grouping."""
    is_focus_measured: bool = False
    sharpest: float | None = None
    """Blur of its sharpest part, as in `FocusOutcome`; None if it is unknown or cannot be told."""
    focus_gap: FocusGap | None = None
    """Why it cannot be told, where that is not for lack of anything to judge by."""
    placed_stars: int = 0
    """The stars that an order by rating puts it by: those of the moment when the user chose that
    order, so that a photo does not jump away from the key that rates it."""
    path_key: bytes = field(init=False)
    """What names are sorted by: the path's bytes, as everywhere in qpt."""

    def __post_init__(self) -> None:
        self.path_key = os.fsencode(self.location)

    @property
    def path(self) -> Path:
        """`location` as a path, made at every call."""
        return Path(self.location)

    @property
    def name(self) -> str:
        """The file's name, ready for the screen: odd bytes and control characters replaced."""
        return display_name(os.path.basename(self.location))  # noqa: PTH119 (no Path to be made)

    @property
    def score(self) -> float | None:
        """0 to 100, or None without a score."""
        return None if self.result is None else self.result.score

    @property
    def stars(self) -> int:
        """0 to 5; a photo never rated has 0."""
        return self.decision.stars or 0

    @property
    def status(self) -> PhotoStatus | None:
        """None until the photo was scored or refused."""
        return None if self.result is None else self.result.status

    @property
    def has_failed(self) -> bool:
        """Whether it was looked at and has no score."""
        return self.result is not None and self.result.score is None

    @property
    def time(self) -> float:
        """When it was taken, else when its file last changed; seconds since the epoch."""
        if self.taken_at is not None:
            return self.taken_at
        return 0.0 if self.file is None else self.file.mtime_ns / 1e9


def decision_among(decided: Mapping[bytes, Decision], record: PhotoRecord) -> Decision:
    """Return what holds for a photo, single or pair, by the decisions about files.

    Args:
        decided: the decisions by the bytes of the files' paths; files without one are left out.
        record: the photo.
    """
    own = decided.get(record.path_key, UNDECIDED)
    raw = None if record.file is None else record.file.companion
    return own if raw is None else own_or_others(own, decided.get(os.fsencode(raw), UNDECIDED))


def display_name(name: str) -> str:
    """Return a file name for the screen.

    Bytes that are no UTF-8, control characters and direction overrides become visible
    replacements, so that a name can neither break a line nor read backwards.
    """
    clean = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in clean
    )
