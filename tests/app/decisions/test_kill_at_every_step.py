"""A process that dies at any step of a file operation loses nothing and doubles nothing.

Every system call that touches a file, and every statement that goes to the journal, is a step. A
forked child runs the operation and dies (`os._exit`, nothing is cleaned up) just before step n,
for n = 1, 2, 3, ... until it gets through. Each time a new session recovers, and every file must
exist exactly once, pairs and sidecars together.
"""

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from qpt_app.decisions import journal
from qpt_app.decisions.decision import Decision, DecisionChange
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.decisions.photo_unit import find_units
from qpt_app.decisions.session import DecisionSession

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.slow,
]

EFFECTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.utime", "os.chmod"}


class Death:
    """Ends the process before its n-th step."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(9)

    def hook(self, event: str, arguments: tuple) -> None:
        if event in EFFECTS and not (event == "open" and not _writes(arguments)):
            self.step()


def _writes(arguments: tuple) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def dies_at(step: int, work) -> bool:
    """Run `work` in a child that dies before `step`; return whether it died."""
    child = os.fork()
    if child == 0:
        death = Death(step)
        real = DecisionsDatabase.execute

        def execute(self, *arguments):
            death.step()
            return real(self, *arguments)

        DecisionsDatabase.execute = execute
        sys.addaudithook(death.hook)
        try:
            work()
        except BaseException:  # noqa: BLE001 - the edge of the child process
            os._exit(70)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), f"the child failed by itself ({code})"
    return code == 9


class Scene:
    """A fresh shoot, data folder and trash for each death."""

    names = ("a.jpg", "a.cr2", "a.cr2.xmp", "b.jpg", "b.xmp")

    def __init__(self, folder: Path, other_volume: Path | None, make_trash, clock, tree) -> None:
        self.folder, self.clock, self.tree = folder, clock, tree
        self.root, self.data = folder / "shoot", folder / "data"
        self.destination = (other_volume or folder) / "picked"
        self.make_trash = make_trash
        for old in (self.root, self.data, self.destination, folder / "trash"):
            shutil.rmtree(old, ignore_errors=True)
        self.root.mkdir(parents=True)
        self.destination.mkdir()
        for name in self.names:
            file = self.root / name
            file.write_bytes(name.encode() * 1000)
            os.utime(file, ns=(1_600_000_000_123_456_789,) * 2)
        self.before = tree(self.root)
        with self.session() as session:
            session.decide(self.decided(), DecisionChange(stars=4))

    def decided(self):
        return self.units()

    def session(self) -> DecisionSession:
        trash = self.make_trash(self.folder / "trash")
        return DecisionSession.open(self.data, self.clock, trash=trash)

    def units(self):
        return find_units([(self.root / "a.jpg", self.root / "a.cr2"), (self.root / "b.jpg", None)])

    def start(self, kind: str) -> None:
        with self.session() as session:
            if kind == "rejects":
                plan = session.plan_move_rejects(self.units(), self.root)
            elif kind == "trash":
                plan = session.plan_trash(self.units(), [self.root])
            else:
                plan = session.plan_transfer(
                    self.units(), [self.root], self.destination, copy=kind == "copy"
                )
            assert not session.execute(plan).problems

    def undo(self) -> None:
        with self.session() as session:
            session.undo()

    def redo(self) -> None:
        with self.session() as session:
            session.redo()

    def places(self) -> list[tuple[Path, bytes]]:
        folders = (self.root, self.destination, self.folder / "trash")
        return [
            (file, file.read_bytes())
            for folder in folders
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        ]

    def check_recovered(self, *, copies: bool) -> None:
        """Recover, and look at every file."""
        with self.session() as session:
            for report in session.recover():
                assert not report.problems
            assert journal.interrupted_actions(session._database) == []
        found = self.places()
        names = [file.name for file, _ in found]
        assert not [name for name in names if name.endswith(".qpt.tmp")]
        contents = sorted(content for _, content in found)
        originals = sorted(content for content, _ in self.before.values())
        if copies:
            assert {name: self.tree(self.root)[name] for name in self.before} == self.before
            assert set(contents) == set(originals)
            assert max(contents.count(content) for content in originals) <= 2
        else:
            assert contents == originals
        for unit in ({"a.jpg", "a.cr2", "a.cr2.xmp"}, {"b.jpg", "b.xmp"}):
            wanted = {name.encode() * 1000 for name in unit}
            folders = [file.parent for file, content in found if content in wanted]
            assert len(folders) in (len(unit), 2 * len(unit) if copies else 0)
            assert len(set(folders)) == len(folders) // len(unit)

    def check_undone_to_the_start(self) -> None:
        """Whatever was done can be taken back, to the names, bytes and time stamps at the start."""
        with self.session() as session:
            while session.next_undo is not None and session.next_undo.kind.touches_files:
                assert not session.undo().problems
            decisions = session.decisions_for([self.root / "a.jpg", self.root / "b.jpg"])
        assert self.tree(self.root) == self.before
        assert set(decisions.values()) == {Decision(stars=4)}


class HalfScene(Scene):
    """Only the RAW of a pair is to go, of which only the JPEG has stars; `a.xmp` is of both."""

    names = ("a.jpg", "a.cr2", "a.cr2.xmp", "a.xmp", "b.jpg")

    def decided(self):
        return find_units([(self.root / "a.jpg", None), (self.root / "b.jpg", None)])

    def start(self, kind: str) -> None:
        with self.session() as session:
            if kind == "rejects":
                plan = session.plan_move_rejects(self.units(), self.root, PairChoice.RAW)
            else:
                plan = session.plan_trash(self.units(), [self.root], PairChoice.RAW)
            assert not session.execute(plan).problems

    def check_recovered(self, *, copies: bool) -> None:
        """The RAW with its sidecar at one place; `a.xmp` stays; the stars are at both halves."""
        with self.session() as session:
            for report in session.recover():
                assert not report.problems
            found = {name: [] for name in self.names}
            for file, content in self.places():
                found[content[: len(content) // 1000].decode()].append(file)
            raw, jpeg = found["a.cr2"][0], self.root / "a.jpg"
            has_moved = self.root / "_rejected" == raw.parent
            lent = [self.root / "a.xmp", *([raw.parent / "a.xmp"] if has_moved else [])]
            assert sorted(found.pop("a.xmp")) == sorted(lent)
            assert all(len(files) == 1 for files in found.values())
            assert found["a.cr2.xmp"][0].parent == raw.parent
            assert found["a.jpg"] == [jpeg]
            stars = {path: one.stars for path, one in session.decisions_for([jpeg, raw]).items()}
        assert stars == {jpeg: 4, raw: 4 if has_moved else None}


class SecondHalfScene(Scene):
    """The JPEG of a pair went before with a copy of `a.xmp`; now the RAW goes to it.

    Moved after a move (`merge`), moved after a copy (`lend`), or copied after a copy (`copy`).
    """

    names = ("a.jpg", "a.cr2", "a.cr2.xmp", "a.xmp", "b.jpg")
    kind = ""

    def start(self, kind: str) -> None:
        self.kind = kind
        self.transfer([(self.root / "b.jpg", None), (self.root / "a.cr2", None)])

    def first_half(self, kind: str) -> None:
        """Move or copy the JPEG; an operation of its own, which undo takes back too."""
        with self.session() as session:
            plan = session.plan_transfer(
                self.units(), [self.root], self.destination, PairChoice.JPEG, copy=kind != "merge"
            )
            files = [file for file in plan.files if file.source.name != "b.jpg"]
            assert not session.execute(replace(plan, files=tuple(files))).problems

    def transfer(self, pairs) -> None:
        """Take the RAW: a photo of its own after the move, half of the pair after the copy."""
        if self.kind != "merge":
            pairs = [(self.root / "b.jpg", None), (self.root / "a.jpg", self.root / "a.cr2")]
        with self.session() as session:
            plan = session.plan_transfer(
                find_units(pairs), [self.root], self.destination, PairChoice.RAW,
                copy=self.kind == "copy",
            )  # fmt: skip
            assert plan.found_count == 1
            assert not session.execute(plan).problems

    def check_recovered(self, *, copies: bool) -> None:
        """The RAW with its sidecar at one place, the name kept; `a.xmp` wherever a half is."""
        with self.session() as session:
            for report in session.recover():
                assert not report.problems
        found = {name: set() for name in self.names}
        for file, content in self.places():
            name = content[: len(content) // 1000].decode()
            assert file.name == name
            assert file.parent not in found[name]
            found[name].add(file.parent)
        raw, jpeg = found["a.cr2"], found["a.jpg"]
        assert jpeg == ({self.destination} if self.kind == "merge" else self.both)
        assert found["a.cr2.xmp"] == raw
        assert found["a.xmp"] == jpeg | raw
        gone = self.both if copies else {self.destination}
        assert raw in ({self.root}, gone)
        assert found["b.jpg"] in ({self.root}, gone)

    @property
    def both(self) -> set[Path]:
        return {self.root, self.destination}


@pytest.fixture
def quick_folder(tmp_path):
    """A folder in memory where there is one: thousands of fsyncs cost nothing there."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path / "scene"
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder) / "scene"


