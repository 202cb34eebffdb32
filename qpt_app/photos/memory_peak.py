"""How much memory processes have held at most, as far as the system tells."""

import sys
from pathlib import Path

_MB = 1e6


def own_peak_mb() -> float | None:
    """Return the peak resident memory of this process in megabytes; None on Windows."""
    peak = peak_mb("self")
    if peak is not None or sys.platform == "win32":
        return peak
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere (getrusage(2)).
    return largest / _MB if sys.platform == "darwin" else largest * 1024 / _MB


def peak_mb(process: int | str) -> float | None:
    """Return the peak resident memory of a process in megabytes; None but on Linux.

    Args:
        process: a process id, or `self`.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in lines.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / _MB
    return None
