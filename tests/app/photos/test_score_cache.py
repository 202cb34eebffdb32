"""The cache gives back exactly what it was given, and no damage to it can hurt a run."""

import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import StorageError
from qpt_app.photos import cache_database, score_cache
from qpt_app.photos.cache_database import FILE_NAME, delete_cache
from qpt_app.photos.cache_rows import model_key
from qpt_app.photos.fingerprint import Fingerprint
from qpt_app.photos.focus import FocusGap
from qpt_app.photos.results import PhotoFile
from qpt_app.photos.score_cache import CachedFocus, CachedScore, FocusMeasure, ScoreCache

MODEL = ModelIdentity(name="m", digest="00" * 32, preprocess=PreprocessConfig())
NOW = 1_800_000_000.0


def photo(number: int, path: Path | None = None, **changes) -> PhotoFile:
    stamp = {"device": 1, "inode": number, "size": 10, "mtime_ns": 1000 + number} | changes
    return PhotoFile(location=os.fspath(path or f"/photos/{number}.jpg"), **stamp)


def fingerprint(of: PhotoFile, content: int | None = None, settled: bool = True) -> Fingerprint:
    digest = f"{of.inode if content is None else content:032x}"
    return Fingerprint(stamp=of.stamp, content_hash=digest, settled=settled)


def known(number: float = 50.0, **changes) -> CachedScore:
    fields = {
        "status": PhotoStatus.OK,
        "score": number,
        "uncertainty": 3.25,
        "raw_score": number / 100,
        "width": 4000,
        "height": 3000,
        "format": "JPEG",
        "feature": np.array([number, -1.0, 0.5], np.float16),
    }
    return CachedScore(**(fields | changes))


def put(cache: ScoreCache, of: PhotoFile, what: CachedScore, **how) -> None:
    cache.put(of.path, fingerprint(of, **how), MODEL, what)


@pytest.fixture
def folder(tmp_path):
    """A folder that does not exist yet."""
    return tmp_path / "deep" / "cache"


def filled(folder: Path, count: int = 200) -> list[PhotoFile]:
    """Write a cache of `count` photos; return them."""
    photos = [photo(number) for number in range(count)]
    with ScoreCache.open(folder, now=lambda: NOW) as cache:
        for number, one in enumerate(photos):
            put(cache, one, known(number / 4))
    return photos


finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
records = st.builds(
    CachedScore,
    status=st.sampled_from(PhotoStatus),
    reason=st.none() | text,
    score=st.none() | finite,
    uncertainty=st.none() | finite,
    raw_score=st.none() | finite,
    width=st.none() | st.integers(1, 2**31),
    height=st.none() | st.integers(1, 2**31),
    format=st.none() | text,
    decoder=text,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(CachedScore(status=PhotoStatus.OK, raw_score=-0.0), 0, 0, b"a")
@given(records, st.integers(0, 2**127), st.integers(0, 2**127), st.binary(min_size=1, max_size=30))
def test_what_is_put_comes_back_exactly(tmp_path, record, content, inode, name):
    """Any text, any number, any inode, any bytes as a name; also from another connection."""
    path = Path(os.fsdecode(b"/" + name.replace(b"\0", b"0")))
    one = photo(1, path, inode=inode, device=2**64 - 1)
    for with_features in (False, True):
        with ScoreCache.open(tmp_path) as cache:
            put(cache, one, record, content=content)
        with ScoreCache.open(tmp_path) as cache:
            found = cache.get_many([one], MODEL, with_features=with_features)
            # a score without its vector is of no use to whoever wants vectors
            wanted = None if with_features and record.score is not None else record
            assert found == [wanted]


@given(st.lists(st.floats(-60000, 60000, width=16), min_size=1, max_size=50))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_features_come_back_bit_for_bit(tmp_path, numbers):
    """Half floats, in their order."""
    vector = np.array(numbers, np.float16)
    with ScoreCache.open(tmp_path) as cache:
        put(cache, photo(1), known(feature=vector))
        cache.flush()
        found = cache.get(photo(1), MODEL)
    assert found.feature.dtype == np.float16
    assert found.feature.tobytes() == vector.tobytes()


@pytest.mark.parametrize("field", ["device", "inode", "size", "mtime_ns"])
def test_a_changed_stamp_is_another_file(folder, field):
    """Each of the four numbers counts."""
    with ScoreCache.open(folder) as cache:
        put(cache, photo(1), known())
        cache.flush()
        assert cache.get(photo(1), MODEL) is not None
        assert cache.get(photo(1, **{field: 77}), MODEL) is None
        assert cache.get_content(f"{1:032x}", MODEL) is not None


def test_a_fresh_file_is_known_by_content_only(folder):
    """A stamp that does not prove anything is not kept."""
    with ScoreCache.open(folder) as cache:
        put(cache, photo(1), known(), settled=False)
        cache.flush()
        assert cache.get(photo(1), MODEL) is None
        assert cache.get_content(f"{1:032x}", MODEL) == known()
        cache.note_file(photo(1).path, fingerprint(photo(1)))
        cache.flush()
        assert cache.get(photo(1), MODEL) == known()


def test_a_file_too_large_to_hash_is_not_kept(folder):
    """Without a content hash there is nothing to file it under."""
    with ScoreCache.open(folder) as cache:
        unhashed = Fingerprint(stamp=photo(1).stamp, content_hash=None, settled=True)
        cache.put(photo(1).path, unhashed, MODEL, known())
        assert cache.info().scores == 0


@pytest.mark.parametrize(
    "other",
    [
        ModelIdentity(name="m", digest="01" * 32, preprocess=PreprocessConfig()),
        ModelIdentity(name="m", digest="00" * 32, preprocess=PreprocessConfig(version=2)),
        ModelIdentity(name="m", digest="00" * 32, preprocess=PreprocessConfig(crop_size=64)),
    ],
)
def test_digest_and_preprocessing_are_part_of_the_key(folder, other):
    """Neither another model nor other pixels are answered with this score."""
    assert model_key(other) != model_key(MODEL)
    with ScoreCache.open(folder) as cache:
        put(cache, photo(1), known())
        cache.flush()
        assert cache.get(photo(1), other) is None


def test_the_name_of_a_model_is_not_part_of_the_key():
    """A model file may be renamed."""
    renamed = ModelIdentity(name="n", digest=MODEL.digest, preprocess=MODEL.preprocess)
    assert model_key(renamed) == model_key(MODEL)


def test_many_are_answered_in_order(folder):
    """More files than fit into one query, known and unknown mixed, one content in two files."""
    photos = filled(folder, 1000)
    twin = photo(5000)
    with ScoreCache.open(folder) as cache:
        cache.note_file(twin.path, fingerprint(twin, content=3))
        cache.flush()
        asked = [photo(9999), twin, *reversed(photos), photo(8888)]
        found = cache.get_many(asked, MODEL)
        assert cache.get_many([], MODEL) == []
    assert [None if hit is None else hit.score for hit in found] == [
        None,
        0.75,
        *(number / 4 for number in reversed(range(1000))),
        None,
    ]


def test_relative_and_absolute_names_are_one_file(folder, monkeypatch, tmp_path):
    """The working folder does not matter."""
    monkeypatch.chdir(tmp_path)
    with ScoreCache.open(folder) as cache:
        put(cache, photo(1, Path("a.jpg")), known())
        cache.flush()
        assert cache.get(photo(1, tmp_path / "a.jpg"), MODEL) == known()


def test_rows_reach_the_disk_in_time(folder):
    """After 64 rows or two seconds, whichever is first; the rest at closing."""
    clock = NOW
    with ScoreCache.open(folder) as other, ScoreCache.open(folder, now=lambda: clock) as cache:
        for number in range(64):
            assert other.get(photo(0), MODEL) is None
            put(cache, photo(number), known())
        assert other.get(photo(0), MODEL) == known()
        put(cache, photo(100), known())
        assert other.get(photo(100), MODEL) is None
        clock += 2.5
        put(cache, photo(101), known())
        assert other.get(photo(100), MODEL) == known()
        put(cache, photo(102), known())
        cache.close()
        assert other.get(photo(102), MODEL) == known()


def test_info_and_clear(folder):
    """Counts before, nothing after, and the space is given back."""
    filled(folder, 300)
    with ScoreCache.open(folder) as cache:
        before = cache.info()
        assert (before.files, before.scores, before.by_model) == (300, 300, {"m@00000000": 300})
        assert before.path == folder / FILE_NAME
        assert before.bytes_on_disk >= 3 * 16384
        assert cache.clear() == 300
        after = cache.info()
        assert (after.files, after.scores, after.by_model) == (0, 0, {})
        assert after.bytes_on_disk < before.bytes_on_disk
        put(cache, photo(1), known())
        cache.flush()
        assert cache.get(photo(1), MODEL) == known()


def test_what_is_known_of_focus_comes_back_and_can_be_cleared(folder):
    """Numbers of the measure that is asked for, for contents however often they are there."""
    measure = FocusMeasure(version=2, side=3000)
    twin = photo(77)
    with ScoreCache.open(folder) as cache:
        for number, blur in ((1, 0.625), (2, None), (3, 2.5)):
            key = FocusMeasure(1, 3000) if number == 3 else measure
            cache.put_focus(photo(number).path, fingerprint(photo(number)), key, CachedFocus(blur))
        cache.note_file(twin.path, fingerprint(twin, content=1))
    with ScoreCache.open(folder) as cache:
        asked = [photo(2), photo(9), photo(1), twin, photo(3)]
        found = cache.get_focus(asked, measure)
        assert found == [CachedFocus(None), None, CachedFocus(0.625), CachedFocus(0.625), None]
        assert cache.info().focus == 3
        cache.clear()
        assert cache.get_focus(asked, measure) == [None] * 5
        assert cache.info().focus == 0


@pytest.mark.parametrize("gap", FocusGap)
def test_why_focus_cannot_be_told_comes_back(folder, gap):
    """It need not be measured again to know that it cannot be."""
    measure = FocusMeasure(version=2, side=3000)
    with ScoreCache.open(folder) as cache:
        focus = CachedFocus(None, gap)
        cache.put_focus(photo(1).path, fingerprint(photo(1)), measure, focus)
    with ScoreCache.open(folder) as cache:
        assert cache.get_focus([photo(1)], measure) == [focus]


def test_a_flipped_bit_in_a_number_of_focus_is_no_number(folder):
    """It is measured again."""
    measure = FocusMeasure(version=2, side=3000)
    with ScoreCache.open(folder) as cache:
        cache.put_focus(photo(1).path, fingerprint(photo(1)), measure, CachedFocus(0.625))
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.execute("UPDATE focus SET blur = 0.626")
    connection.commit()
    connection.close()
    with ScoreCache.open(folder) as cache:
        assert cache.get_focus([photo(1)], measure) == [None]


def test_a_cache_of_before_focus_is_used_as_it_is(folder):
    """The table is added, the scores stay, and the program of then can still open it."""
    photos = filled(folder, 20)
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.execute("DROP TABLE focus")
    connection.commit()
    version = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    measure = FocusMeasure(version=2, side=3000)
    with ScoreCache.open(folder) as cache:
        assert cache.notices == []
        cache.put_focus(photos[0].path, fingerprint(photos[0]), measure, CachedFocus(0.5))
        cache.flush()
        assert cache.get_focus(photos[:1], measure) == [CachedFocus(0.5)]
        assert cache.info().scores == 20
    connection = sqlite3.connect(folder / FILE_NAME)
    assert connection.execute("PRAGMA user_version").fetchone() == version == (1,)
    connection.close()


def test_threads_may_share_it(folder):
    """Writers and readers in several threads: nothing is lost and nothing raised."""
    from concurrent.futures import ThreadPoolExecutor

    with ScoreCache.open(folder) as cache, ThreadPoolExecutor(4) as threads:

        def work(start: int) -> None:
            for number in range(start, start + 200):
                put(cache, photo(number), known(1.0))
                cache.get(photo(number), MODEL)

        list(threads.map(work, range(0, 800, 200)))
        assert cache.info().scores == 800
        assert cache.notices == []


class TestDamage:
    """A broken cache is set aside with a notice, or gives misses; never a wrong score."""

    def check(self, folder: Path, photos: list[PhotoFile]) -> tuple[int, list[str]]:
        """Open, read everything, write; return how much was known and what was said."""
        with ScoreCache.open(folder, now=lambda: NOW) as cache:
            found = cache.get_many(photos, MODEL)
            for number, hit in enumerate(found):
                if hit is not None:
                    assert hit == known(number / 4)
                    assert hit.feature.tobytes() == known(number / 4).feature.tobytes()
            put(cache, photo(7777), known())
            cache.flush()
        with ScoreCache.open(folder, now=lambda: NOW) as later:
            if not cache.notices or later.notices:
                assert later.get(photo(7777), MODEL) in (known(), None)
        return sum(hit is not None for hit in found), cache.notices

    def test_every_512th_byte_flipped(self, folder):
        """Each on its own, wherever it is in the file."""
        photos = filled(folder)
        whole = (folder / FILE_NAME).read_bytes()
        said = 0
        for place in range(0, len(whole), 512):
            broken = bytearray(whole)
            broken[place] ^= 0xFF
            delete_cache(folder)
            (folder / FILE_NAME).write_bytes(broken)
            said += bool(self.check(folder, photos)[1])
        assert said > 0

    @pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
    def test_cut_short(self, folder, share):
        """Whatever is missing, the run goes on."""
        photos = filled(folder)
        whole = (folder / FILE_NAME).read_bytes()
        (folder / FILE_NAME).write_bytes(whole[: int(len(whole) * share)])
        count, notices = self.check(folder, photos)
        assert count == 0
        assert "was set aside as scores.sqlite3.corrupt-20270115-080000" in notices[0]
        assert (folder / "scores.sqlite3.corrupt-20270115-080000").exists()

    @pytest.mark.parametrize(
        "content", [b"not a database at all", b"\0" * 5000, b"SQLite format 3\0"]
    )
    def test_replaced_by_something_else(self, folder, content):
        """Text, zeros, a lone header."""
        photos = filled(folder)
        (folder / FILE_NAME).write_bytes(content)
        assert self.check(folder, photos)[0] == 0

    def test_somebody_elses_database(self, folder):
        """It is set aside, not filled with our tables and not deleted."""
        folder.mkdir(parents=True)
        connection = sqlite3.connect(folder / FILE_NAME)
        connection.execute("CREATE TABLE diary (entry TEXT)")
        connection.close()
        with ScoreCache.open(folder, now=lambda: NOW) as cache:
            assert "not a score cache" in cache.notices[0]
        (aside,) = folder.glob("*.corrupt-*")
        connection = sqlite3.connect(aside)
        assert connection.execute("SELECT count(*) FROM diary").fetchone() == (0,)
        connection.close()

    def test_twice_in_a_second(self, folder):
        """A second broken file does not overwrite the first that was set aside."""
        for _ in range(2):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / FILE_NAME).write_text("broken")
            ScoreCache.open(folder, now=lambda: NOW).close()
        assert len(list(folder.glob("*.corrupt-*"))) == 2

    def test_an_empty_file_is_a_new_cache(self, folder):
        """What a kill at the very first moment leaves behind."""
        folder.mkdir(parents=True)
        (folder / FILE_NAME).touch()
        with ScoreCache.open(folder) as cache:
            assert cache.notices == []

    def test_found_in_use(self, folder, monkeypatch):
        """The run goes on without it, says so once, and the next run begins a new one."""
        photos = filled(folder)
        with ScoreCache.open(folder, now=lambda: NOW) as cache:

            def broken(*_, **__):
                error = sqlite3.DatabaseError("database disk image is malformed")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error

            monkeypatch.setattr(score_cache, "read_hashes", broken)
            assert cache.get_many(photos, MODEL) == [None] * len(photos)
            assert cache.get_many(photos, MODEL) == [None] * len(photos)
            put(cache, photo(1), known())
            cache.flush()
            assert len(cache.notices) == 1
            assert "stopped working (database disk image is malformed)" in cache.notices[0]
            assert not cache.usable
        monkeypatch.undo()
        with ScoreCache.open(folder, now=lambda: NOW) as cache:
            assert "was set aside" in cache.notices[0]
        with ScoreCache.open(folder, now=lambda: NOW) as cache:
            assert cache.notices == []

    def test_a_large_file_is_checked_once_a_day(self, folder, monkeypatch):
        """Not at every start, but not never."""
        filled(folder)
        checks = []
        real = cache_database._run_quick_check
        monkeypatch.setattr(cache_database, "CHECK_ALWAYS_BYTES", 0)
        monkeypatch.setattr(
            cache_database, "_run_quick_check", lambda c: (checks.append(1), real(c))[1]
        )
        for hours, wanted in [(0, 1), (1, 1), (23, 1), (25, 2), (26, 2), (-10, 3)]:
            ScoreCache.open(folder, now=lambda hours=hours: NOW + 3600 * hours).close()
            assert len(checks) == wanted


