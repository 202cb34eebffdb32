"""For whom ratings are written: the profile, and the files that follow from it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from qpt_app.decisions.photo_kinds import JPEG, PHOTO_SUFFIXES, is_raw, suffix_of
from qpt_app.decisions.photo_unit import XMP_SUFFIX, name_key
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.errors import XmpError


class XmpProfile(StrEnum):
    """Which programs are to find the ratings."""

    LIGHTROOM = "lightroom"
    """`name.xmp`: Lightroom, Bridge and Camera Raw for RAW files."""
    DARKTABLE = "darktable"
    """`name.ext.xmp`: darktable and digiKam."""
    ALL = "all"
    """Both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class XmpPolicy:
    """How decisions are written to XMP."""

    profile: XmpProfile
    embed: bool = False
    """Write into JPEG files too, by exiftool: the only rating of a JPEG that Lightroom reads."""
    overwrite: bool = False
    """Replace ratings that somebody gave elsewhere and qpt had not read before."""
    labels: LabelNames = field(default_factory=LabelNames)

    def to_json(self) -> str:
        """Return the policy as one line of JSON, the form the database keeps."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> XmpPolicy:
        """Return the policy that `to_json` wrote."""
        values = json.loads(text)
        return cls(
            profile=XmpProfile(values["profile"]),
            embed=values["embed"],
            overwrite=values["overwrite"],
            labels=LabelNames(**values["labels"]),
        )


def adobe_sidecar(photo: Path) -> Path:
    """Return `name.xmp`, in the spelling that is there already."""
    return _existing(photo.with_suffix(XMP_SUFFIX))


def full_name_sidecar(photo: Path) -> Path:
    """Return `name.ext.xmp`, in the spelling that is there already."""
    return _existing(photo.with_name(photo.name + XMP_SUFFIX))


def sidecars_to_write(photo: Path, profile: XmpProfile) -> list[Path]:
    """Return the sidecars that a profile writes for a photo.

    Raises:
        XmpError: if `name.xmp` is needed and another photo of that name, which is no pair with
            this one, would share it.
    """
    targets: list[Path] = []
    if profile is not XmpProfile.DARKTABLE:
        rivals = sharing_photos(photo)
        if rivals:
            raise XmpError(
                f"{photo.with_suffix(XMP_SUFFIX)} would belong to {rivals[0].name} as well; "
                "rename one of them, or choose the profile darktable"
            )
        targets.append(adobe_sidecar(photo))
    if profile is not XmpProfile.LIGHTROOM:
        targets.append(full_name_sidecar(photo))
    return targets


def is_embeddable(photo: Path) -> bool:
    """Whether qpt embeds ratings into such a file when asked to: JPEG only."""
    return suffix_of(photo) in JPEG


def sharing_photos(photo: Path) -> list[Path]:
    """Return the other photos that claim the same `name.xmp`, the other half of a pair aside."""
    return [] if other_half(photo) is not None else _namesakes(photo)


def other_half(photo: Path) -> Path | None:
    """Return the file that makes a RAW+JPEG pair with a photo, and has one `name.xmp` with it."""
    others = _namesakes(photo)
    is_pair = len(others) == 1 and is_raw(others[0]) != is_raw(photo)
    return others[0] if is_pair else None


def _namesakes(photo: Path) -> list[Path]:
    stem = name_key(photo.stem)
    try:
        names = os.listdir(photo.parent)  # noqa: PTH208 - names only
    except OSError:
        return []
    return [
        photo.with_name(name)
        for name in sorted(names)
        if name != photo.name
        and Path(name).suffix.lower() in PHOTO_SUFFIXES
        and name_key(Path(name).stem) == stem
    ]


def _existing(sidecar: Path) -> Path:
    """Return the file that is there when only the case of the ending differs."""
    if os.path.lexists(sidecar):
        return sidecar
    upper = sidecar.with_suffix(XMP_SUFFIX.upper())
    return upper if os.path.lexists(upper) else sidecar
