"""Files of `qpt-train degrade`: the photo in, the sheets out."""

from pathlib import Path

from PIL import Image

from qpt_app.core.atomic_write import atomic_write, atomic_writer
from qpt_app.core.decode import decode_photo
from qpt_app.core.preprocess import Pixels, fit_to_screen
from qpt_app.errors import DatasetError
from qpt_train.out_folder import make_folder

FITTED_SIDES = 3
"""Long side of the fitted photo, in sides of the crop: enough of the scene in the crop."""


def middle_crop(photo: Path, side: int) -> Pixels:
    """Return the middle (side, side, 3) uint8 of a photo fitted to three sides.

    Raises:
        DatasetError: if the photo cannot be decoded or its short side is below `side`.
    """
    decoded = decode_photo(photo)
    if decoded.pixels is None:
        raise DatasetError(f"cannot read {photo}: {decoded.reason or decoded.status.value}")
    fitted = fit_to_screen(decoded.pixels, FITTED_SIDES * side)
    height, width = fitted.shape[:2]
    if min(height, width) < side:
        raise DatasetError(
            f"{photo} is {width}x{height} when fitted, less than {side} px on a side"
        )
    top, left = (height - side) // 2, (width - side) // 2
    return fitted[top : top + side, left : left + side].copy()


def write_png(path: Path, sheet: Image.Image) -> Path:
    """Write a sheet as PNG, whole or not at all, and return its path.

    Raises:
        StorageError: if it cannot be written.
    """
    make_folder(path.parent)
    with atomic_writer(path) as stream:
        sheet.save(stream, format="PNG")
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text file, whole or not at all, and return its path.

    Raises:
        StorageError: if it cannot be written.
    """
    make_folder(path.parent)
    atomic_write(path, text)
    return path
