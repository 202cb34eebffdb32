"""What a person decided about one photo: stars, a flag and a colour label. Pure values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from qpt_app.errors import DecisionsError

MAX_STARS: Final = 5
"""Highest number of stars (XMP specification, xmp:Rating)."""


class Flag(StrEnum):
    """Whether a photo is kept. A reject keeps its stars."""

    NONE = "none"
    PICK = "pick"
    REJECT = "reject"


class Label(StrEnum):
    """The five colour labels that Lightroom, darktable and digiKam share."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"


class Keep(Enum):
    """The one value that means: leave this part of the decision as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A person's decision about one photo. The default is a photo nobody decided about."""

    stars: int | None = None
    """0 to 5; None = never rated. 0 and None look the same to other programs."""
    flag: Flag = Flag.NONE
    label: Label | None = None

    def __post_init__(self) -> None:
        if self.stars is not None and not 0 <= self.stars <= MAX_STARS:
            raise ValueError(f"stars must be 0 to {MAX_STARS} or None, not {self.stars}")

    @property
    def is_rejected(self) -> bool:
        """Whether the photo is rejected."""
        return self.flag is Flag.REJECT

    @property
    def is_picked(self) -> bool:
        """Whether the photo is picked."""
        return self.flag is Flag.PICK

    def to_json(self) -> str:
        """Return the decision as one line of JSON, the form the database keeps."""
        return json.dumps(
            {"stars": self.stars, "flag": self.flag.value, "label": self.label and self.label.value}
        )

    @classmethod
    def from_json(cls, text: str) -> Decision:
        """Return the decision that `to_json` wrote.

        Raises:
            DecisionsError: if it wrote something else.
        """
        try:
            values = json.loads(text)
            label = values["label"]
            return cls(
                stars=values["stars"],
                flag=Flag(values["flag"]),
                label=None if label is None else Label(label),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DecisionsError(f"a kept decision cannot be read: {text[:80]!r}") from error


UNDECIDED: Final = Decision()
"""What holds for a photo that is not in the database."""


def own_or_others(own: Decision, others: Decision) -> Decision:
    """Return what holds for one half of a RAW+JPEG pair: its own decision, else the other half's.

    A pair is shown as its rendered half. The RAW may have been rated before there was a JPEG beside
    it, or by another program alone, and what was decided about it must not vanish from view. Stars
    that were set to 0 are a decision; nothing set at all is none.
    """
    return others if own == UNDECIDED else own


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionChange:
    """A change of some parts of a decision; the parts that are KEEP stay as they are."""

    stars: int | Keep | None = KEEP
    flag: Flag | Keep = KEEP
    label: Label | Keep | None = KEEP

    def __post_init__(self) -> None:
        if isinstance(self.stars, int) and not 0 <= self.stars <= MAX_STARS:
            raise ValueError(f"stars must be 0 to {MAX_STARS} or None, not {self.stars}")

    def applied_to(self, decision: Decision) -> Decision:
        """Return `decision` with this change made to it."""
        return Decision(
            stars=decision.stars if isinstance(self.stars, Keep) else self.stars,
            flag=decision.flag if isinstance(self.flag, Keep) else self.flag,
            label=decision.label if isinstance(self.label, Keep) else self.label,
        )

    @classmethod
    def to_become(cls, decision: Decision) -> DecisionChange:
        """Return the change that turns any decision into `decision`."""
        return cls(stars=decision.stars, flag=decision.flag, label=decision.label)
