"""kill -9 at random moments, 30 times per writer: 0 corrupt, 0 lost."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from PIL import Image

from qpt_app.decisions.decision import Decision
from qpt_app.decisions.exiftool import picture_parts
from qpt_app.decisions.photo_unit import find_units
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_embedded import read_embedded
from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import read_properties

KILLS = 30

PRELUDE = """
import sys, time
from pathlib import Path
from qpt_app.decisions.decision import DecisionChange
from qpt_app.decisions.photo_unit import unit_of, find_units
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile
data, root = Path(sys.argv[1]), Path(sys.argv[2])
session = DecisionSession.open(data, time.time)
session.recover()
photos = sorted(root.rglob("*.jpg"))
def said(text):
    sys.stdout.write(text + "\\n"); sys.stdout.flush()
said("ready")
"""

DECIDE = """
n = 0
while True:
    photo = photos[n % len(photos)]
    stars = (n // len(photos)) % 5 + 1
    session.decide([unit_of(photo)], DecisionChange(stars=stars))
    said(f"{photo.name} {stars}")
    n += 1
"""

XMP = """
session.xmp_policy = XmpPolicy(profile=XmpProfile.ALL)
n = 0
while True:
    session.decide([unit_of(photo) for photo in photos], DecisionChange(stars=n % 5 + 1))
    session.write_pending_xmp()
    said(str(n))
    n += 1
"""

EMBED = """
session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM, embed=True)
n = 0
while True:
    session.decide([unit_of(photo) for photo in photos], DecisionChange(stars=n % 5 + 1))
    for outcome in session.write_pending_xmp():
        assert not outcome.problems, outcome.problems
    said(str(n))
    n += 1
"""

MOVE = """
while True:
    units = find_units([(p, p.with_suffix(".cr2")) for p in sorted(root.glob("*.jpg"))])
    session.execute(session.plan_move_rejects(units, root))
    said("there")
    session.undo()
    said("back")
"""


@pytest.fixture
def quick_folder(tmp_path):
    """A folder in memory where there is one."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def killed_once(
    script: str, data: Path, root: Path, rng: random.Random, *, within_s: float = 0.15
) -> list[str]:
    """Run a writer, kill it at a random moment, return the lines it got to say."""
    child = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(data), str(root)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    deadline = time.monotonic() + rng.uniform(0.0, within_s)
    while time.monotonic() < deadline:
        os.sched_yield()
    child.send_signal(signal.SIGKILL)
    lines = child.stdout.read().splitlines()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return lines


def shoot(root: Path, names: list[str]) -> dict[str, bytes]:
    """Make photos with different contents."""
    root.mkdir()
    contents = {name: os.urandom(2000) for name in names}
    for name, content in contents.items():
        (root / name).write_bytes(content)
    return contents


pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9"),
    pytest.mark.slow,
]


def test_every_decision_said_to_be_kept_is_kept(quick_folder):
    """What `decide` returned from is in the database after a kill, and the database is whole."""
    data, root, rng = quick_folder / "data", quick_folder / "shoot", random.Random(1)
    shoot(root, [f"{n}.jpg" for n in range(7)])
    total = 0
    for _ in range(KILLS):
        said = killed_once(DECIDE, data, root, rng)
        total += len(said)
        last = dict(line.split() for line in said if line.count(" ") == 1)
        with DecisionSession.open(data, time.time) as session:  # runs quick_check
            kept = session.decisions_for([root / name for name in last])
        for name, stars in list(last.items())[:-1]:
            assert kept[root / name].stars in (int(stars), int(stars) % 5 + 1)
        if said and said[-1].count(" ") == 1:
            name, stars = said[-1].split()
            assert kept[root / name].stars == int(stars)
    assert total > KILLS


