"""RAW+JPEG of one frame are one photo.

The rule: exactly one RAW and one rendered file with the same base name in the same folder. With
two of either kind, or base names that differ in case, all stay separate: a wrong pair would move
or throw away a photo that nobody looked at.
"""

import os
from collections.abc import Iterable, Iterator

from qpt_app.core.decode_formats import RAW_EXTENSIONS, RENDERED_EXTENSIONS
from qpt_app.photos.results import PhotoFile, PhotoResult

ScannedPhoto = PhotoFile | PhotoResult


def pair_files(photos: Iterable[ScannedPhoto]) -> Iterator[ScannedPhoto]:
    """Yield the photos with every pair as one: the rendered file, its RAW as `companion`.

    Args:
        photos: in the order of their paths as bytes, as `scan_paths` gives them. Failed results
            pass through and never pair.

    Only names that share everything up to their first dot are held in memory at a time; such names
    stand next to each other in the order of paths.
    """
    together: list[ScannedPhoto] = []
    prefix = ""
    for photo in photos:
        path = photo.location if isinstance(photo, PhotoFile) else os.fspath(photo.path)
        if together and path.startswith(prefix):
            together.append(photo)
            continue
        if len(together) == 1:
            yield together[0]
        else:
            yield from _joined(together)
        together = [photo]
        prefix = _up_to_first_dot(path)
    yield from _joined(together) if len(together) > 1 else together


def _up_to_first_dot(path: str) -> str:
    """Return a path up to the first dot of its name, the dot included."""
    dot = path.find(".", path.rfind(os.sep) + 1)
    return path + "." if dot < 0 else path[: dot + 1]


def _joined(photos: list[ScannedPhoto]) -> Iterator[ScannedPhoto]:
    """Yield two or more neighbours, pairs as one."""
    frames: dict[bytes, list[PhotoFile]] = {}
    for photo in photos:
        if isinstance(photo, PhotoFile):
            frames.setdefault(_split(photo)[0], []).append(photo)
    for photo in photos:
        frame = frames[_split(photo)[0]] if isinstance(photo, PhotoFile) else []
        pair = _pair_of(frame)
        if pair is None or isinstance(photo, PhotoResult) or photo not in pair:
            yield photo
        elif photo is pair[1]:
            yield photo._replace(companion=pair[0].path)


def _pair_of(frame: list[PhotoFile]) -> tuple[PhotoFile, PhotoFile] | None:
    """Return (RAW, rendered) if there is exactly one of each among the files of a base name."""
    raw = [photo for photo in frame if _split(photo)[1] in RAW_EXTENSIONS]
    rendered = [photo for photo in frame if _split(photo)[1] in RENDERED_EXTENSIONS]
    return (raw[0], rendered[0]) if len(raw) == 1 and len(rendered) == 1 else None


def _split(photo: PhotoFile) -> tuple[bytes, str]:
    """Return a photo's path without its ending, and the ending in lower case."""
    stem, extension = os.path.splitext(os.fsencode(photo.location))  # noqa: PTH122 (bytes)
    return stem, os.fsdecode(extension).lower()
