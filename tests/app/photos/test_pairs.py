"""Which files are one frame: exactly one RAW and one rendered file of one base name."""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.core.decode_formats import RAW_EXTENSIONS, RENDERED_EXTENSIONS
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.pairs import pair_files
from qpt_app.photos.results import PhotoFile, PhotoResult


def photo(path):
    return PhotoFile(location=str(Path(path)), device=1, inode=2, size=3, mtime_ns=4)


def paired(*paths):
    """Pair paths given in any order; return (path, companion) of every row."""
    files = [photo(path) for path in sorted(paths, key=os.fsencode)]
    rows = pair_files(files)
    return [(str(row.path), row.companion and str(row.companion)) for row in rows]


def test_one_raw_and_one_rendered_file_are_one_photo():
    assert paired("d/a.CR2", "d/a.JPG") == [("d/a.JPG", "d/a.CR2")]


@pytest.mark.parametrize("rendered", [".jpg", ".HEIC", ".tif"])
@pytest.mark.parametrize("raw", [".nef", ".DNG", ".cr3"])
def test_every_kind_of_pair(raw, rendered):
    assert paired(f"a{raw}", f"a{rendered}") == [(f"a{rendered}", f"a{raw}")]


@pytest.mark.parametrize(
    "names",
    [
        ("a.cr2", "a.jpg", "a.heic"),
        ("a.cr2", "a.dng", "a.jpg"),
        ("a.cr2", "b.jpg"),
        ("a.jpg", "a.png"),
        ("a.cr2",),
        ("x/a.cr2", "y/a.jpg"),
        ("a.cr2", "A.jpg"),
        ("a.cr2", "a.b.jpg"),
        ("a.cr2.jpg", "a.jpg"),
    ],
)
def test_anything_else_stays_separate(names):
    """Two of a kind, other folders, other base names, names that differ in case."""
    assert paired(*names) == [(name, None) for name in sorted(names, key=os.fsencode)]


def test_a_pair_is_found_across_what_sorts_between_its_names():
    rows = paired("a.cr2", "a.d/x.jpg", "a.e.jpg", "a.jpg")
    assert rows == [("a.d/x.jpg", None), ("a.e.jpg", None), ("a.jpg", "a.cr2")]


def test_a_failed_result_passes_through_and_never_pairs():
    failed = PhotoResult.failed(Path("a.jpg"), PhotoStatus.UNREADABLE, "a folder, not a photo")
    raw = photo("a.cr2")
    assert list(pair_files([raw, failed])) == [raw, failed]


def test_names_that_are_not_utf8_pair_too():
    raw, rendered = (os.fsdecode(b"\xff\xfe" + ending) for ending in (b".nef", b".jpg"))
    assert paired(raw, rendered) == [(rendered, raw)]


def test_photos_are_given_on_before_the_folder_has_been_read():
    """Memory does not grow with the folder: a name is held only until another one begins."""
    drawn = []

    def endless():
        for number in itertools.count():
            drawn.append(number)
            yield photo(f"photo{number:06}.jpg")

    rows = pair_files(endless())
    assert [next(rows).path.name for _ in range(3)] == [f"photo{n:06}.jpg" for n in range(3)]
    assert len(drawn) <= 5


NAMES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "a.b", "a b", "c/a"]),
        st.sampled_from([".jpg", ".png", ".CR2", ".dng", ".txt"]),
    ).map("".join),
    unique=True,
    max_size=20,
)


@given(NAMES)
def test_every_file_is_in_exactly_one_row_and_the_order_stays(names):
    rows = paired(*names)
    inside = [path for path, _ in rows] + [raw for _, raw in rows if raw]
    assert sorted(inside) == sorted(names)
    assert [path for path, _ in rows] == sorted((path for path, _ in rows), key=os.fsencode)
    for path, raw in rows:
        if raw:
            assert Path(raw).suffix.lower() in RAW_EXTENSIONS
            assert Path(path).suffix.lower() in RENDERED_EXTENSIONS
            assert Path(raw).with_suffix("") == Path(path).with_suffix("")
