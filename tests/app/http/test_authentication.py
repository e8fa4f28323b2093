"""Authentication of the admin routes: tokens, roles, and limits on guessing."""

from __future__ import annotations

import hmac
import stat
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError
from sqlalchemy import insert, select

from app.errors import BadCredentials, Forbidden, TokenInvalid, TooManyAttempts, Unauthorized
from app.http import authentication as accesses
from app.http.authentication import FREE_ATTEMPTS, Access, Identity, own_token, require_change, token_path
from app.settings import Settings
from app.storage.database import Database, failures

ALICE, BOB, VIEWER = "alice-" * 4, "bob-" * 6, "viewer-" * 4


@pytest.fixture
def access(tmp_path: Path, database: Database) -> Access:
    settings = Settings(state=tmp_path, admin_token=ALICE, admin_tokens={"bob": BOB}, viewer_tokens={"viewer": VIEWER})
    return Access(settings, lambda: database)


def test_each_token_has_its_name_and_its_rights(access: Access) -> None:
    assert access.identify([f"Bearer {ALICE}"], "::1") == Identity("admin", True)
    assert access.identify([f"bearer  {BOB} "], "::1") == Identity("bob", True)
    viewer = access.identify([f"Bearer {VIEWER}"], "::1")
    assert viewer == Identity("viewer", False)
    require_change(Identity("bob", True))
    with pytest.raises(Forbidden) as error_info:
        require_change(viewer)
    assert 'error="insufficient_scope"' in error_info.value.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("header", "error", "challenge"),
    [
        ([], Unauthorized, 'Bearer realm="seedling"'),
        (["Bearer wrong"], TokenInvalid, 'Bearer realm="seedling", error="invalid_token"'),
        ([f"Bearer {ALICE[:-1]}"], TokenInvalid, 'Bearer realm="seedling", error="invalid_token"'),
        ([f"Bearer {ALICE}x"], TokenInvalid, 'Bearer realm="seedling", error="invalid_token"'),
        ([f"Basic {ALICE}"], Unauthorized, 'Bearer realm="seedling"'),
        ([ALICE], Unauthorized, 'Bearer realm="seedling"'),
        (["Bearer "], BadCredentials, 'Bearer realm="seedling", error="invalid_request"'),
        ([f"Bearer {ALICE} {BOB}"], BadCredentials, 'Bearer realm="seedling", error="invalid_request"'),
        ([f"Bearer {ALICE}", f"Bearer {BOB}"], BadCredentials, 'Bearer realm="seedling", error="invalid_request"'),
    ],
)
def test_invalid_credentials_get_the_challenges_of_rfc_6750(access: Access, header, error, challenge) -> None:
    with pytest.raises(error) as error_info:
        access.identify(header, "192.0.2.1")
    assert type(error_info.value) is error
    assert error_info.value.headers["WWW-Authenticate"] == challenge
    assert ALICE not in str(error_info.value)
    assert BOB not in str(error_info.value)


