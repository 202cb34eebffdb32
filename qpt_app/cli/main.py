"""`qpt`: the entry of the program and its edge, where errors become one line and an exit code.

Imports almost nothing before the edge stands: even an early Ctrl-C ends without a traceback.
"""

import errno
import io
import os
import sys
from typing import Any, cast

from qpt_app.errors import QptError

INTERRUPTED = 130
"""Exit code of a run that was stopped by Ctrl-C or SIGTERM."""

_NO_ROOM = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG")} - {None}
"""What writing gives when a disk or a quota is full: not a bug, so nothing to report."""

end_at_once = os._exit
"""Ends the process without taking the interpreter apart. With torch loaded that alone takes about a
second of processor time, too much for an interrupt; everything is closed and flushed by then."""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; an error is one line on stderr and an exit code.

    Args:
        arguments: what follows the program's name; the process' own by default.
    """
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # no child runs what lies in the current folder
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not stop the program
    code = _exit_code_of(arguments)

    from qpt_app.cli.output import flush_standard_output

    code = flush_standard_output(code)
    if code == INTERRUPTED and "torch" in sys.modules:
        end_at_once(code)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Let standard streams that were closed (`qpt ... 2>&-`) lead nowhere.

    Otherwise whatever is opened next, such as a pipe to a decode process, would get their
    descriptors and be written to as if it were they. Standard input stays known as closed.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
        os.set_inheritable(descriptor, True)
        if name != "stdin":
            setattr(sys, name, os.fdopen(descriptor, "w", encoding="utf-8", closefd=False))


def _exit_code_of(arguments: list[str] | None) -> int:
    """Run the app and return its exit code, whatever happens, a Ctrl-C during imports too."""
    try:
        return _run_app(arguments)
    except SystemExit as stop:
        # Typer turns a closed pipe into exit code 1 and keeps the cause as context.
        return 0 if isinstance(stop.__context__, BrokenPipeError) else _code(stop.code)
    except QptError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except OSError as error:
        return _code_of_system_error(error)
    except Exception as error:  # noqa: BLE001 (the process' edge: one line instead of a traceback)
        _report_unexpected(error)
        return 1


def _code_of_system_error(error: OSError) -> int:
    """Say what the system refused; nothing if it is that our reader has gone."""
    from qpt_app.cli.output import reader_of_output_is_gone, says_reader_is_gone

    if error.errno in _NO_ROOM:
        where = f" {error.filename}" if error.filename else ""
        _say(f"error: cannot write{where}: {error.strerror}")
        return 1
    if says_reader_is_gone(error) and reader_of_output_is_gone():
        return 0
    _report_unexpected(error)
    return 1


def _run_app(arguments: list[str] | None) -> int:
    """Run the app; wrong usage is one line like every error, a reader that has gone is none."""
    import typer

    from qpt_app.cli.app import app
    from qpt_app.cli.output import ReaderGone

    wrong_usage = cast(type[Exception], typer.BadParameter.__base__)  # of all that Typer refuses
    try:
        return _code(app(args=arguments, prog_name="qpt", standalone_mode=False))
    except ReaderGone:
        return 0
    except typer.Abort:
        _say("aborted")
        return 1
    except wrong_usage as error:
        return _report_usage(error)


def _report_usage(error: Any) -> int:
    """Say what is wrong with the command line and where its help is; return the exit code."""
    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its help
        error.show()
    else:
        message = " ".join(error.format_message().split()).rstrip(".")
        help_of = "qpt" if context is None else context.command_path
        _say(f"error: {message} (see `{help_of} -h`)")
    return _code(error.exit_code)


def _say(text: str) -> None:
    """Print one line to stderr."""
    from qpt_app.cli.console import say

    say(text)


def _code(code: Any) -> int:
    """Turn what SystemExit holds or a command returns into an exit code."""
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def _report_unexpected(error: Exception) -> None:
    """Say in one line what went wrong and how to report it; the traceback only if wanted."""
    if os.environ.get("QPT_DEBUG") or {"-v", "--verbose"} & set(sys.argv[1:]):
        import traceback

        traceback.print_exception(error)
    detail = " ".join(str(error).split()) or "no message"
    _say(
        f"unexpected error: {type(error).__name__}: {detail} "
        "(please report it with the output of `qpt doctor` and of this command under QPT_DEBUG=1)"
    )


if __name__ == "__main__":
    run()
