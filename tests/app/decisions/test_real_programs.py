"""Round trips with exiftool, exiv2 and darktable: what one writes the other reads."""

import hashlib
import json
import shutil
import sqlite3
import subprocess

import pytest
from PIL import Image

from qpt_app.decisions.decision import Decision, DecisionChange, Flag, Label
from qpt_app.decisions.exiftool import picture_parts
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile
from qpt_app.decisions.xmp_sources import newest, read_sources

pytestmark = pytest.mark.external


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def run(*command) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture
def photo(tmp_path):
    """A JPEG with EXIF, a colour profile, a comment and bytes behind its end."""
    path = tmp_path / "photos" / "p.jpg"
    path.parent.mkdir()
    image = Image.effect_noise((64, 48), 60).convert("RGB")
    exif = Image.Exif()
    exif[271] = "Camera"
    image.save(path, quality=90, progressive=True, exif=exif, icc_profile=b"icc" * 50, comment=b"c")
    with path.open("ab") as stream:
        stream.write(b"trailer of a motion photo")
    return path


def rate(session, photo, change, **policy):
    session.xmp_policy = XmpPolicy(**policy)
    session.decide([unit_of(photo)], change)
    outcomes = session.write_pending_xmp()
    assert not [problem for outcome in outcomes for problem in outcome.problems]


@needs("exiftool")
@pytest.mark.parametrize(
    ("change", "rating", "label"),
    [
        (DecisionChange(stars=4, label=Label.PURPLE), 4, "Purple"),
        (DecisionChange(stars=2, flag=Flag.REJECT), -1, None),
    ],
)
def test_exiftool_reads_what_qpt_writes(session, photo, change, rating, label):
    """In sidecars of both names and inside the JPEG."""
    rate(session, photo, change, profile=XmpProfile.ALL, embed=True)
    files = [photo, photo.with_suffix(".xmp"), photo.with_name("p.jpg.xmp")]
    for found in json.loads(run("exiftool", "-j", "-XMP-xmp:all", *files)):
        assert found.get("Rating") == rating
        assert found.get("Label") == label


@needs("exiftool")
def test_embedding_changes_no_bit_of_the_picture(session, photo):
    """Scans, tables, EXIF, profile, comment and trailer are byte for byte the same; undo too."""
    before, pixels = photo.read_bytes(), Image.open(photo).convert("RGB").tobytes()
    scans = before[before.index(b"\xff\xda") :]
    rate(session, photo, DecisionChange(stars=5), profile=XmpProfile.LIGHTROOM, embed=True)
    after = photo.read_bytes()
    assert after != before
    assert after[after.index(b"\xff\xda") :] == scans
    assert picture_parts(after) == picture_parts(before)
    assert Image.open(photo).convert("RGB").tobytes() == pixels
    session.undo()
    session.write_pending_xmp()
    assert picture_parts(photo.read_bytes()) == picture_parts(before)
    assert newest(read_sources(photo)) is None


@needs("exiftool")
def test_a_signed_photo_is_not_touched(session, photo):
    """Embedding would break a C2PA signature, so it is refused and reported."""
    data = photo.read_bytes()
    signature = b"\xff\xeb\x00\x12JP\0\0\0\0\0\0jumb..."[:20]
    photo.write_bytes(data[:2] + signature + data[2:])
    before = hashlib.sha256(photo.read_bytes()).hexdigest()
    session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE, embed=True)
    session.decide([unit_of(photo)], DecisionChange(stars=5))
    problems = session.write_pending_xmp()[0].problems
    assert "C2PA" in problems[0].reason
    assert hashlib.sha256(photo.read_bytes()).hexdigest() == before


