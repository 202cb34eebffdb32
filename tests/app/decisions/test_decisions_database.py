"""The database is checked, backed up, migrated forward, and never replaced or deleted."""

import contextlib
import sqlite3
import threading

import pytest

from qpt_app.decisions import backups, decisions_database
from qpt_app.decisions.decision import DecisionChange
from qpt_app.decisions.decisions_database import DATABASE_NAME, DecisionsDatabase
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.restore import begin_anew, restore_backup, restore_offer
from qpt_app.decisions.schema import MIGRATIONS
from qpt_app.decisions.session import DecisionSession
from qpt_app.errors import DecisionsError, NewerSchemaError, StorageError

DAY = 24 * 3600.0


def rated(data_folder, clock, photo, stars):
    with DecisionSession.open(data_folder, clock) as session:
        session.decide([unit_of(photo)], DecisionChange(stars=stars))


def test_a_newer_database_is_refused_and_left_as_it_is(data_folder, clock, shoot):
    """A newer qpt's file is not touched; the message names both versions."""
    rated(data_folder, clock, shoot / "b.jpg", 4)
    path = data_folder / DATABASE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerSchemaError, match="99"):
        DecisionSession.open(data_folder, clock)
    assert path.read_bytes() == before


def test_migration_forward_keeps_everything_and_backs_up_first(data_folder, clock, shoot):
    """A new migration runs on the old data; the copy from before is there."""
    rated(data_folder, clock, shoot / "b.jpg", 4)
    more = (*MIGRATIONS, "ALTER TABLE photos ADD COLUMN note TEXT; UPDATE photos SET note = 'x'")
    with DecisionsDatabase.open(data_folder, now=clock(), migrations=more) as database:
        assert [row["note"] for row in database.rows("SELECT note FROM photos")] == ["x"]
    backup = backups.newest_backup(data_folder)
    with sqlite3.connect(backup) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    connection.close()
    with pytest.raises(NewerSchemaError):
        DecisionSession.open(data_folder, clock)


