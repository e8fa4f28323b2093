"""Options and default folders shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.locations import shipped_folder, state_folder

SHIPPED = shipped_folder()
STATE = state_folder() / "models"
CACHE = state_folder() / "cache"
EVALUATIONS = state_folder() / "evaluations"
THREADS = 1
"""Number of threads for published figures, because the summation order affects rounding."""

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
    bool, typer.Option("--fast", help="Only compute figures that need neither training nor a nearest-neighbour search.")
]
BesideOption = Annotated[
    list[int] | None,
    typer.Option(help="Version of the sharpener to compare with, such as one trained with the loss mse. Can be repeated."),
]
CacheOption = Annotated[Path, typer.Option(help="Folder for cached features of the training pictures.")]
RepositoryOption = Annotated[Path, typer.Option(help="Folder of published models. The service reads models in GAN_STATE.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
ModelArgument = Annotated[str, typer.Argument(help="Model, for example digits.")]
VersionOption = Annotated[int | None, typer.Option(help="Version. Defaults to the champion.")]
