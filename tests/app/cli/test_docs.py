"""docs/cli.md and the program describe each other: commands, options, settings, rows, codes."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from qpt_app.cli import score_run
from qpt_app.cli.app import app
from qpt_app.cli.main import INTERRUPTED
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.app_settings import AppSettings
from qpt_app.photos.export import ROW_FIELDS
from qpt_app.photos.settings import OTHER_VARIABLES, variable_of

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "cli.md").read_text(encoding="utf-8")


def sections():
    """Return heading -> text of every second-level section."""
    parts = re.split(r"^## (.+)$", TEXT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(command, name="qpt"):
    """Yield (full name, command) of every command that does something."""
    children = getattr(command, "commands", {})
    if not children or name == "qpt":
        yield name, command
    for child_name, child in children.items():
        yield from commands(child, f"{name} {child_name}")


ALL = dict(commands(get_command(app)))


def option_names(command):
    """Return every spelling of every option of a command."""
    return {
        spelling
        for parameter in command.params
        for spelling in (*parameter.opts, *parameter.secondary_opts)
        if spelling.startswith("-")
    } - {"-h", "--help"}


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_is_documented(name):
    """Each command has a section, each option stands in it."""
    section = sections().get(name)
    assert section is not None, f"docs/cli.md has no section {name}"
    for option in option_names(ALL[name]):
        assert re.search(rf"`{re.escape(option)}[ `]", section), f"{name} {option}"


def test_no_option_is_documented_that_does_not_exist():
    """The other way round, section by section."""
    for name, section in sections().items():
        if name in ALL:
            spelled = set(re.findall(r"^\| (.+?) \|", section, flags=re.MULTILINE))
            listed = {
                option for cell in spelled for option in re.findall(r"`(--?[\w-]+)[ `]", cell)
            }
            assert listed <= option_names(ALL[name]), name


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_has_help(name):
    """Nothing is shown without a word."""
    assert ALL[name].help
    for parameter in ALL[name].params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_every_setting_is_documented():
    """Key and variable."""
    section = sections()["Settings"]
    for field in fields(AppSettings):
        assert f"`{field.name}`" in section
        assert f"`{variable_of(field.name)}`" in section
    documented = set(re.findall(r"QPT_[A-Z_]+", TEXT))
    assert (
        documented <= {variable_of(field.name) for field in fields(AppSettings)} | OTHER_VARIABLES
    )


def test_every_field_and_status_of_a_row_is_documented():
    """The table of rows is complete."""
    section = sections()["Rows"]
    for word in (*ROW_FIELDS, *(status.value for status in PhotoStatus)):
        assert f"`{word}`" in section, word


def test_every_exit_code_is_documented():
    """Those that the program gives."""
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", sections()["Exit codes"], re.M)}
    assert INTERRUPTED == score_run.INTERRUPTED
    given = {
        score_run.OK,
        score_run.NOTHING_SCORED,
        2,
        score_run.UNREADABLE_FILES,
        score_run.BELOW_THRESHOLD,
        score_run.INTERRUPTED,
    }
    assert codes == given


def test_links_inside_the_page_lead_somewhere():
    """Every anchor is a heading of the page."""
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= anchors


def test_the_schema_is_valid_json():
    """And names its version."""
    schema = json.loads((DOCS / "row.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["schema"]["const"] == 1
