"""One half of a pair: which files go, what becomes of its decision, and the way back."""

from pathlib import Path

import pytest

from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.decision import UNDECIDED, Decision, DecisionChange, Flag, Label
from qpt_app.decisions.file_transfer import remove_double
from qpt_app.decisions.pair_choice import PairChoice, chosen_part, rendered_formats
from qpt_app.decisions.photo_unit import PhotoUnit, find_units, unit_of
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_exchange import RatingRequest
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile
from qpt_app.errors import FileOperationError

RAW, JPEG, BOTH = PairChoice.RAW, PairChoice.JPEG, PairChoice.BOTH
REJECT = DecisionChange(flag=Flag.REJECT)
RAW_FILES = {"a.cr2", "a.cr2.xmp"}
JPEG_FILES = {"a.jpg", "a.jpg.xmp"}


@pytest.fixture
def pair(shoot) -> PhotoUnit:
    return unit_of(shoot / "a.jpg", shoot / "a.cr2")


@pytest.fixture
def picks(tmp_path) -> Path:
    folder = tmp_path / "picks"
    folder.mkdir()
    return folder


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file()}


def listed(plan) -> set[str]:
    return {file.source.name for file in plan.files}


def decision(session, path: Path) -> Decision:
    return session.decisions_for([path])[path]


# --- which files --------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "own"), [(RAW, RAW_FILES), (JPEG, JPEG_FILES)])
def test_sidecars_of_the_full_name_go_with_their_file(pair, choice, own):
    """`a.xmp` is of both, so it is only lent."""
    part = chosen_part(pair, choice)
    assert {file.name for file in part.files} == own
    assert [file.name for file in part.lent] == ["a.xmp"]
    assert {part.path, part.stays} == {pair.path, pair.companion}


def test_both_and_photos_that_are_no_pair_go_whole(pair, shoot):
    """Whatever is chosen for pairs."""
    assert chosen_part(pair, BOTH) == pair
    single = unit_of(shoot / "c.png")
    assert chosen_part(single, RAW) == chosen_part(single, JPEG) == single


def test_formats_are_called_as_people_call_them(tmp_path):
    """Of pairs alone, each once, JPEG first."""
    raw = tmp_path / "a.nef"
    names = ("a.heic", "a.JPEG", "b.jpg", "c.tif", "d.HIF", "e.png")
    pairs = [PhotoUnit(path=tmp_path / name, companion=raw) for name in names]
    assert rendered_formats(pairs) == ("JPEG", "HEIC", "HEIF", "PNG", "TIFF")
    assert rendered_formats([PhotoUnit(path=tmp_path / "x.webp")]) == ()


def test_sidecars_of_every_program_find_their_half(tmp_path):
    """Any case; darktable's duplicates; a camera's name that ends like a duplicate's number."""
    own = ["DSC_01.NEF.xmp", "DSC_01.nef.pp3", "DSC_01_02.NEF.xmp"]
    both = ["DSC_01.XMP", "dsc_01.thm"]
    for name in ("DSC_01.NEF", "DSC_01.JPG", "DSC_01.JPG.xmp", *own, *both):
        (tmp_path / name).write_bytes(b"x")
    part = chosen_part(unit_of(tmp_path / "DSC_01.JPG", tmp_path / "DSC_01.NEF"), RAW)
    assert sorted(file.name for file in part.sidecars) == sorted(own)
    assert sorted(file.name for file in part.lent) == sorted(both)


@pytest.mark.parametrize(("choice", "own"), [(RAW, RAW_FILES), (JPEG, JPEG_FILES)])
def test_the_trash_gets_no_sidecar_of_the_half_that_stays(session, shoot, pair, choice, own, tree):
    """`a.xmp` stays with whichever half stays; undo brings every byte back."""
    before = tree(shoot)
    plan = session.plan_trash([pair], [shoot], choice)
    assert listed(plan) == own
    report = session.execute(plan)
    assert report.file_count == len(own)
    assert names(shoot) == {"a.xmp", "b.jpg", "c.png", "c.png.xmp"} | (
        JPEG_FILES if choice is RAW else RAW_FILES
    )
    assert session.undo().problems == ()
    assert tree(shoot) == before


