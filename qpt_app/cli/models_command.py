"""`qpt models`: the model files that ship with qpt, and whether they are whole."""

import os
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the group."""
    models = typer.Typer(
        name="models",
        help="List, find and verify model files.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    models.command(name="list")(list_models)
    models.command(name="path")(path_of_model)
    models.command(name="verify")(verify_models)
    app.add_typer(models)


Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME|FILE", help="A shipped model or a model file."),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME|FILE", help="Models to verify; all shipped ones if none."),
]


def list_models() -> None:
    """List the models that ship with qpt: name, label, encoder, licence and path."""
    from qpt_app.core.model_library import DEFAULT_MODEL, list_models
    from qpt_app.core.model_metadata import read_metadata
    from qpt_app.errors import ModelNotFoundError
    from qpt_app.photos.safe_text import terminal_text

    entries = list_models()
    if not entries:
        raise ModelNotFoundError("this installation ships no model; give a file with --model")
    for entry in entries:
        metadata = read_metadata(entry.path)
        default = " (default)" if entry.name == DEFAULT_MODEL else ""
        typer.echo(f"{entry.name}{default}")
        typer.echo(f"  label    {terminal_text(metadata.identity.label)}")
        typer.echo(f"  encoder  {terminal_text(metadata.encoder)}")
        typer.echo(f"  licence  {terminal_text(metadata.licence)}")
        typer.echo(f"  path     {terminal_text(str(entry.path))}")


def path_of_model(name: Name = None) -> None:
    """Print the path of a model file; of the model in use if none is named."""
    from qpt_app.core.model_library import find_model
    from qpt_app.photos.settings import load_settings

    typer.echo(os.fsencode(find_model(name or load_settings().values.model)))


def verify_models(names: Names = None) -> None:
    """Check that model files are whole and of a version that this qpt reads."""
    from qpt_app.core.model_library import find_model, list_models
    from qpt_app.core.model_metadata import read_metadata
    from qpt_app.errors import ModelNotFoundError
    from qpt_app.photos.safe_text import terminal_text

    paths = [find_model(name) for name in names or []] or [entry.path for entry in list_models()]
    if not paths:
        raise ModelNotFoundError("there is no model to verify; this installation ships none")
    for path in paths:
        label = read_metadata(path).identity.label
        typer.echo(f"ok  {terminal_text(label)}  {terminal_text(str(path))}")
