"""Which versions there are, which are in memory, and which one a request means.

What can be named changes only in `refresh`, in one assignment, so that a request sees one state from start to end and
keeps the generator it began with.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from app.errors import NotFound, SeedlingError, VersionUnusable
from app.generator import LoadedGenerator
from models.repository import CHAMPION, PREVIOUS, Repository, RepositoryError, Version

logger = logging.getLogger("seedling")
Key = tuple[str, int]
State = Literal["loaded", "available", "refused"]


@dataclass(frozen=True)
class ModelView:
    """One model as it is now."""

    name: str
    versions: dict[int, Version]
    """Those whose manifest can be read."""
    aliases: dict[str, int]
    """The aliases that can be served: `champion` falls back when the real one is refused."""


class Catalog:
    """The models of a repository, loaded as needed.

    Args:
        repository: where they lie.
        default: the model meant when none is named.
        max_loaded: how many generators without an alias to keep in memory.
    """

    def __init__(self, repository: Repository, default: str, max_loaded: int) -> None:
        self.repository, self.default, self.max_loaded = repository, default, max_loaded
        self._models: dict[str, ModelView] = {}
        self._loaded: OrderedDict[Key, LoadedGenerator] = OrderedDict()
        self._refused: dict[Key, str] = {}
        self._stamps: dict[str, tuple[int, ...]] | None = None
        self._lock = threading.RLock()

    def refresh(self) -> bool:
        """Look at the repository again if it changed; load what has an alias. Return whether it had changed."""
        stamps = {name: self.repository.stamp(name) for name in self.repository.names()}
        if stamps == self._stamps:
            return False
        with self._lock:
            self._refused = {}  # what was mended since is to be tried again
            self._models = {name: self._view(name) for name in stamps}
            self._stamps = stamps
            self._forget_surplus()
        return True

    def models(self) -> dict[str, ModelView]:
        """The models by name."""
        return self._models

    def model(self, name: str | None) -> ModelView:
        """The model of that name, or the default one.

        Raises:
            NotFound: there is no such model.
            VersionUnusable: there is no model at all.
        """
        wanted = name or self.default
        view = self._models.get(wanted)
        if view:
            return view
        if not self._models:
            raise VersionUnusable("No model can be served. Train and export one, or set GAN_SHIPPED to a folder that has some.")
        raise NotFound(f"There is no model {wanted[:80]!r}. Choose one of {', '.join(self._models)}.")

    def number(self, model: ModelView, version: str | None) -> int:
        """The version that a number or an alias means; the champion by default.

        Raises:
            NotFound: there is no such version.
            VersionUnusable: every version of the model is refused.
        """
        wanted = version or CHAMPION
        if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 and int(wanted) in self.numbers(model):
            return int(wanted)
        if wanted in model.aliases:
            return model.aliases[wanted]
        if wanted == CHAMPION:
            reasons = [self.refusal(model, number) or "" for number in self.numbers(model)]
            raise VersionUnusable(" ".join([f"No version of {model.name} can be served.", *reasons]))
        choices = ", ".join([*map(str, model.versions), *model.aliases])
        raise NotFound(f"There is no version {wanted[:80]!r} of {model.name}. Choose one of {choices}.")

    def generator(self, name: str | None = None, version: str | None = None) -> LoadedGenerator:
        """The generator a request means, loaded if it was not. May take tens of milliseconds then: see `in_memory`.

        Raises:
            NotFound: there is no such model or version.
            VersionUnusable: it is not what its manifest says.
        """
        model = self.model(name)
        return self._load(model, self.number(model, version))

    def in_memory(self, name: str | None = None, version: str | None = None) -> LoadedGenerator | None:
        """The same, but None if it would have to be loaded first."""
        model = self.model(name)
        return self._loaded.get((model.name, self.number(model, version)))

    def state(self, model: ModelView, number: int) -> State:
        """Whether a version is in memory, could be, or is refused."""
        if (model.name, number) in self._refused:
            return "refused"
        return "loaded" if (model.name, number) in self._loaded else "available"

    def refusal(self, model: ModelView, number: int) -> str | None:
        """Why a version is not served, if it is not."""
        return self._refused.get((model.name, number))

    def numbers(self, model: ModelView) -> list[int]:
        """Every version, refused ones included, ascending."""
        return sorted({*model.versions, *(number for name, number in self._refused if name == model.name)})

    def _view(self, name: str) -> ModelView:
        versions: dict[int, Version] = {}
        for number in self.repository.numbers(name):
            try:
                versions[number] = self.repository.get(name, number)
            except RepositoryError as error:
                self._refused[name, number] = str(error)
        try:
            wanted = self.repository.aliases(name)
        except RepositoryError as error:
            logger.error("%s", error)
            wanted = {}
        view = ModelView(name, versions, {})
        aliases = {alias: number for alias, number in wanted.items() if self._usable(view, number)}
        if CHAMPION not in aliases:
            fallback = next(
                (n for n in (aliases.get(PREVIOUS), *sorted(versions, reverse=True)) if n and self._usable(view, n)),
                None,
            )
            if fallback:
                logger.error("%s: champion %s cannot be served; serving version %s", name, wanted.get(CHAMPION), fallback)
                aliases[CHAMPION] = fallback
        return ModelView(name, versions, aliases)

    def _usable(self, model: ModelView, number: int) -> bool:
        try:
            self._load(model, number)
        except SeedlingError as error:
            logger.error("%s/%s is refused: %s", model.name, number, error)
            return False
        return True

    def _load(self, model: ModelView, number: int) -> LoadedGenerator:
        key = (model.name, number)
        found = self._loaded.get(key)
        if found:
            return found
        with self._lock:  # one load at a time, and of one version only once
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
            reason = self.refusal(model, number)
            if reason or number not in model.versions:
                raise VersionUnusable(reason or f"There is no version {number} of {model.name}. See /models.")
            try:
                self._loaded[key] = LoadedGenerator(model.versions[number])
            except VersionUnusable as error:
                self._refused[key] = str(error)
                raise
            self._forget_surplus()
            return self._loaded[key]

    def _forget_surplus(self) -> None:
        """Drop the longest-held generators that no alias names, until few enough are left."""
        named = {(name, number) for name, view in self._models.items() for number in view.aliases.values()}
        surplus = [key for key in self._loaded if key not in named]
        for key in surplus[: max(0, len(surplus) - self.max_loaded)]:
            del self._loaded[key]
