"""The frozen list of what a file operation will do, made before anyone says yes to it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qpt_app.core.folder_names import REJECTED_FOLDER
from qpt_app.decisions.action import ActionKind, Problem
from qpt_app.decisions.file_transfer import FileFacts, facts_of, is_double
from qpt_app.decisions.free_names import FreeNames
from qpt_app.decisions.pair_choice import (
    PairChoice,
    chosen_part,
    pairs_among,
    rendered_formats,
)
from qpt_app.decisions.photo_records import absolute
from qpt_app.decisions.photo_unit import PhotoUnit, is_sidecar
from qpt_app.decisions.safe_paths import inside, refuse_parent_steps
from qpt_app.errors import FileOperationError


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedFile:
    """One file of the list."""

    source: Path
    target: Path | None
    """Where it goes; None = to the trash."""
    facts: FileFacts
    """What it was when the list was made; a file that has changed since stays."""
    unit: int
    """Number of the photo it belongs to; its files go together or not at all."""
    kind: ActionKind
    """What is done with it: that of the plan, or `lend`, `merge` or `present`."""
    stays: Path | None = None
    """Of one half of a pair: the other half, which is not part of the operation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePlan:
    """A file operation that was not begun. It does exactly what it lists, or less."""

    kind: ActionKind
    title: str
    """One line for the person and the journal."""
    roots: tuple[Path, ...]
    """The folders that every source lies in."""
    destination: Path | None
    """The folder that every target lies in; None = the trash."""
    files: tuple[PlannedFile, ...]
    refused: tuple[Problem, ...] = ()
    """Photos that cannot be part of it, and why."""
    choice: PairChoice = PairChoice.BOTH
    """What it takes of each pair."""
    pair_count: int = 0
    """How many of the photos that were asked for are pairs."""
    rendered: str = "JPEG"
    """What the rendered halves of these pairs are: `JPEG`, or `JPEG/HEIC` where it is both."""

    @property
    def photo_count(self) -> int:
        """How many photos it takes, a RAW+JPEG pair counted once."""
        return len({file.unit for file in self.files})

    @property
    def half_count(self) -> int:
        """How many of them are but one half of a pair."""
        return sum(file.stays is not None for file in self.files)

    @property
    def main_files(self) -> tuple[PlannedFile, ...]:
        """The files that go, without copies beside a move, and those that are there already."""
        beside = (ActionKind.LEND, ActionKind.PRESENT)
        return tuple(file for file in self.files if file.kind not in beside)

    @property
    def lent_count(self) -> int:
        """How many sidecars are copied beside a move."""
        return sum(file.kind is ActionKind.LEND for file in self.files)

    @property
    def found_count(self) -> int:
        """How many sidecars are at their targets already, and are not written again."""
        return sum(file.kind.finds_target for file in self.files)

    @property
    def total_bytes(self) -> int:
        """The sum of the sizes of `main_files`."""
        return sum(file.facts.size for file in self.main_files)

    def counts(self) -> dict[str, int]:
        """How many `main_files` of each ending there are, sidecars too, sorted by ending."""
        return dict(sorted(Counter(file.source.suffix.lower() for file in self.main_files).items()))


def plan_rejects_folder(
    units: Sequence[PhotoUnit], root: Path, choice: PairChoice = PairChoice.BOTH
) -> FilePlan:
    """Plan to move `units` to the folder `_rejected` in `root`, below which subfolders stay.

    Raises:
        FileOperationError: if `root` is no folder, or its `_rejected` is a link.
    """
    root = _folder(root)
    destination = root / REJECTED_FOLDER
    if destination.is_symlink():
        raise FileOperationError(f"{destination} is a link; remove it first")
    title = f"move {_photos(units, choice)} to {REJECTED_FOLDER}"
    return _plan(
        ActionKind.MOVE,
        title,
        units,
        choice,
        (root,),
        destination,
        lambda unit: unit.parent.relative_to(root),
    )


def plan_transfer(
    units: Sequence[PhotoUnit],
    roots: Sequence[Path],
    destination: Path,
    choice: PairChoice = PairChoice.BOTH,
    *,
    copy: bool,
) -> FilePlan:
    """Plan to move or copy `units` into the folder `destination`, all side by side.

    Raises:
        FileOperationError: if a folder is none.
    """
    kind = ActionKind.COPY if copy else ActionKind.MOVE
    destination = _folder(destination)
    title = f"{kind.value} {_photos(units, choice)} to {destination.name}"
    folders = tuple(map(_folder, roots))
    return _plan(kind, title, units, choice, folders, destination, lambda unit: Path())


