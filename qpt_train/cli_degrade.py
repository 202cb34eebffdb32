"""`qpt-train degrade`: look at the degradation space."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("degrade")(degrade)


def degrade(
    photo: Annotated[Path, typer.Argument(help="Photo to degrade; the larger, the better.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the sheets; made if missing.")],
    seed: Annotated[int, typer.Option(help="Decides angles, noise and the chains drawn.")] = 0,
    chains: Annotated[int, typer.Option(min=1, max=240, help="Random chains to show.")] = 36,
    side: Annotated[int, typer.Option(min=64, max=512, help="Pixels of the square shown.")] = 160,
) -> None:
    """Write contact sheets of every degradation and of random chains on one photo.

    operators.png shows every degradation at every severity with its parameter, chains.png random
    chains with their steps, chains.jsonl the same chains for replaying. The photo is fitted to
    three times the side first, and the middle of it is shown at its pixels.
    """
    from qpt_train.degradations.chain import draw_chains
    from qpt_train.degradations.contact_sheet import chain_sheet, operator_sheet
    from qpt_train.degradations.sheet_files import middle_crop, write_png, write_text
    from qpt_train.degradations.space import default_space, describe_space

    crop = middle_crop(photo, side)
    drawn = draw_chains(
        seed, 0, [number // 2 for number in range(chains)], [number % 2 for number in range(chains)]
    )
    lines = "".join(chain.to_json() + "\n" for chain in drawn)
    typer.echo(describe_space(default_space()))
    for path in (
        write_png(out / "operators.png", operator_sheet(crop, seed=seed)),
        write_png(out / "chains.png", chain_sheet(crop, drawn)),
        write_text(out / "chains.jsonl", lines),
    ):
        typer.echo(str(path))
