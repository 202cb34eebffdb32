"""What `qpt xmp` does: finds the photos, calls the library, prints one row per photo."""

import base64
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qpt_app.cli.console import say
from qpt_app.cli.data_folder import data_folder
from qpt_app.cli.output import StandardOutput
from qpt_app.cli.path_arguments import expand_paths
from qpt_app.decisions.decision import KEEP, DecisionChange, Flag, Keep, Label
from qpt_app.decisions.photo_unit import PhotoUnit, find_units
from qpt_app.decisions.rating_table import read_rating_table
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_check import ProgramView, check_photo
from qpt_app.decisions.xmp_exchange import RatingRequest, RatingResult
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile
from qpt_app.decisions.xmp_sources import newest, read_sources
from qpt_app.decisions.xmp_values import decision_of, rating_of
from qpt_app.errors import UsageError
from qpt_app.photos.export import json_text
from qpt_app.photos.pairs import pair_files
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.safe_text import terminal_text
from qpt_app.photos.scan import ScanOptions, scan_paths

NO_PHOTOS = 1
NOTHING_WRITTEN = 1
SOME_FAILED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteOptions:
    """The options of `qpt xmp write`."""

    stars: int | None
    flag: str | None
    label: str | None
    table: Path | None
    root: Path
    with_scores: bool
    profile: str
    embed: bool
    overwrite: bool
    dry_run: bool
    recursive: bool
    label_names: str | None
    data_folder: Path | None


def run_read(
    arguments: Sequence[str], *, recursive: bool, as_json: bool, label_names: str | None
) -> int:
    """Print what each photo's XMP says; return the exit code."""
    names = _label_names(label_names)
    photos = _photos(arguments, recursive)
    failed = False
    for photo in photos:
        sources = read_sources(photo)
        problems = [source.problem for source in sources if source.problem]
        failed = failed or bool(problems)
        best = newest(sources)
        decision = None if best is None else decision_of(best.properties, names)
        row: dict[str, object] = {
            **_path_fields(photo),
            "rating": None if best is None else rating_of(best.properties),
            "stars": None if decision is None else decision.stars,
            "flag": None if decision is None else decision.flag.value,
            "label": None if decision is None or decision.label is None else decision.label.value,
            "source": None if best is None else best.place.value,
            "problems": problems,
        }
        if as_json:
            _print_json(row)
        else:
            shown = "no rating"
            if best is not None and decision is not None:
                label = f", {decision.label.value} label" if decision.label else ""
                picked = ", pick" if decision.is_picked else ""
                stars = _rating_text(rating_of(best.properties))
                shown = f"{stars}{picked}{label} ({best.place.value})"
            _print("; ".join([f"{photo}: {shown}", *(str(problem) for problem in problems)]))
    return _code(photos, failed)


def run_check(
    arguments: Sequence[str], *, recursive: bool, as_json: bool, label_names: str | None
) -> int:
    """Print which program sees what; return the exit code."""
    names = _label_names(label_names)
    photos = _photos(arguments, recursive)
    failed = False
    for photo in photos:
        found = check_photo(photo, names)
        failed = failed or any(source.problem for source in read_sources(photo))
        if as_json:
            views = [_view_fields(view) for view in found.views]
            _print_json({**_path_fields(photo), "views": views, "warnings": found.warnings})
            continue
        _print(str(photo))
        for view in found.views:
            seen = _rating_text(view.rating) + (f", {view.label}" if view.label else "")
            origin = f"from {view.source.name}" if view.source else "no XMP for it"
            _print(f"  {view.program:<10} {seen:<18} {origin}; {view.why}")
        for warning in found.warnings:
            _print(f"  warning: {warning}")
    return _code(photos, failed)


def run_write(arguments: Sequence[str], options: WriteOptions) -> int:
    """Rate photos and write their XMP; return the exit code.

    Raises:
        UsageError: if the options do not say what to write.
    """
    policy = XmpPolicy(
        profile=XmpProfile(options.profile),
        embed=options.embed,
        overwrite=options.overwrite,
        labels=_label_names(options.label_names),
    )
    requests, unreachable = _requests(arguments, options)
    for row in unreachable:
        say(f"{row.path}: {row.reason}")
    if not requests:
        if not unreachable:
            say("there are no photos")
        return NO_PHOTOS
    with DecisionSession.open(data_folder(options.data_folder), time.time) as session:
        for report in session.recover():
            for problem in report.problems:
                say(f"{problem.path}: {problem.reason}")
        results = session.write_ratings(requests, policy, dry_run=options.dry_run)
    failed = [_report(result, options.dry_run) for result in results]
    if all(failed) and not any(outcome.written for one in results for outcome in one.outcomes):
        return NOTHING_WRITTEN
    return SOME_FAILED if unreachable or any(failed) else 0


