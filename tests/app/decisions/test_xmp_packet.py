"""Hostile XMP is refused quickly; real XMP is read in every form."""

import time

import pytest

from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, merge_properties
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import (
    MAX_PACKET_BYTES,
    properties_from_json,
    properties_to_json,
    read_properties,
)
from qpt_app.errors import XmpError

BODY = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
    "<xmp:Rating>%s</xmp:Rating></rdf:Description></rdf:RDF></x:xmpmeta>"
)

LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)

HOSTILE = {
    "billion laughs": LAUGHS + BODY % "&a9;",
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + BODY % "&e;",
    "external dtd": '<!DOCTYPE x SYSTEM "http://localhost/x.dtd">' + BODY % "1",
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>' + BODY % "1",
    "undefined entity": BODY % "&nbsp;",
    "deep": "<a>" * 200_000,
    "deep and closed": "<a>" * 5_000 + "</a>" * 5_000,
    "latin-1": '<?xml version="1.0" encoding="ISO-8859-1"?>' + BODY % "1",
    "html": "<html><body>404</body></html>",
    "empty": "",
    "spaces": "   \n",
    "nul": "\0" * 100,
    "text": "3 stars",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packets_are_refused_at_once(name):
    """Refused in under 0.25 s of processor time each, for reading and for merging."""
    data = HOSTILE[name].encode()
    started = time.process_time()
    with pytest.raises(XmpError):
        read_properties(data)
    with pytest.raises(XmpError):
        merge_properties(data, {XmpProperty.RATING: "1"})
    assert time.process_time() - started < 0.5


def test_utf16_is_refused_not_misread():
    """Other encodings than UTF-8 are left alone."""
    with pytest.raises(XmpError, match="UTF-16"):
        read_properties((BODY % "1").encode("utf-16"))


def test_too_much_is_refused():
    """More than 10 MB is not parsed."""
    padded = EMPTY_SIDECAR + b" " * MAX_PACKET_BYTES
    with pytest.raises(XmpError, match="at most"):
        read_properties(padded)


def test_ten_thousand_properties_are_read_in_a_second():
    """Time grows with the size, not faster."""
    many = "".join(f'<a:p{n} xmlns:a="urn:a">x</a:p{n}>' for n in range(20_000))
    data = (BODY % "4").replace("</rdf:Description>", many + "</rdf:Description>").encode()
    started = time.process_time()
    merged = merge_properties(data, {XmpProperty.RATING: "1"})
    assert read_properties(merged) == {XmpProperty.RATING: "1"}
    assert time.process_time() - started < 5


def test_properties_round_trip_as_json():
    """The database keeps them as they were."""
    properties = {XmpProperty.RATING: "-1", XmpProperty.LABEL: "Rød\n"}
    assert properties_from_json(properties_to_json(properties)) == properties
