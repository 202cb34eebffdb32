"""Reads an XMP packet safely: no DTD, no entities, no more than 10 MB, no deep nesting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from qpt_app.decisions.xmp_locate import PacketMap, locate
from qpt_app.decisions.xmp_names import BY_SHOWN, META, RDF, READ_BY_KEY, XmpProperty
from qpt_app.errors import XmpError

MAX_PACKET_BYTES: Final = 10_000_000
"""Reliability reference, section 6."""

XmpProperties = Mapping[XmpProperty, str]
"""The properties that a packet has, as text."""


def parse_packet(data: bytes) -> Element:
    """Return the root element of a packet.

    Raises:
        XmpError: if it is no well-formed XMP, has a DTD or entities, or is too large or deep.
    """
    return parse_and_locate(data)[0]


def parse_and_locate(data: bytes) -> tuple[Element, PacketMap]:
    """Return the root element and where in the bytes its parts are; see `parse_packet`."""
    import defusedxml
    from defusedxml.ElementTree import fromstring

    if len(data) > MAX_PACKET_BYTES:
        raise XmpError(f"XMP of {len(data)} bytes; at most {MAX_PACKET_BYTES} are read")
    found = locate(data)
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, ValueError, defusedxml.DefusedXmlException) as error:
        raise XmpError(f"XMP that cannot be parsed: {error}") from error
    if root.tag not in (f"{{{META}}}xmpmeta", f"{{{META}}}xapmeta", f"{{{RDF}}}RDF"):
        raise XmpError(f"no XMP: its root is {root.tag}")
    return root, found


def descriptions(root: Element) -> Iterator[Element]:
    """Yield the rdf:Description elements that hold the properties of the photo itself."""
    packets = [root] if root.tag == f"{{{RDF}}}RDF" else list(root.iterfind(f"{{{RDF}}}RDF"))
    for packet in packets:
        yield from packet.iterfind(f"{{{RDF}}}Description")


def properties_of(root: Element) -> dict[XmpProperty, str]:
    """Return our properties and digiKam's colour; of one that is there twice the first."""
    found: dict[XmpProperty, str] = {}
    for description in descriptions(root):
        for key, value in description.attrib.items():
            if key in READ_BY_KEY:
                found.setdefault(READ_BY_KEY[key], value.strip())
        for child in description:
            if child.tag in READ_BY_KEY:
                found.setdefault(READ_BY_KEY[child.tag], _text(child))
    return {item: text for item, text in found.items() if text}


def read_properties(data: bytes) -> dict[XmpProperty, str]:
    """Return what `properties_of` finds in a packet; see `parse_packet` for what it raises."""
    return properties_of(parse_packet(data))


def properties_to_json(properties: XmpProperties) -> str:
    """Return properties as one line of JSON."""
    return json.dumps({item.shown: text for item, text in properties.items()}, sort_keys=True)


def properties_from_json(text: str) -> dict[XmpProperty, str]:
    """Return what `properties_to_json` wrote."""
    return {BY_SHOWN[name]: value for name, value in json.loads(text).items() if name in BY_SHOWN}


def _text(element: Element) -> str:
    """The text of a property, of one with qualifiers its rdf:value."""
    value = element.find(f"{{{RDF}}}value")
    if value is None:
        value = element.find(f"{{{RDF}}}Description/{{{RDF}}}value")
    return ((element if value is None else value).text or "").strip()
