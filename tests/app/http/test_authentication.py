"""Who may use the admin routes."""

from __future__ import annotations

import hmac
import stat
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import insert, select

from app.errors import BadCredentials, Forbidden, TokenInvalid, TooManyAttempts, Unauthorized
from app.http import authentication as accesses
from app.http.authentication import FREE_ATTEMPTS, Access, Identity, own_token, require_change, token_path
from app.settings import Settings
from app.storage.database import Database, failures

ALICE, BOB, LOOKER = "alice-" * 4, "bob-" * 6, "looker-" * 4


@pytest.fixture
def access(tmp_path: Path, database: Database) -> Access:
    settings = Settings(state=tmp_path, admin_token=ALICE, admin_tokens={"bob": BOB}, viewer_tokens={"looker": LOOKER})
    return Access(settings, lambda: database)


def test_each_token_has_its_name_and_its_rights(access: Access) -> None:
    assert access.identify([f"Bearer {ALICE}"], "::1") == Identity("admin", True)
    assert access.identify([f"bearer  {BOB} "], "::1") == Identity("bob", True)
    looker = access.identify([f"Bearer {LOOKER}"], "::1")
    assert looker == Identity("looker", False)
    require_change(Identity("bob", True))
    with pytest.raises(Forbidden) as refused:
        require_change(looker)
    assert 'error="insufficient_scope"' in refused.value.headers["WWW-Authenticate"]


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
def test_what_is_no_token_is_refused_as_rfc_6750_has_it(access: Access, header, error, challenge) -> None:
    with pytest.raises(error) as refused:
        access.identify(header, "192.0.2.1")
    assert type(refused.value) is error
    assert refused.value.headers["WWW-Authenticate"] == challenge
    assert ALICE not in str(refused.value)
    assert BOB not in str(refused.value)


def test_a_token_is_compared_with_all_in_constant_time(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def watched(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return real(a, b)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    access.identify([f"Bearer {ALICE}"], "::1")
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer x"], "::1")
    assert compared == [(32, 32)] * 6, "three digests each time, the right one found or not"


def test_who_guesses_has_to_wait_longer_and_longer(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(accesses.time, "time", lambda: now[0])

    def guess(client: str = "192.0.2.1") -> None:
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], client)

    for _ in range(FREE_ATTEMPTS):
        guess()
    for wait in (1, 2, 4, 8):
        with pytest.raises(TooManyAttempts) as refused:
            access.identify(["Bearer wrong"], "192.0.2.1")
        assert 0 < int(refused.value.headers["Retry-After"]) <= wait + 1
        now[0] += wait
        guess()
    for _ in range(20):
        now[0] += accesses.LONGEST_WAIT
        guess()
    now[0] += accesses.FORGET_SECONDS + 1
    for _ in range(FREE_ATTEMPTS):
        guess()


def test_a_right_token_gets_in_whatever_is_guessed_beside_it(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the same address, as behind a proxy, or the owner could be kept out by anybody."""
    now = [1_000_000.0]
    monkeypatch.setattr(accesses.time, "time", lambda: now[0])
    for _ in range(75):
        with pytest.raises((TokenInvalid, TooManyAttempts)):
            access.identify(["Bearer wrong"], "192.0.2.1")
        assert access.identify([f"Bearer {ALICE}"], "192.0.2.1").name == "admin"
        now[0] += 1


def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_longer(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(accesses.time, "time", lambda: now[0])
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], "192.0.2.1")
    now[0] -= 86_400
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer wrong"], "192.0.2.1")


def test_so_many_networks_are_counted_and_no_more(access: Access, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accesses, "MOST_NETWORKS", 3)
    for last in range(6):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], f"192.0.2.{last}")
    with database.read() as connection:
        found = set(connection.scalars(select(failures.c.client)))
    assert found == {"192.0.2.3", "192.0.2.4", "192.0.2.5"}


def test_the_wait_does_not_end_however_often_one_guesses(access: Access, database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(failures).values(client="192.0.2.1", count=5000, last=time.time(), locked_until=0))
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer wrong"], "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        access.identify(["Bearer wrong"], "192.0.2.1")


def test_guesses_sent_at_once_are_counted_one_by_one(access: Access) -> None:
    def guess() -> type[Exception] | None:
        try:
            access.identify(["Bearer wrong"], "192.0.2.1")
        except (TokenInvalid, TooManyAttempts) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(16) as pool:
        found = Counter(pool.map(lambda _: guess(), range(32)))
    assert found == {TokenInvalid: FREE_ATTEMPTS, TooManyAttempts: 32 - FREE_ATTEMPTS}


def test_a_household_of_ipv6_addresses_is_one(access: Access) -> None:
    for last in range(FREE_ATTEMPTS):
        with pytest.raises(TokenInvalid):
            access.identify(["Bearer wrong"], f"2001:db8::{last + 1}")
    with pytest.raises(TooManyAttempts):
        access.identify(["Bearer wrong"], "2001:db8::ffff")
    with pytest.raises(TokenInvalid):
        access.identify(["Bearer wrong"], "2001:db8:0:1::1")


def test_all_workers_share_the_count(access: Access, place: Path | str, tmp_path: Path) -> None:
    another = Database(place)
    other = Access(Settings(state=tmp_path, admin_token=ALICE), lambda: another)
    for which in (access, other, access, other, access):
        with pytest.raises(TokenInvalid):
            which.identify(["Bearer wrong"], "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        other.identify(["Bearer wrong"], "192.0.2.1")
    another.close()


def test_a_service_without_a_token_makes_one_that_its_owner_alone_can_read(tmp_path: Path) -> None:
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
    assert own_token(Settings(state=tmp_path / "viewers", viewer_tokens={"looker": LOOKER}))


@pytest.mark.parametrize(
    "fields",
    [
        {"admin_token": "short"},
        {"admin_token": "with spaces in it, and long enough"},
        {"admin_tokens": {"no good name!": ALICE}},
        {"admin_token": ALICE, "admin_tokens": {"admin": BOB}},
        {"admin_token": ALICE, "admin_tokens": {"bob": ALICE}},
        {"admin_tokens": {"bob": BOB}, "viewer_tokens": {"bob": LOOKER}},
    ],
)
def test_tokens_that_could_be_guessed_or_confused_are_refused_at_the_start(fields) -> None:
    with pytest.raises(ValidationError):
        Settings(**fields)
