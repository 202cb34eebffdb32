"""What the file system says of a photo."""

import errno
import os

import pytest

from qpt_app.core.file_errors import GONE, status_of
from qpt_app.core.status import PhotoStatus

DRIVES = ["EIO", "ENXIO", "ENODEV", "EREMOTEIO", "ESTALE"]
NETWORKS = ["ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET"]


@pytest.mark.parametrize("name", ["ENOENT", "ENOTDIR", *DRIVES, *NETWORKS])
def test_a_drive_that_is_away_means_vanished(name):
    """So that a lost drive is noticed, whatever kind of drive it was."""
    code = getattr(errno, name, None)
    if code is None:
        pytest.skip(f"{name} is not an error of this system")
    assert status_of(OSError(code, os.strerror(code)))[0] is PhotoStatus.VANISHED


@pytest.mark.parametrize("code", [errno.EACCES, errno.ELOOP, errno.EMFILE, errno.ENOMEM])
def test_other_errors_are_unreadable(code):
    """The file is there, and the reason says what is in the way."""
    status, reason = status_of(OSError(code, os.strerror(code)))
    assert status is PhotoStatus.UNREADABLE
    assert reason == reason.lower()


def test_names_that_a_platform_lacks_are_left_out():
    """Only numbers are compared: an error without one is no lost drive."""
    assert all(isinstance(code, int) for code in GONE)


def test_every_error_has_a_reason():
    """An error without a text of its own still says something."""
    assert status_of(OSError("the drive said no")) == (PhotoStatus.UNREADABLE, "the drive said no")
