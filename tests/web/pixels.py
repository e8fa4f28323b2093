"""Compare the canvases of a page with the responses of the service."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page

from tests.live import Service

Pixels = NDArray[np.uint8]
_SAME = """([canvas, expected]) => {
    const context = canvas.getContext('2d', {willReadFrequently: true})
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height)
    return data.length === expected.length * 4 && expected.every((level, i) => data[4 * i] === level)
}"""
_GREY = """canvas => {
    const {data} = canvas.getContext('2d', {willReadFrequently: true}).getImageData(0, 0, 28, 28)
    return Array.from({length: 784}, (_, i) => data[4 * i])
}"""


def fetch_pixels(site: Service, address: str, body: Any = None) -> Pixels:
    """Send a request and decode the picture in the response, (28, 28)."""
    return np.asarray(Image.open(io.BytesIO(fetch(site, address, body).content)))


def fetch_array(site: Service, address: str, body: Any = None) -> Pixels:
    """Send a request and decode the npy array in the response."""
    return np.load(io.BytesIO(fetch(site, address, body).content))


def fetch(site: Service, address: str, body: Any = None) -> httpx.Response:
    with site.client() as client:
        response = client.get(address) if body is None else client.post(address, json=body)
        assert response.status_code == 200, response.text
        return response


def wait_for_canvas(canvas: Locator, pixels: Pixels) -> None:
    """Wait until a canvas shows exactly these pixels."""
    element = canvas.element_handle()
    canvas.page.wait_for_function(_SAME, arg=[element, pixels.flatten().tolist()])


def shown_pixels(page: Page) -> NDArray[np.uint8]:
    """Return the pixels of the picture in the middle of the page."""
    grey = page.locator("canvas.shown").evaluate(_GREY)
    return np.array(grey, dtype=np.uint8).reshape(28, 28)


def wait_for_picture(page: Page, pixels: NDArray[np.uint8]) -> None:
    """Wait until the picture in the middle of the page has exactly these pixels."""
    wait_for_canvas(page.locator("canvas.shown"), pixels)