@needs("exiftool")
def test_qpt_reads_what_exiftool_writes_and_keeps_its_other_fields(session, photo, tmp_path):
    """Title, keywords and GPS of a sidecar by exiftool survive a rating by qpt."""
    sidecar = photo.with_name("p.jpg.xmp")
    fields = ["-XMP-dc:Title=Ä & <b>", "-XMP-dc:Subject=one", "-XMP-dc:Subject=two"]
    fields += ["-XMP-exif:GPSLatitude=12.5", "-XMP-xmp:Rating=2", "-XMP-photoshop:City=X"]
    run("exiftool", "-q", *fields, sidecar)
    before = json.loads(run("exiftool", "-j", "-G1", "-struct", "-XMP:all", sidecar))[0]
    session.read_xmp([unit_of(photo)])
    assert session.decisions_for([photo])[photo] == Decision(stars=2)
    rate(session, photo, DecisionChange(stars=5), profile=XmpProfile.DARKTABLE)
    after = json.loads(run("exiftool", "-j", "-G1", "-struct", "-XMP:all", sidecar))[0]
    assert after.pop("XMP-xmp:Rating") == 5
    assert before.pop("XMP-xmp:Rating") == 2
    assert after == before


@needs("exiv2")
def test_exiv2_reads_what_qpt_writes(session, photo):
    """digiKam reads through exiv2."""
    change = DecisionChange(stars=3, label=Label.BLUE)
    rate(session, photo, change, profile=XmpProfile.DARKTABLE)
    told = run("exiv2", "-PXkv", photo.with_name("p.jpg.xmp"))
    values = dict(line.split(maxsplit=1) for line in told.splitlines())
    assert values["Xmp.xmp.Rating"] == "3"
    assert values["Xmp.xmp.Label"] == "Blue"


@needs("exiv2")
def test_fields_that_exiv2_wrote_survive(session, photo):
    """digiKam's own properties are the same, as exiv2 tells them, after a rating by qpt.

    Its colour is the label here, as there is no other, and goes into xmp:Label for the others.
    """
    sidecar = photo.with_name("p.jpg.xmp")
    sidecar.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
        '22-rdf-syntax-ns#"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
    )
    edits = ["set Xmp.digiKam.PickLabel 2", "set Xmp.digiKam.ColorLabel 4", "set Xmp.xmp.Rating 1"]
    edits += ["set Xmp.digiKam.TagsList XmpSeq People/Ana", "set Xmp.dc.title lang=x-default T"]
    for edit in edits:
        run("exiv2", "-M", edit, sidecar)
    before = run("exiv2", "-PXkyv", sidecar)
    session.read_xmp([unit_of(photo)])
    rate(session, photo, DecisionChange(stars=4), profile=XmpProfile.DARKTABLE)
    after = run("exiv2", "-PXkyv", sidecar)
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert sorted(line.split()[0] for line in changed) == [
        *["Xmp.xmp.Label", "Xmp.xmp.Rating", "Xmp.xmp.Rating"]
    ]
    assert any(line.split()[-1] == "Green" for line in changed)


@needs("darktable-cli")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "stars", "rejected", "colours"),
    [
        (DecisionChange(stars=4, label=Label.GREEN), 4, False, [2]),
        (DecisionChange(stars=5, flag=Flag.REJECT, label=Label.RED), None, True, [0]),
    ],
)
def test_darktable_imports_what_qpt_writes(
    session, photo, tmp_path, change, stars, rejected, colours
):
    """Its own library database holds our stars, reject and colour."""
    rate(session, photo, change, profile=XmpProfile.DARKTABLE)
    run_darktable(photo, tmp_path)
    connection = sqlite3.connect(tmp_path / "library.db")
    (flags,) = connection.execute("SELECT flags FROM images").fetchone()
    found = [row[0] for row in connection.execute("SELECT color FROM color_labels")]
    connection.close()
    assert bool(flags & 8) is rejected
    assert stars is None or flags & 7 == stars
    assert found == colours


@needs("darktable-cli")
@pytest.mark.slow
def test_qpt_reads_what_darktable_writes(session, photo, tmp_path):
    """An export by darktable carries the rating that it had read from us."""
    rate(session, photo, DecisionChange(stars=3), profile=XmpProfile.DARKTABLE)
    exported = run_darktable(photo, tmp_path)
    session.read_xmp([unit_of(exported)])
    assert session.decisions_for([exported])[exported].stars == 3


def run_darktable(photo, tmp_path):
    exported = tmp_path / "exported.jpg"
    folders = ["--configdir", tmp_path / "config", "--cachedir", tmp_path / "cache"]
    run("darktable-cli", photo, exported, "--core", *folders, "--library", tmp_path / "library.db")
    return exported
