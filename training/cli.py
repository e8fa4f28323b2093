"""The trainer's command line: python -m training train | export | promote | evaluate | sample | and more.

Commands import torch lazily, so that help texts and usage errors appear immediately.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console

from models.errors import RepositoryError
from models.locations import shipped_folder, state_folder
from models.manifest import AGAINST, EVALUATION, GENERATOR, MANIFEST, PLOTS, Manifest, sha256_of
from models.repository import CHAMPION, Repository
from models.version import Version
from training import datasets, datasets_command
from training.errors import FolderInUseError, TrainingError
from training.loop.run_folder import RunFolder, alone_in
from training.spec import PRESET_SUMMARIES, PresetName
from training.spec_options import spec_of
from training.tables import console, show_figures, show_spec

if TYPE_CHECKING:
    from training.evaluation.figures import Battery
    from training.evaluation.ledger import Ledger
    from training.evaluation.onnx_models import OnnxGenerator, OnnxSharpener

app = typer.Typer(
    name="python -m training",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train a GAN on 28x28 pictures, evaluate it, and publish it for the service.",
)
app.add_typer(datasets_command.app, name="datasets")
SHIPPED = shipped_folder()
STATE = state_folder() / "models"
CACHE = state_folder() / "cache"
EVALUATIONS = state_folder() / "evaluations"
THREADS = 1
"""Number of threads for published figures, because the summation order affects rounding."""
EXIT_STOPPED, EXIT_IN_USE = 3, 4
LIBRARIES = ("torch", "onnx", "torchmetrics", "matplotlib")
"""What the extra `train` installs."""

CheckpointName = Literal["best", "last"]
FactorName = Literal["2", "4", "blur"]
JudgeKind = Literal["conv", "mlp"]
DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the dataset's four .gz files.")]
PicturesOption = Annotated[
    int,
    typer.Option(min=100, max=10_000, help="Number of pictures to evaluate. Figures at different counts are not comparable."),
]
ReadOption = Annotated[
    Path | None,
    typer.Option(help="Folder of published models. Defaults to models in GAN_STATE if it contains the model."),
]
FastOption = Annotated[
    bool, typer.Option("--fast", help="Only compute the figures that need no training and no nearest-neighbour search.")
]
BesideOption = Annotated[
    list[int] | None,
    typer.Option(help="Version of a sharpener to add to the ledger, such as the one with loss mse. Can be repeated."),
]
CacheOption = Annotated[Path, typer.Option(help="Folder for cached features of the training pictures.")]
RepositoryOption = Annotated[Path, typer.Option(help="Folder of published models. The service reads models in GAN_STATE.")]


@app.command(
    epilog="Exit status: 0 done, 1 failed, 3 stopped by a signal (continue with --resume), 4 another trainer is running there."
)
def train(
    preset: Annotated[
        PresetName | None,
        typer.Option(help="; ".join(f"{name}: {text}" for name, text in PRESET_SUMMARIES.items()), show_default="standard"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run. Defaults to runs/<preset>-<time>.", show_default=False)
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Override a field of the spec. Can be repeated: --set gamma=0.5 --set batch_size=128",
        ),
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="A spec.json to use instead of a preset.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in --out.")] = False,
    initial: Annotated[
        Path | None, typer.Option(help="weights.pt of a published version to start from, instead of random weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="torch device: cpu, cuda. Only the CPU is reproducible to the bit.")] = "cpu",
    data: DataOption = None,
    show: Annotated[bool, typer.Option("--show", help="Print the spec and describe its fields, without training.")] = False,
) -> None:
    """Train a GAN. Ctrl-C or SIGTERM saves a checkpoint and stops; --resume continues exactly there."""
    if resume and out is None:
        raise TrainingError("--resume requires the folder of the run. Name it with --out.")
    if resume and (option or spec or preset or initial):
        raise TrainingError("A resumed run keeps its spec. Drop --preset, --set, --spec and --initial, or leave --resume out.")
    if spec and preset:
        raise TrainingError("--spec and --preset exclude each other. Drop --preset, or change single fields with --set.")
    run_spec = RunFolder(out).read_spec() if resume and out else spec_of(preset or "standard", option or [], spec)
    if initial:
        run_spec = run_spec.model_copy(update={"initial_weights": sha256_of(initial)})
    if show:
        show_spec(run_spec)
        return
    from training.loop import run as running

    folder = RunFolder(out or Path("runs") / f"{run_spec.preset}-{datetime.now():%Y%m%d-%H%M%S}")
    console.print(f"Run folder: {folder.path}", soft_wrap=True)
    new = None if resume else run_spec
    reason = running.run(folder, new=new, initial=initial, resume=resume, device=device, data_folder=data)
    program = f"{sys.executable} -m training"
    if reason == "stopped":
        console.print(f"Stopped. Continue with: {program} train --resume --out {folder.path}", soft_wrap=True)
        raise typer.Exit(EXIT_STOPPED)
    name: str = "digits" if run_spec.conditional and run_spec.dataset == "mnist" else run_spec.preset
    if run_spec.task == "sharpen":
        name = f"sharpen-{'digits' if run_spec.dataset == 'mnist' else 'fashion'}"
    which = "" if folder.best.exists() else " --checkpoint last"
    console.print(f"Done. Publish with: {program} export {folder.path} --name {name}{which}", soft_wrap=True)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    name: Annotated[str, typer.Option(help="Model to publish under. The version is the next free number.")],
    repository: RepositoryOption = STATE,
    checkpoint: Annotated[CheckpointName, typer.Option(help="The checkpoint with the lowest KID, or the last.")] = "best",
    promote: Annotated[bool, typer.Option("--promote", help="Make it champion: the version served by default.")] = False,
    data: DataOption = None,
    pictures: PicturesOption = 10_000,
    cache: CacheOption = CACHE,
    fast: FastOption = False,
    beside: BesideOption = None,
) -> None:
    """Quantise a run's generator to an integer grid, export both networks to ONNX, check, evaluate and publish them."""
    import torch

    from training.export import build as exporting

    torch.set_num_threads(THREADS)
    trained = exporting.load_trained(RunFolder(folder), checkpoint)
    target = Repository(repository)
    if repository.resolve() != SHIPPED.resolve():
        target.adopt(Repository(SHIPPED))  # keeps the version numbers consistent with the service's
    version = exporting.export(
        trained,
        name,
        target,
        data_folder=data,
        pictures=pictures,
        cache=cache,
        thorough=not fast,
        beside=_sharpeners(target, name, beside),
        say=console.print,
    )
    for file in (EVALUATION, *PLOTS):
        if file in version.manifest.files:
            (folder / "evaluation").mkdir(exist_ok=True)
            shutil.copyfile(version.path / file, folder / "evaluation" / file)
    if promote:
        target.promote(name, version.number)
    show_figures(version.manifest.metrics, f"{name}/{version.number}")
    console.print(f"Published {version.path} ({', '.join(_aliases_of(target, version)) or 'no alias'})", soft_wrap=True)


