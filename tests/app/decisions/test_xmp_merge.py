"""Only our properties change; everything else stays, byte for byte where nothing touches it."""

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, is_bare, merge_properties
from qpt_app.decisions.xmp_names import OURS, QPT, XMP, XmpProperty
from qpt_app.decisions.xmp_packet import read_properties
from qpt_app.errors import XmpError

_spec = importlib.util.spec_from_file_location(
    "xmp_samples", Path(__file__).with_name("xmp_samples.py")
)
samples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(samples)
SAMPLES = samples.SAMPLES

RATING, LABEL, FLAG, STARS = (
    XmpProperty.RATING,
    XmpProperty.LABEL,
    XmpProperty.FLAG,
    XmpProperty.STARS,
)


def without_ours(data: bytes) -> str:
    """An independent view of everything that is not ours: canonical XML after cutting ours out.

    It shares no code with the program: our names are removed by ElementTree from the top-level
    descriptions, then the standard library writes canonical XML (C14N 2.0).
    """
    rdf = f"{{{samples.RDF}}}"
    root = ElementTree.fromstring(data)
    packets = [root] if root.tag == f"{rdf}RDF" else root.findall(f"{rdf}RDF")
    ours = {f"{{{XMP}}}Rating", f"{{{XMP}}}Label"}
    for packet in packets:
        for description in packet.findall(f"{rdf}Description"):
            for key in list(description.attrib):
                if key in ours or key.startswith(f"{{{QPT}}}"):
                    del description.attrib[key]
            for child in list(description):
                if child.tag in ours or child.tag.startswith(f"{{{QPT}}}"):
                    description.remove(child)
        for description in packet.findall(f"{rdf}Description"):
            if not len(description) and set(description.attrib) <= {f"{rdf}about"}:
                packet.remove(description)
    text = ElementTree.tostring(root, encoding="unicode")
    return ElementTree.canonicalize(text, strip_text=True)


def texts_between(data: bytes) -> list[tuple[str, ...]]:
    """Comments and processing instructions, which ElementTree does not show."""
    found: list[tuple[str, ...]] = []
    parser = expat.ParserCreate()
    parser.CommentHandler = lambda *parts: found.append(parts)
    parser.ProcessingInstructionHandler = lambda *parts: found.append(parts)
    parser.Parse(data, True)
    return found


changes = st.dictionaries(
    st.sampled_from(OURS),
    st.none()
    | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]))
    .map(str.strip)
    .filter(bool),
)


@pytest.mark.parametrize("name", SAMPLES)
@given(first=changes, second=changes)
@settings(max_examples=40, deadline=None)
def test_everything_else_survives_any_changes(name, first, second):
    """Canonical XML without our names, and all comments, are the same before and after."""
    data = SAMPLES[name]
    merged = merge_properties(merge_properties(data, first), second)
    assert without_ours(merged) == without_ours(data)
    assert texts_between(merged) == texts_between(data)
    wanted = {**read_properties(data), **first, **second}
    assert read_properties(merged) == {item: text for item, text in wanted.items() if text}


@pytest.mark.parametrize("name", SAMPLES)
def test_writing_twice_gives_the_same_bytes(name):
    """The second write of the same values changes nothing at all."""
    once = merge_properties(SAMPLES[name], {RATING: "4", LABEL: "Blue", FLAG: None})
    assert merge_properties(once, {RATING: "4", LABEL: "Blue", FLAG: None}) is once


@pytest.mark.parametrize("name", ["darktable", "digikam", "lightroom", "lightroom with CRLF"])
def test_only_the_digits_of_the_rating_change(name):
    """A new rating replaces the old digits; not one other byte moves."""
    data = SAMPLES[name]
    merged = merge_properties(data, {RATING: "5"})
    assert merged == re.sub(rb'(\n   xmp:Rating=")\d', rb"\g<1>5", data, count=1)


def test_a_rating_inside_a_face_region_is_not_ours():
    """Only top-level descriptions hold the photo's own rating."""
    merged = merge_properties(SAMPLES["digikam"], {RATING: None})
    assert read_properties(merged).get(RATING) is None
    assert b'mwg-rs:Type="Face" xmp:Rating="5"' in merged


def test_removing_takes_the_property_away():
    """A cleared rating is no rating="0": the property is gone."""
    for name in ("darktable", "elements"):
        merged = merge_properties(SAMPLES[name], {RATING: None})
        assert RATING not in read_properties(merged)
        assert b":Rating" not in merged


