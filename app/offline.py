"""Pictures without a server, with the same bytes as the service.

from app.offline import Model

pixels = Model("digits").array(42)  # uint8, (28, 28): the picture of GET /generate?seed=42
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from app.api.schemas.pictures import GenerateBody
from app.errors import InvalidRequest, NotFound, TaskMismatch
from app.sampling import pictures
from app.sampling.generator import LoadedGenerator, Pixels
from app.sampling.latents import Seed
from models.aliases import CHAMPION
from models.locations import shipped_folder, state_folder
from models.repository import Repository


class Model:
    """A version of a model, loaded and verified.

    It is read from the service's state folder (`GAN_STATE`) if that contains the model, else from the shipped versions.

    Args:
        name: name of the model.
        version: version number; by default the champion.

    Raises:
        NotFound: there is no such model or version.
        VersionUnusable: a file is damaged, or this machine draws pixels that differ from the manifest.
    """

    def __init__(self, name: str = "digits", version: int | None = None) -> None:
        shipped, own = Repository(shipped_folder()), Repository(state_folder() / "models")
        repository = own if name in own.names() else shipped
        if name not in repository.names():
            names = sorted({*shipped.names(), *own.names()})
            raise NotFound(f"There is no model {name!r}. Choose one of: {', '.join(names)}.")
        number = version or repository.served_aliases(name).get(CHAMPION)
        numbers = repository.numbers(name)
        if number not in numbers:
            raise NotFound(f"{name} has no version {number}. Choose one of: {', '.join(map(str, numbers))}.")
        found = repository.get(name, number)
        if found.manifest.task != "generate":
            raise TaskMismatch(f"{name} sharpens pictures. Choose a model that draws them, such as digits.")
        self.generator = LoadedGenerator(found)

    def array(self, seed: Seed, *, label: int | str | None = None, psi: float = 1.0) -> Pixels:
        """Return the picture of a seed, (28, 28), uint8.

        Args:
            seed: an integer in 0..2**32-1, or a text. The text "42" is the integer 42, as in a URL.
            label: class, by index or name; by default the seed chooses it.
            psi: truncation, 0..2.

        Raises:
            InvalidRequest: an argument is out of range.
        """
        resolved = self._resolve(seed=seed, label=label, psi=psi)
        pixels: Pixels = self.generator.draw(resolved.points()[0])[0]
        return pixels

    def file(self, **request: Any) -> bytes:  # noqa: ANN401 - as in the JSON of POST /generate
        """Return the body of the service's response to a request, for example a PNG.

        Args:
            request: the fields of `POST /generate`: seed, seeds, z, or parents and child; label, psi, edit, format, scale,
                columns.

        Raises:
            InvalidRequest: a field is unknown or out of range.
        """
        steps = self._resolve(**request).steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return bytes(end.value().content)

    def _resolve(self, **request: Any) -> pictures.Resolved:  # noqa: ANN401
        try:
            body = GenerateBody.model_validate({name: value for name, value in request.items() if value is not None})
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            raise InvalidRequest(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}.") from error
        return pictures.resolve(body.drawing(), self.generator)
