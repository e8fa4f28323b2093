"""Makes the dataset `letters`: the capitals of hundreds of fonts from Debian, 28x28, in the format of MNIST.

`python -m tools.letters render` draws the faces that `fonts.tsv` names and writes the four files of the dataset. `select` makes
`fonts.tsv` from `packages.tsv` and `families.tsv` before. Both download the packages, without installing them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow
from PIL import features

from tools.letters import packages
from tools.letters.glyphs import LETTERS, open_font, render
from tools.letters.selection import Candidate, Rejected, candidates, select
from tools.letters.table import Face, read_faces, read_lists, write_faces
from training.datasets import FILES, PUBLISHED

ROOT = Path(__file__).resolve().parent.parent.parent
DATASET = ROOT / "training" / "datasets" / "letters"
TABLE = "fonts.tsv"


def write_idx(path: Path, array: NDArray[np.uint8]) -> str:
    """Write an array as a gzipped IDX file. Return the sha256 of the file before its compression."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    return hashlib.sha256(content).hexdigest()


def draw(fonts: Path, faces: Sequence[Face]) -> NDArray[np.uint8]:
    """Render A to Z of the faces, whose packages are unpacked in `fonts`, (26 N, 28, 28)."""
    return np.concatenate([render(open_font(packages.unpacked(fonts, face.package) / face.file, face.index)) for face in faces])


def render_dataset(fonts: Path, out: Path) -> bool:
    """Render the faces in `fonts.tsv` and write the dataset's files. Return whether they equal the published ones."""
    faces = read_faces(DATASET / TABLE)
    versions = {face.package: face.version for face in faces}
    packages.fetch(fonts, versions, versions)
    out.mkdir(parents=True, exist_ok=True)
    digests = {}
    for split, (images, labels) in FILES.items():
        own = [face for face in faces if face.split == split]
        digests[images] = write_idx(out / f"{images}.gz", draw(fonts, own))
        digests[labels] = write_idx(out / f"{labels}.gz", np.tile(np.arange(len(LETTERS), dtype=np.uint8), len(own)))
        families = len({face.family for face in own})
        print(f"{split}: {len(own) * len(LETTERS):,} pictures of {len(own)} faces of {families} families")
    for name, digest in digests.items():
        print(f"    {digest}  {name}")
    same = "letters" in PUBLISHED and digests == PUBLISHED["letters"].sha256
    verdict = "equal to" if same else "DIFFERENT from"
    print(f"Pillow {pillow}, FreeType {features.version('freetype2')}: {verdict} the dataset of the repository")
    return same


def select_faces(fonts: Path) -> None:
    """Write `fonts.tsv` anew."""
    lists = read_lists()
    packages.fetch(fonts, lists.licences)
    found: list[Candidate] = []
    for each in candidates(fonts, lists):
        if isinstance(each, Rejected):
            print(f"{each.name}: {each.reason}")
        else:
            found.append(each)
    say: list[str] = []
    chosen = select(found, say)
    print(*say, sep="\n")
    write_faces(DATASET / TABLE, [candidate.face for candidate in chosen])
    print(f"{len(chosen)} faces of {len({candidate.face.family for candidate in chosen})} families")


def main() -> int:
    """Run the command. Exit status 1: the pictures differ from the published ones."""
    parser = argparse.ArgumentParser(prog="python -m tools.letters", description=__doc__)
    parser.add_argument("command", choices=["render", "select"])
    parser.add_argument("--fonts", type=Path, default=ROOT / "build" / "fonts", help="Folder of the unpacked packages.")
    parser.add_argument("--out", type=Path, default=DATASET, help="Folder for the four files of the dataset.")
    options = parser.parse_args()
    if options.command == "select":
        select_faces(options.fonts)
        return 0
    return 0 if render_dataset(options.fonts, options.out) else 1


if __name__ == "__main__":
    sys.exit(main())
