"""A pre-training run small enough for tests, in this process or as `python tiny_run.py ...`.

The encoder has two layers, the photos 40 to 60 pixels, a step eight images.
"""

import argparse
import dataclasses
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import qpt_train.contrastive.network as network
from qpt_app.core.encoder import Encoder
from qpt_train.config import parse_config
from qpt_train.distributed import SINGLE, process_group
from qpt_train.pretrain import PretrainOptions, pretrain
from qpt_train.pretrain_config import PretrainRecipe

RECIPE = {
    "encoder": "tiny",
    "steps": 6,
    "log_every": 1,
    "batch": {"images": 8, "group_rows": 8},
    "views": {"crop_size": 32, "source_size": 48, "compositions": 2},
    "loss": {"queue_size": 24},
    "projector": {"hidden_dim": 16, "embedding_dim": 8},
    "optimiser": {"kind": "adamw", "learning_rate": 0.01},
    "momentum": {"start": 0.9},
}


def build_tiny_encoder(_name):
    """Convolution, batch norm, ReLU, mean."""
    layers = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return Encoder("tiny", layers, 6)


def recipe(**changes):
    """Return the recipe; `table__field=value` changes a field."""
    fields = {k: dict(v) if isinstance(v, dict) else v for k, v in RECIPE.items()}
    for name, value in changes.items():
        table, _, field = name.rpartition("__")
        (fields.setdefault(table, {}) if table else fields)[field] = value
    return parse_config(fields, PretrainRecipe)


def write_photos(folder, count=18):
    """Write small photos of smooth random content."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    for number in range(count):
        coarse = generator.integers(0, 255, (6, 7, 3), dtype=np.uint8)
        size = (60, 48 if number % 3 else 40)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(
            folder / f"photo-{number:02d}.png"
        )
    return folder


def options(photos, out, **changes):
    """Return options for a run in this process."""
    values = {
        "photos": (Path(photos),),
        "out": Path(out),
        "device": torch.device("cpu"),
        "num_workers": 0,
        "checkpoint_minutes": 0.0,
    }
    return PretrainOptions(**(values | changes))


def run(photos, out, changes=None, ranks=SINGLE, **option_changes):
    """Run with the tiny encoder, whatever was there before."""
    original = network.build_encoder
    network.build_encoder = build_tiny_encoder
    try:
        return pretrain(
            recipe(**(changes or {})), options(photos, out, ranks=ranks, **option_changes)
        )
    finally:
        network.build_encoder = original


def main():
    """Run as a process of its own, perhaps one of several, perhaps to be killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos")
    parser.add_argument("out")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill-at", type=int, default=0)
    parser.add_argument("--terminate-at", type=int, default=0)
    parser.add_argument("--steps", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))

    def on_step(step, _total, _loss):
        if step == arguments.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == arguments.terminate_at:
            os.kill(os.getpid(), signal.SIGTERM)

    with process_group(torch.device("cpu")) as ranks:
        summary = run(
            arguments.photos,
            arguments.out,
            {"steps": arguments.steps},
            ranks=ranks,
            resume=arguments.resume,
            on_step=on_step,
            should_stop=lambda: bool(asked),
        )
    if ranks.is_first:
        sys.stdout.write(f"{dataclasses.asdict(summary)}\n")


if __name__ == "__main__":
    main()
