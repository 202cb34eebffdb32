"""digiKam's own colour: read where there is no label, told of where it hides ours, not written."""

import os

import pytest
from PIL import Image

from qpt_app.decisions.decision import Decision, DecisionChange, Label
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.xmp_check import check_photo
from qpt_app.decisions.xmp_digikam import COLOURS, clash, colour_label, colour_number
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_merge import merge_properties
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import read_properties
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile
from qpt_app.errors import XmpError

RATING, LABEL, COLOUR = XmpProperty.RATING, XmpProperty.LABEL, XmpProperty.DIGIKAM_COLOUR
GERMAN = LabelNames(red="Rot", yellow="Gelb", green="Grün", blue="Blau", purple="Lila")


def packet(colour=None, label=None, rating="0"):
    """XMP as digiKam lays it out."""
    own = "" if colour is None else f'digiKam:ColorLabel="{colour}" digiKam:PickLabel="0"'
    text = "" if label is None else f'xmp:Label="{label}"'
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'{own} {text} xmp:Rating="{rating}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photos" / "p.jpg"
    path.parent.mkdir()
    Image.new("RGB", (8, 8), "red").save(path)
    return path


@pytest.fixture
def sidecar(photo):
    return photo.with_name("p.jpg.xmp")


@pytest.fixture
def writing(session):
    session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
    return session


def seen(photo, program, names=None):
    return next(view for view in check_photo(photo, names).views if view.program == program)


def decided(session, photo):
    session.read_xmp([unit_of(photo)])
    return session.decisions_for([photo]).get(photo, Decision())


@pytest.mark.parametrize(
    ("colour", "label", "shown", "named"),
    [
        *[("4", "Red", "Green", "green"), ("0", "Red", None, "none"), ("2", "Red", "Orange", "or")],
        *[("4", "To print", "Green", "green"), ("2", None, "Orange", "orange")],
        *[("4", None, "Green", "green")],
    ],
)
@pytest.mark.parametrize("place", ["sidecar", "embedded"])
def test_check_says_what_digikam_shows_and_why(photo, sidecar, colour, label, shown, named, place):
    """Its own colour, by name, in the sidecar as in the photo; its 0 hides a label too."""
    data = packet(colour, label)
    if place == "sidecar":
        sidecar.write_bytes(data)
    else:
        Image.new("RGB", (8, 8), "red").save(photo, xmp=data)
    view = seen(photo, "digiKam")
    assert view.label == shown
    assert "digiKam:ColorLabel" in view.why
    assert f"its own colour, {named}" in view.why
    assert seen(photo, "darktable").label == (label if label == "Red" else None)
    told = [text for text in check_photo(photo).warnings if "counts first" in text]
    assert bool(told) is (label == "Red")


@pytest.mark.parametrize(
    ("colour", "label", "shown"),
    [
        *[("4", "Green", "Green"), ("6", "Purple", "Purple"), ("0", None, None)],
        *[
            (None, "Red", "Red"),
            ("10", "Red", "Red"),
            ("x", "Red", "Red"),
            ("\u0664", "Red", "Red"),
        ],
    ],
)
def test_check_is_quiet_where_digikam_agrees_or_has_no_colour(photo, sidecar, colour, label, shown):
    """Numbers that are no colour are passed over by digiKam, and so here."""
    sidecar.write_bytes(packet(colour, label))
    view = seen(photo, "digiKam")
    assert view.label == shown
    assert "ColorLabel" not in view.why
    assert check_photo(photo).warnings == ()


def test_own_label_names_count_in_the_comparison(photo, sidecar):
    """`Grün` is digiKam's 4: nothing differs there, only darktable does not know the name."""
    sidecar.write_bytes(packet("4", "Grün"))
    assert seen(photo, "digiKam", GERMAN).label == "Green"
    (warning,) = check_photo(photo, GERMAN).warnings
    assert "darktable does not know" in warning


def test_a_reject_keeps_the_reason_for_the_colour(photo, sidecar):
    """Two things to say about one row."""
    sidecar.write_bytes(packet("4", "Red", rating="-1"))
    view = seen(photo, "digiKam")
    assert view.rating is None
    assert "-1" in view.why
    assert "green" in view.why


def test_the_ten_colours():
    """Five of them are labels here."""
    found = {name: colour_label({COLOUR: str(n)}) for n, name in enumerate(COLOURS)}
    assert {name: label for name, label in found.items() if label} == {
        **{label.value: label for label in (Label.RED, Label.YELLOW, Label.GREEN, Label.BLUE)},
        "magenta": Label.PURPLE,
    }
    assert [colour_number({COLOUR: text}) for text in ("0", "9", "10", "-1", "")] == [
        *[0, 9, None, None, None]
    ]