@pytest.mark.parametrize(("choice", "own"), [(RAW, RAW_FILES), (JPEG, JPEG_FILES)])
def test_a_half_that_moves_takes_a_copy_of_the_common_sidecar(
    session, shoot, pair, choice, own, tree
):
    """So the RAW keeps its edits and the JPEG its rating; undo leaves one again."""
    before = tree(shoot)
    plan = session.plan_move_rejects([pair], shoot, choice)
    assert listed(plan) == {*own, "a.xmp"}
    assert [f.source.name for f in plan.files if f.kind is ActionKind.LEND] == ["a.xmp"]
    assert plan.counts() == {Path(name).suffix: 1 for name in own}
    assert plan.total_bytes == sum(len(f"content of {name}") for name in own)
    assert session.execute(plan).file_count == 2
    assert names(shoot / "_rejected") == {*own, "a.xmp"}
    assert (shoot / "a.xmp").read_bytes() == (shoot / "_rejected" / "a.xmp").read_bytes()
    assert session.undo().problems == ()
    assert tree(shoot) == before
    session.redo()
    assert names(shoot / "_rejected") == {*own, "a.xmp"}
    assert "a.xmp" in names(shoot)


def test_undo_brings_a_half_back_whatever_was_rated_meanwhile(
    data_folder, clock, trash, tmp_path, tree
):
    """The half that stayed was rated, which is in `a.xmp`; its copy goes, and nothing is lost."""
    for name in ("a.jpg", "a.cr2"):
        (tmp_path / "shoot").mkdir(exist_ok=True)
        (tmp_path / "shoot" / name).write_bytes(name.encode())
    pair = unit_of(tmp_path / "shoot" / "a.jpg", tmp_path / "shoot" / "a.cr2")
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM)
        session.decide([pair], DecisionChange(stars=4))
        session.execute(session.plan_move_rejects([pair], tmp_path / "shoot", RAW))
        session.decide([PhotoUnit(path=pair.path)], DecisionChange(stars=2))
        session.write_pending_xmp()
        session.undo()  # not written to `a.xmp` yet
        assert b'xmp:Rating="2"' in (tmp_path / "shoot" / "a.xmp").read_bytes()
        assert session.undo().problems == ()
        session.write_pending_xmp()
        assert b'xmp:Rating="4"' in (tmp_path / "shoot" / "a.xmp").read_bytes()
    assert names(tmp_path / "shoot") == {"a.jpg", "a.cr2", "a.xmp"}
    assert names(tmp_path / "shoot" / "_rejected") == set()


def test_edits_made_after_the_move_are_not_thrown_away_by_undo(session, shoot, pair):
    """The half comes back, so older actions can be undone; the edited copy stays, which is told."""
    session.decide([pair], REJECT)
    session.execute(session.plan_move_rejects([pair], shoot, RAW))
    copy = shoot / "_rejected" / "a.xmp"
    copy.write_bytes(b"edited in Lightroom")
    step = session.undo()
    assert [problem.path for problem in step.problems] == [copy]
    assert "was changed since it was copied along" in step.problems[0].reason
    assert copy.read_bytes() == b"edited in Lightroom"
    assert names(shoot) >= {*RAW_FILES, *JPEG_FILES, "a.xmp"}
    assert session.undo().action.kind is ActionKind.DECIDE
    session.redo()
    assert session.redo().problems == ()  # beside the copy that stayed, nothing is overwritten
    assert names(shoot / "_rejected") == {"a.xmp", "a-1.cr2", "a-1.cr2.xmp", "a-1.xmp"}
    assert copy.read_bytes() == b"edited in Lightroom"


def test_undo_puts_the_copy_in_the_place_of_a_common_sidecar_that_is_gone(session, shoot, pair):
    """Somebody removed what had stayed; so undo does not fail for want of it."""
    session.execute(session.plan_move_rejects([pair], shoot, JPEG))
    content = (shoot / "a.xmp").read_bytes()
    for name in ("a.xmp", "a.cr2", "a.cr2.xmp"):
        (shoot / name).unlink()
    assert session.undo().problems == ()
    assert names(shoot) >= {*JPEG_FILES, "a.xmp"}
    assert (shoot / "a.xmp").read_bytes() == content
    assert names(shoot / "_rejected") == set()


