"""Contact sheets: every degradation at every severity, and random chains, for a person to see."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from qpt_app.core.preprocess import Pixels
from qpt_train.degradations.chain import Chain
from qpt_train.degradations.executor import degrade_batch, degrade_single
from qpt_train.degradations.table import DEGRADATIONS
from qpt_train.degradations.types import SEVERITIES, Degradation

MARGIN = 6
"""Pixels between the pictures of a sheet."""
LINE = 13
"""Pixels of a line of text."""
_FONT_SIZE = 11
_LETTER = 6
"""Pixels of a letter, rounded up, for breaking lines."""
_PAPER, _INK = (255, 255, 255), (20, 20, 20)


class Captioned(NamedTuple):
    """A picture and what stands below it."""

    pixels: Pixels
    """(S, S, 3) uint8."""
    caption: str


def operator_sheet(crop: Pixels, *, seed: int, columns: int = 2) -> Image.Image:
    """Show the untouched crop and all severities of every degradation, one degradation a row.

    Args:
        crop: (S, S, 3) uint8 sRGB.
        seed: of the degradations' own randomness.
        columns: degradations side by side.
    """
    entries = [_severity_row(crop, record, seed) for record in DEGRADATIONS.values()]
    high = -(-len(entries) // columns)
    lines = [
        [cell for column in range(columns) for cell in _entry(entries, column * high + row)]
        for row in range(high)
    ]
    return _lay_out(lines, crop.shape[0], text_lines=1)


def chain_sheet(crop: Pixels, chains: Sequence[Chain], *, columns: int = 6) -> Image.Image:
    """Show the crop under each chain, with the chain printed below it."""
    batch = _tensor(crop).expand(len(chains), -1, -1, -1)
    shown = [
        Captioned(pixels, chain.describe())
        for pixels, chain in zip(_pixels(degrade_batch(batch, chains)), chains, strict=True)
    ]
    return captioned_sheet(shown, side=crop.shape[0], columns=columns)


def captioned_sheet(cells: Sequence[Captioned], *, side: int, columns: int) -> Image.Image:
    """Show square pictures of one side in rows, each with its caption below."""
    lines = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    most = max(len(_wrap(cell.caption, side // _LETTER)) for cell in cells)
    return _lay_out(lines, side, text_lines=most)


def _severity_row(crop: Pixels, record: Degradation, seed: int) -> list[Captioned]:
    """Return the untouched crop and the five severities of one degradation."""
    cells = [Captioned(crop, record.name)]
    for severity in SEVERITIES:
        values = ", ".join(f"{value:g}" for value in record.severities[severity - 1])
        pixels = _pixels(degrade_single(_tensor(crop), record.name, severity, seed))[0]
        cells.append(Captioned(pixels, f"{severity}: {values}"))
    return cells


def _entry(entries: list[list[Captioned]], number: int) -> list[Captioned]:
    """Return one degradation's cells, none past the end."""
    return entries[number] if number < len(entries) else []


def _lay_out(lines: Sequence[Sequence[Captioned]], side: int, *, text_lines: int) -> Image.Image:
    """Draw lines of square cells of one side, captions below."""
    step_across, step_down = side + MARGIN, side + MARGIN + text_lines * LINE
    widest = max(len(line) for line in lines)
    size = (MARGIN + widest * step_across, MARGIN + len(lines) * step_down)
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_SIZE)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            left, top = MARGIN + column * step_across, MARGIN + row * step_down
            sheet.paste(Image.fromarray(cell.pixels), (left, top))
            for number, text in enumerate(_wrap(cell.caption, side // _LETTER)):
                pen.text((left, top + side + number * LINE), text, fill=_INK, font=font)
    return sheet


def _wrap(text: str, letters: int) -> list[str]:
    """Break a caption into lines."""
    return textwrap.wrap(text, max(10, letters))


def _tensor(crop: Pixels) -> torch.Tensor:
    """(S, S, 3) uint8 -> (1, 3, S, S) uint8."""
    return torch.from_numpy(np.array(crop.transpose(2, 0, 1)))[None]


def _pixels(batch: torch.Tensor) -> list[Pixels]:
    """(B, 3, S, S) uint8 -> B times (S, S, 3) uint8."""
    return [np.ascontiguousarray(image) for image in batch.permute(0, 2, 3, 1).numpy()]
