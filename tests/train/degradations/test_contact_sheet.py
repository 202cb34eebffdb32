"""The sheets show what they say."""

import numpy as np
import pytest

from qpt_train.degradations.chain import Chain, Step
from qpt_train.degradations.contact_sheet import LINE, MARGIN, chain_sheet, operator_sheet
from qpt_train.degradations.executor import degrade_single
from qpt_train.degradations.table import DEGRADATIONS

SIDE = 64


@pytest.fixture(scope="module")
def crop(photos):
    """(64, 64, 3) uint8."""
    return photos[0, :, :SIDE, :SIDE].permute(1, 2, 0).contiguous().numpy()


def cell(sheet, row, column, text_lines):
    """Cut one picture out of a sheet."""
    left = MARGIN + column * (SIDE + MARGIN)
    top = MARGIN + row * (SIDE + MARGIN + text_lines * LINE)
    return np.asarray(sheet)[top : top + SIDE, left : left + SIDE]


def test_every_degradation_at_every_severity(crop, photos):
    """Two degradations a row: the crop, then severities 1 to 5 of each."""
    sheet = operator_sheet(crop, seed=3)
    names = list(DEGRADATIONS)
    half = -(-len(names) // 2)
    x = photos[0, :, :SIDE, :SIDE]
    for number in (0, 8, half, len(names) - 1):
        row, first = number % half, 6 * (number // half)
        assert np.array_equal(cell(sheet, row, first, 1), crop)
        for severity in (1, 5):
            expected = degrade_single(x, names[number], severity, 3).permute(1, 2, 0).numpy()
            assert np.array_equal(cell(sheet, row, first + severity, 1), expected)


def test_chains_with_their_steps(crop):
    """Each chain's picture, and ink where its steps are printed."""
    chains = [Chain(), Chain((Step(name="jpeg", severity=5, seed=1),))]
    sheet = chain_sheet(crop, chains, columns=2)
    assert np.array_equal(cell(sheet, 0, 0, 1), crop)
    assert not np.array_equal(cell(sheet, 0, 1, 1), crop)
    captions = np.asarray(sheet)[MARGIN + SIDE :]
    assert captions.min() < 100
