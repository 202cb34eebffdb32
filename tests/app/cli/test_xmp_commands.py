"""`qpt xmp read | write | check` as a person at a shell meets them."""

import base64
import json
import os
import shutil

import pytest
from PIL import Image

from qpt_app.decisions.decision import DecisionChange
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, merge_properties
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import read_properties

RATING, LABEL = XmpProperty.RATING, XmpProperty.LABEL


@pytest.fixture
def photos(tmp_path):
    """A pair and two single photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (8, 8), "red").save(folder / name)
    for name in ("a.cr2", "c.nef"):
        (folder / name).write_bytes(b"raw")
    return folder


@pytest.fixture
def write(qpt, tmp_path):
    """Run `qpt xmp write` with a data folder of its own."""

    def call(*arguments):
        return qpt("xmp", "write", *arguments, "--data-folder", tmp_path / "data")

    return call


def sidecar(path, rating, label=None):
    path.write_bytes(merge_properties(EMPTY_SIDECAR, {RATING: rating, LABEL: label}))


def test_write_read_check_round_trip(qpt, write, photos):
    """What is written is read, and check names every program."""
    done = write(photos, "--stars", "4", "--label", "red")
    assert done.code == 0, done.err
    assert read_properties((photos / "a.xmp").read_bytes()) == {RATING: "4", LABEL: "Red"}
    rows = [json.loads(line) for line in qpt("xmp", "read", photos, "--json").lines]
    assert {os.path.basename(row["path"]) for row in rows} == {"a.jpg", "a.cr2", "b.jpg", "c.nef"}  # noqa: PTH119
    assert {(row["stars"], row["label"], row["flag"]) for row in rows} == {(4, "red", "none")}
    text = qpt("xmp", "check", photos / "c.nef").out.decode()
    for program in ("Lightroom", "darktable", "digiKam", "qpt"):
        assert f"{program:<10} 4 stars" in text


def test_check_says_that_lightroom_does_not_see_a_jpegs_sidecar(qpt, write, photos):
    """The reason is in the row."""
    write(photos / "b.jpg", "--stars", "2")
    row = json.loads(qpt("xmp", "check", photos / "b.jpg", "--json").lines[0])
    views = {view["program"]: view for view in row["views"]}
    assert views["Lightroom"]["rating"] is None
    assert "embedded" in views["Lightroom"]["why"]
    assert views["darktable"]["rating"] == 2


def test_check_warns_of_ratings_that_differ(qpt, photos):
    """Two sidecars of one photo that say different things."""
    sidecar(photos / "c.xmp", "5")
    sidecar(photos / "c.nef.xmp", "-1", "Chartreuse")
    row = json.loads(qpt("xmp", "check", photos / "c.nef", "--json").lines[0])
    assert len(row["warnings"]) == 2
    views = {view["program"]: view["rating"] for view in row["views"]}
    assert views["Lightroom"] == 5
    assert views["darktable"] == -1
    assert views["digiKam"] is None


DIGIKAM = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
    '22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:digiKam="http://www.digikam.org/ns/1.0/" digiKam:ColorLabel="4" '
    'digiKam:PickLabel="3"/></rdf:RDF></x:xmpmeta>'
)
"""A sidecar as digiKam writes it, of a green photo."""


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_write_says_where_digikam_shows_its_own_colour(write, photos, dry):
    """One line for the photo concerned, none for the others; its field stays."""
    for name in ("c.nef.xmp", "c.xmp"):
        (photos / name).write_text(DIGIKAM)
    done = write(photos, "--label", "red", "--overwrite", *dry)
    assert done.code == 0
    (line,) = [line for line in done.err.splitlines() if "digiKam" in line and "shows" in line]
    assert "c.nef.xmp" in line
    assert "its own colour green" in line
    assert "'Red'" in line
    assert 'digiKam:ColorLabel="4"' in (photos / "c.nef.xmp").read_text()
    assert "shows" not in write(photos, "--label", "green", "--overwrite", *dry).err


def test_a_colour_of_digikams_is_a_label_that_is_kept(qpt, write, photos):
    """It is somebody's decision as xmp:Label is."""
    (photos / "c.nef.xmp").write_text(DIGIKAM)
    assert json.loads(qpt("xmp", "read", photos / "c.nef", "--json").lines[0])["label"] == "green"
    done = write(photos / "c.nef", "--label", "red")
    assert "kept green label" in done.err
    assert read_properties((photos / "c.nef.xmp").read_bytes())[LABEL] == "Green"


