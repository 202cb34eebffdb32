"""The Typer app of `qpt`: its commands, each registered by a module of its own.

Nothing heavy is imported here or by a command module: `qpt --help` stays instant.
"""

import importlib
from typing import Annotated

import typer

from qpt_app import __version__

COMMAND_MODULES = (
    "qpt_app.cli.score_command",
    "qpt_app.cli.models_command",
    "qpt_app.cli.cache_command",
    "qpt_app.cli.bench_command",
    "qpt_app.cli.doctor_command",
    "qpt_app.cli.gui_command",
    "qpt_app.cli.xmp_commands",
    "qpt_app.cli.decisions_commands",
)
"""Each has `register(app)`, which adds its commands and imports nothing heavy."""

app = typer.Typer(
    name="qpt",
    help="Rate the quality of photos, 0 to 100, and rank them. Works without any network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"qpt {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Rate the quality of photos, 0 to 100, and rank them. Works without any network."""


for _module in COMMAND_MODULES:
    importlib.import_module(_module).register(app)
