"""The commands `export`, `candidate` and `promote`: from a run to a published version."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.bucket_repository import BucketRepository
from models.encoder import NETWORK
from models.errors import RepositoryError
from models.history import MOST_CHARACTERS, Cause
from models.host import RUNS_VARIABLE, distant_run
from models.manifest import AGAINST, EVALUATION, PLOTS
from models.repository import Repository
from models.version import Version
from training.commands.options import (
    CACHE,
    SHIPPED,
    STATE,
    THREADS,
    BesideOption,
    CacheOption,
    DataOption,
    FastOption,
    ModelArgument,
    PicturesOption,
    RepositoryOption,
    RunArgument,
)
from training.commands.published import open_sharpeners, open_verified
from training.errors import TrainingError
from training.loop.run_folder import RunFolder, alone_in
from training.loop.storing import stored
from training.tables import console, show_figures

if TYPE_CHECKING:
    from training.evaluation.figures import Battery
    from training.evaluation.ledger import Ledger

BY_COMMAND = Cause(how="command")
CheckpointName = Literal["best", "last"]


@dataclass(frozen=True)
class _EncoderOrder:
    """The encoder that a candidate gets."""

    images: int
    """Pictures to train it on. 0: none."""
    initial: Path | None
    """encoder.onnx to begin with, or a version in the object storage."""


def export(
    folder: RunArgument,
    name: Annotated[str, typer.Option(help="Model to publish under. The version is the next free number.")],
    repository: RepositoryOption = STATE,
    checkpoint: Annotated[CheckpointName, typer.Option(help="The checkpoint with the lowest KID, or the last one.")] = "best",
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
        beside=open_sharpeners(target, name, beside),
        say=console.print,
    )
    for file in (EVALUATION, *PLOTS):
        if file in version.manifest.files:
            (folder / "evaluation").mkdir(exist_ok=True)
            shutil.copyfile(version.path / file, folder / "evaluation" / file)
    if promote:
        target.promote(name, version.number, cause=BY_COMMAND)
    show_figures(version.manifest.metrics, f"{name}/{version.number}")
    console.print(f"Published {version.path} ({', '.join(_aliases_of(target, version)) or 'no alias'})", soft_wrap=True)


def candidate(
    folder: RunArgument,
    name: Annotated[str, typer.Option(help="Model to publish it under later.")],
    to: Annotated[Path, typer.Option(help="Output folder. Replaced if it exists.")],
    against: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a published version to measure on the same seeds; the result is written to against.json. For a run "
            "in object storage: NAME/NUMBER, which is downloaded."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Number of torch threads.")] = 2,
    cache: CacheOption = CACHE,
    data: DataOption = None,
    pictures: PicturesOption = 10_000,
    encoder_images: Annotated[
        int,
        typer.Option(min=0, help="Training pictures of the candidate's encoder, for /invert. 0: no encoder."),
    ] = 0,
    encoder_from: Annotated[
        Path | None,
        typer.Option(help="encoder.onnx to start from. For a run in object storage: NAME/NUMBER of its version."),
    ] = None,
) -> None:
    """Like export, but does not publish. For the retraining service, which decides whether to publish."""
    import torch

    torch.set_num_threads(threads)
    run_folder = RunFolder(folder)
    with alone_in(run_folder), stored(run_folder):
        encoder = _EncoderOrder(encoder_images, encoder_from)
        _candidate(run_folder, name, to, against, data, pictures, cache, encoder)


def promote(
    name: ModelArgument,
    version: Annotated[int, typer.Argument(help="Version to serve. The current champion becomes `previous`.")],
    repository: RepositoryOption = STATE,
    reason: Annotated[
        str, typer.Option(help=f"Free text for the champion history, at most {MOST_CHARACTERS} characters.")
    ] = "",
) -> None:
    """Make a version champion: the version served by default. Name an older version to roll back."""
    target = Repository(repository)
    if version in target.numbers(name):
        found = target.get(name, version)
        found.verify()
        from training.evaluation.onnx_models import open_generator
        from training.export.build import golden

        if golden(open_generator(found.path, found.manifest)) != found.manifest.golden:
            raise TrainingError(f"{found.path} draws pixels that differ from its manifest. Use the pinned onnxruntime.")
    aliases = target.promote(name, version, cause=BY_COMMAND.model_copy(update={"reason": reason}))
    console.print(", ".join(f"{alias}: {name}/{number}" for alias, number in aliases.items()), soft_wrap=True)


def _candidate(
    run_folder: RunFolder,
    name: str,
    to: Path,
    against: Path | None,
    data: Path | None,
    pictures: int,
    cache: Path,
    encoder: _EncoderOrder,
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
        _measure_champion(battery, against, part, run_folder)
    if encoder.images and trained.spec.task == "generate":
        _add_encoder(built, battery, encoder, run_folder)
    part.rename(to)  # the folder appears atomically
    console.print(f"Wrote {to}", soft_wrap=True)


def _add_encoder(candidate: Version, battery: Battery | Ledger, order: _EncoderOrder, run_folder: RunFolder) -> None:
    """Train the candidate's encoder. A candidate whose encoder cannot be trained does not fail."""
    from training.inversion import making
    from training.inversion.fitting import Budget

    try:
        initial = order.initial
        if initial is not None and distant_run():
            initial = _fetched(initial, run_folder.path.parent / "bucket").companion(NETWORK)
        if initial is not None and not initial.is_file():
            initial = None
        budget = Budget(order.images, float("inf"))
        made = making.make(candidate, battery.train, battery.test, budget, initial=initial, say=console.print)
    except (RepositoryError, TrainingError) as error:
        console.print(f"The candidate gets no encoder: {error}", soft_wrap=True)
        return
    made.write(candidate.path)
    console.print(f"Encoder: {made.quality.model_dump_json()}", markup=False, soft_wrap=True)


def _measure_champion(battery: Battery | Ledger, against: Path, part: Path, run_folder: RunFolder) -> None:
    """Write the champion's figures for comparison. A champion that cannot be measured does not fail the candidate."""
    try:
        found = _fetched(against, run_folder.path.parent / "bucket").path if distant_run() else against
        figures = battery.measure(open_verified(found))  # type: ignore[arg-type]  # both are of the same task
    except (RepositoryError, OSError, ValueError) as error:
        console.print(f"Cannot measure {against}: {error}", soft_wrap=True)
        return
    show_figures(figures, str(against))
    content = json.dumps({n: f.model_dump() for n, f in figures.items()}, indent=2)
    (part / AGAINST).write_text(content + "\n")


def _fetched(version: Path, to: Path) -> Version:
    """Fetch a version of the object storage of the runs, named NAME/NUMBER."""
    repository = BucketRepository(to, os.environ[RUNS_VARIABLE])
    repository.refresh()
    found = repository.get(version.parent.name, int(version.name))
    for name in found.manifest.files:
        found.file(name)
    return found


def _aliases_of(repository: Repository, version: Version) -> list[str]:
    return [alias for alias, number in repository.aliases(version.name).items() if number == version.number]
