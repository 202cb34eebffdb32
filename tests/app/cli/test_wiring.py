"""What the commands are built from: photos with their pairs, and the processors to use."""

import os
from pathlib import Path

import pytest

from qpt_app.cli.wiring import list_photos, usable_cpus
from qpt_app.photos.scan import ScanOptions


@pytest.fixture
def pair_folder(tmp_path):
    for name in ("a.jpg", "a.nef", "b.arw", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def listed(*paths):
    return [
        (photo.path.name, photo.companion.name if photo.companion else None)
        for photo in list_photos(paths, ScanOptions())
    ]


def test_pairs_of_a_folder_are_one_photo(pair_folder):
    """The rendered file, with its RAW as the companion."""
    assert listed(pair_folder) == [("a.jpg", "a.nef"), ("b.jpg", "b.arw"), ("c.jpg", None)]


def test_a_raw_file_that_is_named_has_its_own_row(pair_folder):
    """In the order of paths, once, with and without its folder."""
    names = ["a.jpg", "a.nef", "b.arw", "b.jpg"]
    assert listed(*(pair_folder / name for name in names)) == [(name, None) for name in names]
    assert listed(pair_folder, pair_folder / "b.arw") == [
        ("a.jpg", "a.nef"),
        ("b.arw", None),
        ("b.jpg", None),
        ("c.jpg", None),
    ]


def test_a_jpeg_that_is_named_is_found_as_the_pair_it_is(pair_folder):
    """With its folder it is one row; alone it has no companion."""
    assert listed(pair_folder, pair_folder / "a.jpg")[0] == ("a.jpg", "a.nef")
    assert listed(pair_folder / "a.jpg") == [("a.jpg", None)]


def test_named_by_another_spelling(pair_folder, monkeypatch):
    """`./a.nef` and its absolute path are the same name."""
    monkeypatch.chdir(pair_folder)
    assert ("a.nef", None) in listed(Path(), pair_folder / "a.nef")


def test_processors_are_those_this_process_may_use():
    """At least one, never more than there are."""
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
