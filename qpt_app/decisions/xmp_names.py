"""The XMP properties that qpt reads and writes, and the namespaces they are in."""

from __future__ import annotations

from enum import Enum
from typing import Final

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP: Final = "http://ns.adobe.com/xap/1.0/"
META: Final = "adobe:ns:meta/"
DIGIKAM: Final = "http://www.digikam.org/ns/1.0/"
QPT: Final = "urn:qpt:decisions:1.0/"
"""Our own namespace. It is a name, not an address."""


class XmpProperty(Enum):
    """A property as (namespace, usual prefix, local name); all but digiKam's colour are ours."""

    RATING = (XMP, "xmp", "Rating")
    """-1 = rejected, 1 to 5 stars; absent or 0 = not rated."""
    LABEL = (XMP, "xmp", "Label")
    """The name of a colour, in whatever language."""
    STARS = (QPT, "qpt", "Stars")
    """The stars of a reject, whose xmp:Rating is -1."""
    FLAG = (QPT, "qpt", "Flag")
    """`pick` or `reject`."""
    SCORE = (QPT, "qpt", "Score")
    """The program's score, 0 to 100, higher is better."""
    DIGIKAM_COLOUR = (DIGIKAM, "digiKam", "ColorLabel")
    """digiKam's number of a colour; read, never written."""

    @property
    def is_ours(self) -> bool:
        """Whether qpt writes it too."""
        return self is not XmpProperty.DIGIKAM_COLOUR

    @property
    def namespace(self) -> str:
        """The URI."""
        return self.value[0]

    @property
    def prefix(self) -> str:
        """The prefix used where the file has none for the namespace."""
        return self.value[1]

    @property
    def local(self) -> str:
        """The name without prefix."""
        return self.value[2]

    @property
    def key(self) -> str:
        """`{namespace}local`, as ElementTree writes it."""
        return f"{{{self.namespace}}}{self.local}"

    @property
    def shown(self) -> str:
        """`xmp:Rating` and so on."""
        return f"{self.prefix}:{self.local}"


OURS: Final = tuple(item for item in XmpProperty if item.is_ours)
BY_KEY: Final = {item.key: item for item in OURS}
READ_BY_KEY: Final = {item.key: item for item in XmpProperty}
BY_SHOWN: Final = {item.shown: item for item in XmpProperty}
