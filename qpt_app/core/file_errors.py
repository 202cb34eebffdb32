"""What an error of the file system says of a photo: its status and a reason. Opens nothing."""

import errno

from qpt_app.core.status import PhotoStatus

_GONE_NAMES = (
    "ENOENT", "ENOTDIR",
    "EIO", "ENXIO", "ENODEV", "ENOMEDIUM", "EREMOTEIO",
    "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH",
    "ENETRESET", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ESHUTDOWN", "ENOLINK",
)  # fmt: skip
GONE = frozenset({getattr(errno, name, None) for name in _GONE_NAMES} - {None})
"""What a path gives when its file, its folder, its drive or the way to it is no longer there; the
names that this platform has."""


def status_of(error: OSError) -> tuple[PhotoStatus, str]:
    """Return the status and the reason of a photo whose file gave `error`.

    None of it lies in the content of the file: what the next try gives is open.
    """
    if error.errno in GONE:
        return PhotoStatus.VANISHED, "no longer there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return PhotoStatus.UNREADABLE, "no permission to read it"
    if error.errno == errno.ELOOP:
        return PhotoStatus.UNREADABLE, "a loop of links"
    return PhotoStatus.UNREADABLE, (error.strerror or str(error)).lower()
