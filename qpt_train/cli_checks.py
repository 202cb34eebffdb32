"""`qpt-train reliability`, `recalibrate`, `size-study`, `worst`: what a model card rests on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qpt_train.cli_evaluate import (
    BatchOption,
    DataOption,
    DeviceOption,
    ModelOption,
    OutOption,
    SeedOption,
    WeightsOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from qpt_train.heldout_scores import HeldoutScores
    from qpt_train.subjects import Subject

PredictionsOption = Annotated[
    Path | None,
    typer.Option(help="Folder of `evaluate --out` for this model; scored again without it."),
]
FoldersOption = Annotated[
    list[Path], typer.Option("--photos", help="Folder of large clean photos; may be given again.")
]
CountOption = Annotated[int, typer.Option(min=1, help="Photos drawn from the folders.")]
SideOption = Annotated[int, typer.Option(min=1, help="Least long side of a photo, in pixels.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("reliability")(reliability_command)
    app.command("recalibrate")(recalibrate_command)
    app.command("size-study")(size_study_command)
    app.command("worst")(worst_command)


def reliability_command(
    model: ModelOption,
    data: DataOption,
    predictions: PredictionsOption = None,
    out: OutOption = None,
    weights: WeightsOption = "best",
    device: DeviceOption = "auto",
    batch_size: BatchOption = None,
    workers: WorkersOption = 2,
    seed: SeedOption = 0,
) -> None:
    """Check uncertainty and probabilities of pairs on held-out photos outside their fit."""
    from qpt_train.evaluate import groups_of_tested
    from qpt_train.out_folder import make_folder
    from qpt_train.reliability import measure_reliability
    from qpt_train.reliability_report import reliability_markdown, write_reliability
    from qpt_train.subjects import load_subject

    if out is not None:
        make_folder(out)
    subject = load_subject(model, device=device, batch_size=batch_size, weights=weights)
    scored = _heldout(subject, data, predictions, out, workers)
    photos = scored.photos
    result = measure_reliability(
        scored.raw_scores,
        photos.tested,
        groups_of_tested(photos, cache_folder=out),
        model=scored.subject.label,
        data=photos.data_name,
        split_hash=photos.split_hash,
        seed=seed,
    )
    typer.echo(reliability_markdown(result))
    if out is not None:
        for path in write_reliability(out, result):
            typer.echo(f"wrote {path}", err=True)


def recalibrate_command(
    model: ModelOption,
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Model file to write (.safetensors).")],
    predictions: PredictionsOption = None,
    device: DeviceOption = "auto",
    batch_size: BatchOption = None,
    workers: WorkersOption = 2,
) -> None:
    """Fit a model file's calibration again on its held-out photos; its weights stay the same.

    For a file of an earlier qpt, whose calibration holds less than `export` fits today.
    """
    from qpt_app.core.model_library import find_model
    from qpt_train.heldout_scores import recalibrate
    from qpt_train.subjects import load_subject

    path = find_model(model)  # a run has no calibration yet
    subject = load_subject(str(path), device=device, batch_size=batch_size)
    scored = _heldout(subject, data, predictions, None, workers)
    metadata = recalibrate(path, scored, out)
    typer.echo(f"{out}: {metadata.name}, {metadata.encoder}, sha256 {metadata.digest}")


def _heldout(
    subject: "Subject", data: Path, predictions: Path | None, out: Path | None, workers: int
) -> "HeldoutScores":
    """Score the photos that a model's training held out, or read the scores from an evaluation."""
    from tqdm import tqdm

    from qpt_train.heldout_scores import score_heldout

    with tqdm(unit="photo", dynamic_ncols=True, disable=predictions is not None) as bar:
        return score_heldout(
            subject,
            data,
            predictions=predictions,
            cache_folder=out,
            workers=workers,
            on_photo=bar.update,
        )


def size_study_command(
    model: ModelOption,
    photos: FoldersOption,
    count: CountOption = 16,
    smallest_side: SideOption = 2000,
    out: OutOption = None,
    weights: WeightsOption = "best",
    device: DeviceOption = "auto",
    batch_size: BatchOption = None,
    seed: SeedOption = 0,
) -> None:
    """Measure how the score moves with a photo's size, native noise and native blur."""
    from tqdm import tqdm

    from qpt_train.out_folder import make_folder
    from qpt_train.size_study import choose_large_photos, measure_size_study
    from qpt_train.size_study_report import size_study_markdown, write_size_study
    from qpt_train.subjects import load_subject

    if out is not None:
        make_folder(out)
    paths = choose_large_photos(photos, count=count, smallest_side=smallest_side, seed=seed)
    subject = load_subject(model, device=device, batch_size=batch_size, weights=weights)
    with tqdm(total=len(paths), unit="photo", dynamic_ncols=True) as bar:
        result = measure_size_study(
            subject.scorer,
            paths,
            label=subject.label,
            smallest_side=smallest_side,
            seed=seed,
            on_photo=bar.update,
        )
    typer.echo(size_study_markdown(result))
    if out is not None:
        for path in write_size_study(out, result):
            typer.echo(f"wrote {path}", err=True)


def worst_command(
    predictions: Annotated[Path, typer.Option(help="Folder of `evaluate --out`, or its table.")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder for sheet and table; not in a repository.")],
    count: Annotated[int, typer.Option(min=1, max=500, help="How many photos.")] = 50,
    columns: Annotated[int, typer.Option(min=1, max=50, help="Pictures side by side.")] = 10,
    side: Annotated[int, typer.Option(min=64, max=512, help="Pixels of a picture.")] = 200,
) -> None:
    """Show the photos on which the model and people differ most, the worst first.

    Writes worst.png and worst.csv. Official test photos are refused.
    """
    from qpt_train.data.mos_sets import load_mos_set
    from qpt_train.degradations.sheet_files import write_png, write_text
    from qpt_train.out_folder import make_folder
    from qpt_train.predictions import read_predictions
    from qpt_train.worst_errors import error_sheet, errors_csv, refuse_repository, worst_errors

    refuse_repository(out)
    make_folder(out)
    items = load_mos_set(data, part="train").items
    found = worst_errors(items, read_predictions(predictions), count=count)
    typer.echo(write_text(out / "worst.csv", errors_csv(found)))
    typer.echo(write_png(out / "worst.png", error_sheet(found, side=side, columns=columns)))
