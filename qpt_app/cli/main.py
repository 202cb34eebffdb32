"""`qpt`: the command line. Parses, calls one use case, prints; the edge that turns errors to exits.

Nothing heavy is imported here or by a command module: `qpt --help` stays instant.
"""

import contextlib
import importlib
import io
import os
import sys
from typing import Annotated, Any

import typer

from qpt_app import __version__
from qpt_app.cli.console import say
from qpt_app.cli.output import flush_standard_output
from qpt_app.errors import QptError

INTERRUPTED = 130
"""Exit code of a run that was stopped by Ctrl-C or SIGTERM."""

COMMAND_MODULES = (
    "qpt_app.cli.score_command",
    "qpt_app.cli.models_command",
    "qpt_app.cli.cache_command",
    "qpt_app.cli.bench_command",
    "qpt_app.cli.doctor_command",
    "qpt_app.cli.gui_command",
    "qpt_app.cli.xmp_commands",
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


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; an error is one line on stderr and an exit code.

    Args:
        arguments: what follows the program's name; the process' own by default.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not stop the program
    code = _exit_code_of(arguments)
    sys.exit(flush_standard_output(code))


def _exit_code_of(arguments: list[str] | None) -> int:
    """Run the app and return its exit code, whatever happens."""
    try:
        app(args=arguments, prog_name="qpt")
    except SystemExit as stop:
        return _code(stop.code)
    except QptError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the process' edge: one line instead of a traceback)
        _report_unexpected(error)
        return 1
    return 0


def _code(code: Any) -> int:
    """Turn what SystemExit holds into an exit code."""
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def _report_unexpected(error: Exception) -> None:
    """Say in one line what went wrong and how to report it; the traceback only if wanted."""
    if os.environ.get("QPT_DEBUG") or {"-v", "--verbose"} & set(sys.argv[1:]):
        import traceback

        with contextlib.suppress(OSError):
            traceback.print_exception(error)
    detail = " ".join(str(error).split()) or "no message"
    say(
        f"unexpected error: {type(error).__name__}: {detail} "
        "(please report it with the output of `qpt doctor` and of this command under QPT_DEBUG=1)"
    )


if __name__ == "__main__":
    run()