def test_a_half_that_moved_can_be_rated_there_and_back(data_folder, clock, trash, tmp_path):
    """qpt knows the copy of the sidecar that it wrote; what waits is written before the undo."""
    shoot = tmp_path / "shoot"
    shoot.mkdir()
    for name in ("a.jpg", "a.cr2"):
        (shoot / name).write_bytes(name.encode())
    pair = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    copy = shoot / "_rejected" / "a.xmp"
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM)
        session.decide([pair], DecisionChange(stars=4))
        session.write_pending_xmp()
        pair = unit_of(*pair.photos)  # with its sidecar
        session.execute(session.plan_move_rejects([pair], shoot, RAW))
        assert b'xmp:Rating="4"' in copy.read_bytes()
        session.decide([PhotoUnit(path=copy.parent / "a.cr2")], DecisionChange(stars=5))
        session.write_pending_xmp()
        assert b'xmp:Rating="5"' in copy.read_bytes()
        session.undo()  # waits to be written
        assert session.undo().problems == ()
    assert names(shoot) == {"a.jpg", "a.cr2", "a.xmp"}
    assert b'xmp:Rating="4"' in (shoot / "a.xmp").read_bytes()
    assert names(copy.parent) == set()


def test_a_copy_of_one_half_leaves_the_pair_alone(session, shoot, pair, picks, tree):
    """Undo removes what was copied."""
    before = tree(shoot)
    report = session.execute(session.plan_transfer([pair], [shoot], picks, JPEG, copy=True))
    assert names(picks) == {*JPEG_FILES, "a.xmp"}
    assert report.file_count == 3
    session.undo()
    assert names(picks) == set()
    assert tree(shoot) == before


def test_a_half_keeps_one_name_with_its_sidecars_when_names_are_taken(session, shoot, pair):
    """The lent copy too: `a-1.cr2`, `a-1.cr2.xmp`, `a-1.xmp`."""
    (shoot / "_rejected").mkdir()
    (shoot / "_rejected" / "a.xmp").write_bytes(b"of an earlier a")
    session.execute(session.plan_move_rejects([pair], shoot, RAW))
    assert names(shoot / "_rejected") == {"a.xmp", "a-1.cr2", "a-1.cr2.xmp", "a-1.xmp"}
    assert (shoot / "_rejected" / "a.xmp").read_bytes() == b"of an earlier a"


@pytest.fixture(params=[JPEG, RAW])
def parted(request, session, shoot, pair, picks):
    """One half went to `picks`; the other one is left as a photo of its own, and is returned."""
    session.execute(session.plan_transfer([pair], [shoot], picks, request.param, copy=False))
    return unit_of(chosen_part(pair, request.param).stays)


def transfer(session, units, shoot, picks, *, copy=False, choice=BOTH):
    plan = session.plan_transfer(units, [shoot], picks, choice, copy=copy)
    return plan, session.execute(plan)


ALL_FILES = {*RAW_FILES, *JPEG_FILES, "a.xmp"}


def test_halves_that_go_one_after_the_other_are_a_pair_again(
    data_folder, clock, trash, session, shoot, parted, picks, tree
):
    """`a.xmp` lies there already and forces no other name; undo and redo after restarts."""
    half_way = tree(shoot), tree(picks)
    there = (picks / "a.xmp").stat()
    plan, report = transfer(session, [parted], shoot, picks)
    kinds = {file.source.name: file.kind for file in plan.files}
    assert kinds.pop("a.xmp") is ActionKind.MERGE
    assert set(kinds.values()) == {ActionKind.MOVE}
    assert {file.target for file in plan.files} == {picks / name for name in (*kinds, "a.xmp")}
    assert (plan.found_count, plan.lent_count, len(plan.main_files)) == (1, 0, 3)
    assert (report.problems, report.file_count) == ((), 3)
    assert names(picks) == ALL_FILES
    assert names(shoot).isdisjoint(ALL_FILES)
    found = (picks / "a.xmp").stat()
    assert (found.st_ino, found.st_mtime_ns) == (there.st_ino, there.st_mtime_ns)
    done = tree(picks)
    session.close()
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        assert session.undo().problems == ()
        assert (tree(shoot), tree(picks)) == half_way
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        assert session.redo().problems == ()
        assert tree(picks) == done
        assert (session.undo().problems, session.undo().problems) == ((), ())
        assert tree(picks) == {}
        assert names(shoot) >= ALL_FILES
        assert (session.redo().problems, session.redo().problems) == ((), ())
        assert tree(picks) == done


def test_a_half_that_goes_after_its_copy_did_lends_nothing(session, shoot, pair, picks, tree):
    """The copy of `a.xmp` that is there is that of both; undo leaves it to the half that has it."""
    before = tree(shoot)
    transfer(session, [pair], shoot, picks, copy=True, choice=JPEG)
    half_way = tree(picks)
    plan, report = transfer(session, [pair], shoot, picks, choice=RAW)
    assert {file.source.name for file in plan.main_files} == RAW_FILES
    assert (plan.found_count, plan.lent_count, report.file_count) == (1, 0, 2)
    assert [file.kind for file in plan.files][-1] is ActionKind.PRESENT
    assert names(picks) == ALL_FILES
    assert "a.xmp" in names(shoot)
    assert [one.source.name for one in report.transferred] == sorted(RAW_FILES)
    assert session.undo().problems == ()
    assert (tree(shoot), tree(picks)) == (before, half_way)
    session.redo()
    assert names(picks) == ALL_FILES


