"""Where the decisions are kept."""

from pathlib import Path


def data_folder(folder: Path | None) -> Path:
    """Return the folder that was named, or else the one that the desktop program uses too."""
    if folder is not None:
        return folder
    import platformdirs

    return platformdirs.user_data_path("qpt", appauthor=False)
