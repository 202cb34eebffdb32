"""A run stops and resumes exactly, refuses what it must, and says why in one line."""

import json
import math

import pytest
import torch

from qpt_app.errors import (
    CheckpointError,
    DatasetError,
    NonFiniteLossError,
    RecipeError,
    UsageError,
)
from qpt_train.checkpoint import list_checkpoints, load_latest
from qpt_train.config import load_recipe
from qpt_train.pretrain_config import PretrainRecipe
from qpt_train.run_log import read_run_log


def final_state(out):
    """Return the newest checkpoint's state."""
    return load_latest(out / "checkpoints")[0]


def same_tensors(one, other):
    """Whether two nested states hold equal tensors."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_tensors(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same_tensors, one, other))
    return one == other


def test_resuming_is_exact(tiny, photos, whole_run, losses, tmp_path):
    """Stopped at step 2 and 4 and resumed: the same losses to the bit, the same final state."""
    for target in (2, 4, 6):
        stop = []

        def note(step, _total, _loss, target=target, stop=stop):
            if step == target:
                stop.append(step)

        summary = tiny.run(
            photos,
            tmp_path,
            resume=target > 2,
            on_step=note,
            should_stop=lambda stop=stop: bool(stop),
        )
    assert summary.finished
    assert losses(tmp_path) == losses(whole_run)
    assert same_tensors(final_state(tmp_path), final_state(whole_run))


def test_stopping_is_noticed_one_step_later_at_most(tiny, photos, tmp_path):
    """A stop request is saved at the next step, and the summary says that it is not the end."""
    summary = tiny.run(photos, tmp_path, should_stop=lambda: True)
    assert (summary.finished, summary.step) == (False, 1)
    assert final_state(tmp_path)["step"] == 1


def test_max_minutes_stops_cleanly(tiny, photos, tmp_path):
    """With a clock that runs a minute a look, two minutes end the run early, with a checkpoint."""
    ticks = iter(range(0, 60_000, 60))
    summary = tiny.run(photos, tmp_path, max_minutes=2.0, clock=lambda: float(next(ticks)))
    assert not summary.finished
    assert 0 < summary.step < 6
    assert final_state(tmp_path)["step"] == summary.step


@pytest.mark.slow
def test_killed_runs_resume_exactly(start_process, photos, whole_run, losses, tmp_path):
    """After kill -9 the losses go on bit-equal to the run that nothing interrupted."""
    codes, output = start_process(photos, tmp_path, "--kill-at", 4)
    assert codes == [-9], output
    codes, output = start_process(photos, tmp_path, "--resume")
    assert codes == [0], output
    assert losses(tmp_path) == losses(whole_run)
    assert same_tensors(final_state(tmp_path), final_state(whole_run))


@pytest.mark.slow
@pytest.mark.dist
def test_each_process_tells_of_its_unreadable_photos(tiny, start_process, tmp_path):
    """The first process lists what the second met."""
    photos = tiny.write_photos(tmp_path / "photos")
    bad = {"photo-01.png", "photo-06.png", "photo-11.png", "photo-16.png"}
    for name in bad:
        (photos / name).write_bytes(b"not a photo")
    codes, output = start_process(photos, tmp_path / "out", "--steps", 4, world=2)
    assert codes == [0, 0], output
    tiny.run(photos, tmp_path / "alone", {"steps": 4})
    listed = [
        {r["photo"] for r in read_run_log(tmp_path / out / "log.jsonl") if r["event"] == "skipped"}
        for out in ("out", "alone")
    ]
    assert listed[0] == listed[1] == bad


@pytest.mark.slow
@pytest.mark.dist
def test_two_processes_train_what_one_trains(start_process, photos, whole_run, losses, tmp_path):
    """Two ranks, a SIGTERM to both, then one: the same stream of photos, losses and weights."""
    codes, output = start_process(photos, tmp_path, "--terminate-at", 3, world=2)
    assert codes == [0, 0], output
    stopped = final_state(tmp_path)["step"]
    assert 3 <= stopped < 6
    codes, output = start_process(photos, tmp_path, "--resume")
    assert codes == [0], output
    assert losses(tmp_path) == pytest.approx(losses(whole_run), rel=1e-5)
    one, other = final_state(tmp_path), final_state(whole_run)
    assert torch.equal(one["queue"]["image_ids"], other["queue"]["image_ids"])
    for name, value in other["encoder"].items():
        assert torch.allclose(one["encoder"][name].float(), value.float(), rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # a machine with one core
def test_workers_do_not_change_the_data(tiny, photos, whole_run, losses, tmp_path):
    """Two decoding processes give the losses of none."""
    tiny.run(photos, tmp_path, num_workers=2)
    assert losses(tmp_path) == losses(whole_run)


def test_a_non_finite_loss_stops_before_the_step(tiny, photos, tmp_path):
    """The error names the last good checkpoint, and nothing newer is written."""
    changes = {"optimiser__kind": "sgd", "optimiser__learning_rate": 1e30}
    with pytest.raises(NonFiniteLossError, match="last good checkpoint is .*step-0000") as raised:
        tiny.run(photos, tmp_path, changes)
    newest = list_checkpoints(tmp_path / "checkpoints")[-1]
    assert str(newest.path) in str(raised.value)
    assert all(torch.isfinite(v.float()).all() for v in final_state(tmp_path)["encoder"].values())


def test_only_the_newest_checkpoints_are_kept(whole_run):
    """Three by default, the last one being the end."""
    steps = [entry.step for entry in list_checkpoints(whole_run / "checkpoints")]
    assert steps == [4, 5, 6]


def test_unreadable_photos_are_skipped_counted_and_listed(tiny, tmp_path):
    """Broken and tiny files are replaced by neighbours; the log names each once."""
    photos = tiny.write_photos(tmp_path / "photos")
    (photos / "photo-03.png").write_bytes(b"not a photo")
    tiny.Image.new("RGB", (20, 20)).save(photos / "photo-05.png")
    summary = tiny.run(photos, tmp_path / "out", {"steps": 0, "epochs": 4.0})
    assert summary.finished
    records = [r for r in read_run_log(tmp_path / "out/log.jsonl") if r["event"] == "skipped"]
    assert sorted(r["photo"] for r in records) == ["photo-03.png", "photo-05.png"]
    assert summary.skipped_photos == 2
    assert final_state(tmp_path / "out")["skipped"].keys() == {3, 5}


def test_a_folder_of_junk_is_one_clear_line(tiny, tmp_path):
    """If nothing can be read, the run ends instead of looking for ever."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(10):
        (photos / f"{number}.jpg").write_bytes(b"junk")
    with pytest.raises(DatasetError, match="in a row cannot be used"):
        tiny.run(photos, tmp_path / "out")


