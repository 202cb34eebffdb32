"""`qpt-train evaluate`, `benchmark`, `compare` and `sensitivity`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qpt_train.benchmark_run import BenchmarkOptions
    from qpt_train.benchmark_setup import MethodOptions

ModelOption = Annotated[
    str, typer.Option("--model", help="Shipped model's name, model file, or a run's folder.")
]
DataOption = Annotated[Path, typer.Option(help="Labelled set: a folder or a path,mos CSV.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
BatchOption = Annotated[int | None, typer.Option(min=1, help="Photos per forward pass.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Decoding threads.")]
WeightsOption = Annotated[str, typer.Option(help="Of a run's folder: best or last.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for Markdown, JSON and the picture.")]
FinalOption = Annotated[
    bool, typer.Option("--final", help="Yes, read the official test photos: a final number.")
]
LeakOption = Annotated[
    bool, typer.Option("--leak-check", help="Also without near-duplicates across the split.")
]
SplitOption = Annotated[
    str, typer.Option(help="heldout (the fold its training left out), official-test, or all.")
]
ResamplesOption = Annotated[int, typer.Option(min=1, help="Bootstrap draws.")]
SeedOption = Annotated[int, typer.Option(help="Seed of whatever is drawn.")]
RunsOption = Annotated[Path, typer.Option(help="Folder for tables, plot, cached features, runs.")]
ProtocolOption = Annotated[str, typer.Option(help="official, splits (80/20), few-labels or cross.")]
MethodOption = Annotated[
    str, typer.Option(help="ridge (frozen encoder), finetune, or as-is (the model's scores).")
]
OptionalModelOption = Annotated[
    str | None, typer.Option("--model", help="Model's name, file, or a fine-tuning run.")
]
EncoderOption = Annotated[
    str | None, typer.Option(help="Bare encoder instead of --model, for ridge.")
]
InitOption = Annotated[
    Path | None, typer.Option(help="Pre-trained weights for --encoder or finetune.")
]
InitSeedOption = Annotated[int, typer.Option(help="Seed of random weights for --encoder.")]
RecipeOption = Annotated[str, typer.Option(help="Recipe of --method finetune.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override of the recipe, such as epochs=3.")
]
TestDataOption = Annotated[Path | None, typer.Option(help="The set tested on: cross.")]
UngroupedOption = Annotated[
    bool, typer.Option("--ungrouped", help="Let scenes cross splits, as papers do.")
]
SplitsOption = Annotated[int, typer.Option(min=1, help="How many 80/20 splits.")]
LabelsOption = Annotated[str, typer.Option(help="Numbers of labels.")]
DrawsOption = Annotated[int, typer.Option(min=1, help="Draws of each number of labels.")]
PhotosOption = Annotated[Path, typer.Option(help="Folder of clean photos; no labels needed.")]
CountOption = Annotated[int, typer.Option(min=1, help="Photos drawn from the folder.")]
OperatorOption = Annotated[
    list[str] | None, typer.Option(help="Only this degradation; may be given again.")
]
FirstArgument = Annotated[Path, typer.Argument(help="Folder or benchmark.json of one benchmark.")]
SecondArgument = Annotated[Path, typer.Argument(help="The other; changes are second - first.")]
JsonOption = Annotated[Path | None, typer.Option(help="JSON file to write.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("evaluate")(evaluate_command)
    app.command("benchmark")(benchmark_command)
    app.command("compare")(compare_command)
    app.command("sensitivity")(sensitivity_command)


def evaluate_command(
    model: ModelOption,
    data: DataOption,
    split: SplitOption = "heldout",
    final: FinalOption = False,
    leak_check: LeakOption = False,
    out: OutOption = None,
    weights: WeightsOption = "best",
    device: DeviceOption = "auto",
    batch_size: BatchOption = None,
    workers: WorkersOption = 2,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
) -> None:
    """Measure how well a model's scores agree with people: SRCC, PLCC, KRCC, RMSE."""
    from tqdm import tqdm

    from qpt_train.evaluate import FINAL_WARNING, choose_photos, evaluate, parse_split
    from qpt_train.evaluation_report import evaluation_markdown, write_evaluation
    from qpt_train.group_measures import BootstrapConfig
    from qpt_train.out_folder import make_folder
    from qpt_train.subjects import load_subject

    if out is not None:
        make_folder(out)
    subject = load_subject(model, device=device, batch_size=batch_size, weights=weights)
    cache = out if out is not None else _run_folder(model)
    wanted = parse_split(split)
    photos = choose_photos(data, wanted, subject.split, final=final, cache_folder=cache)
    if photos.split == "official-test":
        typer.echo(FINAL_WARNING, err=True)
    with tqdm(total=len(photos.tested), unit="photo", dynamic_ncols=True) as bar:
        result, found = evaluate(
            subject,
            photos,
            bootstrap=BootstrapConfig(resamples=resamples, seed=seed),
            leak_check=leak_check,
            cache_folder=cache,
            workers=workers,
            on_photo=bar.update,
        )
    typer.echo(evaluation_markdown(result))
    if out is not None:
        for path in write_evaluation(out, result, photos.tested, found):
            typer.echo(f"wrote {path}", err=True)