def test_halves_that_are_copied_one_after_the_other_are_a_pair(session, shoot, pair, picks, tree):
    """Each undo takes back what its copy brought."""
    before = tree(shoot)
    transfer(session, [pair], shoot, picks, copy=True, choice=JPEG)
    half_way = tree(picks)
    plan, _ = transfer(session, [pair], shoot, picks, copy=True, choice=RAW)
    assert {file.source.name for file in plan.main_files} == RAW_FILES
    assert names(picks) == ALL_FILES
    assert session.undo().problems == ()
    assert (tree(shoot), tree(picks)) == (before, half_way)
    assert (session.redo().problems, names(picks)) == ((), ALL_FILES)
    assert (session.undo().problems, session.undo().problems) == ((), ())
    assert (tree(shoot), tree(picks)) == (before, {})


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("moment", ["planned", "executed", "redone"])
def test_sidecars_that_differ_force_another_name(session, shoot, parted, picks, side, moment):
    """Each may have a rating or edits of its own, and `a.xmp` is the name that programs read."""
    changed = {"source": shoot, "target": picks}[side] / "a.xmp"
    other = {"source": picks, "target": shoot}[side] / "a.xmp"
    if moment == "redone":
        transfer(session, [parted], shoot, picks)
        session.undo()
    if moment == "planned":
        changed.write_bytes(b"edited since")
    plan = session.plan_transfer([parted], [shoot], picks, copy=False)
    assert plan.found_count == (moment != "planned")
    changed.write_bytes(b"edited since")
    content = {changed.read_bytes(), other.read_bytes()}
    problems = session.redo().problems if moment == "redone" else session.execute(plan).problems
    assert problems == ()
    taken = {file.name.replace("a.", "a-1.", 1) for file in parted.files}
    assert taken < names(picks)
    assert {(picks / "a.xmp").read_bytes(), (picks / "a-1.xmp").read_bytes()} == content
    assert "a.xmp" not in names(shoot)
    assert session.undo().problems == ()
    assert {changed.read_bytes(), other.read_bytes()} == content


def test_a_sidecar_that_is_gone_when_the_list_is_done_is_moved(session, shoot, parted, picks):
    """Then nothing is there already."""
    plan = session.plan_transfer([parted], [shoot], picks, copy=False)
    content = (picks / "a.xmp").read_bytes()
    (picks / "a.xmp").unlink()
    assert session.execute(plan).problems == ()
    assert (picks / "a.xmp").read_bytes() == content
    assert names(shoot).isdisjoint(ALL_FILES)
    assert session.undo().problems == ()
    assert (shoot / "a.xmp").read_bytes() == content
    assert "a.xmp" not in names(picks)


def test_undo_has_the_edits_that_the_common_sidecar_got_meanwhile(session, shoot, parted, picks):
    """As with every sidecar that moved; the half that came first keeps them too."""
    transfer(session, [parted], shoot, picks)
    (picks / "a.xmp").write_bytes(b"edited in Lightroom")
    assert session.undo().problems == ()
    assert (shoot / "a.xmp").read_bytes() == (picks / "a.xmp").read_bytes()
    assert (shoot / "a.xmp").read_bytes() == b"edited in Lightroom"


def test_undo_brings_a_half_back_though_the_common_sidecar_is_gone(session, shoot, parted, picks):
    """It says so, and older actions can be undone."""
    transfer(session, [parted], shoot, picks)
    (picks / "a.xmp").unlink()
    step = session.undo()
    assert [problem.path for problem in step.problems] == [picks / "a.xmp"]
    assert parted.path.exists()
    assert not (shoot / "a.xmp").exists()


@pytest.mark.parametrize("same", [True, False])
def test_undo_goes_round_what_was_put_at_the_old_name(session, shoot, parted, picks, same):
    """Nothing is overwritten; the same sidecar is not doubled."""
    transfer(session, [parted], shoot, picks)
    content = (picks / "a.xmp").read_bytes() if same else b"of somebody"
    (shoot / "a.xmp").write_bytes(content)
    assert session.undo().problems == ()
    assert (shoot / "a.xmp").read_bytes() == content
    assert (shoot / "a-1.xmp").exists() is not same
    assert parted.path.exists()