def test_too_few_photos_is_one_clear_line(tiny, tmp_path):
    """Fewer photos than a step takes."""
    photos = tiny.write_photos(tmp_path / "photos", count=7)
    with pytest.raises(DatasetError, match="7 photos are too few"):
        tiny.run(photos, tmp_path / "out")


def test_an_unknown_encoder_is_one_clear_line(tiny, photos, tmp_path):
    """The real builder is asked, and names what it knows."""
    recipe = tiny.recipe(encoder="resnet5O")
    with pytest.raises(UsageError, match="unknown encoder 'resnet5O'; known: resnet18"):
        tiny.pretrain(recipe, tiny.options(photos, tmp_path))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch.imges=4", "unknown recipe field batch.imges"),
        ("loss.negatives=none_at_all", "must be one of"),
        ("batch.group_rows=24", "must divide"),
        ("views.compositions=1", "need views.compositions of 2"),
        ("epochs=2.0", "either steps or epochs"),
        ("loss.temperature=0.0", "temperature"),
        ("degradations.keep_probability=2.0", "keep_probability"),
    ],
)
def test_a_bad_recipe_field_is_named(override, message):
    """Misspelt, wrongly chosen and contradictory fields."""
    with pytest.raises(RecipeError, match=message):
        load_recipe("smoke", PretrainRecipe, [override])


