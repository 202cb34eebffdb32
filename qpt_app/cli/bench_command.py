"""`qpt bench`: how fast this machine scores the photos of a folder."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command when the benchmark is there."""