@pytest.fixture
def other_volume(quick_folder, tmp_path):
    """A folder on another real file system than `quick_folder`."""
    if quick_folder.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    return tmp_path


def run_to_the_end(make_scene, kind: str, phase: str) -> int:
    """Die at every step of one phase of one operation; return how many deaths there were."""
    deaths = 0
    while True:
        scene = make_scene()
        if phase in ("undo", "redo"):
            scene.start(kind)
        if phase == "redo":
            scene.undo()
        work = {"do": partial(scene.start, kind), "undo": scene.undo, "redo": scene.redo}[phase]
        died = dies_at(deaths + 1, work)
        scene.check_recovered(copies=kind == "copy")
        scene.check_undone_to_the_start()
        if not died:
            return deaths
        deaths += 1


@pytest.mark.parametrize("phase", ["do", "undo"])
@pytest.mark.parametrize("kind", ["rejects", "trash", "copy"])
def test_dying_at_any_step_loses_nothing(quick_folder, clock, trash, tree, kind, phase):
    """Within one volume: move, trash, copy, and taking each back."""
    deaths = run_to_the_end(
        lambda: Scene(quick_folder, None, type(trash), clock, tree), kind, phase
    )
    assert deaths > 20


@pytest.mark.parametrize("phase", ["do", "undo", "redo"])
@pytest.mark.parametrize("kind", ["rejects", "trash"])
def test_dying_while_one_half_of_a_pair_goes_loses_nothing(
    quick_folder, clock, trash, tree, kind, phase
):
    """A move that copies the sidecar of both beside it, and the trash."""
    deaths = run_to_the_end(
        lambda: HalfScene(quick_folder, None, type(trash), clock, tree), kind, phase
    )
    assert deaths > 10


