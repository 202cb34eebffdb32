"""Round trips with the real digiKam on a virtual screen: what one writes the other reads."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from qpt_app.decisions.decision import Decision, DecisionChange, Label
from qpt_app.decisions.exiftool import picture_parts
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.xmp_check import check_photo
from qpt_app.decisions.xmp_digikam import COLOURS
from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, merge_properties
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile


def beside(name: str):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


digikam_program = beside("digikam_program")
without_ours = beside("test_xmp_merge").without_ours
wait_for, missing = digikam_program.wait_for, digikam_program.missing_programs()

pytestmark = [
    pytest.mark.external,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]

KEYS = ("ctrl+4", "ctrl+alt+4", "alt+3")
"""Four stars, green, accepted."""
WRITTEN = (b'xmp:Rating="4"', b'digiKam:ColorLabel="4"', b'digiKam:PickLabel="3"')
"""What they put into the XMP; digiKam writes it anew after each key."""


def holds_all(path: Path) -> bool:
    return path.exists() and all(part in path.read_bytes() for part in WRITTEN)


def write_photo(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.effect_noise((320, 240), 60).convert("RGB").save(path, quality=90)
    return path


def embedded_packet(path: Path) -> bytes:
    command = ["exiftool", "-b", "-XMP", str(path)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def rate(session, photo: Path, change: DecisionChange, **policy) -> None:
    session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE, **policy)
    session.decide([unit_of(photo)], change)
    outcomes = session.write_pending_xmp()
    assert not [problem for outcome in outcomes for problem in outcome.problems]


def shown_by_check(photo: Path) -> str | None:
    """What `qpt xmp check` says that digiKam shows."""
    return next(view.label for view in check_photo(photo).views if view.program == "digiKam")


def test_a_sidecar_of_digikam_round_trips(session, tmp_path):
    """Its stars and colour are read here, its other fields survive ours, and it reads our stars.

    Its own colour field is not ours: it stays green, and in digiKam it wins over our label.
    """
    photo = write_photo(tmp_path / "photos" / "p.jpg")
    sidecar = photo.with_name("p.jpg.xmp")
    digikam = digikam_program.Digikam(tmp_path / "digikam", photo.parent)
    with digikam.running():
        digikam.press_until(KEYS, lambda: holds_all(sidecar))
    before = sidecar.read_bytes()
    assert b"http://www.digikam.org/ns/1.0/" in before

    session.read_xmp([unit_of(photo)])
    assert session.decisions_for([photo])[photo] == Decision(stars=4, label=Label.GREEN)
    rate(session, photo, DecisionChange(stars=2, label=Label.RED))
    assert sidecar.read_bytes() != before
    assert without_ours(sidecar.read_bytes()) == without_ours(before)

    write_photo(photo.with_name("q.jpg"))  # other pixels: of a copy digiKam takes p's rating over
    shutil.copy(sidecar, photo.with_name("q.jpg.xmp"))
    seen = "FROM ImageInformation JOIN Images ON imageid = id WHERE name = 'q.jpg'"
    colours = (
        "SELECT Tags.name FROM ImageTags JOIN Tags ON tagid = Tags.id JOIN Images "
        "ON imageid = Images.id WHERE Images.name = 'q.jpg' AND Tags.name LIKE 'Color Label%'"
    )
    with digikam.running():
        rating = wait_for("the new photo", lambda: digikam.rows(f"SELECT rating {seen}"))
        colour = wait_for("its colour", lambda: digikam.rows(colours))
    assert rating == [(2,)]
    assert colour == [("Color Label Green",)]
    assert shown_by_check(photo.with_name("q.jpg")) == "Green"


def test_digikam_shows_each_colour_as_check_says(tmp_path):
    """Its ten numbers beside another label, one that is no colour, and the label alone."""
    folder = tmp_path / "photos"
    fields = [f'digiKam:ColorLabel="{number}"' for number in [*range(len(COLOURS)), 10]]
    for number, field in enumerate([*fields, ""]):
        photo = write_photo(folder / f"p{number:02}.jpg")
        label = "Red" if number == COLOURS.index("blue") else "Blue"
        packet = merge_properties(EMPTY_SIDECAR, {XmpProperty.LABEL: label})
        own = f'xmlns:digiKam="http://www.digikam.org/ns/1.0/" {field} xmp:Label='.encode()
        photo.with_name(f"{photo.name}.xmp").write_bytes(packet.replace(b"xmp:Label=", own))
    digikam = digikam_program.Digikam(tmp_path / "digikam", folder)
    query = (
        "SELECT Images.name, Tags.name FROM ImageTags JOIN Tags ON tagid = Tags.id JOIN Images "
        "ON imageid = Images.id WHERE Tags.name LIKE 'Color Label%'"
    )
    with digikam.running():
        rows = wait_for("12 colours", lambda: len(r := digikam.rows(query)) == 12 and r)
    in_digikam = {"None": None, "Magenta": "Purple", "Gray": "Grey"}
    shown = {name: tag.removeprefix("Color Label ") for name, tag in rows}
    assert {name: in_digikam.get(text, text) for name, text in shown.items()} == {
        photo.name: shown_by_check(photo) for photo in sorted(folder.glob("*.jpg"))
    }


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_xmp_that_digikam_embedded_round_trips(session, tmp_path):
    """Inside the JPEG too: read here, its other fields survive ours, the picture is the same."""
    photo = write_photo(tmp_path / "photos" / "p.jpg")
    to_file = digikam_program.TO_FILE
    digikam = digikam_program.Digikam(tmp_path / "digikam", photo.parent, mode=to_file)
    with digikam.running():
        digikam.press_until(KEYS, lambda: holds_all(photo))
    assert not photo.with_name("p.jpg.xmp").exists()
    before, packet = photo.read_bytes(), embedded_packet(photo)

    session.read_xmp([unit_of(photo)])
    assert session.decisions_for([photo])[photo] == Decision(stars=4, label=Label.GREEN)
    rate(session, photo, DecisionChange(stars=2, label=Label.RED), embed=True)
    assert photo.read_bytes() != before
    assert picture_parts(photo.read_bytes()) == picture_parts(before)
    assert without_ours(embedded_packet(photo)) == without_ours(packet)
    fields = ["-s3", "-XMP-xmp:Rating", "-XMP-xmp:Label", "-XMP-digiKam:ColorLabel"]
    told = subprocess.run(["exiftool", *fields, photo], capture_output=True, check=True)
    assert told.stdout.split() == [b"2", b"Red", b"4"]
