"""PATH arguments -> paths: files and folders, `-` for standard input, `@list` for a list file."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from qpt_app.errors import UsageError


def expand_paths(arguments: Iterable[str], *, null_separated: bool) -> list[Path]:
    """Return the paths that the arguments stand for, in order.

    `-` reads paths from standard input and `@file` from a file, one a line, or ended by NUL bytes
    if `null_separated`. A photo that is itself called `-` or `@file` is named as `./-`; where a
    file with the `@` in its name exists, it is that file. Names are kept byte for byte.

    Raises:
        UsageError: if a list cannot be read.
    """
    paths: list[Path] = []
    for argument in arguments:
        if argument == "-":
            paths += _split(_read_standard_input(), "standard input", null_separated)
        elif argument.startswith("@") and not os.path.lexists(argument):
            paths += _split(_read_list(argument[1:]), argument, null_separated)
        elif not argument:
            raise UsageError("an empty text is not a path")
        else:
            paths.append(Path(argument))
    return paths


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise UsageError("standard input is closed; there are no paths to read")
    return sys.stdin.buffer.read()


def _read_list(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read the list {name!r}: {reason}") from error


def _split(content: bytes, source: str, null_separated: bool) -> list[Path]:
    """Split a list into paths; empty entries are skipped."""
    if null_separated:
        entries = content.split(b"\0")
    elif b"\0" in content:
        raise UsageError(f"{source} holds NUL bytes; add -0 if it is NUL-separated")
    else:
        entries = content.split(b"\n")
        if os.name == "nt":
            entries = [entry.removesuffix(b"\r") for entry in entries]
    return [Path(os.fsdecode(entry)) for entry in entries if entry]
