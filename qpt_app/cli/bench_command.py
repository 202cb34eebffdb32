"""`qpt bench`: how fast this computer scores the photos of a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from qpt_app.cli.options import BatchSize, Device, Model, Recursive, Workers

GUI_BENCH_MODULE = "qpt_app.gui.bench_main"

Folder = Annotated[
    str | None,
    typer.Argument(metavar="FOLDER", help="A folder of typical photos.", show_default=False),
]
Gui = Annotated[
    bool, typer.Option("--gui", help="Measure the desktop program's window instead; no FOLDER.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="bench")(bench)


def bench(
    folder: Folder = None,
    gui: Gui = False,
    recursive: Recursive = False,
    json: AsJson = False,
    model: Model = None,
    device: Device = None,
    batch_size: BatchSize = None,
    workers: Workers = None,
) -> None:
    """Measure photos a second: decoding, preprocessing, the model alone, and end to end.

    The cache is neither read nor written. Memory peaks are in MB. With --gui the real window is
    driven off screen, on photos that are made for it.
    """
    from qpt_app.cli import wiring
    from qpt_app.cli.gui_command import run_gui_program
    from qpt_app.errors import UsageError
    from qpt_app.photos.bench import run_bench
    from qpt_app.photos.export import json_text
    from qpt_app.photos.settings import load_settings

    if gui:
        if folder is not None:
            raise UsageError("--gui makes its own photos; leave out the folder")
        raise typer.Exit(run_gui_program(GUI_BENCH_MODULE, ["--json"] if json else []))
    if folder is None:
        raise UsageError("name a folder of photos to measure with, or use --gui")
    if not Path(folder).is_dir():
        raise UsageError(f"no such folder: {folder}")
    flags = {"model": model, "device": device, "batch_size": batch_size, "workers": workers}
    settings = load_settings(flags=flags).values
    with wiring.open_engine(settings) as engine:
        report = run_bench(
            Path(folder),
            make_scorer=engine.make_scorer,
            make_pool=engine.make_pool,
            identity=engine.identity,
            workers=engine.workers,
            batch_size=settings.batch_size,
            recursive=recursive,
        )
    fields = report.to_dict()
    typer.echo(json_text(fields, indent=2) if json else _text(fields))


def _text(fields: Mapping[str, object]) -> str:
    """Return the report for people: one line a figure."""
    labels = {
        "model": "model",
        "device": "device",
        "workers": "decode processes",
        "photos": "photos",
        "passes": "passes over them",
        "skipped": "not decodable",
        "megapixels": "megapixels, mean",
        "start_s": "start, s",
        "decode_per_s": "decode alone, photos/s",
        "preprocess_per_s": "preprocess alone, photos/s",
        "forward_per_s": "forward alone, photos/s",
        "end_to_end_per_s": "end to end, photos/s",
        "bound_per_s": "bound of the stages, photos/s",
        "share_of_bound": "share of that bound, %",
        "memory_peak_mb": "memory peak, MB",
        "workers_memory_peak_mb": "decode processes' peaks, MB",
    }
    lines = []
    for name, value in fields.items():
        if name == "share_of_bound" and isinstance(value, float):
            value = 100 * value
        shown = f"{value:.1f}" if isinstance(value, float) else value
        lines.append(f"{labels.get(name, name):30}{'unknown' if shown is None else shown}")
    return "\n".join(lines)