def test_a_new_attribute_is_laid_out_like_its_neighbours():
    """A label goes onto its own line where the file has one property per line."""
    merged = merge_properties(SAMPLES["darktable"], {LABEL: "Red"})
    assert b'\n   darktable:iop_order_version="4"\n   xmp:Label="Red">' in merged


def test_a_foreign_prefix_is_not_taken_for_ours():
    """Where `xmp` and `qpt` mean something else, other prefixes are declared."""
    merged = merge_properties(SAMPLES["other prefixes"], {RATING: "2", FLAG: "pick"})
    assert b'xmp:Rating="keep me"' in merged
    assert b'qpt:Flag="keep me too"' in merged
    assert read_properties(merged) == {RATING: "2", FLAG: "pick"}


def test_duplicates_become_one():
    """A rating that stands twice is set once and removed elsewhere."""
    twice = SAMPLES["elements"].replace(
        b"<xap:Label>Yellow</xap:Label>", b"<xap:Rating>2</xap:Rating>"
    )
    merged = merge_properties(twice, {RATING: "5"})
    assert merged.count(b":Rating>5<") == 1
    assert merged.count(b"<xap:Rating>") == 1


def test_a_qualified_rating_is_left_alone():
    """A rating with qualifiers is a form that qpt does not change; it says so."""
    qualified = SAMPLES["elements"].replace(
        b"<xap:Rating>1</xap:Rating>",
        b"<xap:Rating rdf:parseType='Resource'><rdf:value>1</rdf:value></xap:Rating>",
    )
    assert read_properties(qualified)[RATING] == "1"
    with pytest.raises(XmpError, match="qualifiers"):
        merge_properties(qualified, {RATING: "5"})


def test_a_comment_inside_a_rating_is_not_thrown_away():
    """Rather than lose it, qpt leaves the file alone."""
    noted = SAMPLES["elements"].replace(b">1</xap:Rating>", b">1<!-- why --></xap:Rating>")
    with pytest.raises(XmpError, match="comments"):
        merge_properties(noted, {RATING: "5"})


def test_text_that_looks_like_attributes_is_no_attribute():
    """Found by fuzzing: the start tag ends at its `>`, whatever the text behind it looks like."""
    data = SAMPLES["elements"].replace(
        b"xmlns:dc='http://purl.org/dc/elements/1.1/'>",
        b"xmlns:dc='http://purl.org/dc/elements/1.1/'\n >dc:x='1'\n xap:Rating='5'",
    )
    merged = merge_properties(data, {FLAG: "pick"})
    assert b"\n >dc:x='1'\n xap:Rating='5'" in merged
    assert read_properties(merged)[RATING] == "1"


def test_special_characters_survive():
    """Quotes, angle brackets and ampersands in a label come back as they went in."""
    for name in ("darktable", "elements"):
        text = "\"a\" & 'b' <c> ä 🙂"
        assert read_properties(merge_properties(SAMPLES[name], {LABEL: text}))[LABEL] == text


def test_a_sidecar_of_ours_is_bare_after_the_last_value_went():
    """Then it can be removed; anybody else's cannot."""
    full = merge_properties(EMPTY_SIDECAR, {RATING: "3", FLAG: "pick"})
    assert not is_bare(full)
    assert is_bare(merge_properties(full, {RATING: None, FLAG: None}))
    foreign = merge_properties(full, {RATING: None, FLAG: None}).replace(
        b'rdf:about=""', b'rdf:about="" xmlns:dc="urn:dc" dc:format="x"'
    )
    assert not is_bare(foreign)
    assert not is_bare(merge_properties(SAMPLES["bare rdf"], {RATING: None}))


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_cut_sidecar_is_refused(at):
    """Half a file is never merged."""
    data = SAMPLES["darktable"].rstrip()
    with pytest.raises(XmpError):
        merge_properties(data[: len(data) * at // 100], {RATING: "1"})


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_sidecars_are_merged_without_loss_or_refused(data):
    """Whatever bytes come: either the foreign part is kept or XmpError is raised."""
    original = bytearray(SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(original) - 1))
        kind = data.draw(st.integers(0, 2))
        if kind == 0:
            original[at] = data.draw(st.integers(0, 255))
        elif kind == 1:
            del original[at : at + data.draw(st.integers(1, 40))]
        else:
            other = data.draw(st.integers(0, len(original) - 1))
            original[at:at] = original[other : other + 30]
        if not original:
            return
    mutant = bytes(original)
    try:
        merged = merge_properties(mutant, {RATING: "4", LABEL: None, STARS: "2"})
    except XmpError:
        return
    assert without_ours(merged) == without_ours(mutant)
    assert texts_between(merged) == texts_between(mutant)
