"""`qpt-train finetune` and `qpt-train export`."""

import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from qpt_train.stop_flag import SIGTERM_EXIT_CODE, StopFlag

if TYPE_CHECKING:
    from tqdm import tqdm

    from qpt_app.core.model_metadata import ModelMetadata
    from qpt_app.core.weight_storage import WeightBits
    from qpt_train.data.labelled_split import LabelledSplit
    from qpt_train.export import Parity

DEFAULT_LICENCE = "Apache-2.0"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("finetune")(finetune_command)
    app.command("export")(export_command)


def finetune_command(
    data: Annotated[Path, typer.Option(help="Labelled set: a folder or a path,mos CSV.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    recipe: Annotated[str, typer.Option(help="Recipe name or TOML file.")] = "finetune-small",
    init: Annotated[
        Path | None, typer.Option(help="Weights to start from; random ones without it.")
    ] = None,
    same_split_as: Annotated[
        Path | None,
        typer.Option(help="A model file or run whose split is used again, such as that of --init."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override, such as epochs=3.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the newest checkpoint.")] = False,
    max_minutes: Annotated[
        float | None, typer.Option(help="Save and stop cleanly after this time.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    num_workers: Annotated[int, typer.Option(min=0, help="Decoding processes.")] = 2,
) -> None:
    """Train a quality model on human scores."""
    from tqdm import tqdm

    from qpt_app.core.idle_threads import let_idle_threads_sleep

    let_idle_threads_sleep()  # before torch is loaded
    from qpt_app.core.torch_scorer import choose_device
    from qpt_train.config import load_recipe
    from qpt_train.data.labelled_split import split_labelled
    from qpt_train.data.mos_sets import load_mos_set
    from qpt_train.finetune import finetune
    from qpt_train.finetune_config import FinetuneRecipe
    from qpt_train.finetune_state import RunOptions
    from qpt_train.out_folder import make_folder
    from qpt_train.subjects import training_of
    from qpt_train.weight_averaging import recorded_split, require_unseen

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = load_recipe(recipe, FinetuneRecipe, set_ or [])
    make_folder(out)
    recorded = None if same_split_as is None else recorded_split(same_split_as, config.split)
    split = split_labelled(load_mos_set(data), config.split, recorded=recorded, cache_folder=out)
    if init is not None:
        require_unseen(training_of(init).get("split"), split.description, init)
    _show_split(split)
    stop = StopFlag()
    with tqdm(unit="step", dynamic_ncols=True) as bar:
        summary = finetune(
            config,
            split,
            RunOptions(
                out=out,
                device=choose_device(device),
                num_workers=num_workers,
                resume=resume,
                init=init,
                max_minutes=max_minutes,
                should_stop=stop,
                on_step=partial(_show_step, bar),
            ),
        )
    typer.echo(
        f"{'finished' if summary.finished else 'stopped'} at step {summary.step} of "
        f"{summary.total_steps}; validation SRCC best {summary.best_validation_srcc:.4f} "
        f"(epoch {summary.best_epoch}), last {summary.last_validation_srcc:.4f}"
    )
    if stop() and not summary.finished:
        sys.exit(SIGTERM_EXIT_CODE)


def _show_split(split: "LabelledSplit") -> None:
    """Tell which photos train, choose and are held out."""
    for key, value in split.description.items():
        if key not in ("assignment", "parts"):  # a letter per photo
            typer.echo(f"split {key}: {value}", err=True)


def _show_step(bar: "tqdm[NoReturn]", step: int, total: int, loss: float) -> None:
    """Move the progress bar."""
    if bar.total != total:
        bar.reset(total)
        bar.initial = step - 1
    bar.n = step
    bar.set_postfix(loss=f"{loss:.3f}")


def export_command(
    run: Annotated[Path, typer.Option(help="Folder of the fine-tuning run.")],
    data: Annotated[Path, typer.Option(help="The labelled set it was trained on.")],
    out: Annotated[Path, typer.Option(help="Model file to write (.safetensors).")],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    weights: Annotated[str, typer.Option(help="best or last.")] = "best",
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = DEFAULT_LICENCE,
    data_note: Annotated[str, typer.Option(help="What the data are and their terms.")] = "",
    init_note: Annotated[
        str | None, typer.Option(help="What the run started from; as its log tells, if left out.")
    ] = None,
    average_with: Annotated[
        Path | None,
        typer.Option(
            help="A run started from this one or from the same weights, or a model file that this "
            "one was started from; their weights are averaged."
        ),
    ] = None,
    average_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The other one's part in the average.")
    ] = 0.5,
    weights_bits: Annotated[
        int, typer.Option(help="16: half precision; 8: per channel, if scores hardly move.")
    ] = 16,
    num_workers: Annotated[int, typer.Option(min=0)] = 2,
) -> None:
    """Calibrate a run on its held-out photos and write a model file."""
    from qpt_train import weight_averaging
    from qpt_train.data.mos_sets import load_mos_set
    from qpt_train.export import export_run, load_run, remake_split, started_from

    bits = checked_bits(weights_bits)
    finished = load_run(run, weights=weights)
    notes = {"data": data_note, "init": started_from(run) if init_note is None else init_note}
    if average_with is not None:
        finished, notes["averaged"] = weight_averaging.average_with(
            finished, average_with, average_share, weights=weights
        )
    split = remake_split(finished, load_mos_set(data), run)
    metadata, parity = export_run(
        finished,
        split,
        out,
        name=name,
        licence=licence,
        notes={**notes, "data": data_note or split.description["set"]},
        num_workers=num_workers,
        weight_bits=bits,
        progress=True,
    )
    show_export(out, metadata, parity)


def checked_bits(bits: int) -> "WeightBits":
    """Return the bits of a weight that were asked for.

    Raises:
        UsageError: for other numbers than 8 and 16.
    """
    from qpt_app.errors import UsageError

    if bits not in (8, 16):
        raise UsageError(f"--weights-bits is 8 or 16, not {bits}")
    return 8 if bits == 8 else 16


def show_export(path: Path, metadata: "ModelMetadata", parity: "Parity") -> None:
    """Tell what was written, and how far its scores are from the run's."""
    typer.echo(
        f"{metadata.weights} weights move {parity.photos} scores by {parity.mean_points:.4f} "
        f"points on average, {parity.largest_points:.4f} at most"
    )
    typer.echo(f"{path}: {metadata.name}, {metadata.encoder}, sha256 {metadata.digest}")
