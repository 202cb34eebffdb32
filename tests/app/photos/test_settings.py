"""Settings: flag > variable > file > default, unknown keys refused, saved without loss."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.errors import SettingsError, StorageError
from qpt_app.photos.app_settings import DEVICES, AppSettings, parse_setting
from qpt_app.photos.settings import (
    Origin,
    default_cache_folder,
    load_settings,
    save_settings,
    settings_file,
    variable_of,
)

NAMES = [field.name for field in fields(AppSettings)]


@pytest.fixture
def settings_path(tmp_path):
    return tmp_path / "settings.toml"


def load(path, *, flags=None, **environment):
    return load_settings(flags=flags, environment=environment, file=path)


def test_without_any_source_everything_is_the_default(settings_path):
    """A missing file is no error and every origin is `default`."""
    loaded = load(settings_path)
    assert loaded.values == AppSettings()
    assert set(loaded.origins) == set(NAMES)
    assert set(loaded.origins.values()) == {Origin.DEFAULT}


def test_each_source_beats_the_weaker_ones(settings_path):
    """Flag over variable over file over default, and the origin says which won."""
    settings_path.write_text('model = "file"\ndevice = "cpu"\nworkers = 3\n')
    loaded = load(
        settings_path, flags={"model": "flag", "device": None}, QPT_MODEL="env", QPT_WORKERS="5"
    )
    assert (loaded.values.model, loaded.values.workers, loaded.values.device) == ("flag", 5, "cpu")
    assert loaded.origins["model"] is Origin.FLAG
    assert loaded.origins["workers"] is Origin.ENVIRONMENT
    assert loaded.origins["device"] is Origin.FILE
    assert loaded.origins["batch_size"] is Origin.DEFAULT


def test_the_source_is_named_so_that_one_can_find_it(settings_path):
    """The words name the flag, the variable or the file."""
    settings_path.write_text("workers = 2\n")
    loaded = load(settings_path, flags={"batch_size": "4"}, QPT_DEVICE="cpu")
    assert loaded.source("batch_size") == "flag --batch-size"
    assert loaded.source("device") == "environment QPT_DEVICE"
    assert loaded.source("workers") == f"settings file {settings_path}"
    assert loaded.source("cache") == "default"


def test_auto_wins_over_a_number_of_a_weaker_source(settings_path):
    """`auto` is a value, not the absence of one."""
    settings_path.write_text("workers = 2\nbatch_size = 16\n")
    loaded = load(settings_path, flags={"workers": "auto"}, QPT_BATCH_SIZE="auto")
    assert loaded.values.workers is None
    assert loaded.values.batch_size is None
    assert loaded.origins["workers"] is Origin.FLAG


def test_an_unknown_key_is_an_error_that_names_it(settings_path):
    """A slip in the file is not ignored."""
    settings_path.write_text('modle = "x"\n')
    with pytest.raises(SettingsError, match="modle") as caught:
        load(settings_path)
    assert str(settings_path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_desktop_table_is_left_to_the_desktop(settings_path):
    """Its keys are not the command line's business; any other table is unknown."""
    settings_path.write_text('[desktop]\ntheme = "dark"\n')
    assert load(settings_path).values == AppSettings()
    settings_path.write_text("[dekstop]\n")
    with pytest.raises(SettingsError, match="dekstop"):
        load(settings_path)


def test_unknown_variables_are_reported_but_those_of_others_are_not(settings_path):
    """A misspelt QPT_ variable can be told to the user."""
    loaded = load(settings_path, QPT_MODLE="x", QPT_DEBUG="1", PATH="/bin", QPT_TEST_DATA="d")
    assert loaded.unknown_variables == ("QPT_MODLE",)


def test_an_empty_variable_counts_as_not_set(settings_path):
    """`QPT_MODEL= qpt ...` is how one unsets a variable in a shell."""
    assert load(settings_path, QPT_MODEL="").origins["model"] is Origin.DEFAULT


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('device = "gpu"', "device"),
        ("workers = 0", "workers"),
        ("workers = true", "workers"),
        ("workers = 1.5", "workers"),
        ('batch_size = "many"', "batch_size"),
        ("batch_size = nan", "batch_size"),
        ('cache = "perhaps"', "cache"),
        ("model = 3", "model"),
        ('model = ""', "model"),
        ("byte_budget_mb = -1", "byte_budget_mb"),
        ("byte_budget_mb = 0.5", "byte_budget_mb"),
        ("decode_timeout_s = inf", "decode_timeout_s"),
        ("decode_timeout_s = 0", "decode_timeout_s"),
        ("cache_folder = []", "cache_folder"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_the_key(settings_path, content, name):
    """Wrong types and ranges never reach the program."""
    settings_path.write_text(content)
    with pytest.raises(SettingsError, match=name):
        load(settings_path)


def test_a_bad_variable_is_named(settings_path):
    """The message says which variable to mend."""
    with pytest.raises(SettingsError, match="QPT_WORKERS"):
        load(settings_path, QPT_WORKERS="abc")


@pytest.mark.parametrize("content", [b"model = ", b"\xff\xfe", b"= 3", b"\0"])
def test_broken_toml_is_one_clear_error(settings_path, content):
    """Never a traceback, always the file's name."""
    settings_path.write_bytes(content)
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(settings_path)


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path):
    """What cannot be read is said, not skipped."""
    with pytest.raises(SettingsError, match="cannot read"):
        load(tmp_path)


