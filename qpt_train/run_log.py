"""The metrics of a run as JSON lines; a cut last line is tolerated."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class RunLog:
    """Appends one JSON object a line and flushes each; never rewrites."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_cut_line(path)
        self._stream = path.open("a", encoding="utf-8")

    def write(self, event: str, **values: Any) -> None:
        """Append one record: `event` and any JSON values (a non-finite float becomes null)."""
        record = {"event": event, **{name: _plain(value) for name, value in values.items()}}
        self._stream.write(json.dumps(record, allow_nan=False) + "\n")
        self._stream.flush()

    def __enter__(self) -> "RunLog":
        """Return the log itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the file, also after an error."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def read_run_log(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a log; a last line that was cut short is left out."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            yield record


def _plain(value: Any) -> Any:
    """Return a JSON value; not-a-number and infinities become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _end_cut_line(path: Path) -> None:
    """After a crash, start on a new line instead of lengthening a half-written one."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("rb+") as stream:
        stream.seek(-1, 2)
        if stream.read(1) != b"\n":
            stream.write(b"\n")
