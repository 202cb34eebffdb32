"""Scanning gives one row per photo, in a stable order, and nothing in a folder can stop it."""

import itertools
import os
import socket
import sys
from pathlib import Path

import pytest

from qpt_app.core.status import PhotoStatus
from qpt_app.errors import UsageError
from qpt_app.photos import scan
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.scan import ScanOptions, printable, scan_paths

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX special files")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs names that are only bytes")
RECURSIVE = ScanOptions(recursive=True)


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(folder: Path, *paths: Path, options: ScanOptions = RECURSIVE) -> list[str]:
    found = scan_paths(paths or [folder], options)
    return [item.path.relative_to(folder).as_posix() for item in found]


def only(items) -> PhotoFile | PhotoResult:
    (item,) = items
    return item


def test_the_order_is_that_of_the_paths_as_bytes(tmp_path):
    """Files and subfolders are interleaved exactly as their full paths sort."""
    make(tmp_path, "a.jpg", "a/1.jpg", "a-b.jpg", "B.png", "a0.jpg", "a/b/2.jpg", "é.jpg")
    found = [os.fsencode(item.path) for item in scan_paths([tmp_path], RECURSIVE)]
    assert found == sorted(found)
    assert len(found) == 7


def test_the_order_does_not_depend_on_the_order_of_the_arguments(tmp_path):
    """Any order of the arguments, one order of the rows, every photo once."""
    make(tmp_path, "b.jpg", "a/1.jpg", "a/2.jpg", "a.jpg", "c/3.jpg")
    arguments = [tmp_path / "b.jpg", tmp_path / "a", tmp_path / "a.jpg", tmp_path / "a/2.jpg"]
    wanted = ["a.jpg", "a/1.jpg", "a/2.jpg", "b.jpg"]
    for some in itertools.permutations(arguments):
        assert names(tmp_path, *some) == wanted


def test_a_file_named_in_two_ways_gives_one_row(tmp_path, monkeypatch):
    """Relative and absolute names, a dot in the middle, a folder named twice: one row."""
    make(tmp_path, "a.jpg")
    monkeypatch.chdir(tmp_path)
    ways = [Path("a.jpg"), tmp_path / "a.jpg", Path("./a.jpg"), Path(), tmp_path]
    assert len(list(scan_paths(ways))) == 1


@pytest.mark.parametrize("named", [".", "", "a", "./a/", "a/../a", "..", "{here}", "{here}//a"])
def test_locations_are_spelt_as_pathlib_spells_them(tmp_path, monkeypatch, named):
    """However the folder is named: cache, decisions and undo know a file by this text."""
    here = tmp_path / "here"
    make(here, "one.jpg", "a/two.jpg", "a/b/three.jpg")
    monkeypatch.chdir(here)
    folder = Path(named.format(here=here))
    found = [photo.location for photo in scan_paths([folder], RECURSIVE)]
    assert found == sorted(os.fspath(path) for path in folder.rglob("*.jpg"))
    assert found


def test_hard_links_are_two_names(tmp_path):
    """Two names of one file are two rows: a row per name is what was promised."""
    make(tmp_path, "a.jpg")
    os.link(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert names(tmp_path) == ["a.jpg", "b.jpg"]


def test_only_photo_names_of_a_folder_count(tmp_path):
    """Other endings and hidden names are left out; the case of an ending does not matter."""
    make(tmp_path, "a.JPG", "b.txt", ".c.jpg", "d", "e.jpeg", ".hidden/f.jpg", "._a.JPG")
    assert names(tmp_path) == ["a.JPG", "e.jpeg"]


def test_subfolders_only_when_asked_for(tmp_path):
    """Without recursion only the folder itself."""
    make(tmp_path, "a.jpg", "sub/b.jpg")
    assert names(tmp_path, options=ScanOptions()) == ["a.jpg"]


def test_a_named_file_always_gets_its_row(tmp_path):
    """Whatever its name, hidden or not, and whatever the patterns say."""
    make(tmp_path, "a.txt", ".b.jpg")
    options = ScanOptions(include=("*.png",), exclude=("*",))
    found = list(scan_paths([tmp_path / "a.txt", tmp_path / ".b.jpg"], options))
    assert all(isinstance(item, PhotoFile) for item in found)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        (("img*",), (), ["img1.jpg", "sub/IMG2.jpg"]),
        ((), ("IMG*",), ["x.jpg"]),
        ((), ("sub",), ["img1.jpg", "x.jpg"]),
        ((), ("sub/",), ["img1.jpg", "x.jpg"]),
        (("sub/*",), (), ["sub/IMG2.jpg"]),
        (("*.jpg",), ("x.*", "sub/img*"), ["img1.jpg"]),
    ],
)
def test_patterns(tmp_path, include, exclude, wanted):
    """Patterns without a slash match names, others the path below the folder; case is ignored."""
    make(tmp_path, "img1.jpg", "x.jpg", "sub/IMG2.jpg")
    options = ScanOptions(recursive=True, include=include, exclude=exclude)
    assert names(tmp_path, options=options) == wanted


