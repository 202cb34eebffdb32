"""RAW files as a test needs them: DNGs made here, since real ones are large."""

import io
import struct

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 256, 192
BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL = 1, 2, 3, 4, 5, 10
FORMATS = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", RATIONAL: "I", SRATIONAL: "i"}


def directory(tags, offset):
    """Pack {tag: (type, values)} as a little-endian TIFF directory that stands at `offset`."""
    entries, extra = b"", b""
    after = offset + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        data = struct.pack(f"<{len(values)}{FORMATS[kind]}", *values)
        count = len(values) // 2 if kind in (RATIONAL, SRATIONAL) else len(values)
        if len(data) > 4:
            extra += b"\0" * (len(extra) % 2)
            field = struct.pack("<I", after + len(extra))
            extra += data
        else:
            field = data.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, count) + field
    return struct.pack("<H", len(tags)) + entries + bytes(4) + extra


def make_dng(*, preview=None, orientation=1, level=0.5, size=(WIDTH, HEIGHT)):
    """A DNG of a grey scene whose left half is darker; `preview` is a JPEG or None."""
    columns, rows = size
    sensor = np.full((rows, columns), 65535 * level, np.uint16)
    sensor[:, : columns // 2] //= 4
    preview = preview or b""
    sensor_at = 4096 + len(preview) + len(preview) % 2
    raw_at = 2048
    main = {
        254: (LONG, [1]),
        256: (LONG, [1]),
        257: (LONG, [1]),
        271: (ASCII, b"Maker\0"),
        272: (ASCII, b"Camera\0"),
        274: (SHORT, [orientation]),
        330: (LONG, [raw_at]),
        50706: (BYTE, [1, 4, 0, 0]),
        50708: (ASCII, b"Maker Camera\0"),
        50721: (SRATIONAL, [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]),
        50728: (RATIONAL, [1, 1, 1, 1, 1, 1]),
        50778: (SHORT, [21]),
    }
    if preview:
        width, height = Image.open(io.BytesIO(preview)).size
        main |= {
            256: (LONG, [width]),
            257: (LONG, [height]),
            258: (SHORT, [8, 8, 8]),
            259: (SHORT, [7]),
            262: (SHORT, [6]),
            273: (LONG, [4096]),
            277: (SHORT, [3]),
            278: (LONG, [height]),
            279: (LONG, [len(preview)]),
        }
    raw = {
        254: (LONG, [0]),
        256: (LONG, [columns]),
        257: (LONG, [rows]),
        258: (SHORT, [16]),
        259: (SHORT, [1]),
        262: (SHORT, [32803]),
        273: (LONG, [sensor_at]),
        277: (SHORT, [1]),
        278: (LONG, [rows]),
        279: (LONG, [sensor.nbytes]),
        33421: (SHORT, [2, 2]),
        33422: (BYTE, [0, 1, 1, 2]),
        50714: (LONG, [0]),
        50717: (LONG, [65535]),
    }
    head = b"II*\0\x08\0\0\0" + directory(main, 8)
    content = head.ljust(raw_at, b"\0") + directory(raw, raw_at)
    return content.ljust(4096, b"\0") + preview.ljust(sensor_at - 4096, b"\0") + sensor.tobytes()
