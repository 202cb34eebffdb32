"""What is remembered of photos' focus, and that nothing but time is lost without it."""

import os
import threading

import pytest

from qpt_app.gui.focus_memory import FocusMemory
from qpt_app.photos.cache_database import FILE_NAME
from qpt_app.photos.results import PhotoFile
from qpt_app.photos.score_cache import CachedFocus, FocusMeasure

MEASURE = FocusMeasure(version=3, side=3000)


@pytest.fixture
def photo(tmp_path) -> PhotoFile:
    """A file that was written long ago."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"pixels")
    return settled(path)


def settled(path) -> PhotoFile:
    os.utime(path, (1_700_000_000, 1_700_000_000 + path.stat().st_size))
    return PhotoFile.of(str(path), path.stat())


def asked(memory: FocusMemory, *files: PhotoFile) -> list[CachedFocus | None]:
    """What the memory says, once it says it."""
    there, said = threading.Event(), []
    memory.ask(files, lambda known: (said.extend(known), there.set()))
    assert there.wait(10)
    return said


def kept(folder, photo, blur: float | None = 0.5, measure=MEASURE) -> None:
    """Remember a number in a program that then ends."""
    memory = FocusMemory(folder, measure)
    memory.keep(photo, CachedFocus(blur))
    memory.close()


@pytest.mark.parametrize("blur", [0.0, 1.2345678901, None])
def test_a_number_is_there_at_the_next_start(tmp_path, photo, blur):
    """To the last digit; that it cannot be told is known too."""
    kept(tmp_path / "cache", photo, blur)
    memory = FocusMemory(tmp_path / "cache", MEASURE)
    assert asked(memory, photo) == [CachedFocus(blur)]
    memory.close()


def test_it_is_there_at_once(tmp_path, photo):
    """The folder may be left and opened again."""
    memory = FocusMemory(tmp_path / "cache", MEASURE)
    memory.keep(photo, CachedFocus(0.5))
    assert asked(memory, photo) == [CachedFocus(0.5)]
    memory.close()


@pytest.mark.parametrize("measure", [FocusMeasure(4, 3000), FocusMeasure(3, 1500)])
def test_numbers_of_another_measure_are_none(tmp_path, photo, measure):
    """Until it is measured anew, which takes the old one's place."""
    kept(tmp_path / "cache", photo, 0.5)
    memory = FocusMemory(tmp_path / "cache", measure)
    assert asked(memory, photo) == [None]
    memory.keep(photo, CachedFocus(0.7))
    assert asked(memory, photo) == [CachedFocus(0.7)]
    memory.close()


def test_a_changed_file_is_not_known(tmp_path, photo):
    """Nor is it kept what was measured of a file that was changed meanwhile."""
    kept(tmp_path / "cache", photo)
    photo.path.write_bytes(b"other pixels")
    changed = settled(photo.path)
    memory = FocusMemory(tmp_path / "cache", MEASURE)
    memory.keep(photo, CachedFocus(0.9))
    assert asked(memory, changed) == [None]
    memory.close()


def test_a_file_that_was_written_just_now_is_not_kept(tmp_path, photo):
    """Its time stamp does not prove that it is what was measured."""
    photo.path.touch()
    fresh = PhotoFile.of(photo.location, photo.path.stat())
    kept(tmp_path / "cache", fresh)
    memory = FocusMemory(tmp_path / "cache", MEASURE)
    assert asked(memory, fresh) == [None]
    memory.close()


@pytest.mark.parametrize("trouble", ["none", "no folder", "newer", "gone"])
def test_without_a_cache_nothing_is_known_and_nothing_breaks(tmp_path, photo, trouble, caplog):
    """Switched off, a file in its place, written by a newer program; or the photo is gone."""
    folder = tmp_path / "cache"
    if trouble == "no folder":
        folder.touch()
    elif trouble == "newer":
        kept(folder, photo)
        raise_version(folder / FILE_NAME)
    elif trouble == "gone":
        photo.path.unlink()
    memory = FocusMemory(None if trouble == "none" else folder, MEASURE)
    memory.keep(photo, CachedFocus(0.5))
    assert asked(memory, photo) == [None]
    memory.close()
    assert ("not remembered" in caplog.text) == (trouble in ("no folder", "newer"))


def raise_version(path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def test_a_damaged_cache_is_begun_anew(tmp_path, photo):
    """What was kept is lost, nothing else."""
    kept(tmp_path / "cache", photo)
    (tmp_path / "cache" / FILE_NAME).write_bytes(b"not a database at all")
    memory = FocusMemory(tmp_path / "cache", MEASURE)
    assert asked(memory, photo) == [None]
    memory.keep(photo, CachedFocus(0.5))
    assert asked(memory, photo) == [CachedFocus(0.5)]
    memory.close()


def test_nothing_is_opened_before_it_is_asked(tmp_path):
    """The start of the program must not wait for it."""
    FocusMemory(tmp_path / "cache", MEASURE).close()
    assert not (tmp_path / "cache").exists()
