"""What is on the screen, held against what the calls give."""

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
_SAME = """([canvas, wanted]) => {
    const context = canvas.getContext('2d', {willReadFrequently: true})
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height)
    return data.length === wanted.length * 4 && wanted.every((level, at) => data[4 * at] === level)
}"""
_GREY = """canvas => {
    const {data} = canvas.getContext('2d', {willReadFrequently: true}).getImageData(0, 0, 28, 28)
    return Array.from({length: 784}, (_, at) => data[4 * at])
}"""


def drawn(site: Service, address: str, body: Any = None) -> Pixels:
    """Pixels of the picture that a call gives, (28, 28)."""
    return np.asarray(Image.open(io.BytesIO(asked(site, address, body).content)))


def array(site: Service, address: str, body: Any = None) -> Pixels:
    """The array that a call gives as npy."""
    return np.load(io.BytesIO(asked(site, address, body).content))


def asked(site: Service, address: str, body: Any = None) -> httpx.Response:
    with site.client() as client:
        answer = client.get(address) if body is None else client.post(address, json=body)
        assert answer.status_code == 200, answer.text
        return answer


def wait_until(canvas: Locator, pixels: Pixels) -> None:
    """Wait until a canvas shows exactly these pixels."""
    element = canvas.element_handle()
    canvas.page.wait_for_function(_SAME, arg=[element, pixels.flatten().tolist()])


def shown(page: Page) -> NDArray[np.uint8]:
    """Pixels of the picture in the middle, as the page has them."""
    grey = page.locator("canvas.shown").evaluate(_GREY)
    return np.array(grey, dtype=np.uint8).reshape(28, 28)


def wait_for(page: Page, pixels: NDArray[np.uint8]) -> None:
    """Wait until the picture in the middle is exactly this."""
    wait_until(page.locator("canvas.shown"), pixels)
