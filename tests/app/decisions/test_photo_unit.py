"""Which files belong to a photo."""

from pathlib import Path

import pytest

from qpt_app.decisions.photo_unit import find_units, unit_of


@pytest.fixture
def folder(tmp_path):
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).write_bytes(b"")
        return tmp_path

    return make


def files(unit) -> set[str]:
    return {file.name for file in unit.files}


def test_a_pair_has_the_sidecars_of_both(folder):
    """Both namings, and those of other programs."""
    names = {"a.jpg", "a.cr2", "a.xmp", "a.jpg.xmp", "a.cr2.xmp", "a.cr2.pp3", "a.AAE"}
    root = folder(*names, "ab.xmp", "b.jpg", "b.xmp", "a.txt")
    assert files(unit_of(root / "a.jpg", root / "a.cr2")) == names


def test_case_does_not_matter(folder):
    """A.XMP belongs to a.JPG."""
    root = folder("a.JPG", "A.XMP", "a.jpg.Xmp")
    assert files(unit_of(root / "a.JPG")) == {"a.JPG", "A.XMP", "a.jpg.Xmp"}


def test_darktables_duplicates_go_along(folder):
    """`a_01.jpg.xmp` is a version of a.jpg, unless there is a photo a_01.jpg."""
    root = folder("a.jpg", "a_01.jpg.xmp", "a_02.jpg.xmp", "a_02.jpg")
    assert files(unit_of(root / "a.jpg")) == {"a.jpg", "a_01.jpg.xmp"}


def test_a_sidecar_that_two_photos_claim_belongs_to_neither(folder):
    """It is listed as shared."""
    root = folder("a.cr2", "a.dng", "a.xmp", "a.dng.xmp")
    for unit in find_units([(root / "a.cr2", None), (root / "a.dng", None)]):
        assert unit.shared == (root / "a.xmp",)
        assert root / "a.xmp" not in unit.files


def test_a_video_of_the_same_name_is_no_rival(folder):
    """A live photo's a.mov does not make a.xmp shared."""
    root = folder("a.heic", "a.mov", "a.xmp")
    assert files(unit_of(root / "a.heic")) == {"a.heic", "a.xmp"}


def test_a_missing_folder_gives_the_photo_alone(tmp_path):
    """The drive may be gone; that is found out later."""
    assert unit_of(tmp_path / "gone" / "a.jpg").files == (tmp_path / "gone" / "a.jpg",)