def test_a_failed_migration_changes_nothing(data_folder, clock, shoot):
    """All of a migration or none of it."""
    rated(data_folder, clock, shoot / "b.jpg", 4)
    bad = (*MIGRATIONS, "CREATE TABLE extra (x); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(DecisionsError):
        DecisionsDatabase.open(data_folder, now=clock(), migrations=bad)
    with DecisionSession.open(data_folder, clock) as session:
        assert session.decisions_for([shoot / "b.jpg"])[shoot / "b.jpg"].stars == 4


def test_backups_are_daily_and_ten_are_kept(data_folder, clock, shoot):
    """One copy per day of use; the oldest go."""
    rated(data_folder, clock, shoot / "b.jpg", 1)
    for day in range(1, 16):
        for hour in (0, 1, 2):
            now = 1_800_000_000 + day * DAY + hour * 3600
            DecisionsDatabase.open(data_folder, now=now).close()
    found = sorted((data_folder / backups.BACKUP_FOLDER).iterdir())
    assert len(found) == backups.BACKUPS_KEPT
    assert found[-1] == backups.newest_backup(data_folder)


@pytest.mark.parametrize("damage", ["page", "cut", "text", "empty tables"])
def test_a_damaged_database_is_refused_kept_and_restored(data_folder, clock, shoot, damage):
    """The message names the newest backup; restoring keeps the damaged file under another name."""
    rated(data_folder, clock, shoot / "b.jpg", 4)
    clock.now += 2 * DAY
    rated(data_folder, clock, shoot / "c.png", 2)
    path = data_folder / DATABASE_NAME
    content = bytearray(path.read_bytes())
    if damage == "page":
        content[4096:8192] = b"\xaa" * 4096
    elif damage == "cut":
        del content[len(content) // 2 + 100 :]
    elif damage == "text":
        content[:] = b"these are no decisions " * 400
    else:
        content[100:200] = b"\0" * 100
    path.write_bytes(content)
    with pytest.raises(DecisionsError, match="backup"):
        DecisionSession.open(data_folder, clock)
    assert path.read_bytes() == bytes(content)
    done = restore_backup(data_folder, now=clock())
    assert done.aside is not None
    assert done.aside.read_bytes() == bytes(content)
    assert done.backup == backups.newest_backup(data_folder)
    with DecisionSession.open(data_folder, clock) as session:
        assert session.decisions_for([shoot / "b.jpg"])[shoot / "b.jpg"].stars == 4


def test_an_offer_says_what_restoring_would_put_back(data_folder, clock, shoot):
    """The newest sound backup, its time and how many photos it knows; nothing is changed."""
    rated(data_folder, clock, shoot / "b.jpg", 4)
    clock.now += 2 * DAY
    made = clock.now
    rated(data_folder, clock, shoot / "c.png", 2)
    (data_folder / DATABASE_NAME).write_bytes(b"these are no decisions" * 200)
    before = {path: path.read_bytes() for path in data_folder.rglob("*") if path.is_file()}
    offer = restore_offer(data_folder, now=clock())
    assert offer.backup == backups.newest_backup(data_folder)
    assert offer.made_at == pytest.approx(made, abs=5)
    assert offer.photos == 1
    assert {path: path.read_bytes() for path in data_folder.rglob("*") if path.is_file()} == before
    done = restore_backup(data_folder, now=clock())
    assert done.aside is not None
    assert done.backup == offer.backup


def test_without_a_backup_one_can_begin_anew_and_the_damaged_file_is_kept(data_folder, clock):
    """A sound database is never set aside."""
    DecisionSession.open(data_folder, clock).close()
    path = data_folder / DATABASE_NAME
    with pytest.raises(DecisionsError, match="sound"):
        begin_anew(data_folder, now=clock())
    path.write_bytes(b"these are no decisions" * 200)
    assert restore_offer(data_folder, now=clock()).backup is None
    aside = begin_anew(data_folder, now=clock())
    assert aside.read_bytes() == b"these are no decisions" * 200
    DecisionSession.open(data_folder, clock).close()


def test_a_sound_database_is_never_replaced(data_folder, clock, shoot):
    """Restoring is for what is damaged or gone; what is newer or whole stays."""
    rated(data_folder, clock, shoot / "b.jpg", 4)
    clock.now += 2 * DAY
    rated(data_folder, clock, shoot / "b.jpg", 5)
    path = data_folder / DATABASE_NAME
    before = path.read_bytes()
    with pytest.raises(DecisionsError, match="sound"):
        restore_backup(data_folder, now=clock())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(NewerSchemaError):
        restore_backup(data_folder, now=clock())
    path.write_bytes(before)
    path.unlink()
    assert restore_backup(data_folder, now=clock()).aside is None
    with DecisionSession.open(data_folder, clock) as session:
        assert session.decisions_for([shoot / "b.jpg"])[shoot / "b.jpg"].stars == 4


def test_a_damaged_backup_is_passed_over(data_folder, clock, shoot):
    """The newest sound one counts; without any, nothing is touched."""
    for stars in (1, 2, 3):
        rated(data_folder, clock, shoot / "b.jpg", stars)
        clock.now += 2 * DAY
    path = data_folder / DATABASE_NAME
    path.write_bytes(b"no database at all " * 300)
    older, newer = backups.backups_in(data_folder)
    newer.write_bytes(newer.read_bytes()[:5000])
    assert restore_backup(data_folder, now=clock()).backup == older
    path.write_bytes(b"no database at all " * 300)
    older.write_bytes(b"")
    with pytest.raises(DecisionsError, match="no sound backup"):
        restore_backup(data_folder, now=clock())
    assert path.read_bytes() == b"no database at all " * 300


def test_every_512th_byte_flipped_never_crashes(data_folder, clock, shoot):
    """A flipped byte is refused, or the database opens and answers."""
    for number in range(40):
        rated(data_folder, clock, shoot / f"{number}.jpg", number % 5 + 1)
    path = data_folder / DATABASE_NAME
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 512):
        data = bytearray(whole)
        data[at] ^= 0xFF
        path.write_bytes(data)
        try:
            with DecisionSession.open(data_folder, clock) as session:
                session.decisions_for([shoot / "1.jpg"])
        except DecisionsError:
            refused += 1
    assert refused > 0


def test_another_programs_database_is_refused(data_folder, clock):
    """A file of that name that is not ours is neither used nor changed."""
    data_folder.mkdir()
    with sqlite3.connect(data_folder / DATABASE_NAME) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(DecisionsError, match="no decisions database"):
        DecisionSession.open(data_folder, clock)


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path, clock):
    """The message says which file."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file"):
        DecisionSession.open(tmp_path / "file" / "data", clock)


def test_a_full_disk_changes_nothing(data_folder, clock, shoot):
    """When the database cannot grow, `decide` fails and everything from before is there."""
    resource = pytest.importorskip("resource")
    import signal

    photo = shoot / "b.jpg"
    with DecisionSession.open(data_folder, clock) as session:
        session.decide([unit_of(photo)], DecisionChange(stars=4))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
            with pytest.raises(StorageError):
                session.decide([unit_of(photo)], DecisionChange(stars=1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, old)
        assert session.decisions_for([photo])[photo].stars == 4
        session.decide([unit_of(photo)], DecisionChange(stars=2))
        assert session.decisions_for([photo])[photo].stars == 2


@pytest.fixture
def full_disk():
    """No file of this process can grow, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    @contextlib.contextmanager
    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    yield full
    signal.signal(signal.SIGXFSZ, old)


