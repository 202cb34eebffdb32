"""The benchmark measures what it says; the ablations resume."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

import qpt_train.ablate as ablate_module
import qpt_train.bench as bench_module
import qpt_train.contrastive.network as network
from qpt_app.errors import CheckpointError
from qpt_train.ablate import VARIANTS, AblationOptions, ablate, markdown_table
from qpt_train.bench import BenchOptions, bench, report
from qpt_train.bench_bound import encoder_bound
from qpt_train.pretrain import PREFETCHED_GROUPS

TINY_TOML = """
encoder = "tiny"
steps = 2
log_every = 1
[batch]
images = 8
group_rows = 8
[views]
crop_size = 32
source_size = 48
screen_side = 0
[projector]
hidden_dim = 16
embedding_dim = 8
[optimiser]
kind = "adamw"
learning_rate = 0.01
[probe]
crops = 1
"""


def test_the_bound_of_resnet50_is_the_known_arithmetic():
    """4.11 G multiply-adds and 11.1 M convolution outputs, read in timm's tables."""
    bound = encoder_bound("resnet50", 224, flops_per_s=790e12, bytes_per_s=4.3e12)
    assert bound.multiply_adds == pytest.approx(4.09, abs=0.03)
    assert bound.compute_pairs_per_s == pytest.approx(24_000, rel=0.05)
    # The reference's own estimate is 6,500 pairs/s for an unfused network.
    assert bound.memory_pairs_per_s == pytest.approx(6_500, rel=0.2)
    assert bound.pairs_per_s == bound.memory_pairs_per_s
    wide = encoder_bound(
        "resnet50", 224, flops_per_s=790e12, bytes_per_s=4.3e12, precision="float32"
    )
    assert wide.bytes_per_pair == 2 * bound.bytes_per_pair


@pytest.mark.parametrize("name", ["regnet_x_400mf", "mobilenet_v3_large"])
def test_every_encoder_has_a_bound(name):
    """Counting works for all layouts, and halving the side quarters the work."""
    large, small = (
        encoder_bound(name, side, flops_per_s=1e12, bytes_per_s=1e12) for side in (224, 112)
    )
    assert large.multiply_adds == pytest.approx(4 * small.multiply_adds, rel=0.15)


def test_rates_are_rows_over_seconds(tiny, photos, monkeypatch):
    """With a clock that advances one second a look, every part takes one second."""
    monkeypatch.setattr(network, "build_encoder", tiny.build_tiny_encoder)
    monkeypatch.setattr("qpt_train.bench_bound.build_encoder", tiny.build_tiny_encoder)
    ticks = itertools.count()
    result = bench(
        tiny.recipe(),
        BenchOptions(
            photos=(photos,),
            device=torch.device("cpu"),
            num_workers=0,
            steps=2,
            warmup=1,
            clock=lambda: float(next(ticks)),
        ),
    )
    rows = 2 * 16
    assert result.decode == rows
    assert result.degrade == result.forward_backward == result.end_to_end == rows
    assert result.degrade_share == 1.0
    assert result.precision == "float32"
    assert "end to end" in report(result)


def test_nothing_decoded_before_the_clock_is_counted(tiny, photos, monkeypatch):
    """Workers that are many steps ahead are waited for: first their stock, then the timed steps."""
    monkeypatch.setattr(network, "build_encoder", tiny.build_tiny_encoder)
    recipe = tiny.recipe()
    options = BenchOptions(
        photos=(photos,), device=torch.device("cpu"), num_workers=3, steps=2, warmup=1
    )
    source = bench_module._Source(recipe, options)
    assert source.warmup * recipe.groups >= 3 * PREFETCHED_GROUPS + 2 * source.at_once
    alone = bench_module._Source(recipe, dataclasses.replace(options, num_workers=0, warmup=9))
    assert alone.warmup == 9


@pytest.fixture
def labelled(tmp_path):
    """Twenty labelled photos."""
    from PIL import Image

    folder = tmp_path / "labelled"
    folder.mkdir()
    generator = np.random.default_rng(0)
    lines = ["path,mos"]
    for number in range(20):
        pixels = generator.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number:02d}.png")
        lines.append(f"p{number:02d}.png,{number / 20}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    return folder / "scores.csv"


def test_ablations_resume_and_end_in_a_table(tiny, photos, labelled, tmp_path, monkeypatch):
    """Stopped after three variants and started again: no variant runs twice, all are there."""
    monkeypatch.setattr(network, "build_encoder", tiny.build_tiny_encoder)
    monkeypatch.setattr(ablate_module, "build_encoder", tiny.build_tiny_encoder)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_TOML)
    seen = []

    def options(limit):
        return AblationOptions(
            photos=(photos,),
            probe=labelled,
            out=tmp_path / "out",
            device=torch.device("cpu"),
            num_workers=0,
            should_stop=lambda: len(seen) >= limit,
            on_step=lambda name, step, _total, _loss: seen.append((name, step)),
        )

    assert len(ablate(str(recipe), [], options(5))) < 1 + len(VARIANTS)
    rows = ablate(str(recipe), [], options(1000))
    assert [row.variant for row in rows] == ["untrained", *VARIANTS]
    assert len(seen) == len(set(seen)) == 2 * len(VARIANTS)
    table = (tmp_path / "out/table.md").read_text()
    assert table == markdown_table(rows)
    assert len(table.splitlines()) == 2 + len(rows)
    chains = {row.variant: int(row.chains) for row in rows}
    assert chains["without high order"] < chains["full"]
    assert chains["content negatives only"] == chains["full"]


def test_a_row_of_another_recipe_other_photos_or_another_probe_is_refused(
    tiny, photos, labelled, tmp_path, monkeypatch
):
    monkeypatch.setattr(network, "build_encoder", tiny.build_tiny_encoder)
    monkeypatch.setattr(ablate_module, "build_encoder", tiny.build_tiny_encoder)
    monkeypatch.setattr(ablate_module, "VARIANTS", {"full": ()})
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_TOML)

    def run(*overrides, **changes):
        given = {
            **{"photos": (photos,), "probe": labelled, "out": tmp_path / "out"},
            **{"device": torch.device("cpu"), "num_workers": 0, **changes},
        }
        return ablate(str(recipe), list(overrides), AblationOptions(**given))

    first = run()
    assert run() == first
    with pytest.raises(CheckpointError, match=r"row\.json was made with another recipe .*--out"):
        run("optimiser.learning_rate=0.02")
    fewer = tiny.write_photos(tmp_path / "fewer", count=12)
    with pytest.raises(CheckpointError, match="other photos"):
        run(photos=(fewer,))
    table = labelled.read_text()
    labelled.write_text(table.replace("p07.png,0.35", "p07.png,0.95"))
    with pytest.raises(CheckpointError, match="another probe"):
        run()
    labelled.write_text(table)
    row = tmp_path / "out" / "full" / "row.json"
    row.write_text(json.dumps(json.loads(row.read_text())["row"]))  # as an earlier qpt left it
    with pytest.raises(CheckpointError, match="remove it to probe its run again"):
        run()
    row.unlink()
    assert run() == first