@app.command()
def candidate(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    name: Annotated[str, typer.Option(help="Model to publish it under later.")],
    to: Annotated[Path, typer.Option(help="Output folder. Replaced if it exists.")],
    against: Annotated[
        Path | None, typer.Option(help="Folder of a published version to measure on the same seeds, into against.json.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Number of torch threads.")] = 2,
    cache: CacheOption = CACHE,
    data: DataOption = None,
    pictures: PicturesOption = 10_000,
) -> None:
    """Like export, but without publishing. The retraining service uses it and decides whether to publish."""
    import torch

    torch.set_num_threads(threads)
    run_folder = RunFolder(folder)
    with alone_in(run_folder):
        _candidate(run_folder, name, to, against, data, pictures, cache)


def _candidate(
    run_folder: RunFolder,
    name: str,
    to: Path,
    against: Path | None,
    data: Path | None,
    pictures: int,
    cache: Path,
) -> None:
    from training.evaluation.batteries import battery_of
    from training.export import build as exporting

    trained = exporting.load_trained(run_folder, "best" if run_folder.best.exists() else "last")
    battery = battery_of(trained.spec.task, trained.spec.dataset, data, pictures, cache)
    part = to.with_name(f".{to.name}.part")
    for leftover in (part, to):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    built = exporting.build(part, trained, name, battery, say=console.print)
    show_figures(built.manifest.metrics, "candidate")
    if against:
        _measure_champion(battery, against, part)
    part.rename(to)  # the folder appears atomically
    console.print(f"Wrote {to}", soft_wrap=True)