def test_existing_ratings_are_kept_without_overwrite(write, photos):
    """And replaced with it."""
    sidecar(photos / "c.xmp", "5")
    kept = write(photos / "c.nef", "--stars", "1")
    assert "kept 5 stars" in kept.err
    assert read_properties((photos / "c.xmp").read_bytes()) == {RATING: "5"}
    assert write(photos / "c.nef", "--stars", "1", "--overwrite").code == 0
    assert read_properties((photos / "c.xmp").read_bytes()) == {RATING: "1"}


def test_a_dry_run_changes_nothing(write, photos, tmp_path):
    """It says what it would do."""
    before = sorted(file.name for file in photos.iterdir())
    done = write(photos, "--flag", "reject", "--dry-run")
    assert done.code == 0
    assert b"would write" in done.out
    assert sorted(file.name for file in photos.iterdir()) == before


def test_profiles_choose_the_names(write, photos):
    """darktable: name.ext.xmp only."""
    write(photos / "c.nef", "--stars", "3", "--profile", "darktable")
    assert not (photos / "c.xmp").exists()
    assert (photos / "c.nef.xmp").exists()


def test_the_desktop_program_can_undo_what_was_written_here(write, photos, tmp_path):
    """One journal for both."""
    write(photos / "c.nef", "--stars", "3")
    with DecisionSession.open(tmp_path / "data", lambda: 2e9) as session:
        assert session.undo() is not None
        session.write_pending_xmp()
    assert not (photos / "c.xmp").exists()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_table_of_ratings(write, photos, kind):
    """Columns that are missing leave that part alone; scores only when asked for."""
    table = photos.parent / f"ratings.{kind}"
    if kind == "csv":
        table.write_text("path,stars,label,score,other\nb.jpg,3,,77.5,x\nc.nef,,green,12,y\n")
    else:
        rows = [{"path": "b.jpg", "stars": 3, "score": 77.5}]
        rows += [{"path": str(photos / "c.nef"), "label": "green", "score": 12}]
        table.write_text("\n".join(map(json.dumps, rows)))
    done = write("--from", table, "--root", photos, "--with-scores", "--profile", "darktable")
    assert done.code == 0, done.err
    assert read_properties((photos / "b.jpg.xmp").read_bytes()) == {
        RATING: "3",
        XmpProperty.SCORE: "77.50",
    }
    assert read_properties((photos / "c.nef.xmp").read_bytes())[LABEL] == "Green"


def test_scores_alone_never_become_ratings(write, photos):
    """The output of `qpt score` has scores; they go into the own namespace, if anywhere."""
    table = photos.parent / "scores.jsonl"
    table.write_text(json.dumps({"path": "b.jpg", "score": 99.0, "status": "ok"}))
    assert write("--from", table, "--root", photos).code == 0
    assert not (photos / "b.xmp").exists()
    write("--from", table, "--root", photos, "--with-scores")
    assert read_properties((photos / "b.xmp").read_bytes()) == {XmpProperty.SCORE: "99.00"}
    with DecisionSession.open(photos.parent / "data", lambda: 2e9) as session:
        assert session.next_undo is None