def test_a_path_that_does_not_exist_is_told_before_anything_is_scanned(tmp_path):
    """The error comes from the call, not from the iteration, and shows odd names escaped."""
    make(tmp_path, "a.jpg")
    with pytest.raises(UsageError, match=r"no such file or folder: .*no\\n\\x1bne\.jpg"):
        scan_paths([tmp_path / "a.jpg", tmp_path / "no\n\x1bne.jpg"])
    with pytest.raises(UsageError, match="not a path"):
        scan_paths([Path("a\0b")])
    with pytest.raises(UsageError, match="no such file"):
        scan_paths([tmp_path / "a.jpg" / "b.jpg"])


def test_the_stamp_is_that_of_the_file(tmp_path):
    """Device, inode, size and time are what stat says, so that the cache can trust them."""
    make(tmp_path, "a.jpg")
    photo = only(scan_paths([tmp_path]))
    stat = (tmp_path / "a.jpg").stat()
    assert (photo.device, photo.inode) == (stat.st_dev, stat.st_ino)
    assert (photo.size, photo.mtime_ns) == (1, stat.st_mtime_ns)


@posix_only
@pytest.mark.parametrize("inside", [True, False])
def test_special_files_give_a_row_and_block_nobody(tmp_path, monkeypatch, inside):
    """FIFO, socket and folder under a photo's name: `unreadable`, whether named or found."""
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's address is short, a temporary folder's may not be
        server.bind("socket.jpg")
    paths = [tmp_path] if inside else [tmp_path / "fifo.jpg", tmp_path / "socket.jpg"]
    rows = list(scan_paths(paths))
    assert {row.status for row in rows} == {PhotoStatus.UNREADABLE}
    wanted = {"fifo.jpg": "a FIFO, not a photo", "socket.jpg": "a socket, not a photo"}
    if inside:
        wanted["folder.jpg"] = "a folder, not a photo"
    assert {row.path.name: row.reason for row in rows} == wanted


@posix_only
def test_a_device_gives_a_row():
    """A device named on the command line is never opened."""
    assert only(scan_paths([Path("/dev/zero")])).reason == "a device, not a photo"


def test_a_folder_with_a_photos_name_is_reported_and_still_entered(tmp_path):
    """With recursion its photos are not lost; its own row says what is odd."""
    make(tmp_path, "x.jpg/y.jpg")
    rows = list(scan_paths([tmp_path], RECURSIVE))
    assert [(row.path.name, isinstance(row, PhotoFile)) for row in rows] == [
        ("x.jpg", False),
        ("y.jpg", True),
    ]


