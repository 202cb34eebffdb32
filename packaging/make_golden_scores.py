"""Writes tests/golden/samples.json: what the default model gives the rendered samples.

    python packaging/make_golden_scores.py

Run it after the default model or the preprocessing changed on purpose, and say so in the commit.
"""

import json
from pathlib import Path

from qpt_app.core.decode import decode_photo
from qpt_app.core.model_library import find_model
from qpt_app.core.preprocess import prepare_views
from qpt_app.core.torch_scorer import load_scorer
from qpt_app.resources import samples_dir

GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "samples.json"


def main() -> None:
    """Score the samples and write the file."""
    path = find_model()
    scorer = load_scorer(path, device="cpu")
    config = scorer.identity.preprocess
    scores = {}
    for photo in sorted(samples_dir().glob("*.jpg")):
        pixels = decode_photo(photo, min_side=config.decode_side).pixels
        if pixels is None:
            raise SystemExit(f"{photo} has no pixels")
        scores[photo.name] = round(scorer.score([prepare_views(pixels, config)])[0].score, 3)
    GOLDEN.parent.mkdir(exist_ok=True)
    content = {"model": path.name, "digest": scorer.identity.digest, "scores": scores}
    GOLDEN.write_text(json.dumps(content, indent=1) + "\n")
    for name, score in scores.items():
        print(f"{score:6.2f}  {name}")


if __name__ == "__main__":
    main()
