"""Rows: one schema, lossless JSON, CSV that a spreadsheet cannot run, names that cannot steer."""

import base64
import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.core.status import PhotoStatus
from qpt_app.photos.export import (
    OPTIONAL_FIELDS,
    ROW_FIELDS,
    ROW_SCHEMA_VERSION,
    csv_chunks,
    json_chunks,
    json_text,
    jsonl_line,
    published,
    row_of,
    safe_cell,
    terminal_text,
)
from qpt_app.photos.results import PhotoResult

SCHEMA = Path(__file__).parents[3] / "docs" / "row.schema.json"

posix_names = st.binary(min_size=1, max_size=80).filter(lambda name: not {0, 47} & set(name))


def result(path="a.jpg", **fields):
    fields = {"status": PhotoStatus.OK, "score": 50.0, **fields}
    return PhotoResult(path=Path(path), **fields)


def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def test_every_kind_of_row_fits_the_published_schema():
    """Scored, damaged, failed, paired and oddly named photos all validate."""
    check = validator()
    rows = [
        result(uncertainty=3.0, percentile=99.0, width=10, height=20, format="JPEG", model="m@1"),
        result(status=PhotoStatus.DAMAGED, reason="cut short"),
        result(companion=Path("a.nef"), cached=True),
        result(os.fsdecode(b"\xff.jpg"), companion=Path(os.fsdecode(b"\xff.nef"))),
        *(result(status=status, score=None, reason="why") for status in PhotoStatus),
    ]
    for row in rows:
        check.validate(json.loads(jsonl_line(row)))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"status": "fine"},
        {"score": 101},
        {"score": "50"},
        {"percentile": -1},
        {"width": 0},
        {"path": None},
    ],
)
def test_the_published_schema_refuses_wrong_rows(change):
    """The schema says something: each of these must not pass."""
    row = {**row_of(result()), **change}
    assert list(validator().iter_errors(row))


def test_the_schema_describes_exactly_the_fields_of_a_row():
    """Neither the code nor the document can gain a field alone."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert tuple(schema["properties"]) == ROW_FIELDS
    assert set(schema["required"]) == set(ROW_FIELDS) - OPTIONAL_FIELDS
    assert schema["properties"]["schema"]["const"] == ROW_SCHEMA_VERSION
    assert schema["properties"]["status"]["enum"] == [status.value for status in PhotoStatus]


def test_a_row_keeps_its_fields_in_order_and_null_where_there_is_no_value():
    """A reader may rely on every field being there."""
    row = row_of(result(score=None, status=PhotoStatus.UNREADABLE))
    assert list(row) == [field for field in ROW_FIELDS if field not in OPTIONAL_FIELDS]
    assert row["score"] is row["percentile"] is row["model"] is row["width"] is None


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes there")
@given(name=posix_names)
def test_any_name_survives_jsonl_byte_for_byte(name):
    """The exact bytes come back, from `path_b64` where it is there, else from `path`."""
    row = json.loads(jsonl_line(result(os.fsdecode(name))))
    raw = base64.b64decode(row["path_b64"]) if "path_b64" in row else row["path"].encode()
    assert raw == os.fsencode(Path(os.fsdecode(name)))
    try:
        name.decode()
    except UnicodeDecodeError:
        assert "path_b64" in row
    else:
        assert "path_b64" not in row


@given(name=st.text(min_size=1).filter(lambda name: "\0" not in name))
def test_a_line_of_jsonl_is_one_line_and_harmless(name):
    """No control or bidi character leaves JSON unescaped, whatever the name."""
    line = jsonl_line(result(name)).decode("utf-8")
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert terminal_text(line[:-1]) == line[:-1]


@given(value=st.recursive(st.none() | st.text(), lambda inner: st.lists(inner)))
def test_escaping_does_not_change_what_a_parser_sees(value):
    """JSON escapes are transparent."""
    assert json.loads(json_text(value)) == value


def test_a_score_that_is_not_finite_never_becomes_json():
    """NaN is not JSON; it must fail here instead of at a reader."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsonl_line(result(score=float("nan")))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_one_array(count):
    """Valid for any number of rows."""
    rows = [result(f"{number}.jpg") for number in range(count)]
    assert len(json.loads(b"".join(json_chunks(rows)))) == count


