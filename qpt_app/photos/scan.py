"""Paths as the user gave them -> photo files, lazily and in the order of their paths.

The rules, in one place:

- Rows come in the order of the paths as bytes, whatever the order of the arguments: a folder's
  content stands where `folder/` sorts. Only one folder's listing is in memory at a time.
- A file that is named gives exactly one row, whatever its name or content, include and exclude
  patterns notwithstanding. A file reached twice (named twice, or named and in a folder) gives one
  row; two hard links or a link and its target are two names and give two rows.
- In a folder, only names with a photo extension count; hidden names (a leading dot) do not.
- A folder `_rejected`, where qpt puts rejects away, is only looked into when it is named.
- A photo's name on something that is no regular file (folder, FIFO, socket, device, dead link)
  gives a row `unreadable`; nothing is opened, so nothing can block.
- Links that are named are followed. In a folder, links to folders are not entered, and a link to
  a photo outside the named folder gives a row `unreadable`; with `follow_links` both are followed,
  and every folder is entered once, which ends loops.
- A folder that cannot be read gives one failed row.
"""

import fnmatch
import os
import stat as stat_module
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from qpt_app.core.decode import PHOTO_EXTENSIONS
from qpt_app.core.file_errors import status_of
from qpt_app.core.folder_names import REJECTED_FOLDER
from qpt_app.errors import UsageError
from qpt_app.photos.file_status import look_at, unreadable
from qpt_app.photos.results import PhotoFile, PhotoResult

_SEPARATOR = os.fsencode(os.sep)
_LISTING_HAS_INODES = os.name != "nt"
"""Whether a stat by way of a listing names device and inode; on Windows both are 0 there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanOptions:
    """Which files of a folder count."""

    recursive: bool = False
    """Whether subfolders are entered."""
    include: tuple[str, ...] = ()
    """Shell patterns; where there are any, a file of a folder must match one. Case is ignored.
    A pattern with a slash is matched with the path below the named folder, others with the name."""
    exclude: tuple[str, ...] = ()
    """Shell patterns of files and of whole subfolders to leave out."""
    follow_links: bool = False
    """Whether links in a folder may lead out of it."""
    extensions: frozenset[str] = PHOTO_EXTENSIONS
    """Lower-case endings, with their dot, that make a name a photo's."""

    def is_photo_name(self, name: str) -> bool:
        """Whether a name found in a folder looks like a photo's."""
        # Without a dot this is the last character, which is no extension; splitext takes thrice
        # as long, and a shoot has ten thousand names.
        return name[name.rfind(".") :].lower() in self.extensions


def scan_paths(
    paths: Iterable[Path], options: ScanOptions | None = None
) -> Iterator[PhotoFile | PhotoResult]:
    """Return an iterator over the photos that the paths name and contain.

    All named paths are looked at before the first photo is given, so that a slip of the pen is
    known at once. A failed `PhotoResult` stands for a path that cannot become a photo.

    Raises:
        UsageError: if a named path does not exist.
    """
    roots = sorted({_named(Path(path)) for path in paths}, key=itemgetter(0))
    walk = _Walk(options or ScanOptions(), track_paths=len(roots) > 1)
    return walk.over(roots)


class _Entry(NamedTuple):
    """Something to look at; `key` sorts as its path does, folders as if they ended in a slash.

    In a folder, where all paths begin alike, the key is that of the name alone.
    """

    key: bytes
    path: str
    is_folder: bool
    is_link: bool
    stat: Callable[[], os.stat_result] | None = None
    """Asks for the file's stat more cheaply than by its path, where the folder's listing can."""


_Identity = tuple[int, int]
"""Device and inode of a folder."""


class _Listing(NamedTuple):
    """A folder on the way of the walk: what is still to come of it."""

    entries: Iterator[_Entry]
    folder: _Identity | None = None
    """None where it is not known, or was not entered."""


def _named(path: Path) -> _Entry:
    """Return the entry of a path that the user named; raise UsageError if there is none."""
    name = os.fspath(path)
    mode, link = 0, False
    try:
        link = os.path.islink(name)  # noqa: PTH114 (Path.is_symlink raises for a closed folder)
        mode = _mode_of_link(name) if link else os.stat(name).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"no such file or folder: {printable(name)}") from error
    except ValueError as error:
        raise UsageError(f"not a path: {printable(name)}") from error
    except OSError:
        pass  # it is there or behind a closed door; its row will say why it cannot be read
    return _entry(name, is_folder=stat_module.S_ISDIR(mode), is_link=link)


def _mode_of_link(name: str) -> int:
    """Return the mode of a link's target; 0 for a dead link, which is a path that does exist."""
    try:
        return os.stat(name).st_mode  # noqa: PTH116
    except OSError:
        return 0


def _entry(path: str, *, is_folder: bool, is_link: bool) -> _Entry:
    raw = os.fsencode(path)
    key = raw.rstrip(_SEPARATOR) + _SEPARATOR if is_folder else raw
    return _Entry(key, path, is_folder, is_link)


