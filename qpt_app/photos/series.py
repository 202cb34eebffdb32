"""Groups frames into series: taken shortly after each other and alike. Pure functions.

Time alone is not enough (two different views can be a second apart), likeness alone is not either
(the same view on another day). What the camera says in EXIF counts first: a burst id or an
automatic bracket joins frames whatever they look like.
"""

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_app.photos.frame_signature import (
    FrameSignature,
    exposure_step,
    likeness,
    sideways_shift,
)
from qpt_app.photos.series_features import cosines

MAX_GAP_S = 3.0
"""Longest pause between two frames of a series, end of one exposure to the start of the next."""
MAX_BURST_S = 60.0
"""Longest pause between two frames that carry the same burst id."""
MIN_COSINE = 0.6
"""Least cosine of two frames' features, with the folder's mean taken off."""
MIN_LIKENESS = 0.7
"""Least likeness of two frames' signatures; see `frame_signature.likeness`."""


class SeriesKind(StrEnum):
    """Why frames belong together."""

    BURST = "burst"
    """The same moment several times: one of them is the best."""
    EXPOSURE = "exposure"
    """One picture in several exposures: all of them are needed."""
    FOCUS = "focus"
    """One picture at several distances: all of them are needed."""
    PANORAMA = "panorama"
    """One wide picture in parts: all of them are needed."""
    UNDECIDED = "undecided"
    """Any of these: not all frames were looked at. Kept whole until they are."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """What grouping knows of a photo; everything but the path may be unknown."""

    path: Path
    taken_at: float | None = None
    """Seconds, with the fraction; any epoch."""
    camera: str | None = None
    """Tells bodies apart."""
    exposure_s: float | None = None
    f_number: float | None = None
    iso: float | None = None
    exposure_bias: float | None = None
    auto_bracket: bool = False
    burst_id: str | None = None
    feature: NDArray[np.float16] | None = None
    """(D,) compact feature of `series_features`."""
    signature: FrameSignature | None = None
    score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Series:
    """Frames that belong together, at least two."""

    kind: SeriesKind
    members: tuple[Path, ...]
    """In the order in which they were taken."""
    ranked: tuple[Path, ...]
    """Best first for a burst; as taken for what is kept whole."""
    from_tags: bool
    """Whether EXIF said so, not the pixels."""

    @property
    def is_protected(self) -> bool:
        """Whether the series is kept whole: never reduced to one winner."""
        return self.kind is not SeriesKind.BURST

    @property
    def best(self) -> Path | None:
        """The best frame of a burst; None where there is no winner."""
        return None if self.is_protected else self.ranked[0]


def group_series(frames: Iterable[Frame]) -> list[Series]:
    """Return the series among frames, in the order of time. Each frame is in one at most."""
    from qpt_app.photos.series_kinds import classify

    neighbours = _neighbours(frames)
    doubtful = _doubtful(neighbours)
    result = []
    for group in _groups(neighbours):
        kind, from_tags = classify(group)
        if kind is SeriesKind.BURST and not from_tags and not doubtful.isdisjoint(group):
            kind = SeriesKind.UNDECIDED
        members = tuple(frame.path for frame in group)
        ranked = _ranked(group) if kind is SeriesKind.BURST else members
        result.append(Series(kind=kind, members=members, ranked=ranked, from_tags=from_tags))
    return result


def time_neighbours(frames: Iterable[Frame]) -> list[Frame]:
    """Return the frames taken shortly before or after another one: candidates for a series."""
    found: dict[Path, Frame] = {}
    for first, second in _neighbours(frames):
        if _pause(first, second) <= MAX_GAP_S:
            found[first.path] = first
            found[second.path] = second
    return list(found.values())


def _doubtful(neighbours: Sequence[tuple[Frame, Frame]]) -> set[Frame]:
    """Return the frames next to one that nobody looked at: the rest of a bracket, perhaps."""
    found: set[Frame] = set()
    for first, second in neighbours:
        if (first.signature is None or second.signature is None) and (
            _pause(first, second) <= MAX_GAP_S
        ):
            found.update((first, second))
    return found


def _groups(neighbours: Sequence[tuple[Frame, Frame]]) -> list[list[Frame]]:
    """Join linked neighbours."""
    alike = _alike(neighbours)
    groups: list[list[Frame]] = []
    for (first, second), is_alike in zip(neighbours, alike, strict=True):
        if not _linked(first, second, is_alike):
            continue
        if groups and groups[-1][-1] is first:
            groups[-1].append(second)
        else:
            groups.append([first, second])
    return groups


def _neighbours(frames: Iterable[Frame]) -> list[tuple[Frame, Frame]]:
    """Return each frame with the next one of the same camera; frames without a time have none."""
    timed = [frame for frame in frames if frame.taken_at is not None]
    timed.sort(key=lambda frame: (frame.camera or "", frame.taken_at, os.fsencode(frame.path)))
    return [
        (first, second)
        for first, second in itertools.pairwise(timed)
        if (first.camera or "") == (second.camera or "")
    ]


def _pause(first: Frame, second: Frame) -> float:
    """Return the seconds between the end of one exposure and the start of the next."""
    assert first.taken_at is not None
    assert second.taken_at is not None
    return second.taken_at - first.taken_at - (first.exposure_s or 0.0)


def _linked(first: Frame, second: Frame, is_alike: bool) -> bool:
    """Whether two neighbours belong to one series."""
    pause = _pause(first, second)
    if first.burst_id is not None and first.burst_id == second.burst_id:
        return pause <= MAX_BURST_S
    if pause > MAX_GAP_S:
        return False
    if first.auto_bracket and second.auto_bracket:
        return True
    return is_alike


def _alike(neighbours: Sequence[tuple[Frame, Frame]]) -> list[bool]:
    """Return for each pair whether it shows the same; signatures count before features."""
    by_feature = _feature_cosines(neighbours)
    result = []
    for (first, second), cosine in zip(neighbours, by_feature, strict=True):
        if first.signature is not None and second.signature is not None:
            result.append(
                _pause(first, second) <= MAX_GAP_S
                and signatures_belong(first.signature, second.signature)
            )
        else:
            result.append(cosine is not None and cosine >= MIN_COSINE)
    return result


def signatures_belong(first: FrameSignature, second: FrameSignature) -> bool:
    """Whether two frames show the same view, in any exposure, or views side by side."""
    if likeness(first, second) >= MIN_LIKENESS:
        return True
    return sideways_shift(first, second) is not None


def brightness_step(first: Frame, second: Frame) -> float | None:
    """Return the difference of exposure in stops that the pixels show; None if unknown."""
    if first.signature is None or second.signature is None:
        return None
    return exposure_step(first.signature, second.signature)


def _feature_cosines(neighbours: Sequence[tuple[Frame, Frame]]) -> list[float | None]:
    """Return the cosine of each pair's features, where both have one."""
    pairs = [
        (n, first.feature, second.feature)
        for n, (first, second) in enumerate(neighbours)
        if first.feature is not None and second.feature is not None
    ]
    result: list[float | None] = [None] * len(neighbours)
    if not pairs:
        return result
    first = np.stack([feature for _, feature, _ in pairs])
    second = np.stack([feature for _, _, feature in pairs])
    mean = first.astype(np.float32).mean(axis=0) if len(pairs) >= 8 else np.float32(0) * first[0]
    values = cosines(first, second, np.asarray(mean, np.float32))
    for (n, _, _), cosine in zip(pairs, values, strict=True):
        result[n] = float(cosine)
    return result


def _ranked(group: Sequence[Frame]) -> tuple[Path, ...]:
    """Return a burst's frames best first; without scores as taken."""
    ordered = sorted(
        range(len(group)),
        key=lambda at: (-_score(group[at]), at),
    )
    return tuple(group[at].path for at in ordered)


def _score(frame: Frame) -> float:
    return -1.0 if frame.score is None else frame.score
