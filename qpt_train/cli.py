"""`qpt-train`: the command line of the training code."""

import importlib
import sys
from typing import Annotated

import typer

from qpt_app import __version__
from qpt_app.errors import QptError

app = typer.Typer(
    name="qpt-train",
    help="Pre-train, fine-tune, evaluate and export photo-quality encoders.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMAND_MODULES = (
    "qpt_train.cli_pretrain",
    "qpt_train.cli_finetune",
    "qpt_train.cli_fit_head",
    "qpt_train.cli_evaluate",
    "qpt_train.cli_checks",
    "qpt_train.cli_degrade",
)
"""Each has `register(app)`, which adds its commands."""


def _print_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"qpt-train {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Pre-train, fine-tune, evaluate and export photo-quality encoders."""


for _module in COMMAND_MODULES:
    importlib.import_module(_module).register(app)


def run() -> None:
    """Run the command line; an expected error is one line and an exit code."""
    try:
        app()
    except QptError as error:
        typer.echo(f"qpt-train: {own_words(error)}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("qpt-train: interrupted", err=True)
        sys.exit(130)


def own_words(error: QptError) -> str:
    """Return an error's message without the traceback that a torch decoding worker wraps it in."""
    text = str(error)
    if "Original Traceback" not in text:
        return text
    return text.rstrip().splitlines()[-1].partition(": ")[2] or text