def test_a_full_disk_is_not_taken_for_damage(data_folder, clock, shoot, full_disk):
    """Nobody is told to move a sound database away; with room again it opens, new or old."""
    path = data_folder / DATABASE_NAME
    for _ in range(2):
        with full_disk(), pytest.raises(StorageError, match="cannot open"):
            DecisionSession.open(data_folder, clock)
    rated(data_folder, clock, shoot / "b.jpg", 4)
    before = path.read_bytes()
    with full_disk(), pytest.raises(StorageError, match="cannot open"):
        DecisionSession.open(data_folder, clock)
    assert path.read_bytes() == before
    with DecisionSession.open(data_folder, clock) as session:
        assert session.decisions_for([shoot / "b.jpg"])[shoot / "b.jpg"].stars == 4


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY_DBMOVED])
def test_a_migration_that_sqlite_took_back_itself_says_why(data_folder, clock, monkeypatch, code):
    """SQLite ends the transaction when the disk is full: the cause is told, not the roll-back."""

    class Rolled(sqlite3.Connection):
        def execute(self, statement, *values):
            if statement.startswith("PRAGMA application_id ="):
                super().execute("ROLLBACK")
                error = sqlite3.OperationalError("the drive is the trouble")
                error.sqlite_errorcode = code
                raise error
            return super().execute(statement, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: connect(*args, factory=Rolled, **options)
    )
    with pytest.raises(StorageError, match="the drive is the trouble"):
        DecisionsDatabase.open(data_folder, now=clock())


def test_two_programs_and_many_threads_take_turns(data_folder, clock, shoot):
    """No decision is lost when several write at once."""
    with (
        DecisionSession.open(data_folder, clock) as one,
        DecisionSession.open(data_folder, clock) as two,
    ):

        def work(session, first):
            for number in range(first, first + 10):
                session.decide([unit_of(shoot / f"{number}.jpg")], DecisionChange(stars=3))

        threads = [
            threading.Thread(target=work, args=(session, 100 * n))
            for n, session in enumerate((one, two, one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        photos = [shoot / f"{100 * n + k}.jpg" for n in range(4) for k in range(10)]
        assert {d.stars for d in one.decisions_for(photos).values()} == {3}
        assert len(one.history()) == 40


def test_the_slow_journal_is_used_on_a_network_drive(data_folder, clock):
    """SQLite's WAL does not work over a network."""
    with DecisionsDatabase.open(data_folder, now=clock(), on_network_drive=True) as database:
        assert database.row("PRAGMA journal_mode")[0] == "truncate"


def test_the_system_is_asked_whether_the_drive_is_local(data_folder, clock, monkeypatch):
    """Whoever opens a session need not know."""
    for network, mode in ((True, "truncate"), (False, "wal")):
        monkeypatch.setattr(
            decisions_database, "is_on_network_drive", lambda folder, network=network: network
        )
        with DecisionsDatabase.open(data_folder, now=clock()) as database:
            assert database.row("PRAGMA journal_mode")[0] == mode