def test_sidecars_are_old_or_new_and_nothing_foreign_is_lost(quick_folder):
    """After every kill each sidecar parses, keeps its foreign part, and catches up later."""
    data, root, rng = quick_folder / "data", quick_folder / "shoot", random.Random(2)
    shoot(root, [f"{n}.jpg" for n in range(4)])
    foreign = EMPTY_SIDECAR.replace(b'about=""', b'about="" xmlns:dc="urn:dc" dc:format="keep"')
    for n in range(4):
        (root / f"{n}.jpg.xmp").write_bytes(foreign)
    for _ in range(KILLS):
        killed_once(XMP, data, root, rng)
        for sidecar in root.glob("*.xmp"):
            found = read_properties(sidecar.read_bytes())
            assert found == {} or found[XmpProperty.RATING] in "12345"
        with DecisionSession.open(data, time.time) as session:
            session.recover()
            assert not [file for file in root.iterdir() if file.suffix == ".tmp"]
            assert not [o for o in session.write_pending_xmp() if o.problems or o.notes]
            for photo, decision in session.decisions_for(root.glob("*.jpg")).items():
                if decision != Decision():
                    for name in (f"{photo.stem}.xmp", f"{photo.name}.xmp"):
                        found = read_properties((root / name).read_bytes())
                        assert found == {XmpProperty.RATING: str(decision.stars)}
    assert all(b'dc:format="keep"' in (root / f"{n}.jpg.xmp").read_bytes() for n in range(4))


@pytest.mark.external
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_photos_that_are_embedded_into_are_old_or_new(quick_folder):
    """After every kill each photo is a whole JPEG of the same picture, with a rating or none."""
    data, root, rng = quick_folder / "data", quick_folder / "shoot", random.Random(4)
    root.mkdir()
    for n in range(2):
        Image.effect_noise((64, 48), 40 + n).save(root / f"{n}.jpg", comment=b"keep")
    pictures = {photo: picture_parts(photo.read_bytes()) for photo in root.glob("*.jpg")}
    rated = 0
    for _ in range(KILLS):
        rated += len(killed_once(EMBED, data, root, rng, within_s=1.5))
        for photo, picture in pictures.items():
            assert picture_parts(photo.read_bytes()) == picture
            packet = read_embedded(photo)
            assert packet is None or read_properties(packet)[XmpProperty.RATING] in "12345"
    with DecisionSession.open(data, time.time) as session:
        session.recover()
        assert not [o for o in session.write_pending_xmp() if o.problems or o.notes]
        for photo, decision in session.decisions_for(pictures).items():
            packet = read_embedded(photo)
            assert packet is not None
            assert read_properties(packet) == {XmpProperty.RATING: str(decision.stars)}
    assert not list(root.glob("*.tmp"))
    assert rated > KILLS // 3


def test_moved_photos_exist_exactly_once(quick_folder):
    """After every kill and recovery each file is there once, pairs together."""
    data, root, rng = quick_folder / "data", quick_folder / "shoot", random.Random(3)
    names = [f"{n}{end}" for n in range(20) for end in (".jpg", ".cr2", ".cr2.xmp")]
    contents = shoot(root, names)
    half_way = 0
    for _ in range(KILLS):
        killed_once(MOVE, data, root, rng)
        with DecisionSession.open(data, time.time) as session:
            half_way += len(session.recover())
            found = {file.name: file for file in root.rglob("*") if file.is_file()}
            assert sorted(file.name for file in root.rglob("*") if file.is_file()) == sorted(names)
            assert {name: file.read_bytes() for name, file in found.items()} == contents
            for n in range(20):
                ends = (".jpg", ".cr2", ".cr2.xmp")
                assert len({found[f"{n}{end}"].parent for end in ends}) == 1
            while session.next_undo is not None:
                assert not session.undo().problems
        assert {file.name for file in root.iterdir() if file.is_file()} == set(names)
    assert half_way > 5
    assert len(find_units([(root / "0.jpg", root / "0.cr2")])[0].files) == 3
