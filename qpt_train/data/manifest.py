"""The photos of a pre-training run: files in folders, or members of tar parts. Compact, ordered."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.decode import PHOTO_EXTENSIONS
from qpt_app.errors import DatasetError
from qpt_train.data.tar_shards import index_tar

WHOLE_FILE = -1
"""Offset that marks a photo which is a file of its own."""


class PhotoPlace(NamedTuple):
    """Where one photo lies."""

    name: str
    """Relative to the folder that was asked for; for a tar member, `part.tar/member`."""
    path: Path
    """The file, or the tar part."""
    offset: int
    """First byte in the tar part; `WHOLE_FILE` for a file of its own."""
    size: int
    """Bytes."""


class Manifest:
    """An ordered list of photos. A million of them take about 100 MB, shared by the workers."""

    def __init__(self, places: Sequence[PhotoPlace]) -> None:
        files = sorted({os.fsencode(place.path) for place in places})
        number = {path: position for position, path in enumerate(files)}
        self._files = files
        self._file = np.array([number[os.fsencode(p.path)] for p in places], dtype=np.int32)
        self._offset = np.array([place.offset for place in places], dtype=np.int64)
        self._size = np.array([place.size for place in places], dtype=np.int64)
        names = [os.fsencode(place.name) for place in places]
        self._ends = np.cumsum([len(name) for name in names], dtype=np.int64)
        self._names: NDArray[np.uint8] = np.frombuffer(b"".join(names), dtype=np.uint8)

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self._size)

    def __getitem__(self, number: int) -> PhotoPlace:
        """Return where photo `number` lies."""
        first = int(self._ends[number - 1]) if number else 0
        name = self._names[first : int(self._ends[number])].tobytes()
        return PhotoPlace(
            os.fsdecode(name),
            Path(os.fsdecode(self._files[self._file[number]])),
            int(self._offset[number]),
            int(self._size[number]),
        )

    def digest(self) -> str:
        """Return a sha256 of all names and sizes: what a checkpoint must agree with."""
        hasher = hashlib.sha256(self._names.tobytes())
        hasher.update(self._ends.tobytes())
        hasher.update(self._size.tobytes())
        return hasher.hexdigest()


def scan_photos(roots: Sequence[Path]) -> Manifest:
    """List the photos of folders (searched recursively), tar parts, lists and single files.

    A list is a text file, `NAME.txt`, with one path per line, relative to its own folder: the way
    to pre-train on a part of a folder, such as a data set without its test photos.

    The order is that of the names as bytes within each root, so it is the same on every machine.
    Files are told by their extension; whether they can be read shows when they are.

    Raises:
        DatasetError: if a root is not there, a tar part cannot be read, or nothing is found.
    """
    places: list[PhotoPlace] = []
    for root in roots:
        if root.is_dir():
            found = sorted(_walk(root), key=lambda item: os.fsencode(item[0]))
            for name, path in found:
                places += _expand(name, path)
        elif root.is_file() and root.suffix.lower() == ".txt":
            places += _read_list(root)
        elif root.is_file():
            places += _expand(root.name, root)
        else:
            raise DatasetError(f"there is no folder or file {root}")
    if not places:
        raise DatasetError(f"no photos in {', '.join(map(str, roots))}")
    return Manifest(places)


def _read_list(path: Path) -> Iterator[PhotoPlace]:
    """Yield the photos that a text file names, in the order of their names."""
    names = {line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    for name in sorted(names, key=os.fsencode):
        photo = path.parent / name
        if not photo.is_file():
            raise DatasetError(f"{path} names {name!r}, which is not there")
        yield from _expand(name, photo)


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (relative name, path) of photos and tar parts below a folder, hidden ones left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            extension = os.path.splitext(file)[1].lower()  # noqa: PTH122 - names, not paths
            if not file.startswith(".") and (extension in PHOTO_EXTENSIONS or extension == ".tar"):
                path = Path(folder, file)
                yield path.relative_to(root).as_posix(), path


def _expand(name: str, path: Path) -> Iterator[PhotoPlace]:
    """Yield a photo, or the photos in a tar part."""
    if path.suffix.lower() != ".tar":
        yield PhotoPlace(name, path, WHOLE_FILE, path.stat().st_size)
        return
    for member in index_tar(path):
        if Path(member.name).suffix.lower() in PHOTO_EXTENSIONS:
            yield PhotoPlace(f"{name}/{member.name}", path, member.offset, member.size)