class TestRefusal:
    """Where there can be no cache, opening says why in one line."""

    def test_a_newer_one_is_left_alone(self, folder):
        """Refused, unchanged."""
        filled(folder)
        connection = sqlite3.connect(folder / FILE_NAME)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        before = (folder / FILE_NAME).read_bytes()
        with pytest.raises(StorageError, match=r"written by a newer qpt \(version 99, this one"):
            ScoreCache.open(folder)
        assert (folder / FILE_NAME).read_bytes() == before

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        """One clear line."""
        (tmp_path / "cache").touch()
        with pytest.raises(StorageError, match="cannot be used"):
            ScoreCache.open(tmp_path / "cache")

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
    @pytest.mark.parametrize("exists", [True, False])
    def test_a_read_only_folder(self, folder, exists):
        """With or without a cache in it."""
        if exists:
            filled(folder)
        else:
            folder.mkdir(parents=True)
        folder.chmod(0o500)
        try:
            with pytest.raises(StorageError, match="cannot be used"):
                ScoreCache.open(folder)
        finally:
            folder.chmod(0o700)

    def test_a_read_only_file(self, folder, monkeypatch):
        """SQLite would open it and fail much later."""
        filled(folder)
        monkeypatch.setattr(cache_database.os, "access", lambda *_: False)
        with pytest.raises(StorageError, match="is read-only"):
            ScoreCache.open(folder)

    def test_another_program_that_never_lets_go(self, folder, monkeypatch):
        """Waiting ends."""
        monkeypatch.setattr(cache_database, "BUSY_TIMEOUT_S", 0.05)
        folder.mkdir(parents=True)
        lock = cache_database._exclusive(folder / f"{FILE_NAME}.lock")
        with lock, pytest.raises(StorageError, match="another program keeps it locked"):
            ScoreCache.open(folder)
        ScoreCache.open(folder).close()

    def test_delete_cache_leaves_other_files(self, folder):
        """For a cache that cannot be opened: its own files go, others stay."""
        filled(folder)
        (folder / "scores.sqlite3.corrupt-1").touch()
        (folder / "other.txt").touch()
        assert delete_cache(folder) >= 2
        assert [path.name for path in folder.iterdir()] == ["other.txt"]
        assert delete_cache(folder / "nothing") == 0


