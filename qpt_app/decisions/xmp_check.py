"""Says which program will see which rating of a photo, and why.

The rules, and how each is known:

* Lightroom Classic, Camera Raw, Bridge: a proprietary RAW has its XMP in `name.xmp`; every other
  format has it inside, and a sidecar beside it is not read (Adobe's rule, product reference 6).
* darktable: at import `name.ext.xmp`, else `name.xmp`, else what is inside; -1 is a reject; only
  the English label names are colours (measured with darktable 4.2.1). Later changes are only seen
  when its "look for updated XMP files on startup" is on.
* digiKam: `name.ext.xmp` if "read from sidecar files" is on, else what is inside, and `name.xmp`
  with its compatibility switch; -1 is not a rating there; only the English label names are
  colours (its source code), and its own colour counts before the label (measured with 7.9.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from qpt_app.decisions.photo_kinds import PROPRIETARY_RAW, suffix_of
from qpt_app.decisions.xmp_digikam import COLOURS, clash, colour_label, colour_number
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_policy import sharing_photos
from qpt_app.decisions.xmp_sources import XmpPlace, XmpSource, newest, read_sources
from qpt_app.decisions.xmp_values import REJECTED, decision_of, rating_of

_ENGLISH: Final = frozenset({"Red", "Yellow", "Green", "Blue", "Purple"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramView:
    """What one program makes of a photo's XMP."""

    program: str
    rating: int | None
    """-1 = rejected, 1 to 5; None = not rated."""
    label: str | None
    """The colour or text it shows."""
    source: Path | None
    """The file that it reads; None if it finds none."""
    why: str
    """One sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class XmpCheck:
    """Everything there is to say about one photo."""

    photo: Path
    views: tuple[ProgramView, ...]
    warnings: tuple[str, ...]

    @property
    def is_consistent(self) -> bool:
        """Whether every program sees the same rating and nothing was warned of."""
        return len({view.rating for view in self.views}) <= 1 and not self.warnings


def check_photo(photo: Path, names: LabelNames | None = None) -> XmpCheck:
    """Look at every packet of a photo and say what each program will see."""
    sources = read_sources(photo)
    usable = [source for source in sources if source.problem is None]
    names = names or LabelNames()
    views = (
        _lightroom(photo, usable),
        _darktable(usable),
        _digikam(usable, names),
        _ourselves(usable, names),
    )
    return XmpCheck(
        photo=photo, views=views, warnings=tuple(_warnings(photo, sources, usable, names))
    )


def _lightroom(photo: Path, sources: Sequence[XmpSource]) -> ProgramView:
    is_raw = suffix_of(photo) in PROPRIETARY_RAW
    source = _at(sources, XmpPlace.ADOBE if is_raw else XmpPlace.EMBEDDED)
    if is_raw:
        why = "of a RAW file it reads name.xmp"
        if source is None and _at(sources, XmpPlace.FULL_NAME):
            why += ", and name.ext.xmp is not read"
    else:
        why = f"of {suffix_of(photo).lstrip('.').upper()} it reads only what is embedded"
        if source is None and sources:
            why += ", so the sidecar is not read (qpt xmp write --embed embeds into JPEG)"
    label = None if source is None else source.properties.get(XmpProperty.LABEL)
    return _view("Lightroom", source, why, label)


def _darktable(sources: Sequence[XmpSource]) -> ProgramView:
    order = (XmpPlace.FULL_NAME, XmpPlace.ADOBE, XmpPlace.EMBEDDED)
    source = next((found for place in order if (found := _at(sources, place))), None)
    why = "at import it reads name.ext.xmp, else name.xmp, else what is embedded"
    return _view("darktable", source, why, _english(source))


def _digikam(sources: Sequence[XmpSource], names: LabelNames) -> ProgramView:
    source = _read_by_digikam(sources)
    why = "it reads name.ext.xmp if reading sidecars is on in its settings, else what is embedded"
    if source is not None and source.place is XmpPlace.ADOBE:
        why = "it reads name.xmp only with its switch for compatibility with commercial programs"
    view = _view("digiKam", source, why, _colour_in_digikam(source))
    if view.rating == REJECTED:
        why = "it knows 0 to 5 stars only and takes -1 for no rating"
        view = replace(view, rating=None, why=why)
    own = None if source is None else _own_colour(source, names)
    return view if own is None else replace(view, why=f"{view.why}; {own}")


def _read_by_digikam(sources: Sequence[XmpSource]) -> XmpSource | None:
    order = (XmpPlace.FULL_NAME, XmpPlace.EMBEDDED, XmpPlace.ADOBE)
    return next((found for place in order if (found := _at(sources, place))), None)


def _colour_in_digikam(source: XmpSource | None) -> str | None:
    """What it shows: its own colour if there is one, else the label."""
    number = None if source is None else colour_number(source.properties)
    if source is None or number is None:
        return _english(source)
    label = colour_label(source.properties)
    shown = COLOURS[number] if label is None else label.value
    return shown.capitalize() if number else None


def _own_colour(source: XmpSource, names: LabelNames) -> str | None:
    """Why it shows what it shows, where that is not simply the label."""
    number, own = colour_number(source.properties), colour_label(source.properties)
    text = source.properties.get(XmpProperty.LABEL)
    label = None if text is None else names.label_of(text)
    if number is None or (label is own and (own or number == 0)):
        return None
    return f"its own colour, {COLOURS[number]} (digiKam:ColorLabel), counts before the label"


def _ourselves(sources: Sequence[XmpSource], names: LabelNames) -> ProgramView:
    source = newest(sources)
    label = None if source is None else decision_of(source.properties, names).label
    why = "it reads all places; the newest sidecar counts, then what is embedded"
    return _view("qpt", source, why, None if label is None else label.value)


def _view(program: str, source: XmpSource | None, why: str, label: str | None) -> ProgramView:
    return ProgramView(
        program=program,
        rating=None if source is None else rating_of(source.properties),
        label=label,
        source=None if source is None else source.file,
        why=why,
    )


def _english(source: XmpSource | None) -> str | None:
    """The label if it is a colour to a program that knows English names only."""
    text = None if source is None else source.properties.get(XmpProperty.LABEL)
    return text if text in _ENGLISH else None


def _at(sources: Sequence[XmpSource], place: XmpPlace) -> XmpSource | None:
    return next((source for source in sources if source.place is place), None)


def _warnings(
    photo: Path, sources: Sequence[XmpSource], usable: Sequence[XmpSource], names: LabelNames
) -> list[str]:
    found = [f"{source.file.name}: {source.problem}" for source in sources if source.problem]
    rated = [source for source in usable if source.says_something]
    if len({rating_of(source.properties) for source in rated}) > 1:
        said = ", ".join(
            f"{source.place.value} says {_shown(rating_of(source.properties))}" for source in rated
        )
        found.append(f"the ratings differ: {said}")
    for source in rated:
        text = source.properties.get(XmpProperty.LABEL)
        if text is not None and names.label_of(text) is None:
            found.append(f"{source.file.name}: the label {text!r} is none of the five colours")
        elif text is not None and text not in _ENGLISH:
            found.append(f"{source.file.name}: {_others(source)} not know {text!r}")
    read = _read_by_digikam(usable)
    told = None if read is None else clash(read.properties, names)
    if read is not None and told is not None:
        found.append(f"{read.file.name}: {told}")
    rivals = sharing_photos(photo)
    if rivals and _at(sources, XmpPlace.ADOBE) is not None:
        found.append(f"name.xmp belongs to {rivals[0].name} as well")
    return found


def _others(source: XmpSource) -> str:
    has_own_colour = colour_number(source.properties) is not None
    return "darktable does" if has_own_colour else "darktable and digiKam do"


def _shown(rating: int | None) -> str:
    return "not rated" if rating is None else "rejected" if rating < 0 else f"{rating}"