@pytest.mark.parametrize("there", ["c.heic", "c.png.jpg", "C.cr2"])
def test_the_same_sidecar_of_another_photo_forces_another_name(session, shoot, picks, there):
    """Two files that are no pair would have one sidecar between them; other names do no harm."""
    for file in (shoot / "c.png.xmp", shoot / "c.xmp", picks / "c.xmp"):
        file.write_bytes(b"same")
    (picks / there).write_bytes(b"another photo")
    transfer(session, [unit_of(shoot / "c.png")], shoot, picks)
    new = "c" if there == "c.png.jpg" else "c-1"
    assert names(picks) == {there, "c.xmp", *(f"{new}.{end}" for end in ("png", "png.xmp", "xmp"))}


def test_a_hard_link_is_no_second_sidecar(session, shoot, parted, picks):
    """One file of two names is not taken for two."""
    (picks / "a.xmp").unlink()
    (picks / "a.xmp").hardlink_to(shoot / "a.xmp")
    plan, _ = transfer(session, [parted], shoot, picks)
    assert plan.found_count == 0
    assert {"a.xmp", "a-1.xmp"} < names(picks)


@pytest.mark.parametrize("double", ["edited", "longer", "link", "gone"])
def test_a_sidecar_is_removed_only_while_the_same_lies_at_its_target(tmp_path, double):
    """Somebody may write into either between the look at both and the step."""
    mine, theirs = tmp_path / "a.xmp", tmp_path / "picks.xmp"
    mine.write_bytes(b"rating 5")
    if double == "link":
        theirs.symlink_to(mine)
    elif double != "gone":
        theirs.write_bytes({"edited": b"rating 4", "longer": b"rating 5 and more"}[double])
    with pytest.raises(FileOperationError):
        remove_double(mine, theirs)
    assert mine.read_bytes() == b"rating 5"


def test_a_merged_sidecar_can_be_rated_there_and_back(data_folder, clock, trash, tmp_path):
    """qpt still knows what it wrote into it, in both places."""
    shoot, picks = tmp_path / "shoot", tmp_path / "picks"
    shoot.mkdir()
    picks.mkdir()
    for name in ("a.jpg", "a.cr2"):
        (shoot / name).write_bytes(name.encode())
    pair = unit_of(shoot / "a.jpg", shoot / "a.cr2")
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM)
        session.decide([pair], DecisionChange(stars=4))
        session.write_pending_xmp()
        transfer(session, [unit_of(*pair.photos)], shoot, picks, choice=JPEG)
        transfer(session, [unit_of(pair.companion)], shoot, picks)
        assert names(picks) == {"a.jpg", "a.cr2", "a.xmp"}
        session.decide([unit_of(picks / "a.jpg", picks / "a.cr2")], DecisionChange(stars=5))
        assert not [one for one in session.write_pending_xmp() if one.problems or one.notes]
        assert b'xmp:Rating="5"' in (picks / "a.xmp").read_bytes()
        session.undo()  # waits to be written
        assert session.undo().problems == ()
        assert b'xmp:Rating="4"' in (shoot / "a.xmp").read_bytes()
        session.decide([unit_of(shoot / "a.cr2")], DecisionChange(stars=3))
        assert not [one for one in session.write_pending_xmp() if one.problems or one.notes]
        assert b'xmp:Rating="3"' in (shoot / "a.xmp").read_bytes()
        session.undo()
        assert session.undo().problems == ()
    assert names(shoot) == {"a.jpg", "a.cr2", "a.xmp"}
    assert names(picks) == set()


def test_the_list_counts_pairs_halves_and_single_photos(session, shoot, pair):
    """A single photo that was chosen to go goes, whatever is chosen for the pairs."""
    units = [pair, unit_of(shoot / "b.jpg"), unit_of(shoot / "c.png")]
    plan = session.plan_trash(units, [shoot], JPEG)
    assert listed(plan) == {*JPEG_FILES, "b.jpg", "c.png", "c.png.xmp"}
    assert (plan.pair_count, plan.half_count, plan.photo_count) == (1, 1, 3)
    assert plan.title == "move 3 photos (of pairs only the JPEG) to the trash"
    both = session.plan_trash(units, [shoot], BOTH)
    assert (both.pair_count, both.half_count, both.photo_count) == (1, 0, 3)
    assert both.title == "move 3 photos to the trash"
    assert session.plan_trash(units[1:], [shoot], JPEG).title == "move 2 photos to the trash"