@pytest.mark.skipif(os.name != "posix", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_switches_it_off(folder):
    """The run goes on, one notice, no traceback, and the file is still sound."""
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        from tests.app.photos.test_score_cache import known, photo, put
        from qpt_app.photos.score_cache import ScoreCache
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with ScoreCache.open(Path(sys.argv[1])) as cache:
            put(cache, photo(1), known(1.0))
            cache.flush()
            resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
            for number in range(2, 20_000):
                put(cache, photo(number), known(2.0))
            assert not cache.usable
            print(len(cache.notices), cache.notices[0])
        """
    )
    done = run_script(script, folder)
    assert done.stdout.startswith("1 the score cache "), done.stderr
    assert "stopped working" in done.stdout
    with ScoreCache.open(folder) as cache:
        assert cache.notices == []
        assert cache.get(photo(1), MODEL) == known(1.0)


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


ROOT = Path(__file__).parents[3]

WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tests.app.photos.test_score_cache import known, photo, put
    from qpt_app.photos.score_cache import ScoreCache
    start = int(sys.argv[2])
    with ScoreCache.open(Path(sys.argv[1])) as cache:
        print("open", flush=True)
        for number in range(start, start + int(sys.argv[3])):
            put(cache, photo(number), known(number % 100))
            if number % 10 == 0:
                cache.flush()
                print(number, flush=True)
        assert not cache.notices, cache.notices
    """
)


