"""Writes our properties into an XMP packet and leaves every other byte as it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element

from qpt_app.decisions.xmp_locate import DescriptionSpot, ElementSpot, PacketMap
from qpt_app.decisions.xmp_names import BY_KEY, RDF, XmpProperty
from qpt_app.decisions.xmp_packet import descriptions, parse_and_locate, parse_packet, properties_of
from qpt_app.errors import XmpError

EMPTY_SIDECAR: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="qpt">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n'
    '  <rdf:Description rdf:about=""/>\n'
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
).encode()
"""A new sidecar before anything is written into it."""

Changes = Mapping[XmpProperty, str | None]
"""New text of each property that changes; None removes it."""

_Edit = tuple[int, int, bytes]
"""Replace the bytes from the first to before the second position."""


def merge_properties(data: bytes, changes: Changes) -> bytes:
    """Return a packet with `changes` made to it and nothing else changed.

    The result is parsed again and compared with the original before it is returned.

    Args:
        data: a packet or a whole sidecar file, UTF-8.
        changes: what to set or remove; properties that are not named stay.

    Raises:
        XmpError: if the packet cannot be parsed, or holds one of the properties in a form that
            qpt does not change.
    """
    root, found = parse_and_locate(data)
    present = properties_of(root)
    real = {item: text for item, text in changes.items() if present.get(item) != text}
    if not real:
        return data
    if not found.descriptions:
        data = _with_description(data, found)
        root, found = parse_and_locate(data)
    merged = _apply(data, _edits(data, found, real))
    _prove(root, merged, {**present, **real})
    return merged


def _edits(data: bytes, found: PacketMap, changes: Changes) -> list[_Edit]:
    edits: list[_Edit] = []
    for item, text in changes.items():
        placed = text is None
        for spot in found.descriptions:
            for attribute in spot.attributes:
                if attribute.item is item:
                    if placed:
                        edits.append((*attribute.whole, b""))
                    else:
                        edits.append((*attribute.value, _quoted(text or "")))
                    placed = True
            for element in spot.elements:
                if element.item is item:
                    edits.append(_edit_element(data, element, None if placed else text))
                    placed = True
    missing = {
        item: text
        for item, text in changes.items()
        if text is not None and not _is_there(found, item)
    }
    if missing:
        spot = _best_description(found, missing)
        edits.append((spot.insert_at, spot.insert_at, _new_attributes(spot, missing)))
    return edits


def _is_there(found: PacketMap, item: XmpProperty) -> bool:
    for spot in found.descriptions:
        if any(attribute.item is item for attribute in spot.attributes):
            return True
        if any(element.item is item for element in spot.elements):
            return True
    return False


def _edit_element(data: bytes, element: ElementSpot, text: str | None) -> _Edit:
    if not element.is_plain:
        raise XmpError(
            f"{element.item.shown} has qualifiers or comments, which qpt does not change"
        )
    if text is None:
        start, end = element.whole
        before = data[:start]
        return (len(before.rstrip(b" \t\r\n")), end, b"")
    content = _escaped(text)
    if element.content is None:
        opening = data[element.whole[0] : element.whole[1]].rstrip(b">").rstrip(b"/").rstrip()
        return (*element.whole, opening + b">" + content + b"</" + element.name + b">")
    return (*element.content, content)


def _best_description(found: PacketMap, missing: Changes) -> DescriptionSpot:
    """The first one that knows all the namespaces needed, else the first."""
    needed = {item.namespace for item in missing}
    for spot in found.descriptions:
        if needed <= set(spot.prefixes.values()):
            return spot
    return found.descriptions[0]


def _new_attributes(spot: DescriptionSpot, missing: Changes) -> bytes:
    written = b""
    prefixes = dict(spot.prefixes)
    for item, text in missing.items():
        prefix = next((p for p, uri in prefixes.items() if uri == item.namespace and p), None)
        if prefix is None:
            prefix = _free_prefix(item.prefix, prefixes)
            prefixes[prefix] = item.namespace
            written += spot.separator + f'xmlns:{prefix}="{item.namespace}"'.encode()
        written += spot.separator + f'{prefix}:{item.local}="'.encode() + _quoted(text or "") + b'"'
    return written


def _free_prefix(wanted: str, prefixes: Mapping[str, str]) -> str:
    name, number = wanted, 1
    while name in prefixes:
        name, number = f"{wanted}{number}", number + 1
    return name


def _with_description(data: bytes, found: PacketMap) -> bytes:
    """Put an empty rdf:Description into an rdf:RDF that has none."""
    if found.rdf_content_end is None or found.rdf_prefix is None:
        raise XmpError("XMP without an rdf:RDF to write into")
    prefix = found.rdf_prefix + b":" if found.rdf_prefix else b""
    about = b"rdf:about" if prefix == b"rdf:" else prefix + b"about"
    if not prefix:
        raise XmpError("XMP whose rdf:RDF has no prefix and no rdf:Description")
    new = b"<" + prefix + b"Description " + about + b'=""/>'
    place = found.rdf_content_end
    return data[:place] + new + data[place:]


def _quoted(text: str) -> bytes:
    return _escaped(text, {'"': "&quot;", "'": "&apos;", "\n": "&#10;", "\t": "&#9;"})


def _escaped(text: str, more: Mapping[str, str] = MappingProxyType({})) -> bytes:
    from xml.sax.saxutils import escape  # slow to import: it loads a whole HTTP client

    return escape(text, more).encode()


def _apply(data: bytes, edits: list[_Edit]) -> bytes:
    for start, end, new in sorted(edits, reverse=True):
        data = data[:start] + new + data[end:]
    return data


def _prove(before: Element, merged: bytes, wanted: Changes) -> None:
    """Refuse a result that says anything else about anything but our properties."""
    after = parse_packet(merged)
    expected = {item: text for item, text in wanted.items() if text}
    if _foreign(before) != _foreign(after) or properties_of(after) != expected:
        raise XmpError("XMP in a form that qpt cannot change without changing other parts")


def _foreign(root: Element) -> object:
    """Everything that is not ours, as nested tuples; white space between elements aside."""
    ours = {id(description) for description in descriptions(root)}

    def part(element: Element) -> object:
        is_ours = id(element) in ours
        attributes = sorted(
            (key, value) for key, value in element.attrib.items() if not (is_ours and key in BY_KEY)
        )
        children = [
            (part(child), _solid(child.tail))
            for child in element
            if not (is_ours and child.tag in BY_KEY)
        ]
        return (element.tag, attributes, _solid(element.text), children)

    return part(root)


def _solid(text: str | None) -> str:
    return "" if text is None or not text.strip() else text


def is_bare(data: bytes) -> bool:
    """Whether a sidecar was made by qpt and holds nothing any more."""
    root = parse_packet(data)
    if root.get("{adobe:ns:meta/}xmptk") != "qpt" or properties_of(root):
        return False
    about = {f"{{{RDF}}}about"}
    return all(
        len(packet) == 1 and not len(packet[0]) and set(packet[0].keys()) <= about
        for packet in root
    )
