"""Tells whether a folder lies on a network drive, where SQLite's WAL must not be used."""

import os
import sys
from pathlib import Path

_MOUNT_TABLE = Path("/proc/self/mounts")
_NETWORK_TYPES = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gpfs", "lustre", "ncpfs", "nfs"}
    | {"nfs4", "ocfs2", "smb3", "smbfs", "virtiofs"}
    | {"fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}
_DRIVE_REMOTE = 4
"""`DRIVE_REMOTE` of the Windows function GetDriveTypeW."""


def is_on_network_drive(folder: Path) -> bool:
    """Whether an existing folder lies on a network drive, as far as the system tells.

    Linux is asked through its mount table, Windows through GetDriveTypeW; elsewhere, and where
    the system does not answer, the drive counts as local.
    """
    if sys.platform == "win32":
        import ctypes

        anchor = folder.resolve().anchor
        if anchor.startswith("\\\\"):
            return True
        return bool(ctypes.windll.kernel32.GetDriveTypeW(anchor) == _DRIVE_REMOTE)
    try:
        table = os.fsdecode(_MOUNT_TABLE.read_bytes())
        resolved = folder.resolve(strict=True)
    except OSError:
        return False
    return file_system_type(resolved, table) in _NETWORK_TYPES


def file_system_type(folder: Path, mount_table: str) -> str | None:
    """Return the type of the file system that holds a resolved folder, from a mount table.

    Args:
        folder: an absolute path without links.
        mount_table: lines of device, mount point, type, options (see fstab(5)); later lines hide
            earlier ones with the same mount point.
    """
    best: tuple[int, str] | None = None
    for line in mount_table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount_point = fields[1]
        for escape, character in _ESCAPES.items():
            mount_point = mount_point.replace(escape, character)
        inside = folder == Path(mount_point) or Path(mount_point) in folder.parents
        if inside and (best is None or len(mount_point) >= best[0]):
            best = len(mount_point), fields[2]
    return best[1] if best else None