def test_a_removed_label_is_told_of_only_where_digikam_has_one():
    """Nobody is told of an orange photo that was never labelled here."""
    names = LabelNames()
    assert "label is gone" in clash({COLOUR: "4"}, names, removed=True)
    assert clash({COLOUR: "2"}, names, removed=True) is None
    assert clash({COLOUR: "4"}, names) is None


@pytest.mark.parametrize(
    ("colour", "label", "wanted"),
    [
        *[("4", None, Label.GREEN), ("6", None, Label.PURPLE), ("2", None, None)],
        *[("0", None, None), ("4", "Red", Label.RED), ("4", "To print", None)],
    ],
)
def test_a_colour_of_digikams_is_the_label_where_there_is_none(
    session, photo, sidecar, colour, label, wanted
):
    """xmp:Label counts first; orange and the like are no label here."""
    sidecar.write_bytes(packet(colour, label, rating="3"))
    assert decided(session, photo) == Decision(stars=3, label=wanted)


def test_a_sidecar_with_nothing_but_digikams_zero_does_not_count(session, photo, sidecar):
    """What is embedded counts then, as it does without the sidecar."""
    Image.new("RGB", (8, 8), "red").save(photo, xmp=packet(None, "Blue", rating="2"))
    sidecar.write_bytes(merge_properties(packet("0"), {RATING: None}))
    assert decided(session, photo) == Decision(stars=2, label=Label.BLUE)


def test_a_label_taken_from_digikam_is_written_for_the_others(writing, photo, sidecar):
    """Lightroom and darktable read xmp:Label only."""
    sidecar.write_bytes(packet("4", rating="3"))
    decided(writing, photo)
    writing.decide([unit_of(photo)], DecisionChange(stars=5))
    (outcome,) = writing.write_pending_xmp()
    assert outcome.notes == ()
    assert read_properties(sidecar.read_bytes()) == {RATING: "5", LABEL: "Green", COLOUR: "4"}


def test_a_removed_label_stays_removed_and_digikams_colour_stays(writing, photo, sidecar, clock):
    """The same colour, read again after our own write, is no news; undo writes none of it."""
    sidecar.write_bytes(packet("4", "Green", rating="3"))
    decided(writing, photo)
    writing.decide([unit_of(photo)], DecisionChange(stars=5, label=None))
    (outcome,) = writing.write_pending_xmp()
    (note,) = outcome.notes
    assert "its own colour green though the label is gone" in note.reason
    assert read_properties(sidecar.read_bytes()) == {RATING: "5", COLOUR: "4"}
    os.utime(sidecar, (clock.now + 100, clock.now + 100))  # as our own write is, by a real clock
    assert decided(writing, photo) == Decision(stars=5)
    writing.undo()
    writing.undo()
    writing.write_pending_xmp()
    assert read_properties(sidecar.read_bytes()) == {RATING: "3", LABEL: "Green", COLOUR: "4"}


def test_a_colour_changed_in_digikam_later_is_taken_over(writing, photo, sidecar, clock):
    """As a changed label is; the older decision gives way."""
    sidecar.write_bytes(packet("4", rating="3"))
    decided(writing, photo)
    sidecar.write_bytes(packet("1", rating="3"))
    os.utime(sidecar, (clock.now + 100, clock.now + 100))
    assert decided(writing, photo) == Decision(stars=3, label=Label.RED)


def test_undo_gives_old_values_back_though_digikams_colour_changed(writing, photo, sidecar):
    """Its colour is not ours: it is neither put back nor a reason to leave our rating there."""
    sidecar.write_bytes(packet("2", rating="0"))
    writing.decide([unit_of(photo)], DecisionChange(stars=4))
    writing.write_pending_xmp()
    data = sidecar.read_bytes()
    sidecar.write_bytes(data.replace(b'ColorLabel="2"', b'ColorLabel="7"'))
    writing.undo()
    writing.write_pending_xmp()
    assert read_properties(sidecar.read_bytes()) == {RATING: "0", COLOUR: "7"}


def test_digikams_colour_is_never_written():
    """The merge refuses it, whether it is there or not."""
    for data, text in ((packet("4"), "1"), (packet("4"), None), (packet(), "1")):
        with pytest.raises(XmpError):
            merge_properties(data, {COLOUR: text})