def test_a_token_is_compared_with_all_in_constant_time(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def recording(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return real(a, b)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", recording)
    access.identify([f"Bearer {ALICE}"], "::1")
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer x"], "::1")
    assert compared == [(32, 32)] * 6, "every token is compared with all three digests"


def test_repeated_guesses_wait_longer_and_longer(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(accesses.time, "time", lambda: now[0])

    def guess(client: str = "192.0.2.1") -> None:
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], client)

    for _ in range(FREE_ATTEMPTS):
        guess()
    for wait in (1, 2, 4, 8):
        with pytest.raises(TooManyAttempts) as error_info:
            access.identify(["Bearer wrong"], "192.0.2.1")
        assert 0 < int(error_info.value.headers["Retry-After"]) <= wait + 1
        now[0] += wait
        guess()
    for _ in range(20):
        now[0] += accesses.LONGEST_WAIT
        guess()
    now[0] += accesses.FORGET_SECONDS + 1
    for _ in range(FREE_ATTEMPTS):
        guess()


def test_a_valid_token_is_accepted_despite_guesses_from_the_same_address(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy all clients share an address. Otherwise anybody could lock out the owner."""
    now = [1_000_000.0]
    monkeypatch.setattr(accesses.time, "time", lambda: now[0])
    for _ in range(75):
        with pytest.raises((TokenInvalid, TooManyAttempts)):
            access.identify(["Bearer wrong"], "192.0.2.1")
        assert access.identify([f"Bearer {ALICE}"], "192.0.2.1").name == "admin"
        now[0] += 1


def test_a_clock_that_is_set_back_does_not_extend_the_wait(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(accesses.time, "time", lambda: now[0])
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], "192.0.2.1")
    now[0] -= 86_400
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer wrong"], "192.0.2.1")


def test_the_number_of_counted_networks_is_bounded(access: Access, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accesses, "MOST_NETWORKS", 3)
    for last in range(6):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], f"192.0.2.{last}")
    with database.read() as connection:
        found = set(connection.scalars(select(failures.c.client)))
    assert found == {"192.0.2.3", "192.0.2.4", "192.0.2.5"}


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops the clock of the waits, which are short enough to end during a test on a slow machine."""
    now = time.time()
    monkeypatch.setattr(accesses, "time", SimpleNamespace(time=lambda: now))


@pytest.mark.usefixtures("stopped_clock")
def test_the_wait_applies_however_many_guesses_were_made(access: Access, database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(failures).values(client="192.0.2.1", count=5000, last=time.time(), locked_until=0))
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer wrong"], "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        access.identify(["Bearer wrong"], "192.0.2.1")


@pytest.mark.usefixtures("stopped_clock")
def test_concurrent_guesses_are_all_counted(access: Access) -> None:
    def guess() -> type[Exception] | None:
        try:
            access.identify(["Bearer wrong"], "192.0.2.1")
        except (TokenInvalid, TooManyAttempts) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(16) as pool:
        found = Counter(pool.map(lambda _: guess(), range(32)))
    assert found == {TokenInvalid: FREE_ATTEMPTS, TooManyAttempts: 32 - FREE_ATTEMPTS}


@pytest.mark.usefixtures("stopped_clock")
def test_the_addresses_of_an_ipv6_network_count_as_one_client(access: Access) -> None:
    for last in range(FREE_ATTEMPTS):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], f"2001:db8::{last + 1}")
    with pytest.raises(TooManyAttempts):
        access.identify(["Bearer wrong"], "2001:db8::ffff")
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer wrong"], "2001:db8:0:1::1")


@pytest.mark.usefixtures("stopped_clock")
def test_all_workers_share_the_count(access: Access, location: Path | str, tmp_path: Path) -> None:
    another = Database(location)
    other = Access(Settings(state=tmp_path, admin_token=ALICE), lambda: another)
    for each in (access, other, access, other, access):
        with pytest.raises(TokenInvalid):
            each.identify(["Bearer wrong"], "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        other.identify(["Bearer wrong"], "192.0.2.1")
    another.close()


def test_a_service_without_tokens_creates_one_that_only_its_owner_can_read(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "var")
    token = own_token(settings)
    assert token
    assert len(token) >= 43
    assert own_token(settings) == token
    assert stat.S_IMODE(token_path(settings).stat().st_mode) == 0o600
    assert [p.name for p in settings.state.iterdir()] == ["admin-token"]
    assert own_token(Settings(state=tmp_path / "other", admin_token=ALICE)) is None
    assert own_token(Settings(state=tmp_path / "other", admin_tokens={"bob": BOB})) is None
    assert not (tmp_path / "other").exists()
    assert own_token(Settings(state=tmp_path / "viewers", viewer_tokens={"viewer": VIEWER}))


@pytest.mark.parametrize(
    "fields",
    [
        {"admin_token": "short"},
        {"admin_token": "with spaces in it, and long enough"},
        {"admin_tokens": {"invalid name!": ALICE}},
        {"admin_token": ALICE, "admin_tokens": {"admin": BOB}},
        {"admin_token": ALICE, "admin_tokens": {"bob": ALICE}},
        {"admin_tokens": {"bob": BOB}, "viewer_tokens": {"bob": VIEWER}},
    ],
)
def test_tokens_that_are_easy_to_guess_or_ambiguous_are_rejected_at_the_start(fields) -> None:
    with pytest.raises(ValidationError):
        Settings(**fields)