def _measure_champion(battery: Battery | Ledger, against: Path, part: Path) -> None:
    """Write the champion's figures for comparison. A champion that cannot be measured does not fail the candidate."""
    try:
        figures = battery.measure(_generator_in(against))  # type: ignore[arg-type]  # both are of the same task
    except (RepositoryError, OSError, ValueError) as error:
        console.print(f"Cannot measure {against}: {error}", soft_wrap=True)
        return
    show_figures(figures, str(against))
    content = json.dumps({n: f.model_dump() for n, f in figures.items()}, indent=2)
    (part / AGAINST).write_text(content + "\n")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="Model, for example digits.")],
    version: Annotated[int, typer.Argument(help="Version to serve. The current champion becomes `previous`.")],
    repository: RepositoryOption = STATE,
) -> None:
    """Make a version champion: the version served by default. Name an older one to roll back."""
    target = Repository(repository)
    if version in target.numbers(name):
        found = target.get(name, version)
        found.verify()
        from training.evaluation.onnx_models import open_generator
        from training.export.build import golden

        if golden(open_generator(found.path, found.manifest)) != found.manifest.golden:
            raise TrainingError(f"{found.path} draws pixels that differ from its manifest. Use the pinned onnxruntime.")
    aliases = target.promote(name, version)
    console.print(", ".join(f"{alias}: {name}/{number}" for alias, number in aliases.items()), soft_wrap=True)


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(help="Model, for example digits.")],
    version: Annotated[int | None, typer.Option(help="Version. Defaults to the champion.")] = None,
    repository: ReadOption = None,
    data: DataOption = None,
    pictures: PicturesOption = 10_000,
    cache: CacheOption = CACHE,
    fast: FastOption = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for JSON and pictures. Defaults to evaluations/<model>-<version> in GAN_STATE.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    beside: BesideOption = None,
) -> None:
    """Evaluate a published version. Each figure has a floor: the same figure for real pictures.

    Prints a table and writes evaluation.json and pictures (least certain, nearest training pictures) to --out.
    """
    found = _version(repository, name, version)
    found.verify()
    manifest = found.manifest

    import torch

    from training.evaluation import report
    from training.evaluation.batteries import battery_of
    from training.evaluation.onnx_models import open_generator

    torch.set_num_threads(THREADS)
    clock = time.monotonic()
    others = _sharpeners(Repository(found.path.parent.parent), name, beside)
    reference = datasets.reference_of(manifest.dataset.name, manifest.dataset.sha256)
    battery = battery_of(manifest.task, reference, data, pictures, cache, others)
    measured = battery.evaluate(open_generator(found.path, manifest), thorough=not fast)  # type: ignore[arg-type]
    figures, seconds = measured.figures, time.monotonic() - clock
    folder = out or EVALUATIONS / f"{name}-{manifest.version}"
    folder.mkdir(parents=True, exist_ok=True)
    report.write(folder, measured, seconds=seconds, training=battery.train.images)
    if battery.judge_sha256 != manifest.judge_sha256:
        console.print("The version's card used a different judge: its figures are not comparable with these.")
    if as_json:
        print(json.dumps({n: f.model_dump() for n, f in figures.items()}, indent=2))
        return
    show_figures(figures, f"{name}/{manifest.version}, {battery.count:,} pictures")
    console.print(f"Measured in {seconds:.0f} s. Wrote {folder}", soft_wrap=True)


@app.command()
def sample(
    name: Annotated[str, typer.Argument(help="Model, for example digits.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("samples.png"),
    version: Annotated[int | None, typer.Option(help="Version. Defaults to the champion.")] = None,
    first: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="First seed.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=4096, help="Number of seeds.")] = 100,
    columns: Annotated[int, typer.Option(min=1, max=256)] = 10,
    scale: Annotated[int, typer.Option(min=1, max=32)] = 2,
    repository: ReadOption = None,
) -> None:
    """Draw a grid of seeds from a published version, with the same pixels as the service."""
    found = _version(repository, name, version)
    if found.manifest.task != "generate":
        raise TrainingError(f"{name} sharpens pictures and draws none from a seed alone. Use: python -m training sharpen.")

    from training.evaluation import sheets
    from training.evaluation.onnx_models import OnnxGenerator

    generator = OnnxGenerator(found.path / GENERATOR, len(found.manifest.classes))
    pixels, _ = generator.draw(range(first, min(first + count, 2**32)))
    sheets.save_sheet(out, pixels, columns, scale)
    console.print(f"Wrote {out}", soft_wrap=True)


@app.command()
def sharpen(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Picture to sharpen: 28x28, 14x14 or 7x7 pixels.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="PNG file to write.")],
    name: Annotated[str, typer.Option(help="Model.")] = "sharpen-digits",
    version: Annotated[int | None, typer.Option(help="Version. Defaults to the champion.")] = None,
    factor: Annotated[
        FactorName | None, typer.Option(help="Degradation: shrunk by 2 or 4, or blur. Found from the picture by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Selects one of many plausible answers.")] = 0,
    repository: ReadOption = None,
) -> None:
    """Sharpen a shrunk or blurred picture with a published version, with the same pixels as the service."""
    found = _version(repository, name, version)
    if found.manifest.task != "sharpen":
        raise TrainingError(f"{name} draws pictures and cannot sharpen one. Name a model of the task sharpen with --name.")

    import numpy as np
    import torch
    from PIL import Image

    from models import sharpening
    from training.datasets import degradation
    from training.evaluation import sheets
    from training.evaluation.onnx_models import OnnxSharpener

    try:
        given = sharpening.given(np.asarray(Image.open(source).convert("L")), factor)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{source} cannot be sharpened. {error}") from error
    pictures = torch.from_numpy(given.pixels)[None, None].float() / 255
    condition = degradation.condition_of(pictures, sharpening.one_hot([given.kind]))
    sheets.save_sheet(out, OnnxSharpener(found.path / GENERATOR).answers(condition, range(seed, seed + 1)), columns=1)
    console.print(f"Wrote {out} ({given.kind}, {name}/{found.number})", soft_wrap=True)


