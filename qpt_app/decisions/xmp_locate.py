"""Finds where in the bytes of an XMP packet our properties are, so that only they are changed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from qpt_app.decisions.xmp_names import BY_KEY, META, RDF, XmpProperty
from qpt_app.errors import XmpError

MAX_DEPTH: Final = 100
"""Elements within each other; real packets have about ten."""

_NAME: Final = re.compile(rb"<[^\s/>]+")
_ATTRIBUTE: Final = re.compile(rb"(\s+)([^\s=<>/\"']+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_TAG_END: Final = re.compile(rb"\s*(/?)>")

Span = tuple[int, int]
"""First byte and the byte after the last."""


@dataclass(slots=True)
class AttributeSpot:
    """One of our properties written as an attribute."""

    item: XmpProperty
    whole: Span
    """With the white space before it."""
    value: Span
    """Between the quotes."""


@dataclass(slots=True)
class ElementSpot:
    """One of our properties written as an element."""

    item: XmpProperty
    whole: Span
    """From `<` to the last `>`."""
    content: Span | None
    """Between the tags; None for an element that ends itself."""
    name: bytes
    """As written, with its prefix."""
    is_plain: bool = True
    """False if it holds more than text (qualifiers, comments), which qpt does not change."""


@dataclass(slots=True)
class DescriptionSpot:
    """A top-level rdf:Description."""

    insert_at: int
    """Where a new attribute goes: behind the last one."""
    separator: bytes
    """The white space before its last attribute."""
    prefixes: dict[str, str]
    """Prefix -> namespace, as in force inside the start tag."""
    attributes: list[AttributeSpot] = field(default_factory=list)
    elements: list[ElementSpot] = field(default_factory=list)


@dataclass(slots=True)
class PacketMap:
    """Where everything is."""

    descriptions: list[DescriptionSpot] = field(default_factory=list)
    rdf_prefix: bytes | None = None
    """The prefix of rdf:RDF; None if there is no rdf:RDF."""
    rdf_content_end: int | None = None
    """Where a new rdf:Description goes; None if rdf:RDF ends itself or is missing."""


def locate(data: bytes) -> PacketMap:
    """Return where our properties are in a packet.

    Raises:
        XmpError: if it is not well-formed UTF-8 XML, has a DTD, or nests too deep.
    """
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    locator = _Locator(data, parser)
    parser.StartElementHandler = locator.start
    parser.EndElementHandler = locator.end
    parser.CommentHandler = locator.inside_property
    parser.ProcessingInstructionHandler = locator.inside_property
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.XmlDeclHandler = _refuse_encoding
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        raise XmpError("XMP in UTF-16 or UTF-32; only UTF-8 is read")
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmpError(f"XMP that cannot be parsed: {error}") from error
    return locator.found


def _refuse_dtd(*_: object) -> None:
    raise XmpError("XMP with a document type declaration is refused")


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise XmpError(f"XMP in the encoding {encoding}; only UTF-8 is read")


class _Locator:
    """Listens to the parser and keeps the places."""

    def __init__(self, data: bytes, parser: expat.XMLParserType) -> None:
        self.found = PacketMap()
        self._data = data
        self._parser = parser
        self._open: list[str] = []
        self._scopes: list[dict[str, str]] = [{"xml": "http://www.w3.org/XML/1998/namespace"}]
        self._property: ElementSpot | None = None

    def start(self, name: str, attributes: list[str]) -> None:
        """Note an element that begins."""
        if len(self._open) >= MAX_DEPTH:
            raise XmpError(f"XMP nested more than {MAX_DEPTH} deep is refused")
        pairs = list(zip(attributes[::2], attributes[1::2], strict=True))
        scope = dict(self._scopes[-1])
        for key, value in pairs:
            if key == "xmlns" or key.startswith("xmlns:"):
                scope[key.partition(":")[2]] = value
        self._scopes.append(scope)
        self._open.append(_resolved(name, scope, ""))
        position = self._parser.CurrentByteIndex
        depth = self._depth_below_rdf()
        if depth == 0:
            self.found.rdf_prefix = name.rpartition(":")[0].encode()
        elif depth == 1 and self._open[-1] == f"{{{RDF}}}Description":
            self._note_description(position, scope)
        elif depth == 2 and self._open[-2] == f"{{{RDF}}}Description":
            self._note_property(position, name)
        elif self._property is not None:
            self._property.is_plain = False

    def inside_property(self, *_: str) -> None:
        """Note a comment or instruction: a property that holds one is left alone."""
        if self._property is not None:
            self._property.is_plain = False

    def end(self, _name: str) -> None:
        """Note an element that ends."""
        depth = self._depth_below_rdf()
        position = self._parser.CurrentByteIndex
        if depth == 0 and self._data[position : position + 2] == b"</":
            self.found.rdf_content_end = position
        if depth == 2 and self._property is not None:
            spot, self._property = self._property, None
            if spot.content is not None:
                spot.content = (spot.content[0], position)
                spot.whole = (spot.whole[0], self._data.index(b">", position) + 1)
        self._open.pop()
        self._scopes.pop()

    def _depth_below_rdf(self) -> int | None:
        """0 for rdf:RDF itself, 1 for its children; None outside of one that counts."""
        rdf = f"{{{RDF}}}RDF"
        if self._open[0] == rdf:
            return len(self._open) - 1
        if len(self._open) > 1 and self._open[0].startswith(f"{{{META}}}"):
            return len(self._open) - 2 if self._open[1] == rdf else None
        return None

    def _note_description(self, position: int, scope: dict[str, str]) -> None:
        name = _NAME.match(self._data, position)
        assert name is not None, "expat saw a start tag here"
        place = name.end()
        spot = DescriptionSpot(insert_at=place, separator=b" ", prefixes=scope)
        while attribute := _ATTRIBUTE.match(self._data, place):
            place = attribute.end()
            spot.insert_at, spot.separator = place, attribute[1]
            key = _resolved(attribute[2].decode(), scope, None)
            if key in BY_KEY:
                group = 3 if attribute[3] is not None else 4
                spot.attributes.append(
                    AttributeSpot(BY_KEY[key], attribute.span(), attribute.span(group))
                )
        self.found.descriptions.append(spot)

    def _note_property(self, position: int, name: str) -> None:
        item = BY_KEY.get(self._open[-1])
        if item is None:
            return
        place, closes_itself = _tag_end(self._data, position)
        spot = ElementSpot(
            item, (position, place), None if closes_itself else (place, place), name.encode()
        )
        spot.is_plain = b"parseType" not in self._data[position:place]
        self.found.descriptions[-1].elements.append(spot)
        self._property = spot


def _tag_end(data: bytes, position: int) -> tuple[int, bool]:
    """Return the byte behind a start tag, and whether it ends the element too."""
    name = _NAME.match(data, position)
    assert name is not None, "expat saw a start tag here"
    place = name.end()
    while attribute := _ATTRIBUTE.match(data, place):
        place = attribute.end()
    end = _TAG_END.match(data, place)
    assert end is not None, "expat saw the end of the tag here"
    return end.end(), end[1] == b"/"


def _resolved(name: str, scope: dict[str, str], default: str | None) -> str:
    """Return `{namespace}local`; an attribute without prefix is in no namespace."""
    prefix, _, local = name.rpartition(":")
    if not prefix and default is None:
        return local
    namespace = scope.get(prefix, "")
    return f"{{{namespace}}}{local}" if namespace else local
