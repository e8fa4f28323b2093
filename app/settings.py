"""Everything an operator can set, from the environment. Each field describes itself; `docs/settings.md` is made from here."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.addresses import is_loopback

ROOT = Path(__file__).resolve().parent.parent
ADMIN = "admin"


def _can_be_a_token(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,256}=*", secret.get_secret_value()):  # RFC 6750's b64token
        raise ValueError("a token has 16 to 256 of A-Z a-z 0-9 - . _ ~ + / (make one with: openssl rand -hex 32)")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_can_be_a_token)]
AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
"""Trainers run in a folder of their own, so a relative path would be another one to them."""
TokenName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


SECRETS_DIR = "GAN_SECRETS_DIR"


def _is_postgres(url: SecretStr) -> SecretStr:
    if not re.match(r"postgres(ql)?(\+psycopg)?://.+", url.get_secret_value()):
        raise ValueError("it begins with postgresql://, as in postgresql://user:password@host:5432/seedling")
    return SecretStr(re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url.get_secret_value()))


def _listed(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split(",")) if part]


DatabaseUrl = Annotated[SecretStr, AfterValidator(_is_postgres)]


class SecretFiles(SecretsSettingsSource):
    """Settings from the files of a folder, where an empty file says nothing."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value, key, is_complex = super().get_field_value(field, field_name)
        return value or None, key, is_complex