def test_the_file_can_be_moved_by_a_variable(tmp_path):
    """QPT_SETTINGS names another file; without it the user's configuration folder holds it."""
    assert settings_file({"QPT_SETTINGS": str(tmp_path / "x.toml")}) == tmp_path / "x.toml"
    assert settings_file({}).name == "settings.toml"
    assert settings_file({}).parent.name == "qpt"
    assert "qpt" in default_cache_folder().parts


@pytest.mark.parametrize("word", ["on", "TRUE", "yes", "1", True])
def test_words_for_true(word):
    """A switch understands the usual words."""
    assert parse_setting("cache", word, "here") is True


VALUES = {
    "model": st.text(st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"]), min_size=1),
    "device": st.sampled_from(DEVICES),
    "batch_size": st.integers(1, 65536),
    "workers": st.integers(1, 65536),
    "cache": st.booleans(),
    "byte_budget_mb": st.integers(1, 10**6),
    "decode_timeout_s": st.floats(0.001, 1e6),
}


@given(changes=st.fixed_dictionaries({}, optional=VALUES))
def test_what_is_saved_is_loaded(tmp_path_factory, changes):
    """Any settings survive a round trip through the file."""
    path = tmp_path_factory.mktemp("settings") / "new" / "settings.toml"
    save_settings(path, changes)
    values = load_settings(environment={}, file=path).values
    assert {name: getattr(values, name) for name in changes} == changes


def test_saving_keeps_comments_tables_and_other_keys(settings_path):
    """Only the keys that change are touched."""
    settings_path.write_text(
        '# mine\ndevice = "cpu"\nworkers = 2  # few\n\n[desktop]\nworkers = "not this one"\n'
    )
    save_settings(settings_path, {"workers": 4, "model": 'a "b" \\ c'})
    text = settings_path.read_text()
    assert text.startswith('# mine\ndevice = "cpu"\n')
    assert tomllib.loads(text)["desktop"] == {"workers": "not this one"}
    values = load(settings_path).values
    assert (values.workers, values.device, values.model) == (4, "cpu", 'a "b" \\ c')


def test_saving_none_goes_back_to_the_default(settings_path):
    """None removes the key."""
    save_settings(settings_path, {"workers": 4, "cache": False})
    save_settings(settings_path, {"workers": None})
    assert load(settings_path).origins["workers"] is Origin.DEFAULT
    assert load(settings_path).values.cache is False


@pytest.mark.parametrize("changes", [{"nonsense": 1}, {"workers": 0}, {"model": "a\nb"}])
def test_saving_refuses_what_would_not_load_and_leaves_the_file(settings_path, changes):
    """The old file stays byte for byte."""
    settings_path.write_text("workers = 2\n")
    with pytest.raises(SettingsError):
        save_settings(settings_path, changes)
    assert settings_path.read_text() == "workers = 2\n"


def test_saving_refuses_to_edit_inside_a_multi_line_text(settings_path):
    """A line that only looks like a key is not taken for one without a check."""
    content = 'model = """\nworkers = 2\n"""\n'
    settings_path.write_text(content)
    with pytest.raises(SettingsError, match="by hand"):
        save_settings(settings_path, {"model": "y"})
    assert settings_path.read_text() == content


def test_saving_into_an_impossible_folder_is_a_storage_error(tmp_path):
    """A file in place of the folder is reported."""
    (tmp_path / "folder").write_text("")
    with pytest.raises((StorageError, SettingsError)):
        save_settings(tmp_path / "folder" / "settings.toml", {"workers": 1})


def test_variables_are_named_after_their_fields():
    """One rule for all of them."""
    assert variable_of("batch_size") == "QPT_BATCH_SIZE"
    assert Path(str(default_cache_folder())).is_absolute()
