"""The table: what it shows, and how photos that share a rank are marked."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.cli.table import table_lines
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoResult


def photo(score=50.0, uncertainty=10.0, path="a.jpg", **fields):
    fields = {"status": PhotoStatus.OK, **fields}
    return PhotoResult(path=Path(path), score=score, uncertainty=uncertainty, **fields)


def lines(*results, color=False, unicode=True):
    return list(table_lines(results, color=color, unicode=unicode))


scores = st.floats(0, 100)


def test_shared_ranks_are_marked_and_explained():
    """Photos of one rank carry a sign, and one line says what it means."""
    results = [
        photo(90, path="a", rank=1),
        photo(89, path="b", rank=1),
        photo(10, path="c", rank=3),
    ]
    shown = lines(*results)
    assert [line.split()[0] for line in shown] == ["rank", "1=", "1=", "3", "="]
    alone = lines(*results[1:])
    assert [line.split()[0] for line in alone] == ["rank", "1", "3"]


def test_ranks_line_up_with_and_without_the_sign():
    shown = lines(photo(90, rank=9), photo(80, rank=10), photo(79, rank=10))
    assert [line[:4] for line in shown[1:4]] == ["  9 ", " 10=", " 10="]


def test_plain_ascii_where_the_terminal_knows_no_more():
    """Marks have ASCII forms."""
    shown = lines(photo(90, width=40, height=30, rank=1), photo(90, rank=1), unicode=False)
    assert all(line.isascii() for line in shown)
    assert "+-" in shown[0]
    assert "40x30" in shown[1]


def test_columns_without_any_value_are_left_out():
    """No uncertainty, no percentile, no rank: no columns for them."""
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
        for at, line in enumerate(line for line in lines(*results))
    }
    assert len(starts) == 1
