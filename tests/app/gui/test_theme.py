"""Contrast and neutrality are computed, not judged."""

import re

import pytest

from qpt_app.gui.theme import palette, style_sheet
from qpt_app.gui.tokens import DARK, LIGHT, PALETTES, colour_names, contrast

GROUNDS = ("window", "surround", "raised")
MARKS = ("pick", "reject", "star", "warn", "red", "yellow", "green", "blue", "purple")


def test_contrast_of_black_and_white_is_21():
    """The formula's two ends."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


@pytest.mark.parametrize("tokens", PALETTES.values(), ids=list(PALETTES))
@pytest.mark.parametrize("ground", [*GROUNDS, "hover"])
def test_text_reaches_aa_on_every_ground(tokens, ground):
    """WCAG 2.2 AA: 4.5:1 for text, quiet text included."""
    for ink in ("text", "quiet"):
        assert contrast(getattr(tokens, ink), getattr(tokens, ground)) >= 4.5, ink


@pytest.mark.parametrize("tokens", PALETTES.values(), ids=list(PALETTES))
def test_marks_and_frames_reach_aa_for_graphics(tokens):
    """WCAG 2.2 AA: 3:1 for marks, on tiles whether selected or not; 4.5:1 where they carry text."""
    for mark in (*MARKS, "accent"):
        for ground in ("surround", "window", "selected"):
            assert contrast(getattr(tokens, mark), getattr(tokens, ground)) >= 3, (mark, ground)
    for label in ("red", "yellow", "green", "blue", "purple"):
        for ink in ("surround", "window"):
            assert contrast(getattr(tokens, label), getattr(tokens, ink)) >= 4.5, label
    assert contrast(tokens.text, tokens.selected) >= 4.5
    assert contrast(tokens.quiet, tokens.selected) >= 4.5
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5


@pytest.mark.parametrize("tokens", PALETTES.values(), ids=list(PALETTES))
def test_everything_around_photos_is_neutral_grey(tokens):
    """Equal red, green and blue: a tinted surround falsifies colours."""
    for name in (*GROUNDS, "hover", "line", "selected", "text", "quiet"):
        red, green, blue = re.findall("..", getattr(tokens, name)[1:])
        assert red == green == blue, name


def test_the_dark_surround_has_the_lightness_photographers_ask_for():
    """18 to 25 % (product.md, section 5)."""
    assert 0.18 <= int(DARK.surround[1:3], 16) / 255 <= 0.25


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
def test_the_style_sheet_uses_tokens_alone(qapp, tokens):
    """No placeholder is left over and no colour comes from elsewhere."""
    sheet = style_sheet(tokens)
    assert "@" not in sheet
    known = {getattr(tokens, name) for name in colour_names()}
    assert set(re.findall(r"#[0-9a-f]{6}", sheet)) <= known
    assert palette(tokens).window().color().name() == tokens.window
