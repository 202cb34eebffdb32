"""The one status that every photo of a run ends in. Standard library only."""

from enum import StrEnum


class PhotoStatus(StrEnum):
    """What became of a photo. Only `ok` and `damaged` carry a score."""

    OK = "ok"
    DAMAGED = "damaged"
    """Cut short or partly broken; what could be decoded was scored."""
    UNSUPPORTED = "unsupported"
    """Not a photo, or a format whose decoder is not installed."""
    TOO_LARGE = "too_large"
    """Would need more memory than the byte budget allows; not decoded."""
    UNREADABLE = "unreadable"
    """Empty, not a regular file, no permission, or broken beyond use."""
    TIMEOUT = "timeout"
    """Decoding took longer than the time limit; its process was killed."""
    CRASHED = "crashed"
    """Decoding killed its process twice, the second time alone."""
    VANISHED = "vanished"
    """There when the folder was read, gone when the photo was opened."""
    CHANGED = "changed"
    """Still being written: it changed while it was read, twice."""
    ERROR = "error"
    """The model gave a score that is not finite."""

    @property
    def has_pixels(self) -> bool:
        """Whether a photo of this status has pixels to score."""
        return self in (PhotoStatus.OK, PhotoStatus.DAMAGED)