@pytest.mark.parametrize(
    "row",
    [
        {"path": "../outside.jpg", "stars": 1},
        {"path": "/etc/passwd", "stars": 1},
        {"path": "b.jpg", "stars": 6},
        {"path": "b.jpg", "stars": "many"},
        {"path": "b.jpg", "flag": "maybe"},
        {"path": "b.jpg", "label": "pink"},
        {"path": "b.jpg", "score": 101},
        {"path": "b.jpg", "score": "nan"},
        {"path": "", "stars": 1},
        {"stars": 1},
        {"path": "b\0.jpg", "stars": 1},
        {"path_b64": "*", "stars": 1},
        ["b.jpg", 3],
    ],
)
def test_wrong_tables_are_refused_with_their_line(write, photos, row):
    """Nothing is written, the exit code is 2."""
    table = photos.parent / "bad.jsonl"
    table.write_text('{"path": "c.nef", "stars": 3}\n' + json.dumps(row))
    done = write("--from", table, "--root", photos)
    assert done.code == 2
    assert "line 2" in done.err
    assert not (photos / "c.xmp").exists()


def test_names_that_are_not_utf8_come_back(qpt, write, photos):
    """By base64 in JSON, and into a table again."""
    name = os.fsdecode(b"\xff\n.nef")
    (photos / name).write_bytes(b"raw")
    row = next(
        row
        for row in map(json.loads, qpt("xmp", "read", photos, "--json").lines)
        if "path_b64" in row
    )
    assert base64.b64decode(row["path_b64"]) == os.fsencode(photos / name)
    table = photos.parent / "t.jsonl"
    table.write_text(json.dumps({"path_b64": row["path_b64"], "stars": 5}))
    assert write("--from", table, "--root", photos, "--profile", "darktable").code == 0
    assert (photos / f"{name}.xmp").exists()


def test_a_broken_sidecar_gives_exit_code_3(qpt, write, photos):
    """Reading and writing report it and go on with the others."""
    (photos / "b.jpg.xmp").write_bytes(b"<broken")
    assert qpt("xmp", "read", photos).code == 3
    assert qpt("xmp", "check", photos).code == 3
    done = write(photos / "b.jpg", photos / "c.nef", "--stars", "3", "--profile", "darktable")
    assert done.code == 3
    assert (photos / "c.nef.xmp").exists()
    assert (photos / "b.jpg.xmp").read_bytes() == b"<broken"


def test_a_run_that_could_write_nothing_is_exit_code_1(write, photos):
    """As in a read-only folder: every photo failed; one that is written makes it 3."""
    (photos / "b.jpg.xmp").write_bytes(b"<broken")
    options = ("--stars", "3", "--profile", "darktable")
    assert write(photos / "b.jpg", *options).code == 1
    assert write(photos / "b.jpg", photos / "c.nef", *options).code == 3
    assert write(photos / "b.jpg", photos / "c.nef", *options).code == 3  # nothing new for c.nef


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_what_cannot_be_a_photo_does_not_stop_the_others(write, photos):
    """A dead link and a folder with a photo's name: a line each, and the rest is written."""
    (photos / "dead.jpg").symlink_to("nowhere.jpg")
    (photos / "folder.jpg").mkdir()
    done = write(photos, "--stars", "3", "--profile", "darktable")
    assert done.code == 3
    assert done.err.splitlines() == [
        f"qpt: {photos / 'dead.jpg'}: a link to nothing",
        f"qpt: {photos / 'folder.jpg'}: a folder, not a photo",
    ]
    assert (photos / "c.nef.xmp").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_closed_subfolder_does_not_stop_the_others(write, photos):
    """It has its line, and counts as failed."""
    closed = photos / "closed"
    closed.mkdir(mode=0)
    try:
        done = write(photos, "-r", "--stars", "3", "--profile", "darktable")
    finally:
        closed.chmod(0o700)
    assert done.code == 3
    assert f"{closed}: folder: " in done.err
    assert (photos / "c.nef.xmp").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_nothing_but_what_cannot_be_a_photo_is_exit_code_1(write, tmp_path):
    """Its line says why; that there are no photos is not said as well."""
    (tmp_path / "dead.jpg").symlink_to("nowhere.jpg")
    done = write(tmp_path / "dead.jpg", "--stars", "3")
    assert (done.code, done.err) == (1, f"qpt: {tmp_path / 'dead.jpg'}: a link to nothing\n")


