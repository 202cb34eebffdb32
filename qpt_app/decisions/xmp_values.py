"""Turns decisions into XMP properties and back. Pure."""

from __future__ import annotations

import math
from typing import Final

from qpt_app.decisions.decision import KEEP, MAX_STARS, Decision, DecisionChange, Flag, Label
from qpt_app.decisions.xmp_digikam import colour_label
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import XmpProperties

REJECTED: Final = -1
"""xmp:Rating of a reject (XMP specification)."""


def rating_of(properties: XmpProperties) -> int | None:
    """Return -1 or 1 to 5, or None for a photo that is not rated; 0 and nonsense count as none.

    Some programs write `3.0`; others write more than 5, which is 5 here.
    """
    try:
        number = float(properties.get(XmpProperty.RATING, ""))
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    if number < 0:
        return REJECTED
    return min(MAX_STARS, int(number)) or None


def rating_for(decision: Decision) -> int | None:
    """Return the xmp:Rating of a decision: -1, 1 to 5, or None to have none."""
    return REJECTED if decision.is_rejected else decision.stars or None


def rating_texts(decision: Decision) -> dict[XmpProperty, str | None]:
    """Return what the rating and our own properties become; None removes one."""
    rating = rating_for(decision)
    keeps_stars = decision.is_rejected and decision.stars is not None
    return {
        XmpProperty.RATING: None if rating is None else str(rating),
        XmpProperty.STARS: str(decision.stars) if keeps_stars else None,
        XmpProperty.FLAG: None if decision.flag is Flag.NONE else decision.flag.value,
    }


def rating_change(properties: XmpProperties, known: Decision) -> DecisionChange:
    """Return what a rating from XMP changes about a decision.

    A reject takes its stars from our own property, or keeps those known here. Any other rating
    ends a reject; a pick stays a pick.
    """
    rating = rating_of(properties)
    own_flag = properties.get(XmpProperty.FLAG)
    if rating == REJECTED:
        stars = _stars(properties)
        return DecisionChange(stars=KEEP if stars is None else stars, flag=Flag.REJECT)
    flag = known.flag
    if own_flag == Flag.PICK.value:
        flag = Flag.PICK
    elif known.is_rejected:
        flag = Flag.NONE
    return DecisionChange(stars=rating, flag=flag)


def label_of(properties: XmpProperties, names: LabelNames) -> Label | None:
    """Return the label: xmp:Label, or without one digiKam's own colour; unknown texts are none."""
    text = properties.get(XmpProperty.LABEL)
    return colour_label(properties) if text is None else names.label_of(text)


def label_change(properties: XmpProperties, names: LabelNames) -> DecisionChange:
    """Return what a label from XMP changes about a decision; see `label_of`."""
    return DecisionChange(label=label_of(properties, names))


def decision_of(properties: XmpProperties, names: LabelNames) -> Decision:
    """Return the decision that a packet alone expresses."""
    rated = rating_change(properties, Decision()).applied_to(Decision())
    return label_change(properties, names).applied_to(rated)


def _stars(properties: XmpProperties) -> int | None:
    text = properties.get(XmpProperty.STARS, "")
    return int(text) if text.isdecimal() and text.isascii() and int(text) <= MAX_STARS else None
