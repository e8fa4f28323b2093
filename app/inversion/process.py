"""The process of a build in the background: `python -m app.inversion.process VERSION INDEXES SEEDS`.

See `app.inversion.background`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from app.inversion.background import BUSY
from app.sampling.generator import LoadedGenerator, Pixels
from models.errors import RepositoryError
from models.manifest import MANIFEST, Manifest
from models.seed_index_build import Plan, build
from models.version import Version

NICE = 19


def run(folder: Path, root: Path, seeds: int) -> int:
    """Build an index. Return the exit status.

    Args:
        folder: folder of the version.
        root: folder of all indexes.
        seeds: number of seeds.
    """
    with contextlib.suppress(OSError):
        os.nice(NICE)
    generator = LoadedGenerator(Version(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes())))

    def draw(part: range) -> Pixels:
        return generator.draw_seeds(part)[0]

    try:
        build(root, Plan(generator.manifest.digest, seeds), draw)
    except RepositoryError:
        return BUSY
    except OSError as error:
        sys.stderr.write(f"The index of seeds cannot be written ({error}). Free disk space, then restart the service.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
