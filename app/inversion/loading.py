"""Encoders and indexes of the generators in memory. Both are loaded when they are first needed."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakKeyDictionary

from app.errors import IndexMissing, VersionUnusable
from app.inversion.network import LoadedEncoder
from app.sampling.generator import LoadedGenerator
from models import seed_index
from models.errors import Damaged
from models.seed_index import SeedIndex
from models.version import Version


class Inverters:
    """Loads encoders and indexes. They stay in memory as long as their generator.

    Args:
        root: folder of all indexes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._encoders: WeakKeyDictionary[LoadedGenerator, LoadedEncoder] = WeakKeyDictionary()
        self._indexes: WeakKeyDictionary[LoadedGenerator, tuple[Path, SeedIndex]] = WeakKeyDictionary()
        self._lock = threading.Lock()  # loads one file at a time, and each only once

    def encoder(self, generator: LoadedGenerator) -> LoadedEncoder:
        """Return the encoder of a generator.

        Raises:
            EncoderMissing, VersionUnusable: see `LoadedEncoder`.
        """
        with self._lock:
            found = self._encoders.get(generator)
            if found is None:
                found = self._encoders[generator] = LoadedEncoder(generator.version)
            return found

    def indexed_seeds(self, version: Version) -> int | None:
        """Return the number of seeds in the largest index of a version. None if it has none."""
        folder = seed_index.find(self.root, version.manifest.digest)
        return int(folder.name.removeprefix("seeds-")) if folder else None

    def index(self, generator: LoadedGenerator) -> SeedIndex:
        """Return the largest index of a generator's seeds.

        Raises:
            IndexMissing: it has none.
            VersionUnusable: the index is damaged.
        """
        manifest = generator.manifest
        folder = seed_index.find(self.root, manifest.digest)
        if folder is None:
            raise IndexMissing(
                f"{generator.title} has no index of seeds. Build one with: python -m training nearest {manifest.name} "
                f"--version {manifest.version}. Or set GAN_NEAREST_SEEDS=2000000, and the service builds it in the background, "
                "without torch."
            )
        with self._lock:
            known = self._indexes.get(generator)
            if known and known[0] == folder:
                return known[1]
            try:
                found = SeedIndex(folder, manifest.digest)
            except Damaged as error:
                raise VersionUnusable(f"{generator.title}: {error}") from error
            self._indexes[generator] = folder, found
            return found
