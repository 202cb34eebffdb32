"""The ablations: the same short run with one thing changed, one after the other, resumable."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.encoder import build_encoder
from qpt_app.errors import CheckpointError
from qpt_train.batch_norm_statistics import settle_batch_norm
from qpt_train.checkpoint import list_checkpoints
from qpt_train.config import config_to_dict, load_recipe
from qpt_train.data.manifest import scan_photos
from qpt_train.degradations.space import size
from qpt_train.encoder_weights import load_encoder_weights
from qpt_train.out_folder import make_folder
from qpt_train.pretrain import PretrainOptions, pretrain
from qpt_train.pretrain_config import PretrainRecipe
from qpt_train.probe import ProbeSet, load_probe_set, probe_batches, probe_encoder
from qpt_train.randomness import seed_initialisation
from qpt_train.run_log import read_run_log

VARIANTS: dict[str, tuple[str, ...]] = {
    "full": (),
    "without shuffle": ("degradations.shuffle=false",),
    "without skip": ("degradations.skip=false",),
    "without high order": ("degradations.high_order=false",),
    "degradation negatives only": ("loss.negatives=degradation",),
    "content negatives only": ("loss.negatives=content",),
}
"""Name -> overrides of the recipe."""
_NAMES = {"recipe": "another recipe", "photos": "other photos", "probe": "another probe set"}
"""What a row is made of, for messages."""


class AblationRow(NamedTuple):
    """One line of the table."""

    variant: str
    steps: int
    loss: float | None
    """Mean of the last ten logged; not comparable between kinds of negatives."""
    srcc: float
    """Ridge on frozen features, cross-validated."""
    within_subsets: float | None
    chains: str
    """Size of the degradation space, as decimal digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AblationOptions:
    """Where the runs read and write."""

    photos: tuple[Path, ...]
    probe: Path
    out: Path
    device: torch.device
    num_workers: int = 2
    should_stop: Callable[[], bool] = lambda: False
    on_step: Callable[[str, int, int, float], None] = lambda _name, _step, _total, _loss: None
    """Told (variant, steps done, steps in all, loss)."""


def ablate(recipe: str, overrides: list[str], options: AblationOptions) -> list[AblationRow]:
    """Run every variant that has no result yet; return the rows that there are.

    Each variant has a folder of its own with a checkpointed run and, at its end, `row.json`, so
    the whole can be stopped at any time and started again. A row is believed if it says that it
    was made by this recipe, of these photos, on this probe set. The first row is the untrained
    encoder.

    Raises:
        CheckpointError: if a row that lies there is of another recipe or of other photos.
        QptError: as `pretrain` and `load_probe_set` do.
    """
    base = load_recipe(recipe, PretrainRecipe, overrides)
    make_folder(options.out)
    probe_set = load_probe_set(
        options.probe,
        photos=0,
        crops=base.probe.crops,
        crop_size=base.views.crop_size,
        screen_side=base.views.screen_side,
        cache_folder=options.out,
    )
    sources = {"photos": scan_photos(options.photos).digest(), "probe": probe_set.digest()}
    rows = [_untrained(base, probe_set, options.device)]
    for name, changes in VARIANTS.items():
        if options.should_stop():
            break
        variant = load_recipe(recipe, PretrainRecipe, [*overrides, *changes])
        record = {"recipe": config_to_dict(variant), **sources}
        row = _run_variant(name, variant, probe_set, options, record)
        if row is not None:
            rows.append(row)
            atomic_write(options.out / "table.md", markdown_table(rows))
    return rows


def markdown_table(rows: list[AblationRow]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| variant | steps | last loss | SRCC | within subsets | chains in the space |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        loss = "–" if row.loss is None else f"{row.loss:.3f}"
        within = "–" if row.within_subsets is None else f"{row.within_subsets:.4f}"
        lines.append(
            f"| {row.variant} | {row.steps} | {loss} | {row.srcc:.4f} | {within} | "
            f"{float(row.chains):.2g} |"
        )
    return "\n".join(lines) + "\n"


def _run_variant(
    name: str,
    recipe: PretrainRecipe,
    probe_set: ProbeSet,
    options: AblationOptions,
    record: dict[str, Any],
) -> AblationRow | None:
    """Run or finish one variant; None if it was stopped before its end.

    `record` is what a row must have been made of, as JSON values.
    """
    out = options.out / name.replace(" ", "-")
    done = out / "row.json"
    if done.is_file():
        return _finished_row(done, record)
    summary = pretrain(
        recipe,
        PretrainOptions(
            photos=options.photos,
            out=out,
            device=options.device,
            num_workers=options.num_workers,
            resume=bool(list_checkpoints(out / "checkpoints")),
            checkpoint_minutes=2.0,
            keep=2,
            should_stop=options.should_stop,
            on_step=lambda step, total, loss: options.on_step(name, step, total, loss),
        ),
    )
    if not summary.finished:
        return None
    encoder = build_encoder(recipe.encoder)
    load_encoder_weights(encoder, out)
    result = probe_encoder(encoder.to(options.device), probe_set, options.device)
    row = AblationRow(
        variant=name,
        steps=summary.step,
        loss=last_loss(out / "log.jsonl"),
        srcc=result.srcc,
        within_subsets=result.within_subsets,
        chains=str(size(recipe.degradations)),
    )
    atomic_write(done, json.dumps({"row": row, **record}))
    return row


def _finished_row(path: Path, record: dict[str, Any]) -> AblationRow:
    """Read the row of a variant that has run, if it is of what `record` says.

    Raises:
        CheckpointError: if it is not, or does not say.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(told, dict):  # of an earlier qpt
        raise CheckpointError(
            f"{path} does not say what it was made of; remove it to probe its run again"
        )
    for name, value in record.items():
        if told.get(name) != value:
            raise CheckpointError(
                f"{path} was made with {_NAMES[name]} than asked for; choose another --out"
            )
    return AblationRow(*told["row"])


def _untrained(recipe: PretrainRecipe, probe_set: ProbeSet, device: torch.device) -> AblationRow:
    """Probe the encoder that every variant starts from.

    Its batch norm has seen nothing, so it gets the statistics of the probe's own crops; without
    them the comparison would be with features that are off scale, not untrained.
    """
    seed_initialisation(recipe.seed)
    encoder = build_encoder(recipe.encoder).to(device)
    settle_batch_norm(encoder, probe_batches(probe_set, device))
    result = probe_encoder(encoder, probe_set, device)
    return AblationRow(
        variant="untrained",
        steps=0,
        loss=None,
        srcc=result.srcc,
        within_subsets=result.within_subsets,
        chains=str(size(recipe.degradations)),
    )


def last_loss(log: Path, steps: int = 10) -> float | None:
    """Return the mean loss of the last logged steps of a run; None if it logged none."""
    losses = [
        record["loss"]
        for record in read_run_log(log)
        if record["event"] == "step" and record["loss"] is not None
    ][-steps:]
    return sum(losses) / len(losses) if losses else None
