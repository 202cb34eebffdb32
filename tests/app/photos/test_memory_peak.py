"""Peak memory is what the system says."""

import sys

import pytest

from qpt_app.photos.memory_peak import own_peak_mb, peak_mb


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is not asked")
def test_the_peak_grows_with_what_is_held():
    """Fifty megabytes more are seen, and stay seen."""
    before = own_peak_mb()
    held = bytearray(int(before * 1e6) + 50_000_000)
    held[::4096] = b"x" * len(held[::4096])
    during = own_peak_mb()
    del held
    assert during >= before + 45
    assert own_peak_mb() > during - 1  # the kernel counts in batches


def test_a_process_that_is_not_there_has_no_peak():
    """No error, no number."""
    assert peak_mb(2**30) is None
