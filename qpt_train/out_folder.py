"""The folder that a command writes to, made before there is anything to lose."""

from pathlib import Path

from qpt_app.errors import StorageError


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; one that is there already stays as it is.

    Raises:
        StorageError: if it cannot be made, such as where a file has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StorageError(f"{folder} is a file; choose a folder for --out") from error
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror or error}") from error
