"""Everything that has to happen before a model ships, in order, in one command.

    python packaging/ship_model.py --run RUN --name qpt-small --data BIQ2021 --clean CLEAN \
        --large LARGE --out ../ship/qpt-small --install -- --data-note "BIQ2021, ..."

What stands after `--` goes to `qpt-train export`. Steps: export (or `--model FILE`), verify,
evaluate, reliability, sensitivity, size study, worst errors, installation with golden scores, and
card-figures.md. Reports of the same model that already lie in `--out` are not made again.
`--official-test` adds the evaluation on the official test photos, once per final model: an export
that differs from the file in `--out` by the code's revision only leaves that file, and a report of
an earlier model of this name stops the sequence.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.model_library import DEFAULT_MODEL
from qpt_app.core.model_metadata import read_metadata, read_verified, split_header
from qpt_app.errors import ModelError

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "assets" / "models"
LARGEST_TOGETHER = 36_000_000
"""Bytes that all tracked model files may have together."""
WRITTEN_BY = ("git_revision", "qpt_version", "torch_version")
"""Fields of a model's record that tell of the code that wrote it, not of the model."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command of qpt-train and the report that it leaves."""

    name: str
    report: Path
    """JSON with the field `model`; for the worst errors the evaluation's table is enough."""
    arguments: tuple[str, ...]


def main(argv: list[str] | None = None) -> None:
    """Run the sequence."""
    options = parse(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    model = options.model or export(options)
    label = read_metadata(model).identity.label  # verifies the digest
    print(f"== verified {label}, {model.stat().st_size / 1e6:.1f} MB", flush=True)
    planned = steps(model, options)
    if not options.official_test_again:
        refuse_second_test(planned, label)
    for step in planned:
        if is_done(step, label):
            print(f"== {step.name}: already there", flush=True)
        else:
            print(f"== {step.name}", flush=True)
            qpt_train(*step.arguments)
    if options.install:
        install(model, options.name, MODELS)
        if options.name == DEFAULT_MODEL:
            script = ROOT / "packaging" / "make_golden_scores.py"
            subprocess.run([sys.executable, str(script)], check=True, env=environment())
    figures = card_figures(options.out)
    atomic_write(options.out / "card-figures.md", figures)
    print(figures)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, help="folder of a finished fine-tuning run")
    source.add_argument("--model", type=Path, help="model file that was exported already")
    parser.add_argument("--name", required=True, help="name that the model ships under")
    parser.add_argument("--data", type=Path, required=True, help="labelled set of its training")
    parser.add_argument("--clean", type=Path, required=True, help="clean photos: sensitivity")
    parser.add_argument(
        "--large", type=Path, action="append", required=True, help="large clean photos: size study"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the reports")
    parser.add_argument("--weights-bits", type=int, choices=(8, 16), default=16)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--install", action="store_true", help="put it into assets/models")
    parser.add_argument(
        "--official-test", action="store_true", help="the final number: once per final model"
    )
    parser.add_argument(
        "--official-test-again",
        action="store_true",
        help="although an earlier model of this name was tested on them: say so where figures are",
    )
    parser.add_argument("export_options", nargs="*", help="after --: options of export")
    options = parser.parse_args(argv)
    if options.model is not None and options.export_options:
        parser.error("options of export make no sense with --model")
    return options


def export(options: argparse.Namespace) -> Path:
    """Export the run, anew every time: a file that lies there may be of another run.

    It stays if nothing but the code's revision differs, and with it the reports that name it.
    """
    path = options.out / f"{options.name}.safetensors"
    draft = options.out / "exported.safetensors"
    print("== export", flush=True)
    qpt_train(
        *("export", "--run", options.run, "--data", options.data, "--out", draft),
        *("--name", options.name, "--weights-bits", options.weights_bits),
        *options.export_options,
    )
    made = substance(draft)
    if made is not None and made == substance(path):
        print("== the same model as before", flush=True)
        draft.unlink()
    else:
        draft.replace(path)
    return path


def substance(path: Path) -> tuple[object, ...] | None:
    """Return what tells two model files apart, but for the code that wrote them; None for none."""
    try:
        metadata, data = read_verified(path)
    except ModelError:
        return None
    start, _ = split_header(path, data)
    training = {k: v for k, v in metadata.training.items() if k not in WRITTEN_BY}
    same = dataclasses.replace(metadata, training=training, digest="")
    return same, hashlib.sha256(data[start:]).hexdigest()


def steps(model: Path, options: argparse.Namespace) -> list[Step]:
    """Return the steps between export and installation, in their order."""
    out = options.out
    scorer = ("--model", model, "--device", options.device)
    data = ("--data", options.data)
    heldout, final, worst = out / "heldout", out / "official-test", out / "worst"
    large = [word for folder in options.large for word in ("--photos", folder)]
    rows = [
        ("evaluate", heldout / "evaluation.json", (*scorer, *data, "--out", heldout)),
        (
            "reliability",
            out / "reliability" / "reliability.json",
            (*scorer, *data, "--predictions", heldout, "--out", out / "reliability"),
        ),
        (
            "sensitivity",
            out / "sensitivity" / "sensitivity.json",
            (*scorer, "--photos", options.clean, "--out", out / "sensitivity"),
        ),
        (
            "size-study",
            out / "size-study" / "size-study.json",
            (*scorer, *large, "--out", out / "size-study"),
        ),
        ("worst", worst / "none.json", ("--predictions", heldout, *data, "--out", worst)),
    ]
    if options.official_test:
        test = ("--split", "official-test", "--final", "--leak-check", "--out", final)
        rows.append(("evaluate", final / "evaluation.json", (*scorer, *data, *test)))
    return [
        Step(name=name, report=report, arguments=tuple(map(str, (name, *arguments))))
        for name, report, arguments in rows
    ]


def refuse_second_test(planned: list[Step], label: str) -> None:
    """Stop before another model of this name is tested on the official test photos.

    Raises:
        SystemExit: if a report of an earlier one lies there.
    """
    name = label.partition("@")[0]
    for step in planned:
        found = read_report(step.report) if "official-test" in step.arguments else None
        tested = (found or {}).get("model", "")
        if tested.partition("@")[0] == name and tested != label:
            raise SystemExit(
                f"{step.report} is of {tested}: the official test photos are for one number per "
                "final model; leave --official-test out, or add --official-test-again"
            )


def is_done(step: Step, label: str) -> bool:
    """Whether a step's report is there and of this model."""
    try:
        return json.loads(step.report.read_text(encoding="utf-8")).get("model") == label
    except (OSError, ValueError):
        return False


def install(model: Path, name: str, folder: Path, *, limit: int = LARGEST_TOGETHER) -> None:
    """Copy a model file under its name and write the manifest of all of them.

    Raises:
        SystemExit: if the file says another name, or all files together are too large.
        StorageError: if one cannot be written; it is then as it was.
    """
    stated = read_metadata(model).name
    if stated != name:
        raise SystemExit(f"{model} calls itself {stated}, not {name}")
    target = folder / f"{name}.safetensors"
    others = [path for path in folder.glob("*.safetensors") if path != target]
    total = model.stat().st_size + sum(path.stat().st_size for path in others)
    if total > limit:
        raise SystemExit(
            f"with {name} the model files have {total / 1e6:.1f} MB, more than {limit / 1e6:.0f}"
        )
    atomic_write(target, model.read_bytes())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted([*others, target])
    ]
    atomic_write(folder / "SHA256SUMS", "".join(lines))
    print(f"== installed {target.name}; all models together {total / 1e6:.1f} MB", flush=True)


