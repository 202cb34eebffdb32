"""PATH arguments: lists by line or NUL, byte for byte."""

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.cli.path_arguments import expand_paths
from qpt_app.errors import UsageError


@pytest.fixture
def stdin(monkeypatch):
    def provide(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return provide


def test_plain_arguments_are_paths_in_their_order():
    """Nothing is looked up."""
    assert expand_paths(["b", "a/"], null_separated=False) == [Path("b"), Path("a")]


def test_stdin_one_a_line(stdin):
    """Empty lines do not count; the last line needs no end."""
    stdin("a.jpg\n\nü b.jpg\nc".encode())
    assert expand_paths(["-"], null_separated=False) == [Path("a.jpg"), Path("ü b.jpg"), Path("c")]


def test_stdin_nul_separated(stdin):
    """Names with newlines survive."""
    stdin(b"a\nb.jpg\0c.jpg\0")
    assert expand_paths(["-"], null_separated=True) == [Path("a\nb.jpg"), Path("c.jpg")]


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes there")
@given(names=st.lists(st.binary(min_size=1).filter(lambda name: not {0, 47} & set(name))))
def test_any_bytes_survive_a_nul_separated_list(names, tmp_path_factory):
    """Whatever a POSIX name may hold."""
    target = tmp_path_factory.mktemp("list") / "names"
    target.write_bytes(b"".join(name + b"\0" for name in names))
    paths = expand_paths([f"@{target}"], null_separated=True)
    assert [os.fsencode(path) for path in paths] == names


def test_a_list_with_nul_bytes_needs_the_option(stdin):
    """Instead of one absurd name."""
    stdin(b"a\0b\0")
    with pytest.raises(UsageError, match="-0"):
        expand_paths(["-"], null_separated=False)


def test_a_list_file_and_a_photo_whose_name_begins_with_at(tmp_path, monkeypatch):
    """`@x` is a list, unless a file of that very name exists."""
    monkeypatch.chdir(tmp_path)
    Path("list").write_text("one\ntwo\n")
    assert expand_paths(["@list"], null_separated=False) == [Path("one"), Path("two")]
    Path("@list").write_text("a photo")
    assert expand_paths(["@list"], null_separated=False) == [Path("@list")]


@pytest.mark.parametrize("argument", ["@nosuch", "@", "", "@a\0b"])
def test_what_cannot_be_a_path_or_list_is_wrong_usage(argument, tmp_path, monkeypatch):
    """One line, exit code 2."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        expand_paths([argument], null_separated=False)


def test_a_closed_standard_input_is_said(monkeypatch):
    """`qpt score - <&-` must not end in a traceback."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="closed"):
        expand_paths(["-"], null_separated=False)