def plan_trash(
    units: Sequence[PhotoUnit], roots: Sequence[Path], choice: PairChoice = PairChoice.BOTH
) -> FilePlan:
    """Plan to send `units` to the trash.

    Raises:
        FileOperationError: if a root is no folder.
    """
    title = f"move {_photos(units, choice)} to the trash"
    folders = tuple(map(_folder, roots))
    return _plan(ActionKind.TRASH, title, units, choice, folders, None, lambda unit: Path())


@dataclass(frozen=True, slots=True)
class Goal:
    """Where one file goes."""

    target: Path
    is_there: bool
    """Whether the same sidecar lies there already: it is not written again."""


def unit_goals(sources: Sequence[Path], folder: Path, free: FreeNames) -> Mapping[Path, Goal]:
    """Return free names in `folder` for the files of one photo.

    All get the same suffix (-1, -2, ...) if any of their names is taken, so that `a.cr2`, `a.jpg`
    and `a.cr2.xmp` stay a photo. The same `a.xmp` takes no name away: the other half of the pair
    brought it when it went there before, and this one goes beside it.
    """
    stem = min((source.stem for source in sources), key=len)
    doubles = {
        source.name
        for source in sources
        if is_sidecar(source) and is_double(source, folder / source.name)
    }
    names = free.claim(folder, [source.name for source in sources], stem, doubles)
    return {
        source: Goal(folder / name, is_there=name == source.name and name in doubles)
        for source, name in zip(sources, names, strict=True)
    }


def require_other_half(stays: Path | None) -> None:
    """Refuse to part a pair whose other half is gone: nothing would be left of the photo.

    Raises:
        FileOperationError: if the half that is to stay is no file.
    """
    if stays is not None and not stays.is_file():
        raise FileOperationError(f"{stays}, the other half of the pair, is gone, so this one stays")


def _plan(
    kind: ActionKind,
    title: str,
    units: Sequence[PhotoUnit],
    choice: PairChoice,
    roots: tuple[Path, ...],
    destination: Path | None,
    subfolder: Callable[[Path], Path],
) -> FilePlan:
    files: list[PlannedFile] = []
    refused: list[Problem] = []
    free = FreeNames()
    claimed: set[Path] = set()
    for number, whole in enumerate(units):
        unit = chosen_part(whole, choice)
        given = unit.files if destination is None else (*unit.files, *unit.lent)
        sources = [absolute(file) for file in given]
        lent = {absolute(file) for file in unit.lent} if kind is ActionKind.MOVE else set()
        try:
            for file in given:
                refuse_parent_steps(file)
            facts = _checked(sources, roots, claimed)
            require_other_half(unit.stays)
            goals: Mapping[Path, Goal] = {}
            if destination is not None:
                folder = destination / subfolder(sources[0])
                if folder == sources[0].parent or sources[0].is_relative_to(destination):
                    raise FileOperationError(f"{sources[0]}: lies there already")
                goals = unit_goals(sources, folder, free)
        except FileOperationError as error:
            refused.append(Problem(path=unit.path, reason=str(error)))
            continue
        claimed.update(sources)
        for at, source in enumerate(sources):
            meant = ActionKind.LEND if source in lent else kind
            goal = goals.get(source)
            files.append(
                PlannedFile(
                    source=source,
                    target=None if goal is None else goal.target,
                    facts=facts[source],
                    unit=number,
                    kind=meant.where_found if goal is not None and goal.is_there else meant,
                    stays=absolute(unit.stays) if at == 0 and unit.stays is not None else None,
                )
            )
    return FilePlan(
        kind=kind,
        title=title,
        roots=roots,
        destination=destination,
        files=tuple(files),
        refused=tuple(refused),
        choice=choice,
        pair_count=pairs_among(units),
        rendered=_rendered(units),
    )


def _checked(
    sources: Sequence[Path], roots: Sequence[Path], claimed: set[Path]
) -> dict[Path, FileFacts]:
    """Look at the files of one photo, or say why the photo cannot go."""
    for source in sources:
        inside(source, roots)
        if source in claimed:
            raise FileOperationError(f"{source}: is in the list already")
    return {source: facts_of(source) for source in sources}


def _folder(folder: Path) -> Path:
    if not os.path.isdir(folder):  # noqa: PTH112 - takes any path-like
        raise FileOperationError(f"{folder} is no folder")
    return absolute(folder)


def _photos(units: Sequence[PhotoUnit], choice: PairChoice) -> str:
    """Count photos; `value_texts` of the window knows these forms."""
    count = "1 photo" if len(units) == 1 else f"{len(units)} photos"
    if choice is PairChoice.BOTH or not pairs_among(units):
        return count
    half = "RAW" if choice is PairChoice.RAW else _rendered(units)
    return f"{count} (of pairs only the {half})"


def _rendered(units: Sequence[PhotoUnit]) -> str:
    return "/".join(rendered_formats(units)) or "JPEG"
