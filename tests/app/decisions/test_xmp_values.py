"""Decisions and XMP properties mean the same, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.decisions.decision import Decision, Flag, Label
from qpt_app.decisions.xmp_labels import RECOGNISED, LabelNames
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_values import decision_of, rating_of, rating_texts

NAMES = LabelNames()

decisions = st.builds(
    Decision,
    stars=st.none() | st.integers(1, 5),
    flag=st.sampled_from(Flag),
    label=st.none() | st.sampled_from(Label),
)


@given(decisions)
def test_a_decision_written_is_the_decision_read(decision):
    """Stars, flag and label survive, the stars of a reject too."""
    texts = rating_texts(decision)
    if decision.label is not None:
        texts[XmpProperty.LABEL] = NAMES.name_of(decision.label)
    assert decision_of({k: v for k, v in texts.items() if v is not None}, NAMES) == decision


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        *[("3", 3), ("0", None), ("-1", -1), ("3.0", 3), ("99", 5), ("-0.5", -1), ("", None)],
        *[("nan", None), ("inf", None), ("five", None), ("1e400", None), ("\u0663", 3)],
    ],
)
def test_ratings_as_others_write_them(text, rating):
    """0, nonsense and infinities are no rating; more than five is five."""
    assert rating_of({XmpProperty.RATING: text}) == rating


def test_no_stars_and_zero_stars_write_nothing():
    """A cleared rating removes the property: Immich refuses 0."""
    for stars in (None, 0):
        assert set(rating_texts(Decision(stars=stars)).values()) == {None}


def test_another_programs_rating_ends_a_stale_reject_of_ours():
    """xmp:Rating counts; our own flag from before does not."""
    stale = {XmpProperty.RATING: "4", XmpProperty.FLAG: "reject", XmpProperty.STARS: "2"}
    assert decision_of(stale, NAMES) == Decision(stars=4)


def test_every_recognised_name_means_one_colour():
    """No text is in two lists, and each is in lower case."""
    names = [name for group in RECOGNISED.values() for name in group]
    assert len(names) == len(set(names))
    assert all(name == name.casefold() for name in names)


def test_own_names_come_first_and_must_differ():
    """A person may call green `Red`; two colours of one name are refused."""
    swapped = LabelNames(red="Green", green="Red")
    assert swapped.label_of("red") is Label.GREEN
    assert swapped.label_of("Rot") is Label.RED
    with pytest.raises(ValueError, match="different"):
        LabelNames(red="x", green="X")
