"""`qpt decisions check | restore` as a person whose disk failed meets them."""

from qpt_app.decisions.decision import DecisionChange
from qpt_app.decisions.decisions_database import DATABASE_NAME
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.session import DecisionSession

DAY = 24 * 3600.0


def rate(data, photo, stars, now):
    with DecisionSession.open(data, lambda: now) as session:
        session.decide([unit_of(photo)], DecisionChange(stars=stars))


def test_nothing_decided_yet_is_no_problem(qpt, tmp_path):
    """And looking makes no file."""
    done = qpt("decisions", "check", "--data-folder", tmp_path / "data")
    assert done.code == 0
    assert "none yet" in done.out.decode()
    assert not (tmp_path / "data").exists()
    assert qpt("decisions", "restore", "--data-folder", tmp_path / "data").code == 1


def test_damage_is_told_with_its_cure_and_cured(qpt, tmp_path):
    """Each error is one line, and the command in it works."""
    data, photo = tmp_path / "data", tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    rate(data, photo, 3, 1e9)
    rate(data, photo, 5, 1e9 + 2 * DAY)
    assert "sound" in qpt("decisions", "check", "--data-folder", data).out.decode()
    refused = qpt("decisions", "restore", "--data-folder", data)
    assert refused.code == 1
    assert "nothing to restore" in refused.err
    (data / DATABASE_NAME).write_bytes(b"zeros " * 2000)
    for command in (["decisions", "check"], ["xmp", "write", photo, "--stars", "1"]):
        done = qpt(*command, "--data-folder", data)
        assert done.code == 1
        assert "qpt decisions restore" in done.err
        assert done.err.count("\n") == 1
    done = qpt("decisions", "restore", "--data-folder", data)
    assert done.code == 0, done.err
    assert "corrupt-" in done.out.decode()
    with DecisionSession.open(data, lambda: 1e9) as session:
        assert session.decisions_for([photo])[photo].stars == 3
