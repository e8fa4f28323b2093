"""A loaded sharpener, and the conversion of an uploaded picture to its input."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from app.errors import PictureInvalid, VersionUnusable
from app.images.decoding import decode
from app.images.encoding import png
from app.sampling.pictures import Drawing
from app.sampling.sharpener import LoadedSharpener, load, read_upload, resolve_sharpening
from models import sharpening
from models.locations import ROOT
from models.repository import Repository
from models.triton import triton_config
from models.version import Version
from training.datasets.importing.conversion import convert

PUBLISHED = Repository(ROOT / "models").get("sharpen-digits", 2)
MANIFEST = PUBLISHED.manifest
PAPER = np.full((60, 90), 200, np.uint8)
PAPER[10:50, 40:46] = 30


def test_published_sharpeners_keep_their_pixels_when_a_kind_of_degradation_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharpening, "KINDS", (*sharpening.KINDS, "speckle"))
    monkeypatch.setitem(sharpening.FACTORS, "speckle", 1)  # type: ignore[misc]
    loaded = load(PUBLISHED)  # checks the shapes and the golden pixels
    assert isinstance(loaded, LoadedSharpener)
    point = loaded.sharpen_point(1, sharpening.Degraded(np.zeros((28, 28), np.uint8), "blur"))
    assert point.kind.tolist() == [0, 0, 1]
    assert 'name: "kind" data_type: TYPE_FP32 dims: [ 3 ]' in triton_config(MANIFEST)


def test_the_order_of_the_kinds_is_that_of_the_manifest() -> None:
    with pytest.raises(VersionUnusable, match="draws different pixels"):
        load(Version(PUBLISHED.path, MANIFEST.model_copy(update={"kinds": ("blur", "shrink4", "shrink2")})))


def test_a_kind_of_degradation_that_the_version_was_not_trained_for_is_rejected() -> None:
    manifest = MANIFEST.model_copy(update={"kinds": ("shrink2", "blur")})
    with pytest.raises(PictureInvalid, match=r"sharpen-digits/2 was not trained .* shrink4, only on shrink2, blur\. Choose"):
        read_upload(png(np.zeros((7, 7), np.uint8)), None, "auto", manifest)


def test_a_picture_for_an_imported_dataset_is_converted_as_its_pictures_were() -> None:
    manifest = MANIFEST.model_copy(update={"dataset": MANIFEST.dataset.model_copy(update={"name": "mine"})})
    conversion = partial(convert, fit="crop", inverted=True)
    upload, default = (read_upload(png(PAPER), None, "auto", manifest, lambda c=each: c) for each in (conversion, None))
    assert (upload.degraded.pixels == conversion(decode(png(PAPER)))).all()
    assert (upload.degraded.pixels != default.degraded.pixels).any()
    assert upload.preprocessing == "mine"
    assert default.preprocessing == "fitted", "its conversion is unknown"
    assert read_upload(png(PAPER), None, "none", manifest, lambda: conversion).preprocessing == "resized"
    loaded = load(PUBLISHED)
    assert isinstance(loaded, LoadedSharpener)
    drawing = Drawing(seeds=(1,))
    keys = [resolve_sharpening(drawing, loaded, each).cache_key() for each in (upload, default)]
    assert keys[0] != keys[1], "other pixels have another ETag"