def card_figures(out: Path) -> str:
    """Return the figures that a model card states, from the reports that are there."""
    sections = []
    for name in ("heldout", "official-test"):
        if found := read_report(out / name / "evaluation.json"):
            sections.append(agreement_section(name, found))
    if found := read_report(out / "reliability" / "reliability.json"):
        sections.append(reliability_section(found))
    if found := read_report(out / "sensitivity" / "sensitivity.json"):
        interval = found.get("everyday_interval")  # older reports have none
        bounds = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
        sections.append(
            f"Less degraded wins, two severities apart, everyday operators: "
            f"{found['everyday_pairwise']:.3f}{bounds}; "
            f"all: {found['mean_pairwise']:.3f}; "
            f"{found['photos']} photos."
        )
    size = out / "size-study" / "size-study.md"
    if size.exists():
        sections.append(size.read_text(encoding="utf-8").split("\n", 2)[2].strip())
    return "\n\n".join(sections) + "\n"


def agreement_section(name: str, found: dict) -> str:
    """Return the table of agreement."""
    measures = found["measures"]
    rows = [("all", measures["overall"]), *measures["subsets"].items()]
    lines = [f"{found['model']}, {name}:", "", "| | photos | SRCC | PLCC raw | RMSE |"]
    lines.append("|---|---|---|---|---|")
    for label, row in rows:
        low, high = row["intervals"]["srcc"]
        lines.append(
            f"| {label} | {row['count']:,} | {row['srcc']:.3f} [{low:.3f}, {high:.3f}] | "
            f"{row['plcc']:.3f} | {row['rmse']:.3f} |"
        )
    if measures["mean_subset_srcc"] is not None:
        low, high = measures["mean_subset_interval"]
        mean = f"{measures['mean_subset_srcc']:.3f} [{low:.3f}, {high:.3f}]"
        lines.append(f"| mean within subsets | | {mean} | | |")
    if without := found.get("without_leaks"):
        text = f"Without near-duplicates: SRCC {without['overall']['srcc']:.3f}"
        if without["mean_subset_srcc"] is not None:
            text += f", mean within subsets {without['mean_subset_srcc']:.3f}"
        lines += ["", f"{text}."]
    return "\n".join(lines)


def reliability_section(found: dict) -> str:
    """Return coverage and calibration of pairs in a few lines."""
    covered = [
        f"{row['group']} {row['covered']:.3f} [{row['interval'][0]:.3f}, {row['interval'][1]:.3f}]"
        for row in found["coverage"]
    ]
    pairs = [
        f"{row['group']}: expected calibration error {row['expected_error']:.3f}, "
        f"right order {row['accuracy']:.3f}"
        for row in found["pairs"]
    ]
    return "Covered by nominal 80 % intervals: " + "; ".join(covered) + ".\n\n" + "; ".join(pairs)


def read_report(path: Path) -> dict | None:
    """Return a report, or None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def qpt_train(*arguments: object) -> None:
    """Run a command of qpt-train from this checkout; a failure ends the sequence."""
    command = [sys.executable, "-m", "qpt_train", *map(str, arguments)]
    done = subprocess.run(command, env=environment(), check=False)
    if done.returncode:
        raise SystemExit(f"qpt-train {arguments[0]} failed with {done.returncode}")


def environment() -> dict[str, str]:
    """Return the environment in which this checkout comes first."""
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *([known] if known else [])])}


if __name__ == "__main__":
    main()
