"""Network drives are told from local ones by the mount table."""

from pathlib import Path

import pytest

from qpt_app.core import network_drive
from qpt_app.core.network_drive import file_system_type, is_on_network_drive

TABLE = r"""
proc /proc proc rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/ann/local ext4 rw 0 0
//nas/photos /mnt/my\040photos cifs rw 0 0
broken line
tmpfs /mnt/twice tmpfs rw 0 0
me@host:/ /mnt/twice fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/cache", "ext4"),
        ("/", "ext4"),
        ("/home", "nfs4"),
        ("/home/bob/.cache/qpt", "nfs4"),
        ("/home/ann/local/x", "ext4"),
        ("/homestead", "ext4"),
        ("/mnt/my photos/a", "cifs"),
        ("/mnt/twice/a", "fuse.sshfs"),
    ],
)
def test_the_longest_mount_point_wins(folder, kind):
    """Spaces are escaped in the table, and a later mount hides an earlier one."""
    assert file_system_type(Path(folder), TABLE) == kind


def test_no_table_means_local(tmp_path, monkeypatch):
    """macOS has none, and a container may hide it."""
    monkeypatch.setattr(network_drive, "_MOUNT_TABLE", tmp_path / "none")
    assert not is_on_network_drive(tmp_path)
    assert file_system_type(Path("/a"), "") is None


@pytest.mark.skipif(network_drive.sys.platform == "win32", reason="Windows is asked otherwise")
def test_a_folder_on_a_network_drive(tmp_path, monkeypatch):
    """The folder is resolved before it is looked up."""
    table = tmp_path / "mounts"
    table.write_text(f"x {tmp_path.resolve()} nfs rw 0 0\n")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setattr(network_drive, "_MOUNT_TABLE", table)
    assert is_on_network_drive(tmp_path / "link")
    assert not is_on_network_drive(Path("/"))
