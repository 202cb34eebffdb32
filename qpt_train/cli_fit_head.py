"""`qpt-train fit-head`: a new head with scene statistics on a finished encoder."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from qpt_train.cli_finetune import checked_bits, show_export

if TYPE_CHECKING:
    from tqdm import tqdm


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fit-head")(fit_head_command)


def fit_head_command(
    model: Annotated[Path, typer.Option(help="Model file whose encoder is kept.")],
    data: Annotated[Path, typer.Option(help="The labelled set that it was trained on.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the model file is written there.")],
    name: Annotated[str, typer.Option(help="Name of the new model.")],
    photos: Annotated[
        list[Path] | None,
        typer.Option(help="Photos without labels for degraded pairs; may be repeated."),
    ] = None,
    unseen: Annotated[
        list[Path] | None,
        typer.Option(help="Photos to test on later: what resembles them makes no pair."),
    ] = None,
    recipe: Annotated[str, typer.Option(help="Recipe name or TOML file.")] = "head",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override, such as members=3.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the weights; without it, the model's own.")
    ] = None,
    weights_bits: Annotated[
        int, typer.Option(help="16: half precision; 8: per channel, if scores hardly move.")
    ] = 16,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    num_workers: Annotated[int, typer.Option(min=0, help="Decoding processes.")] = 2,
) -> None:
    """Fit a new quality head to a model's encoder and to scene statistics, and write the model.

    Measuring the photos takes longest; it is kept in the run's folder, and a command given again
    goes on where it was stopped.
    """
    from tqdm import tqdm

    from qpt_app.core.idle_threads import let_idle_threads_sleep

    let_idle_threads_sleep()  # before torch is loaded
    from qpt_app.core.model_metadata import read_metadata
    from qpt_app.core.torch_scorer import choose_device
    from qpt_app.errors import UsageError
    from qpt_train.config import load_recipe
    from qpt_train.data.manifest import scan_photos
    from qpt_train.data.mos_sets import load_mos_set
    from qpt_train.export import export_run
    from qpt_train.head_config import HeadRecipe
    from qpt_train.out_folder import make_folder
    from qpt_train.refit_head import RefitOptions, refit_head

    bits = checked_bits(weights_bits)
    path = out / f"{name}.safetensors"
    if path.resolve() == model.resolve():
        raise UsageError(f"{path} is the model itself; choose another --out or --name")
    make_folder(out)
    terms = read_metadata(model).licence if licence is None else licence
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = load_recipe(recipe, HeadRecipe, set_ or [])
    with tqdm(unit="photo", dynamic_ncols=True) as bar:
        refit = refit_head(
            model,
            load_mos_set(data, part="all"),
            scan_photos(photos) if photos else None,
            config,
            RefitOptions(
                out=out,
                device=choose_device(device),
                num_workers=num_workers,
                on_measured=partial(_show_measured, bar),
                on_member=lambda number, loss: tqdm.write(f"head {number + 1}: loss {loss:.4f}"),
            ),
            unseen=scan_photos(unseen) if unseen else None,
        )
    metadata, parity = export_run(
        refit.run,
        refit.split,
        path,
        name=name,
        licence=terms,
        notes=refit.notes,
        num_workers=num_workers,
        weight_bits=bits,
        progress=True,
    )
    show_export(path, metadata, parity)


def _show_measured(bar: "tqdm[NoReturn]", what: str, count: int, total: int) -> None:
    """Move the progress bar, which starts again where something else is measured."""
    if bar.desc != f"{what}: ":
        bar.reset(total)
        bar.set_description(what)
    bar.update(count)
