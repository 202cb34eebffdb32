"""A photo with the files that belong to it: they are rated, moved and undone together."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qpt_app.decisions.photo_kinds import PHOTO_SUFFIXES

XMP_SUFFIX: Final = ".xmp"

APPENDED_SIDECARS: Final = frozenset({".xmp", ".pp3", ".dop", ".arp", ".on1", ".cos"})
"""Endings added to the full name: darktable, digiKam, RawTherapee, DxO, ART, ON1, Capture One."""

REPLACING_SIDECARS: Final = frozenset({".xmp", ".aae", ".on1", ".thm"})
"""Endings put in place of the photo's: Lightroom, Apple Photos, ON1, camera thumbnails."""

_DUPLICATE: Final = re.compile(r"(?P<stem>.+)_\d\d+(?P<suffix>\.[^.]+)\.xmp", re.DOTALL)


def name_key(name: str) -> str:
    """Return what two names share when some file system takes them for the same name.

    Case-insensitive and normalised: `A.JPG` and `a.jpg`, composed and decomposed accents.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoUnit:
    """One photo: its file, the RAW of a RAW+JPEG pair, and their sidecars."""

    path: Path
    """The photo that is shown and scored (the rendered file of a pair)."""
    companion: Path | None = None
    """The RAW file of a RAW+JPEG pair."""
    sidecars: tuple[Path, ...] = ()
    """Sidecar files of either, in a stable order; none of them is shared with another photo."""
    shared: tuple[Path, ...] = ()
    """Sidecars that another photo of the same stem claims too; they stay where they are."""
    lent: tuple[Path, ...] = ()
    """Of one half of a pair: sidecars of the whole pair, which the other half keeps."""
    stays: Path | None = None
    """Of one half of a pair: the other half, which is not part of the operation."""

    @property
    def photos(self) -> tuple[Path, ...]:
        """The photo and, of a pair, its RAW."""
        return (self.path,) if self.companion is None else (self.path, self.companion)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the unit, the photo first, no file twice."""
        return tuple(dict.fromkeys((*self.photos, *self.sidecars)))


def find_units(photos: Iterable[tuple[Path, Path | None]]) -> list[PhotoUnit]:
    """Return the units of `photos` with the sidecars that lie beside them now.

    Each folder is listed once. A sidecar `a.xmp` that could belong to two units of the folder
    (`a.cr2` and `a.dng` that are not a pair) is put into `shared` of both.

    Args:
        photos: each photo with its companion or None, as `photos.pairs` gives them.
    """
    wanted = [(Path(path), None if raw is None else Path(raw)) for path, raw in photos]
    listings = {
        folder: _Folder.listed(folder)
        for folder in {photo.parent for pair in wanted for photo in pair if photo is not None}
    }
    return [_unit(path, raw, listings) for path, raw in wanted]


def unit_of(path: Path, companion: Path | None = None) -> PhotoUnit:
    """Return the unit of one photo; see `find_units`."""
    return find_units([(path, companion)])[0]


def is_sidecar(file: Path) -> bool:
    """Whether a name is that of a sidecar."""
    return file.suffix.lower() in APPENDED_SIDECARS | REPLACING_SIDECARS


def of_full_name(photo: Path, sidecars: Iterable[Path]) -> list[Path]:
    """Return those sidecars that are named after this file alone, its ending included."""
    key = name_key(photo.name)
    return [file for file in sidecars if key in _photos_named_by(name_key(file.name))]


def _photos_named_by(key: str) -> set[str]:
    """Return the keys of the files that a sidecar's key may name: `a.jpg.xmp` -> `a.jpg`."""
    version = _DUPLICATE.fullmatch(key)
    named = {Path(key).stem}
    return named if version is None else {*named, version["stem"] + version["suffix"]}


@dataclass(frozen=True, slots=True)
class _Folder:
    """What a folder holds, prepared for finding sidecars."""

    names: Mapping[str, tuple[str, ...]]
    """Sidecar-like names by `name_key`."""
    duplicates: Mapping[str, tuple[str, ...]]
    """darktable's sidecars of duplicates, by the `name_key` of the photo: `a_01.jpg.xmp`."""
    stems: Counter[str]
    """How many photos have a stem."""

    @classmethod
    def listed(cls, folder: Path) -> _Folder:
        """Read `folder`; one that cannot be read counts as empty."""
        names: dict[str, tuple[str, ...]] = {}
        duplicates: dict[str, tuple[str, ...]] = {}
        stems: Counter[str] = Counter()
        try:
            found = sorted(os.listdir(folder))  # noqa: PTH208 - names only, one call
        except OSError:
            found = []
        for name in found:
            key = name_key(name)
            if Path(key).suffix in APPENDED_SIDECARS | REPLACING_SIDECARS:
                names[key] = (*names.get(key, ()), name)
                if version := _DUPLICATE.fullmatch(key):
                    photo = version["stem"] + version["suffix"]
                    duplicates[photo] = (*duplicates.get(photo, ()), name)
            elif Path(key).suffix in PHOTO_SUFFIXES:
                stems[Path(key).stem] += 1
        return cls(names, duplicates, stems)


def _unit(path: Path, raw: Path | None, listings: Mapping[Path, _Folder]) -> PhotoUnit:
    photos = [photo for photo in (path, raw) if photo is not None]
    own: list[Path] = []
    shared: list[Path] = []
    for photo in photos:
        folder = listings[photo.parent]
        own += [photo.parent / name for name in _appended(photo.name, folder)]
        rivals = folder.stems[name_key(photo.stem)] - len(photos)
        for suffix in sorted(REPLACING_SIDECARS):
            names = folder.names.get(name_key(photo.stem) + suffix, ())
            (shared if rivals > 0 else own).extend(photo.parent / name for name in names)
    taken = set(photos)
    return PhotoUnit(
        path=path,
        companion=raw,
        sidecars=tuple(dict.fromkeys(file for file in own if file not in taken)),
        shared=tuple(dict.fromkeys(shared)),
    )


def _appended(photo_name: str, folder: _Folder) -> list[str]:
    """Names such as `a.jpg.xmp`, and darktable's duplicates `a_01.jpg.xmp`."""
    key = name_key(photo_name)
    found = [name for end in sorted(APPENDED_SIDECARS) for name in folder.names.get(key + end, ())]
    for name in folder.duplicates.get(key, ()):
        if Path(name_key(name).removesuffix(XMP_SUFFIX)).stem not in folder.stems:
            found.append(name)
    return found
