"""What goes to other processes comes back as it was."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoFile, PhotoResult

ODD = Path(os.fsdecode(b"/shoot/\xe9\n.jpg"))


@pytest.mark.parametrize("companion", [None, Path("/shoot/a.cr3")])
def test_a_photo_file_travels_whole(companion):
    """Names of any bytes, numbers beyond 64 bits."""
    file = PhotoFile(
        location=os.fspath(ODD),
        device=1,
        inode=1 << 70,
        size=5,
        mtime_ns=1 << 62,
        companion=companion,
    )
    back = pickle.loads(pickle.dumps(file))
    assert back == file
    assert os.fsencode(back.path) == os.fsencode(ODD)


def test_a_result_travels_with_its_feature():
    """Every field, the vector bit for bit."""
    result = PhotoResult(
        path=ODD, status=PhotoStatus.OK, reason="small", score=71.5, uncertainty=4.0,
        percentile=12.5, width=60, height=40, format="JPEG", model="m@12345678", cached=True,
        companion=Path("b.nef"), feature=np.arange(4, dtype=np.float16),
    )  # fmt: skip
    back = pickle.loads(pickle.dumps(result))
    assert back == result
    assert back.status is PhotoStatus.OK
    assert np.array_equal(back.feature, result.feature)
    failed = PhotoResult.failed(Path("a.jpg"), PhotoStatus.UNREADABLE, "a FIFO, not a photo")
    assert pickle.loads(pickle.dumps(failed)) == failed