class Settings(BaseSettings):
    """Read once at start, from variables named GAN_<FIELD>, and from files of those names in the folder of secrets."""

    model_config = SettingsConfigDict(
        env_prefix="GAN_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on. 0.0.0.0 listens on all of them, as a container must."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """Server processes. Each holds its own copy of the generators, about 0.1 GB in all."""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path under which a proxy mounts the service, such as /seedling; the proxy takes it off before it passes a request on."""
    trusted_proxies: str = ""
    """Addresses of proxies whose X-Forwarded-For is believed, separated by commas; else a caller could claim any address,
    and guess at tokens from all of them."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
    """How much to log."""
    log_format: Literal["text", "json"] = "text"
    """How to log: for a person to read, or one JSON object a line."""
    access_log: bool = True
    """Whether to log each request."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of its own for Prometheus, at /metrics, open to whoever reaches it. At the service's own port, /metrics asks for
    a token."""
    hosts: str = ""
    """Names under which the service may be called, separated by commas; .example.org stands for all below it. By default,
    any."""
    cors_origins: str = ""
    """Origins whose pages may call the service from a browser, separated by commas, as https://example.org; * for all. By
    default none may; pictures can be shown anywhere all the same."""
    rate_limit: float | None = Field(default=None, ge=0, le=1_000_000)
    """Requests a second that one client may make, counted by each worker; 0 for any number. A request for many pictures counts
    as one more for each 64. By default 100, or none where the service listens on the loopback only. Clients on this machine
    are never limited."""
    rate_burst: float = Field(default=5.0, ge=1, le=3600)
    """Seconds' worth of requests that a client may make at once."""
    max_connections: int = Field(default=1000, ge=10, le=100_000)
    """Connections that each worker holds. Further ones replace the connections that have been idle longest; if none is idle,
    they get 503. One in twenty more are kept for probes and for clients that were served before."""
    max_connections_per_client: int = Field(default=0, ge=0, le=100_000)
    """Connections that each worker holds for one client; 0 for half of `GAN_MAX_CONNECTIONS`. Clients on this machine and
    trusted proxies are exempt."""
    read_seconds: float = Field(default=15.0, ge=1, le=3600)
    """How long a caller may take to send the headers of a request. A body must arrive at 8 kilobytes a second or faster,
    measured over the same time."""
    write_seconds: float = Field(default=60.0, ge=1, le=3600)
    """An answer must be read at one kilobyte a second or faster, measured over so many seconds."""
    body_memory: int = Field(default=64_000_000, ge=1_000_000, le=100_000_000_000)
    """Bytes of request bodies that are held at a time, shared out to the workers. When a worker's share is exhausted, the
    client that holds the most of it gets 503 for the oldest of its requests."""
    answer_memory: int = Field(default=128_000_000, ge=1_000_000, le=100_000_000_000)
    """Bytes of finished answers that are held until they are read, shared out to the workers. From half of a worker's share on,
    large requests get 503; when it is exhausted, the slowest reader of the client that holds the most is disconnected."""
    state: AbsolutePath = Field(default=Path("var"), validate_default=True)
    """Folder the service may write to; versions lie in its models/. Made when missing."""
    shipped: AbsolutePath = ROOT / "models"
    """Folder of the versions that come with the software. Only read."""
    pages: AbsolutePath = ROOT / "app" / "static"
    """Folder of the built web pages. Without them the service says how to build them, and is whole otherwise."""
    model: str = "digits"
    """The model that is served when a request names none."""
    max_loaded: int = Field(default=8, ge=1, le=1024)
    """Versions besides those with an alias that each worker keeps in memory for pinned requests."""
    bulk_concurrency: int = Field(default=2, ge=1, le=64)
    """Sheets, archives and animations that each worker draws at a time; more of them wait their turn."""
    response_cache: int = Field(default=8_000_000, ge=0, le=10_000_000_000)
    """Bytes of finished answers that each worker keeps, for when they are asked for again; those used last stay. 0 keeps
    none."""
    max_upload: int = Field(default=10_000_000, ge=1024, le=100_000_000)
    """Bytes of the largest picture file that /discriminate reads."""
    poll_seconds: float = Field(default=0.5, gt=0, le=60)
    """How often each worker looks for new versions and promotions."""
    shutdown_seconds: int = Field(default=10, ge=1, le=600)
    """How long requests in flight may take to end when the service is stopped."""

    secrets_dir: AbsolutePath | None = None
    """Folder whose files `gan_admin_token`, `gan_database_url` and so on hold settings that are secret, as containers are
    handed them. Variables have precedence; an empty file counts as none."""
    database_url: DatabaseUrl | None = None
    """PostgreSQL for jobs and aliases, as postgresql://user:password@host/name, where replicas run on several hosts. By
    default SQLite, in jobs.db in the state folder."""

    admin_token: Secret | None = None
    """Token of the administrator called `admin`. Where no admin token is set, one is made at the first start and kept in
    admin-token, in the state folder."""
    admin_tokens: dict[TokenName, Secret] = Field(default_factory=dict)
    """Further administrators, as JSON: {"alice": "token", "ci": "token"}. The audit log calls them by these names."""
    viewer_tokens: dict[TokenName, Secret] = Field(default_factory=dict)
    """Tokens that may look at jobs and change nothing, as JSON."""
    url: str | None = None
    """Where `python -m app jobs` finds the service; by default on this machine, at the port above."""
    embedded_worker: bool = True
    """Whether this service trains by itself where torch is installed. False leaves it to `python -m app.retraining`."""
    training_threads: int = Field(default=1, ge=1, le=256)
    """Threads a trainer may use. One fewer than the cores keeps serving fast."""
    training_nice: int = Field(default=19, ge=0, le=19)
    """How far a trainer gives way to others: 0 as important as serving, 19 only what nobody else needs."""
    cache: AbsolutePath | None = None
    """Folder for what can be computed again, as the judge's view of the training pictures; by default cache, in the state
    folder."""
    max_queued: int = Field(default=8, ge=1, le=1000)
    """Jobs that may wait their turn."""
    stop_seconds: int = Field(default=30, ge=1, le=3600)
    """How long a trainer that is told to stop may take to write its checkpoint before it is killed."""
    keep_jobs: int = Field(default=20, ge=1, le=10_000)
    """Ended jobs whose checkpoints and samples are kept. The records of older ones stay."""
    max_streams: int = Field(default=200, ge=1, le=10_000)
    """Event streams that each worker holds open; more get 503."""
    max_streams_per_client: int = Field(default=20, ge=1, le=10_000)
    """Event streams that each worker holds open for one token from one network."""
    audit_days: int = Field(default=365, ge=1, le=36_500)
    """Days for which entries of the audit log are kept."""
    audit_entries: int = Field(default=100_000, ge=100, le=100_000_000)
    """Entries of the audit log that are kept; the oldest go first."""
    gate_pictures: int = Field(default=10_000, ge=100, le=10_000)
    """Pictures by which a retrained generator and the champion are compared."""

    @property
    def known_hosts(self) -> list[str]:
        """Names under which the service may be called; none means any."""
        return _listed(self.hosts)

    @property
    def cors(self) -> list[str]:
        """Origins whose pages may call the service."""
        return _listed(self.cors_origins)

    @property
    def rate(self) -> float:
        """Requests a second that a client may make; 0 for any number."""
        if self.rate_limit is not None:
            return self.rate_limit
        return 0.0 if is_loopback(self.host) else 100.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was passed, then the environment, then the folder of secrets."""
        folder = os.environ.get(SECRETS_DIR)
        if not folder:
            return init_settings, env_settings
        if not Path(folder).is_dir():
            raise SettingsError(f"{SECRETS_DIR}: {folder} is no folder. Make it, or leave the variable out")
        return init_settings, env_settings, SecretFiles(settings_cls, folder)

    @model_validator(mode="after")
    def _each_token_is_one_persons(self) -> Self:
        admins = {**self.admin_tokens} | ({ADMIN: self.admin_token} if self.admin_token else {})
        names = [*admins, *self.viewer_tokens]
        values = [token.get_secret_value() for token in (*admins.values(), *self.viewer_tokens.values())]
        if len(set(names)) < len(names) or len(set(values)) < len(values) or (self.admin_token and ADMIN in self.admin_tokens):
            raise ValueError("two tokens have the same name or the same value, so the audit log could not tell whose it was")
        return self


def help_text() -> str:
    """Every setting with its default and what it is."""
    lines = []
    for name, field in Settings.model_fields.items():
        described = " ".join((field.description or "").split())
        lines.append(f"  GAN_{name.upper()}={default_of(field)}\n      {described}")
    return "Settings, from the environment:\n\n" + "\n".join(lines)


def default_of(field: FieldInfo) -> str:
    """A setting's default as a person would write it."""
    default = field.get_default(call_default_factory=True)
    return "" if default is None or default == {} else str(default)


def read_settings() -> Settings:
    """The settings of the environment; a wrong one ends the program with what is wrong with it, never with its value."""
    try:
        settings = Settings()
    except SettingsError as error:
        example = ' It must be JSON, as {"alice": "token"}.' if error.__cause__ else ""  # a mapping that is not
        sys.stderr.write(f"{error}.{example} See python -m app --help.\n")
        raise SystemExit(2) from None
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            place = f"GAN_{'.'.join(map(str, fault['loc'])).upper()}: " if fault["loc"] else ""
            sys.stderr.write(f"{place}{fault['msg']}. See python -m app --help.\n")
        raise SystemExit(2) from None
    unknown = {name for name in os.environ if name.startswith("GAN_")} - {f"GAN_{n.upper()}" for n in Settings.model_fields}
    for name in sorted(unknown):
        sys.stderr.write(f"{name} is no setting of Seedling and is not heeded. See python -m app --help.\n")
    return settings
