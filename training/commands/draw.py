"""The commands `sample` and `sharpen`: pictures from a published version, without a server."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.atomic import write_atomically
from models.manifest import GENERATOR, DatasetNote
from training.commands.options import ModelArgument, ReadOption, VersionOption
from training.commands.published import find_version
from training.errors import TrainingError
from training.tables import console

if TYPE_CHECKING:
    from app.images.preprocessing import Convert

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
        raise TrainingError(f"{name} sharpens pictures and cannot draw any from a seed alone. Use: python -m training sharpen.")

    from training.evaluation import sheets
    from training.evaluation.onnx_models import OnnxGenerator

    generator = OnnxGenerator(found.path / GENERATOR, len(found.manifest.classes))
    pixels, _ = generator.draw(range(first, min(first + count, 2**32)))
    sheets.save_sheet(out, pixels, columns, scale)
    console.print(f"Wrote {out}", soft_wrap=True)


def sharpen(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Picture to sharpen: PNG, JPEG, WebP, GIF, BMP or TIFF, of any size.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="PNG file to write.")],
    name: Annotated[str, typer.Option(help="Model.")] = "sharpen-digits",
    version: VersionOption = None,
    factor: Annotated[
        FactorName | None, typer.Option(help="Degradation: shrunk by 2 or 4, or blur. By default, detected from the picture.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Selects one of many plausible outputs.")] = 0,
    repository: ReadOption = None,
) -> None:
    """Sharpen a shrunk or blurred picture with a published version, with the same pixels as the service."""
    found = find_version(repository, name, version)
    if found.manifest.task != "sharpen":
        raise TrainingError(f"{name} draws pictures and cannot sharpen one. Name a model of the task sharpen with --name.")

    from app.errors import SeedlingError
    from app.images.encoding import png
    from app.sampling.sharpener import LoadedSharpener, read_upload

    try:
        picture = read_upload(source.read_bytes(), factor, "auto", found.manifest, partial(_converter, found.manifest.dataset))
        sharpener = LoadedSharpener(found)
    except OSError as error:
        raise TrainingError(f"{source} cannot be read ({error.strerror}). Name a picture file.") from error
    except SeedlingError as error:
        raise TrainingError(f"{source} cannot be sharpened. {error}") from error
    pixels = sharpener.draw([sharpener.sharpen_point(seed, picture.degraded)])[0]
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, png(pixels))
    how = "" if picture.preprocessing == "none" else f"after a conversion like {picture.preprocessing}, "
    console.print(f"Wrote {out} ({how}{picture.degraded.kind}, {sharpener.title})", soft_wrap=True)


def _converter(note: DatasetNote) -> Convert | None:
    """Return what converts a picture as those of an imported dataset were. None for a published dataset."""
    from training.datasets import PUBLISHED, DatasetRegistry, reference_of
    from training.datasets.importing.conversion import converter_of

    return None if note.name in PUBLISHED else converter_of(DatasetRegistry(), reference_of(note.name, note.sha256))
