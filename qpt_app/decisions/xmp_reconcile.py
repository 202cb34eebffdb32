"""Decides, per property, between what is in a file, what was last agreed, and a decision here.

A three-way merge. `agreed` is what file and database had when qpt last read or wrote the file,
so a file that differs from it was changed by somebody else since. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from qpt_app.decisions.decision import Decision, DecisionChange
from qpt_app.decisions.xmp_digikam import clash, colour_label
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import XmpProperties
from qpt_app.decisions.xmp_values import (
    label_change,
    label_of,
    rating_change,
    rating_for,
    rating_of,
)
from qpt_app.decisions.xmp_values import rating_texts as texts_of_rating


class Verdict(StrEnum):
    """What happens to one property."""

    SAME = "same"
    """File and decision say the same."""
    WRITE = "write"
    """The decision goes into the file."""
    THEIRS = "theirs"
    """Somebody changed the file after the decision: it is taken over."""
    KEPT = "kept"
    """There is a rating by somebody else that qpt had never read: it stays, and so does ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSide:
    """What is known of a file."""

    theirs: XmpProperties
    """What is in it now."""
    agreed: XmpProperties | None
    """What was in it when qpt last read or wrote it; None = never."""
    writing: XmpProperties | None = None
    """What a write that was begun, and perhaps ended, put into it."""
    changed_at: float = 0.0
    """Time of its last change, seconds since the epoch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OurSide:
    """What is known here."""

    decision: Decision
    decided_at: float
    """Seconds since the epoch."""
    overwrite: bool = False
    """Whether ratings that were never read may be replaced."""
    labels: LabelNames = field(default_factory=LabelNames)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What is to be done."""

    rating: Verdict
    label: Verdict
    changes: dict[XmpProperty, str | None]
    """What to write into the file; empty if nothing."""
    adopt: DecisionChange
    """What to take over into the database."""
    notes: tuple[str, ...]
    """What the person should hear about."""
    in_digikam: str | None = None
    """Why digiKam shows another colour than the label, if it does."""

    @property
    def adopts(self) -> bool:
        """Whether something is taken over."""
        return Verdict.THEIRS in (self.rating, self.label)


def reconcile(file: FileSide, ours: OurSide) -> Outcome:
    """Weigh a file against a decision; see the module's first lines."""
    rating, note = _rating_verdict(file, ours)
    label, other = _label_verdict(file, ours)
    changes: dict[XmpProperty, str | None] = {}
    adopt = DecisionChange()
    if rating in (Verdict.SAME, Verdict.WRITE):
        changes |= texts_of_rating(ours.decision)
        if rating is Verdict.SAME:
            del changes[XmpProperty.RATING]  # an explicit 0 or 3.0 stays as it is written
    elif rating is Verdict.THEIRS:
        adopt = rating_change(file.theirs, ours.decision)
    is_unsaid = label is Verdict.SAME and XmpProperty.LABEL not in file.theirs
    if label is Verdict.WRITE or is_unsaid:  # only digiKam reads the colour that it has itself
        colour = ours.decision.label
        changes[XmpProperty.LABEL] = None if colour is None else ours.labels.name_of(colour)
    elif label is Verdict.THEIRS:
        taken = label_change(file.theirs, ours.labels)
        adopt = DecisionChange(stars=adopt.stars, flag=adopt.flag, label=taken.label)
    present = {item: text for item, text in changes.items() if file.theirs.get(item) != text}
    after = {item: text for item, text in {**file.theirs, **present}.items() if text is not None}
    is_removed = label is Verdict.WRITE and ours.decision.label is None
    return Outcome(
        rating=rating,
        label=label,
        changes=present,
        adopt=adopt,
        notes=tuple(text for text in (note, other) if text),
        in_digikam=clash(after, ours.labels, removed=is_removed),
    )


def _rating_verdict(file: FileSide, ours: OurSide) -> tuple[Verdict, str]:
    theirs, wanted = rating_of(file.theirs), rating_for(ours.decision)
    if theirs == wanted:
        return Verdict.SAME, ""
    ancestors = [rating_of(side) for side in (file.agreed, file.writing) if side is not None]
    return _weigh(file, ours, f"the rating {_shown(theirs)}", theirs in ancestors, theirs is None)


def _label_verdict(file: FileSide, ours: OurSide) -> tuple[Verdict, str]:
    text = file.theirs.get(XmpProperty.LABEL)
    theirs = label_of(file.theirs, ours.labels)
    wanted = ours.decision.label
    if theirs == wanted:  # a text that names no colour stays when there is no label here
        return Verdict.SAME, ""
    said = _said(file.theirs)
    what = f"the label {said!r}"
    if text is not None and theirs is None and not ours.overwrite:
        return Verdict.KEPT, f"{what} is none of the five colours and was kept"
    sides = [side for side in (file.agreed, file.writing) if side is not None]
    return _weigh(file, ours, what, said in [_said(side) for side in sides], said is None)


def _said(properties: XmpProperties) -> str | None:
    """What a packet says about the label, in its own words."""
    colour = colour_label(properties)
    own = None if colour is None else f"{colour.value} (digiKam's own)"
    return properties.get(XmpProperty.LABEL, own)


def _weigh(
    file: FileSide, ours: OurSide, what: str, is_unchanged: bool, is_empty: bool
) -> tuple[Verdict, str]:
    """Decide between two different values.

    Args:
        file: the file's side.
        ours: our side.
        what: the file's value in words.
        is_unchanged: whether the file still has what was last agreed.
        is_empty: whether the file has no value.
    """
    if is_unchanged or ours.overwrite:
        return Verdict.WRITE, "" if is_unchanged or is_empty else f"{what} was overwritten"
    if file.agreed is None:
        if is_empty:
            return Verdict.WRITE, ""
        return Verdict.KEPT, f"{what} was set elsewhere and was kept (overwrite to replace it)"
    if file.changed_at > ours.decided_at:
        return (
            Verdict.THEIRS,
            f"{what} was set elsewhere after the decision here and was taken over",
        )
    return Verdict.WRITE, f"{what} was set elsewhere before the decision here and was replaced"


def _shown(rating: int | None) -> str:
    return "none" if rating is None else str(rating)
