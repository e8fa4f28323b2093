"""The registry of versions: which exist, which are in memory, and which one a request means.

All of it is one immutable snapshot that is replaced in one assignment. So a request sees one state from start to end, and keeps
the generator that it began with.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from weakref import WeakKeyDictionary

from app.discriminator.network import LoadedDiscriminator
from app.errors import NotFound, SeedlingError, VersionUnusable
from app.sampling.generator import LoadedGenerator
from models.atomic import Stamp
from models.errors import RepositoryError
from models.repository import CHAMPION, PREVIOUS, Repository
from models.version import Version

logger = logging.getLogger("seedling")
Key = tuple[str, int]
State = Literal["loaded", "available", "refused"]


@dataclass(frozen=True)
class ModelView:
    """A model as of the last refresh."""

    name: str
    versions: Mapping[int, Version]
    """Versions whose manifest can be read."""
    aliases: Mapping[str, int]
    """Aliases that can be served. `champion` falls back if the real one is refused."""
    refused: Mapping[int, str]
    """Refused versions, with the reason."""

    @property
    def numbers(self) -> list[int]:
        """Every version, refused ones included, ascending."""
        return sorted({*self.versions, *self.refused})


@dataclass(frozen=True)
class _Snapshot:
    models: Mapping[str, ModelView] = field(default_factory=dict)
    loaded: Mapping[Key, LoadedGenerator] = field(default_factory=dict)
    """In the order in which they were loaded."""
    refused: Mapping[Key, str] = field(default_factory=dict)
    """Versions that were found unusable when they were requested."""


class Registry:
    """The models of a repository, loaded as needed.

    Args:
        repository: where they lie.
        default: the model meant when none is named.
        max_loaded: how many generators without an alias to keep in memory.
    """

    def __init__(self, repository: Repository, default: str, max_loaded: int) -> None:
        self.repository, self.default, self.max_loaded = repository, default, max_loaded
        self._source = repository
        self.not_adopted: str | None = None
        """Why the shipped versions are not in the repository."""
        self._now = _Snapshot()
        self.swaps: dict[str, int] = {}
        """How often the champion of each model was replaced."""
        self.trouble: Exception | None = None
        """Why the last refresh failed. Loaded versions are still served."""
        self._discriminators: WeakKeyDictionary[LoadedGenerator, LoadedDiscriminator] = WeakKeyDictionary()
        self._stamps: dict[str, Stamp] | None = None
        self._is_settled = True
        self._lost: dict[str, str] = {}
        """Problems with the aliases or the folder of a model."""
        self._lock = threading.Lock()  # held by whoever makes the next snapshot
        # Loading leaves scratch memory with the thread that did it; from many threads that adds up, from one it does not.
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")

    def read_from(self, source: Repository) -> None:
        """Read versions from this repository from now on, for example because the registry's own cannot be written."""
        self._source = source

    def refresh(self) -> bool:
        """Refresh the snapshot if the repository changed, and load versions that have an alias. Return whether it changed.

        Raises:
            StoreUnavailable: the aliases cannot be asked for.
        """
        try:
            return self._refresh()
        except Exception as error:
            self.trouble = error
            raise

    def _refresh(self) -> bool:
        names = self._source.names()
        was_settled, self._is_settled = self._is_settled, all(self._source.is_settled(name) for name in names)
        stamps = {name: self._source.stamp(name, self._watched(name)) for name in names}
        self.trouble = None
        has_changed = stamps != self._stamps
        if not has_changed and was_settled:
            return False
        with self._lock:
            before = self._now.loaded
            loaded: dict[Key, LoadedGenerator] = {}
            lost: dict[str, str] = {}
            models = {name: self._look_at(name, before, loaded, lost) for name in stamps}
            for name, view in self._now.models.items():
                if name not in models:  # no version in service can be deleted, so a disk or a mount is gone
                    models[name] = view
                    lost[name] = f"The folder of {name} is gone. What is loaded is served; restore the folder or its mount."
            # what was loaded without an alias stays, unless its number is gone or has become another version
            for key, generator in before.items():
                version = models[key[0]].versions.get(key[1]) if key[0] in models else None
                if version and version.manifest == generator.manifest:
                    loaded.setdefault(key, generator)
            for name, view in models.items():
                old = self._now.models[name].aliases.get(CHAMPION) if name in self._now.models else None
                if view.aliases.get(CHAMPION) != old:
                    self.swaps[name] = self.swaps.get(name, -1 if old is None else 0) + 1
                    logger.info("%s: champion %s -> %s", name, old, view.aliases.get(CHAMPION))
            self._now = _Snapshot(dict(sorted(models.items())), self._without_surplus(models, loaded))
            self._stamps = stamps
            for name in lost.keys() - self._lost.keys():
                logger.error("%s", lost[name])
            self._lost = lost
        return has_changed

    def _watched(self, name: str) -> list[int]:
        """Versions of a model whose files are watched: those in memory, and refused ones."""
        keys, view = {*self._now.loaded, *self._now.refused}, self._now.models.get(name)
        return [number for model, number in keys if model == name] + (list(view.refused) if view else [])

    def degraded(self) -> dict[str, str]:
        """Problems that do not stop a model from being served."""
        return dict(self._lost)

    def refusals(self) -> dict[Key, str]:
        """Every refused version, with the reason."""
        now = self._now
        found = {(view.name, number): reason for view in now.models.values() for number, reason in view.refused.items()}
        return found | dict(now.refused)

    def load(self, version: Version) -> LoadedGenerator:
        """Load a version without adding it to the registry.

        Raises:
            VersionUnusable: it is not what its manifest says.
        """
        return self._loader.submit(LoadedGenerator, version).result()

    def models(self) -> Mapping[str, ModelView]:
        """The models by name."""
        return MappingProxyType(self._now.models)

    def model(self, name: str | None) -> ModelView:
        """The model of a name; the default model for None.

        Raises:
            NotFound: there is no such model.
            VersionUnusable: there is no model at all.
        """
        wanted, models = name or self.default, self._now.models
        if wanted in models:
            return models[wanted]
        if not models:
            if self.trouble:
                raise VersionUnusable(f"Nothing is loaded yet. {self.trouble}")
            raise VersionUnusable("No model can be served. Train and export one, or set GAN_SHIPPED to a folder that has some.")
        raise NotFound(f"There is no model {wanted[:80]!r}. Choose one of {', '.join(models)}.")

    def number(self, model: ModelView, version: str | None) -> int:
        """The number of the version that a number or an alias names; the champion by default.

        Raises:
            NotFound: there is no such version.
            VersionUnusable: every version of the model is refused.
        """
        wanted = version or CHAMPION
        if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 and int(wanted) in model.numbers:
            return int(wanted)
        if wanted in model.aliases:
            return model.aliases[wanted]
        if wanted == CHAMPION:
            raise VersionUnusable(" ".join([f"No version of {model.name} can be served.", *model.refused.values()]))
        choices = ", ".join([*map(str, model.versions), *model.aliases])
        raise NotFound(f"There is no version {wanted[:80]!r} of {model.name}. Choose one of {choices}.")

    def generator(self, name: str | None = None, version: str | None = None) -> LoadedGenerator:
        """The generator of a request, loaded if necessary, which takes tens of milliseconds (see `in_memory`).

        Raises:
            NotFound: there is no such model or version.
            VersionUnusable: it is not what its manifest says.
        """
        model = self.model(name)
        number = self.number(model, version)
        key = (model.name, number)
        if key in self._now.loaded:
            return self._now.loaded[key]
        with self._lock:  # one load at a time, and of one version only once
            now = self._now
            if key in now.loaded:
                return now.loaded[key]
            reason = self.refusal(model, number)
            if reason:
                raise VersionUnusable(reason)
            try:
                generator = self.load(model.versions[number])
            except VersionUnusable as error:
                self._now = _Snapshot(now.models, now.loaded, {**now.refused, key: str(error)})
                raise
            loaded = self._without_surplus(now.models, {**now.loaded, key: generator})
            self._now = _Snapshot(now.models, loaded, now.refused)
            return generator

    def in_memory(self, name: str | None = None, version: str | None = None) -> LoadedGenerator | None:
        """The generator of a request; None if it is not in memory."""
        model = self.model(name)
        return self._now.loaded.get((model.name, self.number(model, version)))

    def discriminator(self, generator: LoadedGenerator) -> LoadedDiscriminator:
        """The discriminator that a generator was trained against, loaded when first asked for and kept as long as it is.

        Raises:
            VersionUnusable: its file is not what the manifest says.
        """
        found = self._discriminators.get(generator)
        if found is None:
            with self._lock:
                found = self._discriminators.get(generator)
                if found is None:
                    found = self._loader.submit(LoadedDiscriminator, generator.version).result()
                    self._discriminators[generator] = found
        return found

    def state(self, model: ModelView, number: int) -> State:
        """Whether a version is loaded, available, or refused."""
        if self.refusal(model, number):
            return "refused"
        return "loaded" if (model.name, number) in self._now.loaded else "available"

    def refusal(self, model: ModelView, number: int) -> str | None:
        """The reason why a version is refused; None if it is not."""
        return model.refused.get(number) or self._now.refused.get((model.name, number))

    def _look_at(
        self, name: str, before: Mapping[Key, LoadedGenerator], loaded: dict[Key, LoadedGenerator], lost: dict[str, str]
    ) -> ModelView:
        """Read a model's manifests and aliases, load what has an alias into `loaded`, and note in `lost` what is not there."""
        versions: dict[int, Version] = {}
        refused: dict[int, str] = {}
        for number in self._source.numbers(name):
            try:
                versions[number] = self._source.get(name, number)
            except RepositoryError as error:
                refused[number] = str(error)

        def usable(number: int | None) -> bool:
            if number not in versions or number in refused:
                return False
            held = before.get((name, number))
            try:
                same = held is not None and held.manifest == versions[number].manifest
                loaded[name, number] = held if held and same else self.load(versions[number])
            except SeedlingError as error:
                refused[number] = str(error)
                logger.error("%s/%s is refused: %s", name, number, error)
                return False
            return True

        old = self._now.models[name].aliases if name in self._now.models else {}
        served = old.get(CHAMPION)
        try:
            wanted = self._source.aliases(name)
            champion = wanted.get(CHAMPION)
            if champion not in versions and champion not in refused:
                lost[name] = f"The champion of {name} is {champion or 'not named'}, and there is no such version."
        except RepositoryError as error:
            wanted, lost[name] = {}, str(error)
        if served and name in lost:
            wanted = dict(old)
            if served not in versions and (name, served) in before:  # its files are gone, and it is in memory
                versions[served] = before[name, served].version
        aliases = {alias: number for alias, number in wanted.items() if usable(number)}
        if CHAMPION not in aliases:
            # A version that was never in service was perhaps rejected by the gate, so it is not served now either.
            candidates = [None if name in lost else aliases.get(PREVIOUS), *self._source.promoted(name)]
            fallback = next((number for number in candidates if usable(number)), None)
            if fallback is not None:
                logger.error("%s: the champion %s cannot be served; serving version %s", name, wanted.get(CHAMPION), fallback)
                aliases[CHAMPION] = fallback
        if name in lost and CHAMPION in aliases:
            lost[name] += f" Version {aliases[CHAMPION]}, which was in service before, is served."
            lost[name] += " Promote a version to repair it."
        elif name in lost:
            lost[name] += " None of its versions was in service before. Promote one to repair it."
        return ModelView(name, versions, aliases, refused)

    def _without_surplus(
        self, models: Mapping[str, ModelView], loaded: dict[Key, LoadedGenerator]
    ) -> dict[Key, LoadedGenerator]:
        """Leave out the longest-held generators that no alias names, until few enough are left."""
        named = {(name, number) for name, view in models.items() for number in view.aliases.values()}
        surplus = [key for key in loaded if key not in named]
        dropped = set(surplus[: max(0, len(surplus) - self.max_loaded)])
        return {key: generator for key, generator in loaded.items() if key not in dropped}
