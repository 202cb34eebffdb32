"""The list of photos: complete, ordered, the same from folders and tar parts."""

import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from qpt_app.errors import DatasetError
from qpt_train.data.contrastive_set import read_photo
from qpt_train.data.manifest import WHOLE_FILE, scan_photos
from qpt_train.data.tar_shards import index_tar, pack_photos


@pytest.fixture
def photos(tmp_path):
    """A folder of five tiny photos in two levels, a hidden one and a text file."""
    root = tmp_path / "photos"
    (root / "b").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("c.png", "a.png", "b/z.jpg", "b/é.png", "b.png"):
        pixels = generator.integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / name)
    (root / ".hidden.png").write_bytes((root / "a.png").read_bytes())
    (root / "notes.txt").write_text("no photo")
    return root


def test_a_folder_is_listed_in_the_order_of_names(photos):
    """Photos only, sorted as bytes, wherever the file system puts them."""
    manifest = scan_photos([photos])
    names = [manifest[number].name for number in range(len(manifest))]
    assert names == ["a.png", "b.png", "b/z.jpg", "b/é.png", "c.png"]
    assert manifest[2].path == photos / "b/z.jpg"
    assert manifest[2].offset == WHOLE_FILE
    assert manifest[2].size == (photos / "b/z.jpg").stat().st_size


def test_tar_parts_hold_the_same_photos(photos, tmp_path):
    """Packed and scanned again: the same order and the same pixels."""
    manifest = scan_photos([photos])
    listed = [(manifest[n].name, manifest[n].path) for n in range(len(manifest))]
    parts = list(pack_photos(listed, tmp_path / "parts", part_bytes=25_000))
    assert sum(count for _, count in parts) == 5
    assert len(parts) > 1
    assert all(path.stat().st_size <= 25_000 for path, _ in parts)
    packed = scan_photos([tmp_path / "parts"])
    assert len(packed) == 5
    for number in range(5):
        one, other = (read_photo(m[number], None).pixels for m in (manifest, packed))
        assert np.array_equal(one, other)


def test_packing_is_reproducible_and_never_overwrites(photos, tmp_path):
    """The same photos give the same bytes; a folder that holds parts is refused."""
    listed = [("a.png", photos / "a.png"), ("c.png", photos / "c.png")]
    for name in ("one", "two"):
        list(pack_photos(listed, tmp_path / name, part_bytes=1_000_000))
    parts = [(tmp_path / name / "part-00000.tar").read_bytes() for name in ("one", "two")]
    assert parts[0] == parts[1]
    with pytest.raises(DatasetError, match="already holds"):
        list(pack_photos(listed, tmp_path / "one", part_bytes=1_000_000))


def test_the_digest_changes_with_names_and_sizes(photos):
    """What a resumed run must agree with."""
    before = scan_photos([photos]).digest()
    assert scan_photos([photos]).digest() == before
    (photos / "a.png").rename(photos / "aa.png")
    assert scan_photos([photos]).digest() != before


def test_a_manifest_travels_to_workers(photos):
    """It pickles, and the copy names the same places."""
    manifest = scan_photos([photos])
    copy = pickle.loads(pickle.dumps(manifest))
    assert [copy[n] for n in range(5)] == [manifest[n] for n in range(5)]


def test_what_cannot_be_listed_is_one_clear_line(photos, tmp_path):
    """A missing folder, an empty one, a cut tar part."""
    with pytest.raises(DatasetError, match="no folder or file"):
        scan_photos([tmp_path / "missing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no photos in"):
        scan_photos([tmp_path / "empty"])
    list(pack_photos([("a.png", photos / "a.png")], tmp_path / "parts", part_bytes=10**6))
    whole = (tmp_path / "parts/part-00000.tar").read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[:3000])
    with pytest.raises(DatasetError, match=r"cut short|cannot read"):
        scan_photos([cut])


def test_a_list_names_a_part_of_a_folder(photos):
    """Only what is named, in the same order; a name that is not there is an error."""
    listed = photos / "part.txt"
    listed.write_text("c.png\n\nb/z.jpg\nc.png\n", encoding="utf-8")
    manifest = scan_photos([listed])
    assert [manifest[number].name for number in range(len(manifest))] == ["b/z.jpg", "c.png"]
    listed.write_text("missing.png\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"names 'missing.png', which is not there"):
        scan_photos([listed])


def test_only_regular_members_count(tmp_path):
    """A link inside a tar part is not followed."""
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("evil.jpg")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
    assert index_tar(path) == []
