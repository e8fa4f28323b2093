"""Token guesses over HTTP: each gets a slow response, and the owner of the token is not affected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from sqlalchemy import func, select

from app.api import admin_route
from app.errors import TokenInvalid, TooManyAttempts
from app.http import authentication
from app.http.authentication import COUNTED_BURST, FREE_ATTEMPTS, Access
from app.main import create_app
from app.settings import Settings
from app.storage.database import Database, failures
from tests import fresh
from tests.live import Service, service

TOKEN, WRONG = "the-token-of-the-owner", {"Authorization": "Bearer a-guess"}
RIGHT = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service behind an untrusted proxy, so that all clients have the proxy's address."""
    rate = {"rate_limit": 1, "rate_burst": 2, "trusted_proxies": "127.0.0.1"}
    state = tmp_path_factory.mktemp("guesses") / "state"
    with service(state, admin_token=TOKEN, embedded_worker=False, **rate) as running:
        yield running


def get(running: Service, path: str, **headers: str) -> httpx.Response:
    headers |= {"X-Forwarded-For": "203.0.113.1"}
    return fresh.get(running.url + path, headers=headers)


def test_clients_that_exhaust_the_rate_of_a_shared_address_do_not_lock_out_its_administrator(proxied: Service) -> None:
    for _ in range(20):
        others = [get(proxied, "/generate?seed=1").status_code for _ in range(4)]
        assert 429 in others
        assert get(proxied, "/admin/jobs", **RIGHT).status_code == 200
    rejected = get(proxied, "/admin/jobs", **WRONG)
    assert (rejected.status_code, rejected.json()["code"]) == (429, "too_many_requests")
    assert [get(proxied, "/generate?seed=1", **RIGHT).status_code for _ in range(4)].count(429) > 0, "pictures are limited"


@pytest.mark.anyio
async def test_guesses_are_delayed_and_the_owner_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(admin_route, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(authentication, "time", SimpleNamespace(time=lambda: 1_000_000.0))  # no wait ends during the test
    app = create_app(Settings(state=tmp_path, admin_token=TOKEN, embedded_worker=False))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://seedling") as client:
        first = [(await client.get("/admin/jobs", headers=WRONG)).status_code for _ in range(FREE_ATTEMPTS)]
        assert (first, waits) == ([401] * FREE_ATTEMPTS, []), "the first wrong tokens get a response at once"
        further = [(await client.get("/admin/jobs", headers=WRONG)).status_code for _ in range(3)]
        assert (further, waits) == ([429] * 3, [admin_route.GUESS_SECONDS] * 3)
        assert (await client.get("/admin/jobs", headers=RIGHT)).status_code == 200
        assert len(waits) == 3
        entries = (await client.get("/admin/audit", headers=RIGHT)).json()["entries"]
    assert len(entries) == FREE_ATTEMPTS, "guesses that are not counted are not written to the audit log"
    app.state.retraining.stop()


def test_wrong_tokens_from_many_networks_are_stored_at_a_bounded_rate(tmp_path: Path, database: Database) -> None:
    access = Access(Settings(state=tmp_path, admin_token=TOKEN), lambda: database)
    access._counted._clock = lambda: 0.0
    found = []
    for number in range(COUNTED_BURST + 20):
        with pytest.raises((TokenInvalid, TooManyAttempts)) as error_info:
            access.identify(["Bearer wrong"], f"192.0.2.{number}")
        found.append(error_info.type)
    assert found == [TokenInvalid] * COUNTED_BURST + [TooManyAttempts] * 20
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(failures)) == COUNTED_BURST
    assert access.identify([f"Bearer {TOKEN}"], "192.0.2.1").name == "admin"


def test_two_wrong_tokens_at_once_do_not_make_a_network_wait(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt that is counted second may have begun first, as of a page that sends two requests."""
    access, times = Access(Settings(state=tmp_path, admin_token=TOKEN), lambda: database), iter([1000.0, 999.999])
    monkeypatch.setattr(authentication, "time", SimpleNamespace(time=lambda: next(times)))
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], "192.0.2.1")