@app.command()
def classifier(
    dataset: Annotated[str, typer.Argument(help="Dataset of the judge.")],
    out: Annotated[Path | None, typer.Option(help="Output file. Defaults to the shipped judge.", show_default=False)] = None,
    kind: Annotated[JudgeKind, typer.Option(help="Architecture: conv is the first judge, mlp the second.")] = "conv",
    epochs: Annotated[int | None, typer.Option(min=1, max=100, help="Defaults to that of the shipped judge.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing judge.")] = False,
    data: DataOption = None,
) -> None:
    """Train a judge of a dataset: the classifier used for FID, coverage and label accuracy."""
    import torch

    from training.datasets import tensors
    from training.evaluation import judges

    path = out or judges.shipped_path(dataset, kind)
    epochs = epochs or judges.EPOCHS[kind]
    if path.exists() and not replace:
        raise TrainingError(f"{path} exists, and all published figures depend on it. Use --out, or --replace to overwrite it.")
    torch.set_num_threads(THREADS)
    train_split, test_split = (tensors.load(dataset, split, data) for split in ("train", "test"))
    fitted = judges.fit(train_split, lambda n, loss: console.print(f"epoch {n}/{epochs}  loss {loss:.4f}"), epochs, kind)
    judges.save(fitted, path)
    accuracy = judges.judge(fitted, test_split.images).accuracy(test_split.labels)
    console.print(f"Wrote {path}: test accuracy {accuracy:.4f}", soft_wrap=True)


def _version(repository: Path | None, name: str, number: int | None) -> Version:
    repository = repository or (STATE if name in Repository(STATE).names() else SHIPPED)
    found = Repository(repository)
    if number is None:
        number = found.served_aliases(name).get(CHAMPION, 0)
    if not found.names():
        raise TrainingError(f"{repository} has no models. Name another folder with --repository, or export a run first.")
    if name not in found.names():
        raise TrainingError(f"{repository} has no model {name!r}. Choose one of: {', '.join(found.names())}.")
    if not number:
        raise TrainingError(f"{repository} has no champion of {name!r}. Choose a version with --version.")
    return found.get(name, number)


def _sharpeners(repository: Repository, name: str, numbers: list[int] | None) -> dict[str, OnnxSharpener]:
    """Open versions of a sharpener, by title."""
    from training.evaluation.onnx_models import OnnxSharpener

    return {f"{name}/{number}": OnnxSharpener(repository.get(name, number).path / GENERATOR) for number in numbers or ()}


def _generator_in(folder: Path) -> OnnxGenerator | OnnxSharpener:
    """Verify a published version and return its generator."""
    version = Version(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))
    version.verify()

    from training.evaluation.onnx_models import open_generator

    return open_generator(folder, version.manifest)


def _aliases_of(repository: Repository, version: Version) -> list[str]:
    return [alias for alias, number in repository.aliases(version.name).items() if number == version.number]


def main() -> None:
    """Run the command line. Expected errors are printed as one line, with exit status 1, or 4 if the folder is in use."""
    try:
        app()
    except ModuleNotFoundError as error:
        if error.name not in LIBRARIES:
            raise
        remedy = "Run `make setup-train`, or install the extra `train` of Seedling"
        _fail(f"This command needs {error.name}, which is not installed. {remedy}.")
    except (TrainingError, RepositoryError, OSError) as error:
        _fail(error, EXIT_IN_USE if isinstance(error, FolderInUseError) else 1)


def _fail(error: object, status: int = 1) -> NoReturn:
    Console(stderr=True).print(f"Error: {error}", style="red", soft_wrap=True, highlight=False, markup=False)
    sys.exit(status)