@pytest.mark.parametrize("moment", ["planned", "executed", "redone"])
def test_a_half_stays_when_the_other_one_is_gone(session, shoot, pair, moment):
    """Who says "only RAW" counts on the JPEG; without it nothing would be left of the photo."""
    if moment == "redone":
        session.execute(session.plan_trash([pair], [shoot], RAW))
        session.undo()
    if moment == "executed":
        plan = session.plan_trash([pair], [shoot], RAW)
    pair.path.unlink()
    if moment == "redone":
        problems = session.redo().problems
    else:
        if moment == "planned":
            plan = session.plan_trash([pair], [shoot], RAW)
            assert plan.files == ()
        problems = session.execute(plan).problems
    assert [problem.path for problem in problems] == [pair.companion]
    assert "a.jpg, the other half of the pair, is gone" in problems[0].reason
    assert pair.companion.exists()


# --- what was decided ---------------------------------------------------------------------


@pytest.mark.parametrize("own", ["a.jpg", "a.cr2"])
def test_a_pair_shows_the_decision_of_the_half_that_has_one(session, shoot, pair, own):
    """The rendered half's before the RAW's; a single file and no pair show their own alone."""
    half = shoot / own
    session.decide([PhotoUnit(path=half)], DecisionChange(stars=5))
    assert session.decisions_of([pair]) == {pair.path: Decision(stars=5)}
    single = PhotoUnit(path=pair.path)
    assert session.decisions_of([single]) == session.decisions_for([pair.path])
    session.decide([single], DecisionChange(stars=0))  # a person's word, though it is no stars
    assert session.decisions_of([pair])[pair.path].stars == 0
    session.undo()
    assert session.decisions_of([pair])[pair.path].stars == 5
    session.undo()
    assert session.decisions_of([pair])[pair.path] == UNDECIDED


@pytest.mark.parametrize("own", ["a.jpg", "a.cr2"])
def test_a_decision_about_the_pair_starts_from_what_it_shows(session, shoot, pair, own):
    """So that neither half is without the stars that were seen when the pair was rejected."""
    session.decide([PhotoUnit(path=shoot / own)], DecisionChange(stars=5))
    session.decide([pair], REJECT)
    wanted = Decision(stars=5, flag=Flag.REJECT)
    assert set(session.decisions_for(pair.photos).values()) == {wanted}
    session.decide([pair], DecisionChange(flag=Flag.NONE))
    session.decide([pair], DecisionChange(stars=None))  # cleared by hand: no half has a say left
    assert session.decisions_of([pair])[pair.path] == UNDECIDED
    for stars in (5, 5, 5):
        session.undo()
        assert session.decisions_of([pair])[pair.path].stars == stars
    other = next(photo for photo in pair.photos if photo.name != own)
    assert decision(session, other) == UNDECIDED


def test_halves_that_differ_keep_what_is_their_own(session, pair):
    """What is decided about both is added to each."""
    session.decide([PhotoUnit(path=pair.path)], DecisionChange(stars=3))
    session.decide([PhotoUnit(path=pair.companion)], DecisionChange(stars=5))
    session.decide([pair], REJECT)
    stars = [decision(session, photo).stars for photo in pair.photos]
    assert stars == [3, 5]
    assert session.decisions_of([pair])[pair.path] == Decision(stars=3, flag=Flag.REJECT)


@pytest.mark.parametrize("work", ["decide", "part"])
def test_the_common_sidecar_keeps_the_rating_of_the_raw_when_the_jpegs_is_taken_back(
    data_folder, clock, trash, tmp_path, work
):
    """`a.xmp` is of both: an undo for the JPEG, which had no decision, is none for the RAW."""
    raw, jpeg, sidecar = (tmp_path / name for name in ("a.cr2", "a.jpg", "a.xmp"))
    raw.write_bytes(b"raw")
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.LIGHTROOM)
        session.decide([unit_of(raw)], DecisionChange(stars=5))
        session.write_pending_xmp()
        jpeg.write_bytes(b"jpeg")
        if work == "decide":
            session.decide([unit_of(jpeg, raw)], REJECT)
        else:
            session.execute(session.plan_trash([unit_of(jpeg, raw)], [tmp_path], RAW))
        session.write_pending_xmp()
        session.undo()
        assert not [one for one in session.write_pending_xmp() if one.problems or one.notes]
        assert b'xmp:Rating="5"' in sidecar.read_bytes()
        assert b"reject" not in sidecar.read_bytes()
        assert decision(session, jpeg) == UNDECIDED
        session.undo()
        session.write_pending_xmp()
        assert not sidecar.exists()


