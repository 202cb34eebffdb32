"""Photos in tar files: an index for random access, and packing. The bytes are never re-encoded."""

import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from qpt_app.core.atomic_write import atomic_writer
from qpt_app.errors import DatasetError
from qpt_train.out_folder import make_folder

TAR_BLOCK = 512
"""A tar file is made of blocks of this many bytes: a header, then the padded content."""


class TarMember(NamedTuple):
    """Where one file lies in a tar file."""

    name: str
    offset: int
    """First byte of the content."""
    size: int


def index_tar(path: Path) -> list[TarMember]:
    """Return the regular files of an uncompressed tar, in its own order.

    Raises:
        DatasetError: if it is not a tar file, or was cut short.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            members = [
                TarMember(member.name, member.offset_data, member.size)
                for member in archive
                if member.isreg()
            ]
        length = path.stat().st_size
    except (OSError, tarfile.TarError, EOFError) as error:
        raise DatasetError(f"cannot read tar part {path}: {error}") from error
    if members and members[-1].offset + members[-1].size > length:
        raise DatasetError(f"tar part {path} was cut short; copy it again")
    return members


def pack_photos(
    photos: Iterable[tuple[str, Path]], out: Path, *, part_bytes: int
) -> Iterator[tuple[Path, int]]:
    """Write photos into `out/part-00000.tar` and so on; yield (part, photos in it).

    A photo larger than a part gets one of its own. Owners, times and permissions are left out,
    so that the same photos give the same bytes.

    Args:
        photos: (name inside the tar, file), in the order they are to be kept.
        out: folder for the parts; made if it is not there, refused if it holds parts.
        part_bytes: largest size of a part in bytes, headers and padding included.

    Raises:
        DatasetError: if `out` already holds parts.
        StorageError: if a part cannot be written.
    """
    make_folder(out)
    if any(out.glob("part-*.tar")):
        raise DatasetError(f"{out} already holds tar parts; choose an empty folder")
    for number, part in enumerate(_split(photos, part_bytes)):
        path = out / f"part-{number:05d}.tar"
        with (
            atomic_writer(path) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, photo in part:
                _add(archive, name, photo)
        yield path, len(part)


def _split(photos: Iterable[tuple[str, Path]], part_bytes: int) -> Iterator[list[tuple[str, Path]]]:
    """Group photos so that each group fits into a part."""
    part: list[tuple[str, Path]] = []
    used = tarfile.RECORDSIZE
    for name, photo in photos:
        # A name that is long or not ASCII takes a second header and its own block.
        size = photo.stat().st_size
        needed = 4 * TAR_BLOCK + -(-size // TAR_BLOCK) * TAR_BLOCK
        if part and used + needed > part_bytes:
            yield part
            part, used = [], tarfile.RECORDSIZE
        part.append((name, photo))
        used += needed
    if part:
        yield part


def _add(archive: tarfile.TarFile, name: str, photo: Path) -> None:
    """Add one file without anything that is not its name and content."""
    with photo.open("rb") as stream:
        info = tarfile.TarInfo(name)
        info.size = os.fstat(stream.fileno()).st_size
        archive.addfile(info, stream)