@pytest.mark.parametrize("name", ["smoke", "qpt-small", "qpt-resnet50"])
def test_shipped_recipes_are_valid(name):
    """Each parses, uses both kinds of negatives, and a known encoder."""
    from qpt_app.core.encoder import encoder_names

    recipe = load_recipe(name, PretrainRecipe)
    assert recipe.loss.negatives == "both"
    assert recipe.views.compositions >= 2
    assert recipe.encoder in encoder_names()


def test_a_fresh_start_never_overwrites_a_run(tiny, photos, whole_run):
    """And a resume without a checkpoint is an error, not a fresh start."""
    with pytest.raises(CheckpointError, match="already holds a run"):
        tiny.run(photos, whole_run)
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        tiny.run(photos, whole_run / "elsewhere", resume=True)


@pytest.mark.parametrize("changes", [{"seed": 5}, {"loss__temperature": 0.3}])
def test_resuming_with_another_recipe_is_refused(tiny, photos, whole_run, changes):
    """The checkpoint belongs to one recipe."""
    with pytest.raises(CheckpointError, match="its recipe differs"):
        tiny.run(photos, whole_run, changes, resume=True)


def test_a_damaged_newest_checkpoint_falls_back_one(tiny, photos, whole_run, losses, tmp_path):
    """The run goes on from the one before, to the same end."""
    stop = []
    tiny.run(
        photos,
        tmp_path,
        on_step=lambda step, *_: stop.append(1) if step >= 3 else None,
        should_stop=lambda: bool(stop),
    )
    newest = list_checkpoints(tmp_path / "checkpoints")[-1].path
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(bytes(data))
    assert tiny.run(photos, tmp_path, resume=True).finished
    assert losses(tmp_path) == losses(whole_run)


def test_the_record_and_the_log_say_what_was_done(whole_run):
    """The size of the space, the photos' digest, the start and every promised number."""
    records = list(read_run_log(whole_run / "log.jsonl"))
    start, steps = records[0], [r for r in records if r["event"] == "step"]
    assert start["event"] == "start"
    assert int(start["degradation_chains"]) >= 20_000_000
    assert start["started_from"] == "random weights"
    promised = {
        "loss",
        "log_degradation_sum",
        "log_content_sum",
        "positive_similarity",
        "degradation_similarity",
        "content_similarity",
        "embedding_spread",
        "embedding_rank",
        "gradient_norm",
        "learning_rate",
    }
    for record in steps:
        assert promised <= record.keys()
        assert all(math.isfinite(record[name]) for name in promised)
    newest = list_checkpoints(whole_run / "checkpoints")[-1].path
    manifest = json.loads(newest.with_suffix(".json").read_text())
    assert manifest["recipe"]["encoder"] == "tiny"
    assert manifest["photos"]["count"] == 18


def test_the_ablation_switches_change_the_loss(tiny, photos, whole_run, losses, tmp_path):
    """Each kind of negative alone gives a smaller first loss than both."""
    first = losses(whole_run)[1]
    for kind in ("degradation", "content"):
        tiny.run(photos, tmp_path / kind, {"loss__negatives": kind, "steps": 1})
        assert losses(tmp_path / kind)[1] < first


@pytest.mark.parametrize("fast", [True, False])
def test_slow_bfloat16_is_said_at_the_start(tiny, photos, tmp_path, monkeypatch, caplog, fast):
    """One line of advice on a processor without the instructions, none elsewhere."""
    monkeypatch.setattr("qpt_train.pretrain.fast_bfloat16", lambda: fast)
    tiny.run(photos, tmp_path, {"steps": 1, "precision": "bfloat16"})
    advised = [r for r in caplog.records if "--set precision=float32" in r.getMessage()]
    assert len(advised) == (0 if fast else 1)


def test_training_lowers_the_loss(tiny, photos, tmp_path, losses):
    """Sixty steps on eighteen photos: the positives come nearer than the negatives."""
    tiny.run(photos, tmp_path, {"steps": 60, "loss__queue_size": 0}, checkpoint_minutes=9.0)
    seen = losses(tmp_path)
    assert sum(seen[s] for s in range(51, 61)) < sum(seen[s] for s in range(1, 11))