def test_what_is_known_beside_a_file_has_the_other_half_and_no_more(session, shoot, pair):
    """By the bytes of the path, as for a folder; names that begin alike are others."""
    for name in ("a.cr2", "ab.jpg", "a.b.jpg", "day2/a.jpg", "b.jpg"):
        session.decide([PhotoUnit(path=shoot / name)], DecisionChange(stars=2))
    beside = session.decisions_beside([pair.path, shoot / "b.jpg"])
    assert beside.keys() & {bytes(shoot / name) for name in ("ab.jpg", "day2/a.jpg")} == set()
    assert beside[bytes(pair.companion)] == beside[bytes(shoot / "b.jpg")] == Decision(stars=2)


@pytest.mark.parametrize("dry_run", [True, False])
def test_ratings_written_for_a_pair_keep_the_stars_of_its_raw(
    data_folder, clock, trash, tmp_path, dry_run
):
    """They are a person's, whichever file they were given to; another part is added to them."""
    for name in ("a.jpg", "a.cr2"):
        (tmp_path / name).write_bytes(name.encode())
    pair = unit_of(tmp_path / "a.jpg", tmp_path / "a.cr2")
    policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.decide([PhotoUnit(path=pair.companion)], DecisionChange(stars=5))

        def rate(change):
            request = RatingRequest(unit=pair, change=change)
            return session.write_ratings([request], policy, dry_run=dry_run)[0]

        result = rate(DecisionChange(stars=3))
        assert (result.kept, result.decision) == (("5 stars",), Decision(stars=5))
        assert decision(session, pair.path) == UNDECIDED
        wanted = Decision(stars=5, label=Label.RED)
        assert rate(DecisionChange(label=Label.RED)).decision == wanted
        if not dry_run:
            assert set(session.decisions_for(pair.photos).values()) == {wanted}
            assert b'xmp:Rating="5"' in (tmp_path / "a.jpg.xmp").read_bytes()


@pytest.mark.parametrize("dry_run", [True, False])
def test_ratings_written_for_a_pair_replace_nothing_of_either_half(
    data_folder, clock, trash, tmp_path, dry_run
):
    """Though the pair is shown with the JPEG's decision; `overwrite` replaces both."""
    for name in ("a.jpg", "a.cr2"):
        (tmp_path / name).write_bytes(name.encode())
    pair = unit_of(tmp_path / "a.jpg", tmp_path / "a.cr2")
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.decide([PhotoUnit(path=pair.path)], DecisionChange(flag=Flag.PICK))
        session.decide([PhotoUnit(path=pair.companion)], DecisionChange(stars=5))

        def rate(*, overwrite):
            change = DecisionChange(stars=3, label=Label.RED)
            policy = XmpPolicy(profile=XmpProfile.DARKTABLE, overwrite=overwrite)
            request = RatingRequest(unit=pair, change=change)
            return session.write_ratings([request], policy, dry_run=dry_run)[0]

        result = rate(overwrite=False)
        assert result.kept == ("5 stars",)
        assert result.decision == Decision(flag=Flag.PICK, label=Label.RED)
        assert decision(session, pair.companion).stars == 5
        assert rate(overwrite=True).kept == ()
        if not dry_run:
            assert {decision(session, half).stars for half in pair.photos} == {3}


@pytest.mark.parametrize("choice", [RAW, JPEG])
@pytest.mark.parametrize("work", ["trash", "move", "copy"])
def test_the_half_that_stays_and_the_one_that_goes_have_the_decision(
    session, shoot, pair, picks, choice, work
):
    """Undo over the pair and its decision."""
    session.decide([pair], DecisionChange(stars=3, flag=Flag.REJECT))
    wanted = Decision(stars=3, flag=Flag.REJECT)
    part = chosen_part(pair, choice)
    if work == "trash":
        plan = session.plan_trash([pair], [shoot], choice)
    else:
        plan = session.plan_transfer([pair], [shoot], picks, choice, copy=work == "copy")
    session.execute(plan)
    assert decision(session, part.stays) == wanted
    if work != "trash":
        assert decision(session, picks / part.path.name) == wanted
    session.undo()
    assert {decision(session, photo) for photo in pair.photos} == {wanted}


