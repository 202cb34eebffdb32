"""`qpt-train pretrain`, `probe`, `export-encoder`, `pack` and `bench`."""

import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

SIGTERM_EXIT_CODE = 143
"""128 + 15: what a shell reports of a program that SIGTERM ended."""

Set = Annotated[list[str] | None, typer.Option("--set", help="Override, such as batch.images=64.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("pretrain")(pretrain_command)


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

        def show(step: int, total: int, loss: float) -> None:
            if bar.total != total:
                bar.reset(total)
                bar.initial = step - 1
            bar.n = step
            rate = config.rows * (bar.format_dict["rate"] or 0.0)
            bar.set_postfix(loss=f"{loss:.3f}", pairs_per_s=f"{rate:.0f}")

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
                on_step=show,
            ),
        )
    if ranks.is_first:
        probed = "" if summary.probe_srcc is None else f"; probe SRCC {summary.probe_srcc:.4f}"
        skipped = f"; {summary.skipped_photos} photos skipped (listed in the log)"
        typer.echo(
            f"{'finished' if summary.finished else 'stopped'} at step {summary.step} of "
            f"{summary.total_steps}; loss {summary.loss:.4f}; "
            f"{summary.pairs_per_second:.1f} pairs/s{probed}"
            + (skipped if summary.skipped_photos else "")
        )
    if stop() and not summary.finished:
        sys.exit(SIGTERM_EXIT_CODE)


class StopFlag:
    """True once SIGTERM came; the loop saves and stops at its next step."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
