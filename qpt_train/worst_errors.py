"""The photos on which a model and people differ most, as a contact sheet to look at.

The sheet shows labelled photos, which must not be passed on: it is refused inside a repository.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from qpt_app.core.decode import decode_photo
from qpt_app.core.preprocess import Pixels, fit_to_screen
from qpt_app.errors import DatasetError, UsageError
from qpt_train.data.mos_records import MosItem
from qpt_train.degradations.contact_sheet import Captioned, captioned_sheet
from qpt_train.metrics import fit_logistic
from qpt_train.predictions import Prediction

PAPER = 255
"""Grey of the border that makes a picture square."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoError:
    """How far off the model is on one photo."""

    item: MosItem
    predicted: float
    """MOS that the model's raw score stands for, by the logistic fit over all photos."""

    @property
    def error(self) -> float:
        """Predicted minus human MOS: positive where the model likes the photo too much."""
        return self.predicted - self.item.mos


def worst_errors(
    items: Sequence[MosItem], predictions: Sequence[Prediction], *, count: int
) -> list[PhotoError]:
    """Return the photos of the largest errors, the worst first, ties by name.

    Args:
        items: the labelled photos; those without a prediction are left out.
        predictions: of an evaluation.
        count: how many photos.

    Raises:
        DatasetError: if a prediction is of no photo among the items.
    """
    by_name = {item.name: item for item in items}
    strangers = [row.name for row in predictions if row.name not in by_name]
    if strangers:
        raise DatasetError(
            f"{strangers[0]!r} is not among the set's photos (the official test photos are never)"
        )
    raw = np.asarray([row.raw_score for row in predictions])
    chosen = [by_name[row.name] for row in predictions]
    fitted = fit_logistic(raw, [item.mos for item in chosen])(raw)
    errors = [
        PhotoError(item=item, predicted=float(value))
        for item, value in zip(chosen, fitted, strict=True)
    ]
    return sorted(errors, key=lambda one: (-abs(one.error), one.item.name))[:count]


def error_sheet(errors: Sequence[PhotoError], *, side: int, columns: int) -> Image.Image:
    """Draw the photos in the order given, each with both scores and its name.

    Raises:
        DatasetError: if a photo has no pixels.
    """
    cells = [
        Captioned(
            _square(one.item.path, side),
            f"people {one.item.mos:.2f}, model {one.predicted:.2f} ({one.error:+.2f}) "
            f"{one.item.name}",
        )
        for one in errors
    ]
    return captioned_sheet(cells, side=side, columns=columns)


def errors_csv(errors: Sequence[PhotoError]) -> str:
    """Return one line per photo: name, subset, mos, predicted, error."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "subset", "mos", "predicted", "error"])
    for one in errors:
        item = one.item
        numbers = [f"{value:.4f}" for value in (item.mos, one.predicted, one.error)]
        writer.writerow([item.name, item.subset or "", *numbers])
    return stream.getvalue()


def refuse_repository(folder: Path) -> None:
    """Stop before labelled photos are written into a git checkout.

    Raises:
        UsageError: if the folder lies in one.
    """
    whole = folder.resolve()
    for parent in (whole, *whole.parents):
        if (parent / ".git").exists():
            raise UsageError(
                f"{folder} lies in the repository {parent}; labelled photos never enter one, "
                "choose a folder elsewhere"
            )


def _square(path: Path, side: int) -> Pixels:
    """Return the whole photo, (side, side, 3), on a white ground."""
    photo = decode_photo(path, min_side=2 * side)
    if photo.pixels is None:
        raise DatasetError(f"labelled photo {path} cannot be read: {photo.status} {photo.reason}")
    small = fit_to_screen(photo.pixels, side)
    square = np.full((side, side, 3), PAPER, dtype=np.uint8)
    height, width = small.shape[:2]
    square[:height, :width] = small
    return square