@pytest.mark.parametrize(
    ("decided", "choice"), [("a.jpg", JPEG), ("a.jpg", RAW), ("a.cr2", JPEG), ("a.cr2", RAW)]
)
def test_a_half_that_nobody_decided_about_takes_the_decision_over(
    data_folder, clock, trash, shoot, pair, decided, choice
):
    """The RAW came later, say. Undo and redo after restarts."""
    rated, part = Decision(stars=4), chosen_part(pair, choice)
    moved = shoot / "_rejected" / part.path.name
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.decide([PhotoUnit(path=shoot / decided)], DecisionChange(stars=4))
        session.execute(session.plan_move_rejects([pair], shoot, choice))
        assert session.decisions_for([part.stays, moved]) == {part.stays: rated, moved: rated}
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        step = session.undo()
        assert set(step.paths) == set(pair.photos)
        for photo in pair.photos:
            assert decision(session, photo) == (rated if photo.name == decided else UNDECIDED)
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        assert set(session.redo().paths) == {part.stays, moved}
        assert session.decisions_for([part.stays, moved]) == {part.stays: rated, moved: rated}
        session.undo()
        session.undo()
        assert {decision(session, photo) for photo in pair.photos} == {UNDECIDED}


def test_the_trash_leaves_the_decision_to_the_half_that_stays(session, shoot, pair):
    """And takes nothing over itself."""
    session.decide([PhotoUnit(path=pair.path)], REJECT)
    session.execute(session.plan_trash([pair], [shoot], JPEG))
    assert decision(session, pair.companion).is_rejected
    session.undo()
    assert decision(session, pair.companion) == UNDECIDED
    session.execute(session.plan_trash([pair], [shoot], RAW))
    assert decision(session, pair.path).is_rejected
    assert decision(session, pair.companion) == UNDECIDED


def test_a_copy_of_an_undecided_half_has_the_decision_of_the_pair(session, shoot, pair, picks):
    """The pair itself stays as it is."""
    session.decide([PhotoUnit(path=pair.path)], DecisionChange(stars=5))
    session.execute(session.plan_transfer([pair], [shoot], picks, RAW, copy=True))
    assert decision(session, picks / "a.cr2").stars == 5
    assert decision(session, pair.companion) == UNDECIDED
    session.undo()
    assert decision(session, picks / "a.cr2") == UNDECIDED


def test_a_half_with_a_decision_of_its_own_keeps_it(session, shoot, pair):
    """A rating that somebody gave to one file alone is never replaced."""
    session.decide([PhotoUnit(path=pair.path)], REJECT)
    session.decide([PhotoUnit(path=pair.companion)], DecisionChange(stars=5))
    session.execute(session.plan_trash([pair], [shoot], JPEG))
    assert decision(session, pair.companion) == Decision(stars=5)
    session.undo()
    assert decision(session, pair.path).is_rejected


def test_what_a_half_took_over_is_written_to_xmp_and_taken_out_by_undo(
    data_folder, clock, trash, tmp_path
):
    """darktable's sidecar of the JPEG is in the trash; the RAW gets one of its own."""
    for name in ("a.jpg", "a.cr2"):
        (tmp_path / name).write_bytes(name.encode())
    pair = unit_of(tmp_path / "a.jpg", tmp_path / "a.cr2")
    sidecar = tmp_path / "a.cr2.xmp"
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.DARKTABLE)
        session.decide([PhotoUnit(path=pair.path)], DecisionChange(stars=4))
        session.execute(session.plan_trash([pair], [tmp_path], JPEG))
        assert not sidecar.exists()
        session.write_pending_xmp()
        assert b'xmp:Rating="4"' in sidecar.read_bytes()
        session.undo()
        session.write_pending_xmp()
        assert not sidecar.exists()
        assert (tmp_path / "a.jpg.xmp").exists()


def test_new_sidecars_are_shared_out_too(data_folder, clock, trash, tmp_path):
    """Those that are written when the list is made."""
    for name in ("a.jpg", "a.cr2"):
        (tmp_path / name).write_bytes(name.encode())
    pairs = [(tmp_path / "a.jpg", tmp_path / "a.cr2")]
    with DecisionSession.open(data_folder, clock, trash=trash) as session:
        session.xmp_policy = XmpPolicy(profile=XmpProfile.ALL)
        session.decide(find_units(pairs), DecisionChange(stars=4))
        plan = session.plan_trash(find_units(pairs), [tmp_path], JPEG)
        assert listed(plan) == {"a.jpg", "a.jpg.xmp"}
        session.execute(plan)
    assert names(tmp_path) == {"a.cr2", "a.cr2.xmp", "a.xmp"}
