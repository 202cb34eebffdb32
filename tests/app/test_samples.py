"""The rendered samples and the default model: the sharp picture wins, on every machine alike."""

import json
from pathlib import Path

import pytest

from qpt_app.core.decode import decode_photo
from qpt_app.core.model_library import find_model
from qpt_app.core.model_metadata import read_metadata
from qpt_app.core.preprocess import prepare_views
from qpt_app.core.torch_scorer import load_scorer
from qpt_app.resources import samples_dir

GOLDEN = Path(__file__).parent.parent / "golden" / "samples.json"
TOLERANCE = 0.5
"""Points that another processor, torch or JPEG library may move a golden score."""
CLEARLY = 5.0
"""Points by which a broken version has to lie below the sharp one."""


@pytest.fixture(scope="module")
def scores():
    """Scores of the rendered samples by the default model, by file name."""
    scorer = load_scorer(find_model(), device="cpu")
    config = scorer.identity.preprocess
    paths = sorted(samples_dir().glob("*.jpg"))
    views = [
        prepare_views(decode_photo(path, min_side=config.decode_side).pixels, config)
        for path in paths
    ]
    return {path.name: photo.score for path, photo in zip(paths, scorer.score(views), strict=True)}


def test_sharp_comes_first_and_the_broken_versions_clearly_below(scores):
    sharp = scores["still-life-1-sharp.jpg"]
    broken = {name: score for name, score in scores.items() if name.startswith("still-life-")}
    del broken["still-life-1-sharp.jpg"]
    assert len(broken) == 6
    assert sharp > max(broken.values()), broken
    assert sum(score <= sharp - CLEARLY for score in broken.values()) >= 5, broken


def test_other_scenes_lose_when_they_are_broken(scores):
    assert scores["street.jpg"] > scores["street-soft-and-noisy.jpg"] + CLEARLY
    assert scores["lake.jpg"] > scores["lake-dull.jpg"]


def test_golden_scores_are_kept(scores):
    golden = json.loads(GOLDEN.read_text())
    assert golden["model"] == find_model().name
    assert golden["digest"] == read_metadata(find_model()).digest
    assert set(golden["scores"]) == set(scores)
    for name, score in golden["scores"].items():
        assert scores[name] == pytest.approx(score, abs=TOLERANCE), name
