"""The commands `sample` and `sharpen`: pictures from a published version, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from models.manifest import GENERATOR
from training.commands.options import ModelArgument, ReadOption, VersionOption
from training.commands.published import find_version
from training.errors import TrainingError
from training.tables import console

FactorName = Literal["2", "4", "blur"]


def sample(
    name: ModelArgument,
    out: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("samples.png"),
    version: VersionOption = None,
    first: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="First seed.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=4096, help="Number of seeds.")] = 100,
    columns: Annotated[int, typer.Option(min=1, max=256, help="Pictures per row.")] = 10,
    scale: Annotated[int, typer.Option(min=1, max=32, help="Factor by which pictures are enlarged.")] = 2,
    repository: ReadOption = None,
) -> None:
    """Draw a grid of seeds from a published version, with the same pixels as the service."""
    found = find_version(repository, name, version)
    if found.manifest.task != "generate":
        raise TrainingError(f"{name} sharpens pictures and draws none from a seed alone. Use: python -m training sharpen.")

    from training.evaluation import sheets
    from training.evaluation.onnx_models import OnnxGenerator

    generator = OnnxGenerator(found.path / GENERATOR, len(found.manifest.classes))
    pixels, _ = generator.draw(range(first, min(first + count, 2**32)))
    sheets.save_sheet(out, pixels, columns, scale)
    console.print(f"Wrote {out}", soft_wrap=True)


def sharpen(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Picture to sharpen: 28x28, 14x14 or 7x7 pixels.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="PNG file to write.")],
    name: Annotated[str, typer.Option(help="Model.")] = "sharpen-digits",
    version: VersionOption = None,
    factor: Annotated[
        FactorName | None, typer.Option(help="Degradation: shrunk by 2 or 4, or blur. Found from the picture by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Selects one of many plausible outputs.")] = 0,
    repository: ReadOption = None,
) -> None:
    """Sharpen a shrunk or blurred picture with a published version, with the same pixels as the service."""
    found = find_version(repository, name, version)
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
        degraded = sharpening.recognise(np.asarray(Image.open(source).convert("L")), factor)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{source} cannot be sharpened. {error}") from error
    pictures = torch.from_numpy(degraded.pixels)[None, None].float() / 255
    condition = degradation.condition_of(pictures, sharpening.one_hot([degraded.kind]))
    sheets.save_sheet(out, OnnxSharpener(found.path / GENERATOR).sharpen(condition, range(seed, seed + 1)), columns=1)
    console.print(f"Wrote {out} ({degraded.kind}, {name}/{found.number})", soft_wrap=True)