@pytest.mark.skipif(os.name == "nt", reason="names of any bytes")
def test_json_about_a_broken_sidecar_of_an_odd_name(qpt, photos):
    """The warning quotes the name: bytes that are not UTF-8 shown as such, bidi spelt out."""
    photo = os.fsdecode(b"\xff") + "\u202e.nef"
    (photos / photo).write_bytes(b"raw")
    (photos / f"{photo}.xmp").write_bytes(b"<broken")
    for command, field in (("read", "problems"), ("check", "warnings")):
        done = qpt("xmp", command, photos / photo, "--json")
        assert (done.code, done.err) == (3, "")
        assert "\u202e" not in done.out.decode("utf-8")
        row = json.loads(done.out)
        assert base64.b64decode(row["path_b64"]) == os.fsencode(photos / photo)
        assert "cannot be parsed" in row[field][0]
    assert row["warnings"][0].startswith("\ufffd\u202e.nef.xmp: ")


@pytest.mark.skipif(os.name == "nt", reason="names of 255 bytes")
def test_a_name_that_leaves_no_room_for_a_sidecar_is_reported(write, photos):
    """In one line for the one name that is too long; everything else is written."""
    long = "x" * 251 + ".jpg"
    (photos / long).write_bytes((photos / "a.jpg").read_bytes())
    done = write(photos, "--stars", "4")
    assert done.code == 3
    assert done.err == f"qpt: cannot write {photos / long}.xmp: File name too long\n"
    assert (photos / ("x" * 251 + ".xmp")).exists()
    assert (photos / "b.jpg.xmp").exists()
    assert (photos / "c.nef.xmp").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--stars", "3"),
        ("--stars", "6", "b.jpg"),
        ("--flag", "maybe", "b.jpg"),
        ("--label", "pink", "b.jpg"),
        ("--profile", "gimp", "--stars", "3", "b.jpg"),
        ("--label-names", "a,b", "--stars", "3", "b.jpg"),
        ("--stars", "3", "missing.jpg"),
        ("--from", "missing.csv"),
    ],
)
def test_wrong_usage_is_exit_code_2(write, photos, monkeypatch, arguments):
    """With a line that says what is wrong, and no traceback."""
    monkeypatch.chdir(photos)
    done = write(*arguments)
    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err


def test_an_empty_folder_is_exit_code_1(qpt, write, tmp_path):
    """No photos is a failure, and it is said."""
    (tmp_path / "empty").mkdir()
    for done in (qpt("xmp", "read", tmp_path / "empty"), write(tmp_path / "empty", "--stars", "1")):
        assert done.code == 1
        assert "no photos" in done.err


def test_terminal_escapes_in_names_are_shown_not_sent(qpt, photos):
    """A name cannot steer the terminal."""
    (photos / "\x1b[31m\u202e.nef").write_bytes(b"raw")
    done = qpt("xmp", "check", photos)
    assert b"\x1b" not in done.out
    assert "\u202e" not in done.out.decode()


@pytest.mark.external
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_embed_puts_the_rating_into_the_jpeg(qpt, write, photos):
    """Then Lightroom sees it."""
    pixels = Image.open(photos / "b.jpg").tobytes()
    assert write(photos / "b.jpg", "--stars", "5", "--embed").code == 0
    assert Image.open(photos / "b.jpg").tobytes() == pixels
    row = json.loads(qpt("xmp", "check", photos / "b.jpg", "--json").lines[0])
    assert {view["rating"] for view in row["views"]} == {5}


def test_a_human_decision_in_the_database_is_kept_too(write, photos, tmp_path):
    """Not only XMP: what was decided in the desktop program is not overwritten either."""
    with DecisionSession.open(tmp_path / "data", lambda: 1e9) as session:
        session.decide([unit_of(photos / "c.nef")], DecisionChange(stars=5))
    done = write(photos / "c.nef", "--stars", "1")
    assert "kept 5 stars" in done.err
    assert read_properties((photos / "c.xmp").read_bytes()) == {RATING: "5"}