@pytest.mark.parametrize("phase", ["do", "undo", "redo"])
@pytest.mark.parametrize("kind", ["merge", "lend", "copy"])
def test_dying_while_a_half_goes_to_the_other_one_loses_nothing(
    quick_folder, clock, trash, tree, kind, phase
):
    """The sidecar of both lies there already and stays, whoever is taken back."""

    def make_scene():
        scene = SecondHalfScene(quick_folder, None, type(trash), clock, tree)
        scene.kind = kind
        scene.first_half(kind)
        return scene

    assert run_to_the_end(make_scene, kind, phase) > 15


@pytest.mark.parametrize("phase", ["do", "undo"])
def test_dying_while_a_half_goes_to_the_other_one_on_another_volume(
    quick_folder, other_volume, clock, trash, tree, phase
):
    """The same with copies that are verified."""

    def make_scene():
        scene = SecondHalfScene(quick_folder, other_volume, type(trash), clock, tree)
        scene.first_half("merge")
        scene.kind = "merge"
        return scene

    assert run_to_the_end(make_scene, "merge", phase) > 15


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["do", "undo", "redo"])
def test_dying_between_two_volumes_loses_nothing(
    quick_folder, other_volume, clock, trash, tree, phase
):
    """Across volumes: copy, verify, delete."""
    deaths = run_to_the_end(
        lambda: Scene(quick_folder, other_volume, type(trash), clock, tree), "move", phase
    )
    assert deaths > 30


def test_the_next_operation_settles_what_was_left(quick_folder, clock, trash, tree):
    """A program that forgets to call `recover` still cannot work on top of a half-done move."""
    for step in (12, 16, 20, 24):
        scene = Scene(quick_folder, None, type(trash), clock, tree)
        assert dies_at(step, partial(scene.start, "rejects"))
        with scene.session() as session:
            (scene.root / "new.jpg").write_bytes(b"new")
            plan = session.plan_trash(find_units([(scene.root / "new.jpg", None)]), [scene.root])
            assert not session.execute(plan).problems
            session.undo()
        (scene.root / "new.jpg").unlink()
        scene.check_recovered(copies=False)