@posix_only
class TestLinks:
    """Links are followed when they are named; in a folder they may not lead out of it."""

    def test_loops_end(self, tmp_path):
        """Links to the folder itself and to each other end, followed or not."""
        make(tmp_path, "a.jpg", "sub/b.jpg")
        (tmp_path / "sub" / "up").symlink_to(tmp_path)
        (tmp_path / "self").symlink_to("self")
        (tmp_path / "self.jpg").symlink_to("self.jpg")
        for follow in (False, True):
            options = ScanOptions(recursive=True, follow_links=follow)
            rows = {row.path.name: row for row in scan_paths([tmp_path], options)}
            assert set(rows) == {"a.jpg", "b.jpg", "self.jpg"}
            assert rows["self.jpg"].status is PhotoStatus.UNREADABLE

    def test_a_loop_without_a_link_ends(self, tmp_path, monkeypatch):
        """A junction of Windows is a folder to a listing; here a link is made to look like one."""
        make(tmp_path, "a.jpg", "sub/b.jpg", "sub/twin/c.jpg")
        (tmp_path / "sub" / "up").symlink_to(tmp_path)
        (tmp_path / "self").symlink_to(tmp_path)
        (tmp_path / "twin").symlink_to(tmp_path / "sub" / "twin")
        monkeypatch.setattr(scan, "_is_folder", lambda entry, *, follow: entry.is_dir())
        rows = itertools.islice(scan_paths([tmp_path], RECURSIVE), 50)
        assert [row.path.relative_to(tmp_path).as_posix() for row in rows] == [
            "a.jpg",
            "sub/b.jpg",
            "sub/twin/c.jpg",
            "twin/c.jpg",  # no loop: the folder has two names, as a bind mount gives
        ]

    @pytest.mark.parametrize("follow", [False, True])
    def test_folders_without_inodes_are_all_entered(self, tmp_path, monkeypatch, follow):
        """On such file systems they would all look the same."""
        make(tmp_path, "a.jpg", "one/two/b.jpg", "three/c.jpg")
        real = os.stat

        def stat(path, **options):
            fields = real(path, **options)
            return os.stat_result((fields.st_mode, 0, *fields[2:10]))

        monkeypatch.setattr(scan.os, "stat", stat)
        options = ScanOptions(recursive=True, follow_links=follow)
        found = names(tmp_path, options=options)
        assert found == ["a.jpg", "one/two/b.jpg", "three/c.jpg"]

    def test_links_out_of_the_folder(self, tmp_path):
        """Not followed by default, and said so; followed when asked for."""
        make(tmp_path, "in/a.jpg", "out/b.jpg", "out/c.jpg")
        (tmp_path / "in" / "b.jpg").symlink_to(tmp_path / "out" / "b.jpg")
        (tmp_path / "in" / "z").symlink_to(tmp_path / "out")
        rows = list(scan_paths([tmp_path / "in"], RECURSIVE))
        assert [row.path.name for row in rows] == ["a.jpg", "b.jpg"]
        assert rows[1].reason == "a link out of the folder, not followed"
        followed = ScanOptions(recursive=True, follow_links=True)
        assert names(tmp_path, tmp_path / "in", options=followed) == [
            "in/a.jpg",
            "in/b.jpg",
            "in/z/b.jpg",
            "in/z/c.jpg",
        ]

    def test_links_within_the_folder_are_names_like_others(self, tmp_path):
        """A link to a photo beside it has its own row; a link to a folder is not entered."""
        make(tmp_path, "sub/a.jpg")
        (tmp_path / "b.jpg").symlink_to("sub/a.jpg")
        (tmp_path / "c").symlink_to("sub")
        assert names(tmp_path) == ["b.jpg", "sub/a.jpg"]

    def test_named_links_are_followed(self, tmp_path):
        """To a file, to a folder; a dead one has its row."""
        make(tmp_path, "sub/a.jpg")
        (tmp_path / "file").symlink_to("sub/a.jpg")
        (tmp_path / "folder").symlink_to("sub")
        (tmp_path / "dead.jpg").symlink_to("nothing")
        assert isinstance(only(scan_paths([tmp_path / "file"])), PhotoFile)
        assert names(tmp_path, tmp_path / "folder") == ["folder/a.jpg"]
        dead = only(scan_paths([tmp_path / "dead.jpg"]))
        assert (dead.status, dead.reason) == (PhotoStatus.UNREADABLE, "a link to nothing")


