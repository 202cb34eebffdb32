"""The binding must not eat references: PySide6 6.12.0 did so under Python 3.11 and then aborted."""

import sys

import pytest
from PySide6.QtCore import QCoreApplication


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_calls_into_qt_leave_the_references_to_none_alone(qapp):
    """A thousand calls, hardly a change."""
    before = sys.getrefcount(None)
    for _ in range(1000):
        QCoreApplication.processEvents()
    assert abs(sys.getrefcount(None) - before) < 200
