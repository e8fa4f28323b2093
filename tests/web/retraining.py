"""A service on which page tests train, and what they do there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.app.retraining.jobs import SETTINGS, VIEWER
from tests.app.retraining.test_retraining_under_load import weak_champion
from tests.live import Service, service
from tests.web.conftest import STATIC

FULL_RUN = bool(os.environ.get("SEEDLING_WHOLE_QUICK"))
"""Whether to train `quick` to its end, which takes about two minutes, instead of 3,200 images."""
IMAGES = 100_000 if FULL_RUN else 3_200
TRAINING = 2_400_000 if FULL_RUN else 900_000
"""Milliseconds that training, export and evaluation may take on a busy machine."""


@contextmanager
def retraining_service(folder: Path, trainers_cache: Path) -> Iterator[Service]:
    """A service with a barely trained champion, which `quick` beats within seconds."""
    weak_champion(folder, folder / "state", trainers_cache)
    settings = {**SETTINGS, "viewer_tokens": json.dumps({"eve": VIEWER}), "shipped": folder, "pages": STATIC}
    settings |= {} if FULL_RUN else {"cache": trainers_cache}  # new processes train on all of MNIST
    with service(folder / "state", forked=not FULL_RUN, **settings) as running:
        yield running


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Use token").click()
