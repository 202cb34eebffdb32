"""The table: what it shows, and when two photos count as a near-tie."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.cli.table import TIE_PROBABILITY, is_near_tie, table_lines
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoResult


def photo(score=50.0, uncertainty=10.0, path="a.jpg", **fields):
    fields = {"status": PhotoStatus.OK, **fields}
    return PhotoResult(path=Path(path), score=score, uncertainty=uncertainty, **fields)


def lines(*results, ranked=True, color=False, unicode=True):
    return list(table_lines(results, ranked=ranked, color=color, unicode=unicode))


scores = st.floats(0, 100)
widths = st.floats(0.1, 50)


@given(first=scores, second=scores, width=widths, other=widths)
def test_a_near_tie_is_what_one_would_bet_less_than_3_to_2_on(first, second, width, other):
    """Derived again from the normal distribution: P(A better than B) below 60 %."""
    sigma = math.hypot(width, other) / 1.2815515655446004
    better = 0.5 * (1 + math.erf(abs(first - second) / sigma / math.sqrt(2)))
    if abs(better - TIE_PROBABILITY) > 1e-6:
        assert is_near_tie(photo(first, width), photo(second, other)) == (better < TIE_PROBABILITY)


@given(first=scores, second=scores, width=widths)
def test_a_near_tie_is_symmetric(first, second, width):
    """Which of the two comes first does not matter."""
    one, two = photo(first, width), photo(second, width)
    assert is_near_tie(one, two) == is_near_tie(two, one)


def test_without_an_uncertainty_or_a_score_there_is_no_tie():
    """The model says nothing, so the table claims nothing."""
    assert not is_near_tie(photo(uncertainty=None), photo(uncertainty=None))
    assert not is_near_tie(photo(score=None), photo())
    assert is_near_tie(photo(), photo())


def test_ties_are_marked_and_explained_in_a_ranked_table_only():
    """The mark stands at the lower of the two."""
    results = [photo(90, path="a"), photo(89.9, path="b"), photo(10, path="c")]
    shown = lines(*results)
    assert ["≈" in line for line in shown] == [False, False, True, False, True]
    assert not any("≈" in line for line in lines(*results, ranked=False))


def test_plain_ascii_where_the_terminal_knows_no_more():
    """Marks have ASCII forms."""
    shown = lines(photo(90, width=40, height=30), photo(90), unicode=False)
    assert all(line.isascii() for line in shown)
    assert "~ 90.0" in shown[2]
    assert "40x30" in shown[1]


def test_columns_without_any_value_are_left_out():
    """No uncertainty, no percentile: no columns for them."""
    header = lines(photo(uncertainty=None))[0]
    assert header.split() == ["score", "size", "photo"]
    assert "better than" in lines(photo(percentile=10.0))[0]


def test_failures_say_why_and_names_are_escaped():
    """Status and reason stand behind the name."""
    failed = photo(None, None, "a\n.jpg", status=PhotoStatus.CRASHED, reason="killed\x1b")
    (row,) = lines(failed)[1:]
    assert row.endswith(r"a\x0a.jpg  [crashed: killed\x1b]")


def test_a_pair_shows_its_companion():
    """RAW+JPEG is one photo."""
    assert lines(photo(companion=Path("a.nef")))[1].endswith("a.jpg (+.nef)")


@pytest.mark.parametrize("color", [True, False])
def test_colours_do_not_change_the_text(color):
    """Without the codes it is the same table."""
    import re

    results = [photo(90), photo(None, None, status=PhotoStatus.UNREADABLE)]
    text = "\n".join(lines(*results, color=color))
    assert ("\x1b[" in text) == color
    assert re.sub(r"\x1b\[\d+m", "", text) == "\n".join(lines(*results))


@given(st.lists(st.builds(photo, score=st.none() | scores, percentile=st.none() | scores)))
def test_the_names_line_up(results):
    """All columns before the name have one width."""
    starts = {
        line.rindex("photo" if at == 0 else "a.jpg")
        for at, line in enumerate(line for line in lines(*results, ranked=False))
    }
    assert len(starts) == 1
