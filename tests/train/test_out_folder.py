"""A folder that cannot be made is one clear error, before anything is scored."""

import pytest
import typer
from typer.testing import CliRunner

from qpt_app.errors import StorageError
from qpt_train import cli_checks, cli_evaluate, cli_finetune, cli_fit_head
from qpt_train.out_folder import make_folder


def test_folders_are_made_and_kept(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
        (tmp_path / "a" / "b" / "kept").touch()
    assert (tmp_path / "a" / "b" / "kept").exists()


def test_a_file_of_that_name_or_above_it_is_a_storage_error(tmp_path):
    file = tmp_path / "report"
    file.write_text("mine")
    with pytest.raises(StorageError, match="report is a file; choose a folder"):
        make_folder(file)
    with pytest.raises(StorageError, match="cannot make"):
        make_folder(file / "below")
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("evaluate", ("--model", "none", "--data", "none")),
        ("benchmark", ("--model", "none", "--data", "none")),
        ("sensitivity", ("--model", "none", "--photos", "none")),
        ("reliability", ("--model", "none", "--data", "none")),
        ("size-study", ("--model", "none", "--photos", "none")),
        ("worst", ("--predictions", "none", "--data", "none")),
        ("finetune", ("--data", "none")),
        ("fit-head", ("--model", "none", "--data", "none", "--name", "new")),
    ],
)
def test_no_command_looks_at_anything_before_its_folder_is_there(command, more, tmp_path):
    """Neither model nor data are there: the folder is what is complained of."""
    file = tmp_path / "report"
    file.write_text("mine")
    app = typer.Typer()
    for module in (cli_evaluate, cli_checks, cli_finetune, cli_fit_head):
        module.register(app)
    done = CliRunner().invoke(app, [command, *more, "--out", str(file)])
    assert isinstance(done.exception, StorageError), done.output
    assert file.read_text() == "mine"