def read_csv(rows, **options):
    text = b"".join(csv_chunks(rows, **options)).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_column_for_every_field():
    """The optional ones too, empty where there is nothing."""
    (row,) = read_csv([result()])
    assert tuple(row) == ROW_FIELDS
    assert row["path_b64"] == row["reason"] == ""
    assert float(row["score"]) == 50.0
    assert row["cached"] == "false"


@pytest.mark.parametrize(
    "name",
    ["=1+1.jpg", "+x.jpg", "-rf.jpg", "@sum.jpg", "\tx.jpg", "\rx.jpg", "  =x.jpg", " \t+x.jpg"],
)
def test_a_name_that_looks_like_a_formula_is_defused(name):
    """An apostrophe in front; nothing else changes."""
    (row,) = read_csv([result(name)])
    assert row["path"] == f"'{name}"


@pytest.mark.parametrize("name", ["=1+1.jpg", "-rf.jpg", "  =x.jpg", "\tx.jpg", 'a,"b"\n.jpg'])
def test_a_raw_table_gives_every_name_back(name):
    """No apostrophe; what CSV must quote is still quoted, and nothing else differs."""
    (raw,) = read_csv([result(name)], raw=True)
    (safe,) = read_csv([result(name)])
    assert raw["path"] == name
    assert {**safe, "path": name} == raw
    assert raw["cached"] == "false"


@given(text=st.text())
def test_no_text_cell_starts_like_a_formula(text):
    """Also after leading spaces of any kind."""
    assert not str(safe_cell(text)).lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("number", [-1, -0.5, 3, 0])
def test_numbers_stay_numbers(number):
    """A negative number is no formula."""
    assert safe_cell(number) is number


@pytest.mark.parametrize("name", ['a,"b".jpg', "two\nlines.jpg", "ümlaut.jpg", "🙂.jpg"])
def test_csv_quotes_what_it_must(name):
    """A reader gets the name back."""
    (row,) = read_csv([result(name)])
    assert row["path"] == name


def test_csv_on_a_terminal_is_escaped():
    """A name cannot steer the terminal through the CSV either."""
    text = b"".join(csv_chunks([result("\x1b[2J.jpg")], for_terminal=True)).decode()
    assert "\x1b" not in text
    assert r"\x1b[2J.jpg" in text
    raw = b"".join(csv_chunks([result("\x1b[2J.jpg")], for_terminal=True, raw=True))
    assert b"\x1b" not in raw


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ümlaut 🙂.jpg", "plain ümlaut 🙂.jpg"),
        ("a\nb", r"a\x0ab"),
        ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("a\u202egpj.exe", r"a\u202egpj.exe"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        (os.fsdecode(b"\xff") if os.name != "nt" else "x", r"\xff" if os.name != "nt" else "x"),
    ],
)
def test_what_a_terminal_shows(text, shown):
    """Control and bidi characters are spelt out, everything else stays."""
    assert terminal_text(text) == shown


@given(text=st.text(st.characters()))
def test_terminal_text_can_always_be_printed(text):
    """Nothing that is left can steer, and it always encodes."""
    shown = terminal_text(text)
    shown.encode("utf-8")
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert terminal_text(shown) == shown


def test_published_scores_are_rounded_before_ranking():
    """Equal printed scores are real ties, and the feature is gone."""
    row = published(result(score=49.99999, uncertainty=1.23456))
    assert (row.score, row.uncertainty, row.feature) == (50.0, 1.235, None)
    assert published(row) == row
