"""What goes into scoring and what comes out: one `PhotoFile` in, one `PhotoResult` out."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.status import PhotoStatus
from qpt_app.photos.fingerprint import FileStamp

SMALL_SIDE = 64
"""A photo whose shorter side is below this many pixels is scored with the reason `small`."""

SMALL_REASON = "small"
"""The reason of such a photo."""


class PhotoFile(NamedTuple):
    """A regular file that may be a photo, as it was when its folder was read.

    A tuple, because it is made in a quarter of a data class's time.
    """

    location: str
    """The path as found or as named, in the spelling of `os.fspath(Path(...))`; bytes that are not
    UTF-8 are kept as surrogate escapes. Text, since a `Path` takes longer to make than the file to
    look at, and folders of 50,000 photos are read while a person waits."""
    device: int
    """`st_dev` of the file, after following links."""
    inode: int
    """`st_ino` of the file, after following links."""
    size: int
    """Length in bytes."""
    mtime_ns: int
    """Time of the last change of its content, nanoseconds since the epoch."""
    companion: Path | None = None
    """The RAW file of a RAW+JPEG pair: the same frame, scored once."""

    @property
    def path(self) -> Path:
        """`location` as a path, made at every call."""
        return Path(self.location)

    @property
    def stamp(self) -> FileStamp:
        """What the file system said of the file when its folder was read."""
        return FileStamp(
            device=self.device, inode=self.inode, size=self.size, mtime_ns=self.mtime_ns
        )

    @classmethod
    def of(cls, location: str, stat: os.stat_result) -> "PhotoFile":
        """Build one from the result of a stat call."""
        return cls(location, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoResult:
    """What is known of one photo after a run; every photo of a run has exactly one."""

    path: Path
    status: PhotoStatus
    reason: str | None = None
    """Short text: why there is no score, what is odd about the photo, or None."""
    score: float | None = None
    """0 to 100, higher is better; None unless the status carries a score."""
    uncertainty: float | None = None
    """Half width of the nominal 80 % interval in points of the score; None if not calibrated."""
    percentile: float | None = None
    """0 (worst) to 100 (best) among the scored photos of the run; None in a streamed row."""
    rank: int | None = None
    """1 for the best photo of the run; photos that the model cannot tell from the best of their
    rank share it. None in a streamed row."""
    width: int | None = None
    """Pixels of the upright photo, left to right."""
    height: int | None = None
    """Pixels of the upright photo, top to bottom."""
    format: str | None = None
    """What the content is, such as `JPEG` or `HEIF`; None where nobody could tell."""
    model: str | None = None
    """`ModelIdentity.label` of the model that scored it."""
    cached: bool = False
    """Whether it was answered from the cache."""
    companion: Path | None = None
    """The RAW file of a RAW+JPEG pair."""
    feature: NDArray[np.float16] | None = field(default=None, compare=False, repr=False)
    """(C,) the encoder's vector; None where it was not asked for or there is no score."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as plain values: results of 50,000 photos go to other processes."""
        companion = None if self.companion is None else os.fspath(self.companion)
        return _photo_result, (
            os.fspath(self.path), self.status.value, self.reason, self.score, self.uncertainty,
            self.percentile, self.width, self.height, self.format, self.model, self.cached,
            companion, self.feature,
        )  # fmt: skip

    @classmethod
    def failed(cls, path: Path, status: PhotoStatus, reason: str) -> "PhotoResult":
        """Build the row of a path that never became a photo."""
        return cls(path=path, status=status, reason=reason)


def _photo_result(
    path: str, status: str, reason: str | None, score: float | None, uncertainty: float | None,
    percentile: float | None, width: int | None, height: int | None, form: str | None,
    model: str | None, cached: bool, companion: str | None, feature: NDArray[np.float16] | None,
) -> PhotoResult:  # fmt: skip
    """Build a result from the values it travelled as."""
    return PhotoResult(
        path=Path(path), status=PhotoStatus(status), reason=reason, score=score,
        uncertainty=uncertainty, percentile=percentile, width=width, height=height, format=form,
        model=model, cached=cached, companion=None if companion is None else Path(companion),
        feature=feature,
    )  # fmt: skip
