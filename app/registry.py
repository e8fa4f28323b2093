"""The registry of versions: which exist, which are in memory, and which one a request names.

The state is one immutable snapshot, replaced in a single assignment. A request therefore sees one consistent state and keeps
its generator until it ends.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from weakref import WeakKeyDictionary

from app.discriminator.network import LoadedDiscriminator
from app.errors import NotFound, SeedlingError, StoreUnavailable, TaskMismatch, VersionUnusable
from app.sampling import sharpener
from app.sampling.generator import LoadedGenerator
from models.aliases import CHAMPION, PREVIOUS
from models.atomic import Stamp
from models.errors import RepositoryError
from models.manifest import Task
from models.repository import Repository
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

    @functools.cached_property
    def task(self) -> Task:
        """What the model does: all its versions have the same task."""
        newest = max(self.versions, default=None)
        return "generate" if newest is None else self.versions[newest].manifest.task

    @functools.cached_property
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
        repository: the stored versions.
        default: the model that is used when a request names none.
        max_loaded: maximum number of generators without an alias in memory.
        default_sharpener: the model that sharpens when a request names none.
    """

    def __init__(
        self, repository: Repository, default: str, max_loaded: int, default_sharpener: str = "sharpen-digits"
    ) -> None:
        self.repository, self.default, self.max_loaded = repository, default, max_loaded
        self.default_sharpener = default_sharpener
        self._source = repository
        self.not_adopted: str | None = None
        """Why the shipped versions are not in the repository."""
        self.unreachable: str | None = None
        """Why the object storage of the versions cannot be read, if they are in one."""
        self._now = _Snapshot()
        self.swaps: dict[str, int] = {}
        """Number of champion changes by model."""
        self.trouble: Exception | None = None
        """Why the last refresh failed. Loaded versions are still served."""
        self._discriminators: WeakKeyDictionary[LoadedGenerator, LoadedDiscriminator] = WeakKeyDictionary()
        self._stamps: dict[str, Stamp] | None = None
        self._is_settled = True
        self._lost: dict[str, str] = {}
        """Problems with the aliases or the folder of a model."""
        self._lock = threading.Lock()  # held while the next snapshot is built
        # Loading leaves scratch memory allocated in its thread. A single thread keeps that from adding up.
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")

    def read_from(self, source: Repository) -> None:
        """Read versions from another repository from now on, for example because the registry's own is not writable."""
        self._source = source

    def refresh(self) -> bool:
        """Refresh the snapshot if the repository changed, and load versions that have an alias. Return whether it changed.

        Raises:
            StoreUnavailable: the aliases cannot be read.
        """
        try:
            return self._refresh()
        except Exception as error:
            self.trouble = error
            raise

    def _refresh(self) -> bool:
        self._refresh_storage()
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
            models = {name: self._read_model(name, before, loaded, lost) for name in stamps}
            for name, view in self._now.models.items():
                if name not in models:  # champions cannot be deleted, so a disk or a mount is missing
                    models[name] = view
                    lost[name] = (
                        f"The folder of {name} is gone. Loaded versions are still served. Restore the folder or its mount."
                    )
            # Versions loaded without an alias stay, unless they were deleted or their number is now another version.
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

    def _refresh_storage(self) -> None:
        """Learn of changes by other hosts. If the object storage cannot be reached, what is on this host is served."""
        try:
            self.repository.refresh()
            self.unreachable = None
        except RepositoryError as error:
            if self.unreachable is None:
                logger.error("%s", error)
            self.unreachable = str(error)

    def _watched(self, name: str) -> list[int]:
        """Return the versions of a model whose files are watched: loaded and refused ones."""
        keys, view = {*self._now.loaded, *self._now.refused}, self._now.models.get(name)
        return [number for model, number in keys if model == name] + (list(view.refused) if view else [])

    def degraded(self) -> dict[str, str]:
        """Return problems by model, for models that are still served."""
        return dict(self._lost)

    def refusals(self) -> dict[Key, str]:
        """Return the reason for every refused version."""
        now = self._now
        found = {(view.name, number): reason for view in now.models.values() for number, reason in view.refused.items()}
        return found | dict(now.refused)

    def load(self, version: Version) -> LoadedGenerator:
        """Load a version without adding it to the registry.

        Raises:
            VersionUnusable: the version does not match its manifest.
        """
        return self._loader.submit(sharpener.load, version).result()

    def models(self) -> Mapping[str, ModelView]:
        """Return the models by name."""
        return MappingProxyType(self._now.models)

    def model(self, name: str | None) -> ModelView:
        """Return a model by name, or the default model for None.

        Raises:
            NotFound: the model does not exist.
            VersionUnusable: there are no models.
        """
        name, models = name or self.default, self._now.models
        if name in models:
            return models[name]
        if not models:
            if self.trouble:
                raise VersionUnusable(f"No model is loaded yet. {self.trouble}")
            raise VersionUnusable(
                "No model can be served. Train and export one, or set GAN_SHIPPED to a folder that has models."
            )
        raise NotFound(f"There is no model {name[:80]!r}. Choose one of {', '.join(models)}.")

    def number(self, model: ModelView, version: str | None) -> int:
        """Return the version number for a number or an alias. The default is the champion.

        Raises:
            NotFound: the version does not exist.
            VersionUnusable: every version of the model is refused.
        """
        version = version or CHAMPION
        if version.isascii() and version.isdecimal() and len(version) < 10 and int(version) in model.numbers:
            return int(version)
        if version in model.aliases:
            return model.aliases[version]
        if version == CHAMPION:
            raise VersionUnusable(" ".join([f"No version of {model.name} can be served.", *model.refused.values()]))
        choices = ", ".join([*map(str, model.versions), *model.aliases])
        raise NotFound(f"There is no version {version[:80]!r} of {model.name}. Choose one of {choices}.")

    def generator(self, name: str | None = None, version: str | None = None, *, task: Task = "generate") -> LoadedGenerator:
        """Return the generator for a request. Loads it if necessary, which takes tens of milliseconds (see `in_memory`).

        Raises:
            NotFound: the model or version does not exist.
            TaskMismatch: the model has a different task.
            VersionUnusable: the version does not match its manifest.
        """
        model = self._model_of(name, task)
        number = self.number(model, version)
        key = (model.name, number)
        if key in self._now.loaded:
            return self._now.loaded[key]
        with self._lock:  # loads one version at a time, and each only once
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

    def _model_of(self, name: str | None, task: Task) -> ModelView:
        """Return a model of a task by name. The default is the default model of the task."""
        model = self.model(name or (self.default_sharpener if task == "sharpen" else None))
        if model.task != task:
            able = ", ".join(other.name for other in self._now.models.values() if other.task == task)
            does = "draws pictures from seeds and cannot sharpen one" if task == "sharpen" else "sharpens pictures"
            remedy = f"Choose one of: {able}." if able else f"Publish a model of the task {task} first."
            raise TaskMismatch(f"{model.name} {does}. {remedy}")
        return model

    def in_memory(
        self, name: str | None = None, version: str | None = None, *, task: Task = "generate"
    ) -> LoadedGenerator | None:
        """Return the generator for a request, or None if it is not in memory.

        Raises:
            NotFound, TaskMismatch: as `generator`.
        """
        model = self._model_of(name, task)
        return self._now.loaded.get((model.name, self.number(model, version)))

    def discriminator(self, generator: LoadedGenerator) -> LoadedDiscriminator:
        """Return the discriminator that a generator was trained against. It stays in memory as long as the generator.

        Raises:
            VersionUnusable: the file does not match the manifest.
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
        """Return whether a version is loaded, available or refused."""
        if self.refusal(model, number):
            return "refused"
        return "loaded" if (model.name, number) in self._now.loaded else "available"

    def refusal(self, model: ModelView, number: int) -> str | None:
        """Return the reason why a version is refused, or None if it is not."""
        return model.refused.get(number) or self._now.refused.get((model.name, number))

    def _read_model(
        self, name: str, before: Mapping[Key, LoadedGenerator], loaded: dict[Key, LoadedGenerator], lost: dict[str, str]
    ) -> ModelView:
        """Read a model's manifests and aliases. Add versions with an alias to `loaded`, and problems to `lost`."""
        versions: dict[int, Version] = {}
        refused: dict[int, str] = {}
        for number in self._source.numbers(name):
            try:
                versions[number] = self._source.get(name, number)
            except RepositoryError as error:
                refused[number] = str(error)

        def is_usable(number: int | None) -> bool:
            if number not in versions or number in refused:
                return False
            old = before.get((name, number))
            try:
                is_same = old is not None and old.manifest == versions[number].manifest
                loaded[name, number] = old if old and is_same else self.load(versions[number])
            except StoreUnavailable:
                raise  # its files are in the object storage, which may be reached at the next refresh
            except SeedlingError as error:
                refused[number] = str(error)
                logger.error("%s/%s is refused: %s", name, number, error)
                return False
            return True

        served_aliases = self._now.models[name].aliases if name in self._now.models else {}
        served = served_aliases.get(CHAMPION)
        try:
            stored = self._source.aliases(name)
            champion = stored.get(CHAMPION)
            if champion is None:
                lost[name] = f"{name} has no champion."
            elif champion not in versions and champion not in refused:
                lost[name] = f"The champion of {name} is version {champion}, which does not exist."
        except RepositoryError as error:
            stored, lost[name] = {}, str(error)
        if served and name in lost:
            stored = dict(served_aliases)
            if served not in versions and (name, served) in before:  # its files are gone, but it is in memory
                versions[served] = before[name, served].version
        # Other aliases are loaded when they are requested. A promotion, and so a rollback, loads its version before it serves.
        aliases = {
            alias: number
            for alias, number in stored.items()
            if (is_usable(number) if alias == CHAMPION else number in versions and (name, number) not in self._now.refused)
        }
        if CHAMPION not in aliases:
            # A version that was never promoted may have been rejected by the gate, so it is not served.
            candidates = [None if name in lost else aliases.get(PREVIOUS), *self._source.promoted(name)]
            fallback = next((number for number in candidates if is_usable(number)), None)
            if fallback is not None:
                logger.error("%s: the champion %s cannot be served; serving version %s", name, stored.get(CHAMPION), fallback)
                aliases[CHAMPION] = fallback
        if name in lost and CHAMPION in aliases:
            lost[name] += f" Version {aliases[CHAMPION]}, which was champion before, is served."
            lost[name] += " Promote a version to repair it."
        elif name in lost:
            lost[name] += " None of its versions was champion before. Promote one to repair it."
        return ModelView(name, versions, aliases, refused)

    def _without_surplus(
        self, models: Mapping[str, ModelView], loaded: dict[Key, LoadedGenerator]
    ) -> dict[Key, LoadedGenerator]:
        """Drop the oldest generators without an alias until `max_loaded` remain."""
        named = {(name, number) for name, view in models.items() for number in view.aliases.values()}
        surplus = [key for key in loaded if key not in named]
        dropped = set(surplus[: max(0, len(surplus) - self.max_loaded)])
        return {key: generator for key, generator in loaded.items() if key not in dropped}
