"""`qpt-train pretrain`, `probe`, `ablate`, `curves`, `export-encoder`, `pack` and `bench`."""

import json
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from qpt_app.core.idle_threads import let_idle_threads_sleep
from qpt_train.stop_flag import SIGTERM_EXIT_CODE, StopFlag

if TYPE_CHECKING:
    from tqdm import tqdm

    from qpt_app.core.encoder import Encoder
    from qpt_train.pretrain import PretrainSummary

Set = Annotated[list[str] | None, typer.Option("--set", help="Override, such as batch.images=64.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("pretrain")(pretrain_command)
    app.command("probe")(probe_command)
    app.command("ablate")(ablate_command)
    app.command("curves")(curves_command)
    app.command("export-encoder")(export_encoder_command)
    app.command("pack")(pack_command)
    app.command("bench")(bench_command)


def pretrain_command(
    photos: Annotated[
        list[Path], typer.Option(help="Folder of photos or tar parts; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    recipe: Annotated[str, typer.Option(help="Recipe name or TOML file.")] = "qpt-small",
    init: Annotated[
        Path | None, typer.Option(help="Encoder weights to start from; random without it.")
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="Labelled set for the online probe.")] = None,
    set_: Set = None,
    resume: Annotated[bool, typer.Option(help="Go on from the newest checkpoint.")] = False,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Save and stop cleanly after this time.")
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0, help="Time between two checkpoints.")
    ] = 10.0,
    keep: Annotated[int, typer.Option(min=2, help="Newest checkpoints kept.")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    num_workers: Annotated[
        int, typer.Option(min=0, help="Decoding processes of each process.")
    ] = 2,
) -> None:
    """Pre-train an encoder on photos without labels.

    On several GPUs: torchrun --nproc-per-node N -m qpt_train pretrain ...
    """
    let_idle_threads_sleep()
    from tqdm import tqdm

    from qpt_train.config import load_recipe
    from qpt_train.distributed import local_device, process_group
    from qpt_train.pretrain import PretrainOptions, pretrain
    from qpt_train.pretrain_config import PretrainRecipe

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = load_recipe(recipe, PretrainRecipe, set_ or [])
    place = local_device(device)
    stop = StopFlag()
    with (
        process_group(place) as ranks,
        tqdm(unit="step", dynamic_ncols=True, disable=not ranks.is_first) as bar,
    ):
        summary = pretrain(
            config,
            PretrainOptions(
                photos=tuple(photos),
                out=out,
                device=place,
                ranks=ranks,
                num_workers=num_workers,
                resume=resume,
                init=init,
                probe=probe,
                max_minutes=max_minutes,
                checkpoint_minutes=checkpoint_minutes,
                keep=keep,
                should_stop=stop,
                on_step=partial(_show_step, bar, config.rows),
            ),
        )
    if ranks.is_first:
        typer.echo(_summary_line(summary))
    if stop() and not summary.finished:
        sys.exit(SIGTERM_EXIT_CODE)


def _show_step(bar: "tqdm[NoReturn]", rows: int, step: int, total: int, loss: float) -> None:
    """Move the progress bar of a run whose steps have so many rows."""
    if bar.total != total:
        bar.reset(total)
        bar.initial = step
    bar.n = step
    rate = rows * (step - bar.initial) / max(1e-9, bar.format_dict["elapsed"])
    bar.set_postfix(loss=f"{loss:.3f}", pairs_per_s=f"{rate:.0f}")


def _summary_line(summary: "PretrainSummary") -> str:
    """Return how a run ended, for a person."""
    parts = [
        f"{'finished' if summary.finished else 'stopped'} at step {summary.step} of "
        f"{summary.total_steps}",
        f"loss {summary.loss:.4f}",
        f"{summary.pairs_per_second:.1f} pairs/s",
    ]
    if summary.probe_srcc is not None:
        parts.append(f"probe SRCC {summary.probe_srcc:.4f}")
    if summary.skipped_photos:
        parts.append(f"{summary.skipped_photos} photos skipped (listed in the log)")
    return "; ".join(parts)


def probe_command(
    data: Annotated[Path, typer.Option(help="Labelled set; its official test part is left out.")],
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Run, checkpoint or encoder weights; may be repeated."),
    ] = None,
    encoder: Annotated[str, typer.Option(help="Encoder name.")] = "regnet_x_400mf",
    untrained: Annotated[
        list[int] | None, typer.Option(help="Seed of an untrained encoder; may be repeated.")
    ] = None,
    crop_size: Annotated[int, typer.Option(min=32, help="Side of the crops in pixels.")] = 224,
    crops: Annotated[int, typer.Option(help="Crops per photo: 1, 2 or 4.")] = 4,
    photos: Annotated[int, typer.Option(min=0, help="At most this many photos; 0 for all.")] = 0,
    screen_side: Annotated[int, typer.Option(min=0, help="Larger photos are fitted to it.")] = 720,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Ridge regression on frozen features, five folds: what an encoder knows of quality."""
    let_idle_threads_sleep()
    from qpt_app.core.encoder import build_encoder
    from qpt_train.batch_norm_statistics import settle_batch_norm
    from qpt_train.distributed import local_device
    from qpt_train.encoder_weights import load_encoder_weights
    from qpt_train.probe import load_probe_set, probe_batches, probe_encoder
    from qpt_train.randomness import seed_initialisation

    place = local_device(device)
    probe_set = load_probe_set(
        data, photos=photos, crops=crops, crop_size=crop_size, screen_side=screen_side
    )

    def show(name: str, network: "Encoder") -> None:
        result = probe_encoder(network, probe_set, place)
        typer.echo(
            json.dumps(
                {
                    "encoder": name,
                    "photos": len(probe_set.mos),
                    "srcc": round(result.srcc, 4),
                    "within_subsets": result.within_subsets and round(result.within_subsets, 4),
                }
            )
        )

    for path in weights or []:
        network = build_encoder(encoder).to(place)
        load_encoder_weights(network, path)
        show(str(path), network)
    for seed in untrained or []:
        seed_initialisation(seed)
        network = build_encoder(encoder).to(place)
        settle_batch_norm(network, probe_batches(probe_set, place))
        show(f"untrained, seed {seed}", network)


def ablate_command(
    photos: Annotated[list[Path], typer.Option(help="Folder of photos or tar parts.")],
    probe: Annotated[Path, typer.Option(help="Labelled set that the rows are compared on.")],
    out: Annotated[Path, typer.Option(help="Folder of all runs and the table.")],
    recipe: Annotated[str, typer.Option(help="Recipe name or TOML file.")] = "qpt-small",
    set_: Set = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    num_workers: Annotated[int, typer.Option(min=0, help="Decoding processes.")] = 2,
) -> None:
    """Run the ablations one after the other and print their table.

    Started again with the same --out it goes on where it was stopped.
    """
    let_idle_threads_sleep()
    from tqdm import tqdm

    from qpt_train.ablate import AblationOptions, ablate, markdown_table
    from qpt_train.distributed import local_device

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = StopFlag()
    with tqdm(unit="step", dynamic_ncols=True) as bar:

        def show(name: str, step: int, total: int, loss: float) -> None:
            bar.set_description(name)
            bar.total, bar.n = total, step
            bar.set_postfix(loss=f"{loss:.3f}")

        rows = ablate(
            recipe,
            list(set_ or []),
            AblationOptions(
                photos=tuple(photos),
                probe=probe,
                out=out,
                device=local_device(device),
                num_workers=num_workers,
                should_stop=stop,
                on_step=show,
            ),
        )
    typer.echo(markdown_table(rows), nl=False)
    if stop():
        sys.exit(SIGTERM_EXIT_CODE)


def curves_command(
    run: Annotated[list[Path], typer.Option(help="Folder of a run; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Picture to write (.png).")],
) -> None:
    """Draw the loss of pre-training runs, and what would show a collapse, as a picture."""
    from qpt_app.core.atomic_write import atomic_write
    from qpt_train.curves import curves_png

    atomic_write(out, curves_png({folder.name: folder for folder in run}))
    typer.echo(str(out))


def export_encoder_command(
    run: Annotated[Path, typer.Option(help="Folder of the pre-training run, or a checkpoint.")],
    out: Annotated[Path, typer.Option(help="File to write (.safetensors).")],
    branch: Annotated[str, typer.Option(help="encoder or momentum.")] = "encoder",
    half: Annotated[bool, typer.Option(help="float16: half the size.")] = False,
    shard_mb: Annotated[
        float, typer.Option(min=0, help="Split into files of at most this many MB; 0 for one.")
    ] = 0.0,
) -> None:
    """Write the encoder with torchvision's state-dict names."""
    from qpt_train.export_encoder import export_encoder

    for path in export_encoder(run, out, branch=branch, half=half, shard_mb=shard_mb):
        typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def pack_command(
    photos: Annotated[list[Path], typer.Argument(help="Folders of photos.")],
    out: Annotated[Path, typer.Option(help="Folder for the tar parts.")],
    part_mb: Annotated[float, typer.Option(min=1, help="Largest size of a part in MB.")] = 1000.0,
) -> None:
    """Pack photos, byte for byte, into tar parts that `pretrain --photos` reads."""
    from qpt_train.data.manifest import WHOLE_FILE, scan_photos
    from qpt_train.data.tar_shards import pack_photos

    manifest = scan_photos(photos)
    places = (manifest[number] for number in range(len(manifest)))
    listed = ((place.name, place.path) for place in places if place.offset == WHOLE_FILE)
    for path, count in pack_photos(listed, out, part_bytes=int(part_mb * 1_000_000)):
        typer.echo(f"{path}: {count} photos, {path.stat().st_size / 1e6:.1f} MB")


def bench_command(
    photos: Annotated[list[Path], typer.Option(help="Folder of photos or tar parts.")],
    recipe: Annotated[str, typer.Option(help="Recipe name or TOML file.")] = "qpt-small",
    set_: Set = None,
    steps: Annotated[int, typer.Option(min=1, help="Timed steps.")] = 10,
    warmup: Annotated[int, typer.Option(min=1, help="Steps before the clock starts.")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    num_workers: Annotated[int, typer.Option(min=0, help="Decoding processes.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Measure pairs/s of each part of pre-training and the share of the bound reached."""
    let_idle_threads_sleep()
    import dataclasses

    from qpt_train.bench import BenchOptions, bench, report
    from qpt_train.config import load_recipe
    from qpt_train.distributed import local_device
    from qpt_train.pretrain_config import PretrainRecipe

    result = bench(
        load_recipe(recipe, PretrainRecipe, set_ or []),
        BenchOptions(
            photos=tuple(photos),
            device=local_device(device),
            num_workers=num_workers,
            steps=steps,
            warmup=warmup,
        ),
    )
    typer.echo(json.dumps(dataclasses.asdict(result)) if as_json else report(result))
