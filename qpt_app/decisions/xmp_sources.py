"""The places where a photo's XMP can be, read: both sidecar names and the photo itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from qpt_app.decisions.xmp_digikam import colour_label
from qpt_app.decisions.xmp_embedded import read_embedded
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import MAX_PACKET_BYTES, read_properties
from qpt_app.decisions.xmp_policy import adobe_sidecar, full_name_sidecar
from qpt_app.errors import XmpError


class XmpPlace(StrEnum):
    """Where a packet is."""

    FULL_NAME = "name.ext.xmp"
    ADOBE = "name.xmp"
    EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True, slots=True)
class XmpSource:
    """One packet of a photo."""

    place: XmpPlace
    file: Path
    """The sidecar, or the photo itself."""
    changed_at: float
    """Time of the file's last change, seconds since the epoch."""
    properties: dict[XmpProperty, str]
    """Our properties in it and digiKam's colour; empty if it cannot be read."""
    problem: str | None = None
    """Why it cannot be read."""

    @property
    def says_something(self) -> bool:
        """Whether it has a property of ours or a colour of digiKam's that is a label here."""
        return any(item.is_ours for item in self.properties) or bool(colour_label(self.properties))


def read_sidecar(sidecar: Path) -> bytes:
    """Return the bytes of a sidecar.

    Raises:
        XmpError: if it cannot be read, is no regular file, or is larger than 10 MB.
    """
    try:
        if not sidecar.is_file():
            raise XmpError(f"{sidecar}: no regular file")
        with sidecar.open("rb") as stream:
            data = stream.read(MAX_PACKET_BYTES + 1)
    except OSError as error:
        raise XmpError(f"{sidecar}: {error.strerror or error}") from error
    if len(data) > MAX_PACKET_BYTES:
        raise XmpError(f"{sidecar}: larger than {MAX_PACKET_BYTES} bytes")
    return data


def read_sources(photo: Path, *, embedded: bool = True) -> list[XmpSource]:
    """Return every packet of a photo; one that cannot be read has a problem instead of values.

    Args:
        photo: the photo.
        embedded: whether to look into the photo itself too.
    """
    places = [
        (XmpPlace.FULL_NAME, full_name_sidecar(photo)),
        (XmpPlace.ADOBE, adobe_sidecar(photo)),
    ]
    found = [
        _read(place, file) for place, file in places if os.path.lexists(file) and file != photo
    ]
    if embedded:
        inside = _read(XmpPlace.EMBEDDED, photo)
        if inside.properties or inside.problem:
            found.append(inside)
    return found


def newest(sources: Sequence[XmpSource]) -> XmpSource | None:
    """Return the source that counts: sidecars before the photo, the last changed first."""
    usable = [source for source in sources if source.problem is None and source.says_something]
    usable.sort(key=lambda source: (source.place is XmpPlace.EMBEDDED, -source.changed_at))
    return usable[0] if usable else None


def _read(place: XmpPlace, file: Path) -> XmpSource:
    properties: dict[XmpProperty, str] = {}
    problem = None
    changed_at = 0.0
    try:
        changed_at = file.stat().st_mtime
        data = read_embedded(file) if place is XmpPlace.EMBEDDED else read_sidecar(file)
        if data is not None:
            properties = read_properties(data)
    except XmpError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{file}: {error.strerror or error}"
    return XmpSource(
        place=place, file=file, changed_at=changed_at, properties=properties, problem=problem
    )
