"""Puts an XMP packet into a JPEG with exiftool, and proves that its picture is untouched."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from qpt_app.core.atomic_write import atomic_write
from qpt_app.decisions.file_transfer import facts_of
from qpt_app.decisions.xmp_embedded import jpeg_segments
from qpt_app.errors import FileOperationError, XmpError

_TIMEOUT_S: Final = 60.0
_APP1: Final = 0xE1
_APP2: Final = 0xE2
_APP11: Final = 0xEB
_JPEG: Final = b"\xff\xd8"
_EXTENDED: Final = b"http://ns.adobe.com/xmp/extension/\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"


def find_exiftool() -> Path | None:
    """Return the installed exiftool, or None."""
    found = shutil.which("exiftool")
    return None if found is None else Path(found)


class ExiftoolEmbedder:
    """Embeds by exiftool, a program of its own that qpt neither contains nor loads."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def embed(self, photo: Path, packet: bytes) -> None:
        """Replace the XMP packet of a JPEG; its pixels and all other metadata stay.

        exiftool gives the new file to qpt, which replaces the photo by it only if everything but
        the XMP segment (and the table of contents that counts bytes, MPF) is the same.

        Raises:
            XmpError: if it is no JPEG, is signed (C2PA), has extended XMP, or anything else
                would change; the photo is as it was.
            StorageError: if the new file cannot be written; the photo is as it was.
        """
        try:
            before = facts_of(photo)
            old = photo.read_bytes()
            _refuse_fragile(photo, old)
            new = self._rewritten(photo, packet)
            if picture_parts(old) != picture_parts(new):
                raise XmpError(f"{photo}: exiftool would change more than the XMP")
            if facts_of(photo) != before:
                raise XmpError(f"{photo}: changed while its XMP was written")
        except FileOperationError as error:
            raise XmpError(str(error)) from error
        except OSError as error:
            raise XmpError(f"{photo}: {error.strerror or error}") from error
        atomic_write(photo, new)

    def _rewritten(self, photo: Path, packet: bytes) -> bytes:
        with tempfile.TemporaryDirectory(prefix="qpt-") as folder:
            source = Path(folder) / "packet.xmp"
            source.write_bytes(packet)
            command: list[str | Path] = [self._program, "-q", "-q", "-m", f"-xmp<={source}"]
            try:
                done = subprocess.run(
                    [*command, "-o", "-", photo.absolute()],
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise XmpError(f"{photo}: exiftool took more than {_TIMEOUT_S:.0f} s") from error
        if done.returncode != 0 or not done.stdout.startswith(_JPEG):
            told = done.stderr.decode(errors="replace").strip().splitlines()
            raise XmpError(f"{photo}: exiftool: {told[0] if told else 'failed'}")
        return done.stdout


def picture_parts(jpeg: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return everything of a JPEG but its XMP.

    Returns:
        The other segments as (marker, payload), those of MPF left out because they hold places in
        the file; and all bytes from the first scan to the end, with anything behind the picture.
    """
    stream = io.BytesIO(jpeg)
    segments = [
        (marker, payload)
        for marker, payload in jpeg_segments(stream)
        if not (marker == _APP1 and payload.startswith(_XMP))
        and not (marker == _APP2 and payload.startswith(b"MPF\0"))
    ]
    return segments, jpeg[max(0, stream.tell() - 2) :]


def _refuse_fragile(photo: Path, jpeg: bytes) -> None:
    if not jpeg.startswith(_JPEG):
        raise XmpError(f"{photo}: is no JPEG, so nothing is embedded")
    for marker, payload in jpeg_segments(io.BytesIO(jpeg)):
        if marker == _APP11 and b"jumb" in payload[:64]:
            raise XmpError(f"{photo}: is signed (C2PA); embedding would break the signature")
        if marker == _APP1 and payload.startswith(_EXTENDED):
            raise XmpError(f"{photo}: has extended XMP, which qpt does not rewrite")