def _report(result: RatingResult, dry_run: bool) -> bool:
    """Print what became of one photo; return whether something failed."""
    written = [file for outcome in result.outcomes for file in outcome.written]
    verb = "would write" if dry_run else "wrote"
    done = f"{verb} {', '.join(file.name for file in written)}" if written else "nothing to write"
    _print(f"{result.photo}: {done}")
    if result.kept:
        say(f"{result.photo}: kept {', '.join(result.kept)} (--overwrite replaces)")
    problems = [problem for outcome in result.outcomes for problem in outcome.problems]
    for problem in (*problems, *(note for outcome in result.outcomes for note in outcome.notes)):
        prefix = "" if str(problem.path) in problem.reason else f"{problem.path}: "
        say(f"{prefix}{problem.reason}")
    return bool(problems)


def _requests(
    arguments: Sequence[str], options: WriteOptions
) -> tuple[list[RatingRequest], list[PhotoResult]]:
    """Put together what is to be written, from the table or from the flags.

    The second list has what lies there but cannot be rated, such as a dead link or a closed folder.
    """
    given = (options.stars, options.flag, options.label) != (None, None, None)
    if options.table is None:
        if not given:
            raise UsageError("say what to write: --stars, --flag, --label, or --from FILE")
        if not arguments:
            raise UsageError("name the photos to rate")
        change = DecisionChange(
            stars=KEEP if options.stars is None else options.stars or None,
            flag=KEEP if options.flag is None else Flag(options.flag),
            label=_label_of(options.label),
        )
        units, unreachable = _units(arguments, options.recursive)
        return [RatingRequest(unit=unit, change=change) for unit in units], unreachable
    if given or arguments:
        raise UsageError("--from takes photos and ratings from the table; leave the others out")
    rows = {row.path: row for row in read_rating_table(options.table, options.root)}
    found: list[RatingRequest] = []
    units, unreachable = _units([str(path) for path in rows], recursive=False)
    for unit in units:
        row = rows.get(unit.path) or rows[unit.photos[-1]]
        score = row.score if options.with_scores else None
        found.append(RatingRequest(unit=unit, change=row.change, score=score))
    return found, unreachable


def _label_of(text: str | None) -> Label | Keep | None:
    if text is None:
        return KEEP
    return None if text == "none" else Label(text)


def _units(arguments: Sequence[str], recursive: bool) -> tuple[list[PhotoUnit], list[PhotoResult]]:
    """Find the photos as units, a RAW+JPEG pair is one, and the rows of what cannot be one.

    Raises:
        UsageError: if a named path does not exist.
    """
    pairs: list[tuple[Path, Path | None]] = []
    unreachable: list[PhotoResult] = []
    for entry in pair_files(_entries(expand_paths(arguments, null_separated=False), recursive)):
        if isinstance(entry, PhotoResult):
            unreachable.append(entry)
        else:
            pairs.append((entry.path, entry.companion))
    return find_units(pairs), unreachable


def _photos(arguments: Sequence[str], recursive: bool) -> list[Path]:
    """Find the photos, each file for itself."""
    paths = expand_paths(arguments, null_separated=False)
    return [entry.path for entry in _entries(paths, recursive)]


def _entries(paths: Iterable[Path], recursive: bool) -> Iterator[PhotoFile | PhotoResult]:
    return scan_paths(paths, ScanOptions(recursive=recursive))


def _label_names(text: str | None) -> LabelNames:
    if text is None:
        return LabelNames()
    parts = [part.strip() for part in text.split(",")]
    try:
        red, yellow, green, blue, purple = parts
        return LabelNames(red=red, yellow=yellow, green=green, blue=blue, purple=purple)
    except ValueError as error:
        raise UsageError(
            "--label-names takes five different names: red,yellow,green,blue,purple"
        ) from error


def _path_fields(photo: Path) -> dict[str, object]:
    """The path and, where it is not UTF-8, its bytes in base64."""
    try:
        str(photo).encode()
    except UnicodeEncodeError:
        raw = os.fsencode(photo)
        shown = raw.decode(errors="replace")
        return {"path": shown, "path_b64": base64.b64encode(raw).decode("ascii")}
    return {"path": str(photo)}


def _view_fields(view: ProgramView) -> dict[str, object]:
    return {
        "program": view.program,
        "rating": view.rating,
        "label": view.label,
        "source": None if view.source is None else _path_fields(view.source)["path"],
        "why": view.why,
    }


def _rating_text(rating: int | None) -> str:
    if rating is None:
        return "not rated"
    if rating < 0:
        return "rejected"
    return "1 star" if rating == 1 else f"{rating} stars"


def _print_json(row: dict[str, object]) -> None:
    text = os.fsencode(json_text(row)).decode(errors="replace")  # warnings quote names too
    StandardOutput().write(text.encode() + b"\n")


def _print(line: str) -> None:
    StandardOutput().write(terminal_text(line).encode() + b"\n")


def _code(photos: Sequence[Path], failed: bool) -> int:
    if not photos:
        say("there are no photos")
        return NO_PHOTOS
    return SOME_FAILED if failed else 0