@linux_only
@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.jpg",
        b"\x1b[31mred.jpg",
        b"-rf.jpg",
        "\N{GRINNING FACE}.jpg".encode(),
        b"\xff\xfe latin \xe9.jpg",
        b"trailing .jpg",
        b"e\xcc\x81.jpg",
        b"\xe2\x80\xaegpj.jpg",
        b"n" * 251 + b".jpg",
    ],
)
def test_odd_names_survive_byte_for_byte(tmp_path, name):
    """What the file system gave is what a row carries."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    photo = only(scan_paths([tmp_path]))
    assert os.fsencode(photo.path.name) == name


def refuse(number: int, victim: str):
    """Return a scandir that gives an error for folders named `victim`."""
    real = os.scandir

    def scandir(path):
        if Path(path).name == victim:
            raise OSError(number, os.strerror(number), path)
        return real(path)

    return scandir


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (13, PhotoStatus.UNREADABLE),
        (2, PhotoStatus.VANISHED),
        (5, PhotoStatus.VANISHED),
        (40, PhotoStatus.UNREADABLE),
    ],
)
def test_a_folder_that_cannot_be_read_gives_one_row(tmp_path, monkeypatch, number, status):
    """Its own row says so, and the others are still given."""
    make(tmp_path, "a.jpg", "closed/b.jpg", "z.jpg")
    monkeypatch.setattr("qpt_app.photos.scan.os.scandir", refuse(number, "closed"))
    rows = list(scan_paths([tmp_path], RECURSIVE))
    assert [row.path.name for row in rows] == ["a.jpg", "closed", "z.jpg"]
    assert rows[1].status is status
    assert rows[1].reason.startswith("folder: ")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_and_a_closed_file(tmp_path):
    """Permissions of a real file system, for those who are not root."""
    make(tmp_path, "closed/a.jpg")
    (tmp_path / "closed").chmod(0)
    try:
        row = only(scan_paths([tmp_path], RECURSIVE))
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert row.reason == "folder: no permission to read it"


def test_a_named_file_behind_a_closed_door_gives_a_row(tmp_path, monkeypatch):
    """Nobody can tell whether it exists, so it is no usage error but a row with the reason."""
    path = tmp_path / "a.jpg"

    def closed(_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("os.stat", "os.lstat"):
        monkeypatch.setattr(name, closed)
    row = only(scan_paths([path]))
    assert (row.status, row.reason) == (PhotoStatus.UNREADABLE, "no permission to read it")


def test_a_file_that_vanishes_during_the_scan_gives_a_row(tmp_path, monkeypatch):
    """A name that was listed but is gone when it is looked at is `vanished`, not lost."""
    make(tmp_path, "a.jpg", "b.jpg")
    found = scan_paths([tmp_path])
    first = next(found)
    (tmp_path / "b.jpg").unlink()
    second = next(found)
    assert isinstance(first, PhotoFile)
    assert (second.path.name, second.status) == ("b.jpg", PhotoStatus.VANISHED)


def test_scanning_is_lazy(tmp_path, monkeypatch):
    """The first photo comes before later folders are listed."""
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    found = scan_paths([tmp_path], RECURSIVE)
    assert next(found).path.name == "1.jpg"
    monkeypatch.setattr("qpt_app.photos.scan.os.scandir", refuse(13, "b"))
    assert next(found).status is PhotoStatus.UNREADABLE


def test_depth_is_no_limit(tmp_path):
    """A thousand folders in each other end in a photo, never in a RecursionError."""
    folders = [Path(f"{tmp_path}{'/d' * depth}") for depth in range(1, 1001)]
    for folder in folders:
        folder.mkdir()
    photo = folders[-1] / "a.jpg"
    photo.touch()
    assert only(scan_paths([tmp_path], RECURSIVE)).path == photo
    photo.unlink()
    for folder in reversed(folders):  # pytest's own clean-up is recursive
        folder.rmdir()


def test_printable_escapes_what_moves_the_cursor():
    """Control, bidi and undecodable characters are shown, the others kept."""
    assert printable("a\n\x1b\u202e\udcffé😀") == "a\\n\\x1b\\u202e\\udcffé😀"


def test_the_folder_of_rejects_is_only_looked_into_when_named(tmp_path):
    """What was put away does not come back as photos; its own subfolders are ordinary."""
    make(tmp_path, "a.jpg", "_rejected/b.jpg", "day/_rejected/c.jpg", "_rejected/day/d.jpg")
    assert names(tmp_path) == ["a.jpg"]
    assert names(tmp_path, tmp_path / "_rejected") == ["_rejected/b.jpg", "_rejected/day/d.jpg"]
    make(tmp_path, "_rejected.jpg", "_rejected2/e.jpg")
    assert names(tmp_path) == ["_rejected.jpg", "_rejected2/e.jpg", "a.jpg"]
