"""`Series` gives the same responses as `Resolved` gives for each seed alone."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.series import Series, series_of
from app.errors import SeedlingError
from app.http import caching
from app.sampling.generator import LoadedGenerator
from app.sampling.latents import Seed
from app.sampling.pictures import Drawing, resolve
from models.repository import Repository
from models.seed_contract import MAX_SEED
from tests.live import ROOT

SEEDS = st.one_of(
    st.integers(0, MAX_SEED), st.text(min_size=1, max_size=8), st.sampled_from([0, MAX_SEED, "a(1,)", "=1", "ü 'x'"])
)
MIXTURE = (0.5, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seeds=st.lists(SEEDS, min_size=2, max_size=3),
    label=st.sampled_from([None, 0, 9, "3", "4:0.5,5:0.5", MIXTURE]),
    psi=st.sampled_from([0.0, -0.0, 0.5, 1.0, 1.5]),
    kind=st.sampled_from(["png", "webp", "json", "npy"]),
    scale=st.integers(1, 4),
)
def test_every_part_of_a_response_equals_that_of_the_seed_alone(
    digits: LoadedGenerator, seeds: list[Seed], label: object, psi: float, kind: str, scale: int
) -> None:
    for seed in seeds:
        try:
            resolved = resolve(Drawing(seeds=(seed,), label=label, psi=psi, format=kind, scale=scale), digits)  # type: ignore[arg-type]
        except SeedlingError:
            return
        series = series_of(resolved)
        assert series.tag(seed) == caching.etag(digits.manifest.digest, resolved.cache_key())
        url, policy = resolved.pinned_url(), (b"cache-control", b"no-cache")
        location = [(b"content-location", f"/root{url}".encode())] if url else []
        tag = (b"etag", series.tag(seed).encode())
        assert series.headers(seed, series.tag(seed), root="/root", pinned=False, fresh=False) == [tag, policy, *location]
        points, labels = resolved.points()
        point, own_label = series.point(seed)
        assert (point.z.tobytes(), own_label) == (points[0].z.tobytes(), labels[0])
        assert point.label is not None
        assert point.label.tobytes() == points[0].label.tobytes()
        pixels = digits.draw([point])
        alone = resolved.finish(pixels, points, labels)
        rendered = series.finish(seed, pixels[0], point, own_label)
        assert (rendered.content, dict(rendered.headers)) == (alone.content, dict(alone.headers))


def test_a_series_is_computed_once_for_equal_requests_and_kept_with_its_generator(digits: LoadedGenerator) -> None:
    def series(seed: Seed, **fields: object) -> Series:
        return series_of(resolve(Drawing(seeds=(seed,), **fields), digits))  # type: ignore[arg-type]

    assert series(1) is series(2) is series("text")
    assert series(1, label=3) is series(1, label="3")
    others = [
        series(1, **fields)
        for fields in ({"label": 3}, {"psi": 0.5}, {"psi": 0.0}, {"psi": -0.0}, {"scale": 2}, {"format": "npy"})
    ]
    assert len({id(other) for other in (*others, series(1))}) == 7


OTHER_VALUES = {"label": 3, "psi": 0.5, "edit": (("slant", 1.0),), "format": "npy", "scale": 2}
NOT_OF_SERIES = {"seeds", "z", "child", "columns", "is_sheet", "is_fresh"}
"""Fields that differ between the seeds of a series, or that a request for a seed does not have."""


def test_every_field_of_a_drawing_that_changes_pictures_is_in_the_key_of_series() -> None:
    """Otherwise a request with a new parameter would get the series, and with it the pictures, of another request."""
    assert {field.name for field in fields(Drawing)} == {*OTHER_VALUES, *NOT_OF_SERIES}
    generator, plain = LoadedGenerator(Repository(ROOT / "models").get("digits", 4)), Drawing(seeds=(1,))
    drawings = [plain, *(replace(plain, **{name: value}) for name, value in OTHER_VALUES.items())]  # type: ignore[arg-type]
    assert len({id(series_of(resolve(drawing, generator))) for drawing in drawings}) == len(drawings)
