"""digiKam's own colour of a photo, `digiKam:ColorLabel`: there it counts before xmp:Label.

digiKam writes the number of the colour; the first that is 0 to 9 ends its search, so 0 hides an
xmp:Label too. qpt reads the field and never writes it. Pure.
"""

from __future__ import annotations

from typing import Final

from qpt_app.decisions.decision import Label
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import XmpProperties

COLOURS: Final = (
    *("none", "red", "orange", "yellow", "green"),
    *("blue", "magenta", "grey", "black", "white"),
)
"""What digiKam calls the colours 0 to 9."""

_NUMBERS: Final = {str(number): number for number in range(len(COLOURS))}
_LABELS: Final = {1: Label.RED, 3: Label.YELLOW, 4: Label.GREEN, 5: Label.BLUE, 6: Label.PURPLE}
"""The five that are labels here; digiKam itself writes magenta as the xmp:Label Purple."""


def colour_number(properties: XmpProperties) -> int | None:
    """Return digiKam's own colour, 0 to 9, or None if it has none and looks at xmp:Label."""
    text = properties.get(XmpProperty.DIGIKAM_COLOUR)
    return None if text is None else _NUMBERS.get(text)


def colour_label(properties: XmpProperties) -> Label | None:
    """Return the label that digiKam's own colour is here; None for its others and for none."""
    number = colour_number(properties)
    return None if number is None else _LABELS.get(number)


def clash(properties: XmpProperties, names: LabelNames, *, removed: bool = False) -> str | None:
    """Return why digiKam shows something else than the label, in words; None if it does not.

    Args:
        properties: what is in the packet.
        names: what the labels are called in xmp:Label.
        removed: whether a label was taken away here, so that none is to be seen.
    """
    number = colour_number(properties)
    text = properties.get(XmpProperty.LABEL)
    label = None if text is None else names.label_of(text)
    if number is None or colour_label(properties) is label or (label is None and not removed):
        return None
    hidden = "though the label is gone" if label is None else f"instead of the label {text!r}"
    shown = "no colour" if number == 0 else f"its own colour {COLOURS[number]}"
    return f"digiKam shows {shown} {hidden}: its digiKam:ColorLabel {number} counts first"
