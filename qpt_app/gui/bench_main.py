"""`python -m qpt_app.gui.bench_main [--json]`: what `qpt bench --gui` starts."""

import argparse
import json
import sys
from pathlib import Path

from qpt_app.errors import QptError
from qpt_app.gui.bench import CACHED_PHOTOS, COLD_PHOTOS, RATED, run_gui_bench, summary_lines


def main(arguments: list[str]) -> int:
    """Measure and print; figures on stdout, progress on stderr. Return the exit code."""
    parser = argparse.ArgumentParser(prog="qpt bench --gui", description="Measure the window.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("--photos", type=int, default=COLD_PHOTOS)
    parser.add_argument("--cached", type=int, default=CACHED_PHOTOS)
    parser.add_argument("--rated", type=int, default=RATED)
    parser.add_argument("--engine", choices=("shipped", "none"), default="shipped")
    parser.add_argument("--folder", type=Path, help="where the photos are made")
    chosen = parser.parse_args(arguments)
    try:
        result = run_gui_bench(
            photos=chosen.photos,
            cached=chosen.cached,
            rated=chosen.rated,
            engine=chosen.engine,
            folder=chosen.folder,
            say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
        )
    except QptError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    text = (
        json.dumps(result.to_dict(), indent=2) if chosen.json else "\n".join(summary_lines(result))
    )
    print(text)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