def start_writer(folder: Path, start: int, count: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(start), str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_programs_at_once(folder):
    """Both open at the same moment, both finish, nothing is lost."""
    writers = [start_writer(folder, start, 500) for start in (0, 10_000, 20_000)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    with ScoreCache.open(folder) as cache:
        assert cache.info().scores == 1500
        assert cache.notices == []


@pytest.mark.slow
def test_killed_at_any_moment(folder):
    """25 times kill -9 with a second program writing: never damaged, nothing committed is lost."""
    bystander = start_writer(folder, 1_000_000, 3000)
    kept = []
    for turn in range(25):
        writer = start_writer(folder, turn * 10_000, 9_000)
        lines = 1 + turn * 3
        seen = [line for line in (writer.stdout.readline() for _ in range(lines)) if line]
        writer.kill()
        writer.communicate()
        kept += [int(line) for line in seen if line.strip().isdigit()]
    _, errors = bystander.communicate(timeout=120)
    assert bystander.returncode == 0, errors
    with ScoreCache.open(folder) as cache:
        assert cache.notices == []
        found = cache.get_many([photo(number) for number in kept], MODEL)
        assert [hit.score for hit in found] == [number % 100 for number in kept]
        assert cache.get(photo(1_000_000 + 2990), MODEL) == known(90)
    assert len(kept) > 300
    assert list(folder.glob("*.corrupt-*")) == []