def benchmark_command(
    data: DataOption,
    out: RunsOption,
    protocol: ProtocolOption = "splits",
    method: MethodOption = "ridge",
    model: OptionalModelOption = None,
    weights: WeightsOption = "best",
    encoder: EncoderOption = None,
    init: InitOption = None,
    init_seed: InitSeedOption = 0,
    recipe: RecipeOption = "finetune-small",
    set_: SetOption = None,
    test_data: TestDataOption = None,
    final: FinalOption = False,
    leak_check: LeakOption = False,
    ungrouped: UngroupedOption = False,
    splits: SplitsOption = 10,
    labels: LabelsOption = "20,50,100,200",
    draws: DrawsOption = 10,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    batch_size: BatchOption = None,
    workers: WorkersOption = 2,
) -> None:
    """Run a benchmark protocol and write its table, JSON and plot."""
    from qpt_train.benchmark_run import BenchmarkOptions, parse_labels, parse_protocol
    from qpt_train.benchmark_setup import MethodOptions

    options = BenchmarkOptions(
        protocol=parse_protocol(protocol),
        data=data,
        test_data=test_data,
        final=final,
        grouped=not ungrouped,
        leak_check=leak_check,
        splits=splits,
        labels=parse_labels(labels),
        draws=draws,
        seed=seed,
    )
    chosen = MethodOptions(
        method=method,
        model=model,
        weights=weights,
        encoder=encoder,
        init=init,
        init_seed=init_seed,
        recipe=recipe,
        overrides=tuple(set_ or ()),
        device=device,
        batch_size=batch_size,
        workers=workers,
        folder=out,
    )
    _run_and_write(options, chosen)


def _run_and_write(options: "BenchmarkOptions", chosen: "MethodOptions") -> None:
    """Plan, run and write a benchmark with progress bars on stderr."""
    from tqdm import tqdm

    from qpt_train.benchmark_report import benchmark_markdown, write_benchmark
    from qpt_train.benchmark_run import plan_benchmark, run_benchmark
    from qpt_train.benchmark_setup import build_method, labels_seen
    from qpt_train.evaluate import FINAL_WARNING
    from qpt_train.out_folder import make_folder

    make_folder(chosen.folder)
    photos = plan_benchmark(options, cache_folder=chosen.folder)
    if options.final:
        typer.echo(FINAL_WARNING, err=True)
    with tqdm(total=len(photos.items), unit="photo", dynamic_ncols=True) as bar:
        method, subject = build_method(chosen, photos, on_photo=bar.update)
    with tqdm(total=len(photos.trials), unit="trial", dynamic_ncols=True) as bar:
        result = run_benchmark(
            options, photos, method, subject, seen=labels_seen(chosen, subject), on_trial=bar.update
        )
    typer.echo(benchmark_markdown(result))
    for path in write_benchmark(chosen.folder, result):
        typer.echo(f"wrote {path}", err=True)


def compare_command(
    first: FirstArgument,
    second: SecondArgument,
    out: JsonOption = None,
) -> None:
    """Compare two benchmarks trial by trial."""
    from qpt_app.core.atomic_write import atomic_write
    from qpt_train.benchmark_compare import compare_benchmarks, compare_json, compare_markdown

    found = compare_benchmarks(first, second)
    typer.echo(compare_markdown(found))
    if out is not None:
        atomic_write(out, compare_json(found))


def sensitivity_command(
    model: ModelOption,
    photos: PhotosOption,
    count: CountOption = 20,
    operator: OperatorOption = None,
    out: OutOption = None,
    weights: WeightsOption = "best",
    device: DeviceOption = "auto",
    batch_size: BatchOption = None,
    seed: SeedOption = 0,
) -> None:
    """Measure how a model's score falls as degradations of clean photos grow."""
    from tqdm import tqdm

    from qpt_train.out_folder import make_folder
    from qpt_train.sensitivity import check_operators, choose_clean_photos, measure_sensitivity
    from qpt_train.sensitivity_report import sensitivity_markdown, write_sensitivity
    from qpt_train.subjects import load_subject

    operators = check_operators(operator or [])
    if out is not None:
        make_folder(out)
    subject = load_subject(model, device=device, batch_size=batch_size, weights=weights)
    paths = choose_clean_photos(photos, count=count, seed=seed)
    with tqdm(total=len(paths), unit="photo", dynamic_ncols=True) as bar:
        result = measure_sensitivity(
            subject.scorer,
            paths,
            label=subject.label,
            operators=operators,
            seed=seed,
            on_photo=bar.update,
        )
    typer.echo(sensitivity_markdown(result))
    if out is not None:
        for path in write_sensitivity(out, result):
            typer.echo(f"wrote {path}", err=True)


def _run_folder(model: str) -> Path | None:
    """Return the run's folder, where the photos' prints already lie; None for a model file."""
    folder = Path(model)
    return folder if folder.is_dir() else None