def printable(name: str) -> str:
    """Return a path for a one-line message: control characters and odd bytes escaped."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in name
    )


class _Walk:
    """One walk over the named paths."""

    def __init__(self, options: ScanOptions, *, track_paths: bool) -> None:
        self._options = options
        self._include = _matcher(options.include)
        self._exclude = _matcher(options.exclude)
        self._has_patterns = bool(options.include or options.exclude)
        self._seen_paths: set[bytes] | None = set() if track_paths else None
        self._seen_folders: set[_Identity] = set()
        self._ancestors: set[_Identity | None] = set()
        self._root = ""

    def over(self, roots: list[_Entry]) -> Iterator[PhotoFile | PhotoResult]:
        """Yield what is found under the roots, in the order given."""
        for root in roots:
            self._seen_folders.clear()
            self._ancestors.clear()
            self._root = os.path.realpath(root.path) if root.is_folder else ""
            if not root.is_folder:
                found: Iterable[PhotoFile | PhotoResult] = [look_at(root.path)]
            else:
                found = self._below(root)
            if self._seen_paths is None:
                yield from found
            else:
                yield from (one for one in found if _is_new(_location(one), self._seen_paths))

    def _below(self, root: _Entry) -> Iterator[PhotoFile | PhotoResult]:
        """Yield what is in a folder and, if wanted, in its subfolders.

        A stack of listings instead of recursive calls, so that depth is no limit.
        """
        stack = [_Listing(iter([root]))]
        while stack:
            entry = next(stack[-1].entries, None)
            if entry is None:
                self._ancestors.discard(stack.pop().folder)
            elif not entry.is_folder:
                yield self._photo(entry)
            else:
                if entry is not root and self._options.is_photo_name(entry.path):
                    yield unreadable(entry.path, "a folder, not a photo")
                if entry is root or self._options.recursive:
                    listing = self._listing(entry.path, below=root.path)
                    if isinstance(listing, PhotoResult):
                        yield listing
                    else:
                        stack.append(listing)
                        self._ancestors.add(listing.folder)

    def _listing(self, folder: str, *, below: str) -> _Listing | PhotoResult:
        """Return the sorted entries of a folder that count, or the row of one that is closed."""
        try:
            identity = _identity_of(os.stat(folder))  # noqa: PTH116
            if identity is not None and not self._enter(identity):
                return _Listing(iter(()))
            start = _start_of_content(folder)
            with os.scandir(folder) as entries:
                found = [self._wanted(entry, start + entry.name, below) for entry in entries]
        except OSError as error:
            status, reason = status_of(error)
            return PhotoResult.failed(Path(folder), status, f"folder: {reason}")
        wanted = sorted((entry for entry in found if entry is not None), key=itemgetter(0))
        return _Listing(iter(wanted), identity)

    def _enter(self, identity: _Identity) -> bool:
        """Whether to look into a folder; not into one that we are in, and by links only once.

        A loop needs no link: a junction of Windows or a bind mount may lead back as well.
        """
        if identity in self._ancestors:
            return False
        if not self._options.follow_links:
            return True
        if identity in self._seen_folders:
            return False
        self._seen_folders.add(identity)
        return True

    def _wanted(self, entry: "os.DirEntry[str]", path: str, below: str) -> _Entry | None:
        """Return what a name in a folder stands for, or None if it does not count."""
        name, options = entry.name, self._options
        if name.startswith("."):
            return None
        is_folder = _is_folder(entry, follow=options.follow_links)
        if self._has_patterns:
            relative = os.path.relpath(path, below)
            if self._exclude(name, relative):
                return None
            if options.include and not is_folder and not self._include(name, relative):
                return None
        key = os.fsencode(name)
        if is_folder:
            if name == REJECTED_FOLDER or not (options.recursive or options.is_photo_name(name)):
                return None
            return _Entry(key + _SEPARATOR, path, True, entry.is_symlink())
        if not options.is_photo_name(name):
            return None
        return _Entry(key, path, False, entry.is_symlink(), _stat_of(entry))

    def _photo(self, entry: _Entry) -> PhotoFile | PhotoResult:
        """Return the photo of a name in a folder; links out of the folder are not followed."""
        stays = self._options.follow_links or not entry.is_link
        if not stays and not _is_inside(os.path.realpath(entry.path), self._root):
            return unreadable(entry.path, "a link out of the folder, not followed")
        return look_at(entry.path, entry.stat)


def _identity_of(stat: os.stat_result) -> _Identity | None:
    """Return device and inode of a folder; None on a file system without inodes."""
    return (stat.st_dev, stat.st_ino) if stat.st_ino else None


def _start_of_content(folder: str) -> str:
    """Return what the paths of a folder's content start with, spelt as `pathlib` spells them."""
    if folder == os.curdir:
        return ""
    return folder if folder.endswith((os.sep, ":")) else folder + os.sep


def _location(found: PhotoFile | PhotoResult) -> str:
    return found.location if isinstance(found, PhotoFile) else os.fspath(found.path)


def _is_new(path: str, seen: set[bytes]) -> bool:
    """Whether a path is not among those seen; it is from now on."""
    key = os.fsencode(os.path.abspath(path))  # noqa: PTH100 (links must stay unresolved)
    if key in seen:
        return False
    seen.add(key)
    return True


def _is_folder(entry: "os.DirEntry[str]", *, follow: bool) -> bool:
    """Whether a name is a folder; what cannot be looked at (a loop of links) is none."""
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        return False


def _stat_of(entry: "os.DirEntry[str]") -> Callable[[], os.stat_result] | None:
    """Return the quickest way to the stat of an entry; None for that by its path."""
    return entry.stat if _LISTING_HAS_INODES else None


def _is_inside(path: str, folder: str) -> bool:
    """Whether a resolved path lies below a resolved folder."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _matcher(patterns: tuple[str, ...]) -> Callable[[str, str], bool]:
    """Return a test of (name, path below the named folder) against any of the patterns."""
    lowered = [pattern.lower().rstrip("/") for pattern in patterns]

    def matches(name: str, relative: str) -> bool:
        name, relative = name.lower(), relative.replace(os.sep, "/").lower()
        return any(
            fnmatch.fnmatchcase(relative if "/" in pattern else name, pattern)
            for pattern in lowered
        )

    return matches
