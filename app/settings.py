"""Settings from environment variables. `docs/settings.md` is generated from the docstrings."""

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
from models import bucket
from models.locations import ROOT, SHIPPED, default_state

ADMIN = "admin"
DEFAULT_RATE = 100.0
"""Rate limit of a service that listens on other interfaces than loopback, in requests per second and client."""


def _can_be_a_token(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,256}=*", secret.get_secret_value()):  # RFC 6750's b64token
        raise ValueError("a token must have 16 to 256 characters of A-Z a-z 0-9 - . _ ~ + / (openssl rand -hex 32 creates one)")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_can_be_a_token)]


def _has_no_own_containers(fields: dict[str, Any]) -> dict[str, Any]:
    if ours := sorted(fields.keys() & {"containers", "volumes", "restartPolicy"}):
        raise ValueError(f"{', '.join(ours)} cannot be set, because the service sets them")
    return fields


PodFields = Annotated[dict[str, Any], AfterValidator(_has_no_own_containers)]
AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
"""Made absolute, because trainers run in another working directory."""
TokenName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


SECRETS_DIR = "GAN_SECRETS_DIR"


def _is_postgres(url: SecretStr) -> SecretStr:
    if not re.match(r"postgres(ql)?(\+psycopg)?://.+", url.get_secret_value()):
        raise ValueError("the URL must begin with postgresql://, as in postgresql://user:password@host:5432/seedling")
    return SecretStr(re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url.get_secret_value()))


def _listed(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split(",")) if part]


DatabaseUrl = Annotated[SecretStr, AfterValidator(_is_postgres)]


class SecretFiles(SecretsSettingsSource):
    """Reads settings from the files of a folder and ignores empty files."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value, key, is_complex = super().get_field_value(field, field_name)
        return value or None, key, is_complex


class Settings(BaseSettings):
    """Read once at start from variables named GAN_<FIELD> and from files of the same names in the secrets folder."""

    model_config = SettingsConfigDict(
        env_prefix="GAN_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on. Use 0.0.0.0 for all IPv4 addresses, as in a container, and :: for IPv6 and IPv4."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 picks a free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """Number of server processes. Each has its own copy of the generators and takes about 0.15 GB."""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path under which a proxy mounts the service, such as /seedling. The proxy must strip it from forwarded requests."""
    trusted_proxies: str = ""
    """Addresses of proxies whose X-Forwarded-For is trusted, separated by commas. By default none, because clients could claim
    any address."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
    """Log level."""
    log_format: Literal["text", "json"] = "text"
    """Log format: plain text, or one JSON object per line."""
    access_log: bool = True
    """Whether to log every request."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Separate port for Prometheus, without authentication. On the port of the service, /metrics requires a token."""
    grpc_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the Open Inference Protocol over gRPC, which needs the extra `grpc`. By default, only HTTP is served."""
    c2pa_certificates: Path | None = None
    """File with the certificate (PEM) with which `POST /credentials` signs pictures, followed by the certificates of its
    issuers. This needs the extra `c2pa`. By default, no pictures are signed."""
    c2pa_key: Path | None = None
    """File with the private key of the certificate (PEM, PKCS #8)."""
    c2pa_algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = "es256"
    """Signature algorithm of the key."""
    c2pa_timestamps: str | None = None
    """URL of a time-stamping authority (RFC 3161) that time-stamps each signature. By default none."""
    hosts: str = ""
    """Host names that the service accepts, separated by commas; .example.org includes all subdomains. By default, all."""
    cors_origins: str = ""
    """Origins whose pages may call the service from a browser (CORS), separated by commas, such as https://example.org; *
    allows all. By default none. Any page can show pictures, regardless of this setting."""
    rate_limit: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Requests per second and client, counted by each worker; 0 for no limit. A request for many pictures "
        f"counts as one more request for each 64 pictures. By default {DEFAULT_RATE:g}, or no limit if the service listens on "
        "the loopback interface only. Clients on this machine and requests to /admin with a valid token are exempt.",
    )
    rate_burst: float = Field(default=5.0, ge=1, le=3600)
    """Burst size: how many seconds' worth of requests a client may send at once."""
    max_connections: int = Field(default=1000, ge=10, le=100_000)
    """Maximum number of connections per worker. Further connections replace those that have been idle longest; if none is idle,
    they get 503. A further 5% is reserved for probes and for clients that were served before."""
    max_connections_per_client: int = Field(default=0, ge=0, le=100_000)
    """Maximum number of connections per worker and client; 0 for half of `GAN_MAX_CONNECTIONS`. Clients on this machine and
    trusted proxies are exempt."""
    read_seconds: float = Field(default=15.0, ge=1, le=3600)
    """Time for a client to send the headers of a request, in seconds. A body must arrive at 8 kilobytes per second or faster,
    measured over the same time."""
    write_seconds: float = Field(default=60.0, ge=1, le=3600)
    """Time over which the speed of a reading client is measured, in seconds. A client must read at least one kilobyte per
    second."""
    body_memory: int = Field(default=64_000_000, ge=1_000_000, le=100_000_000_000)
    """Memory for request bodies in bytes, divided equally among the workers. When a worker's share is exhausted, the client
    that uses the most of it gets 503 for its oldest request."""
    answer_memory: int = Field(default=128_000_000, ge=1_000_000, le=100_000_000_000)
    """Memory for unread responses in bytes, divided equally among the workers. When half of a worker's share is used, large
    requests get 503. When it is exhausted, the slowest connection of the client that uses the most of it is closed."""
    state: AbsolutePath = Field(default_factory=default_state)
    """Folder for everything that the service writes: versions, jobs, caches. Created if it is missing. An installed package
    uses the platform's folder for user data instead, such as ~/.local/share/seedling."""
    shipped: AbsolutePath = SHIPPED
    """Folder of the versions that come with the software. Read-only."""
    pages: AbsolutePath = ROOT / "app" / "static"
    """Folder of the built web pages. Without them the API works, and / explains how to build them."""
    model: str = "digits"
    """Model to serve when a request does not name one."""
    sharpen_model: str = "sharpen-digits"
    """Default model of /sharpen."""
    max_loaded: int = Field(default=8, ge=1, le=1024)
    """Versions without an alias that each worker keeps in memory for pinned requests."""
    bulk_concurrency: int = Field(default=2, ge=1, le=64)
    """Sheets, archives and animations that each worker draws at the same time. Further ones wait."""
    response_cache: int = Field(default=8_000_000, ge=0, le=10_000_000_000)
    """Size of each worker's response cache in bytes (LRU); 0 disables it."""
    max_upload: int = Field(default=10_000_000, ge=1024, le=100_000_000)
    """Maximum size of a file sent to /discriminate, /invert, /nearest, /sharpen, /verify or
    /credentials, in bytes."""
    nearest_seeds: int = Field(default=0, ge=0, le=100_000_000)
    """Seeds of the index for /nearest that the service builds in the background for each champion, such as 2000000; 0 builds
    none. An index takes 72 bytes per seed in the folder nearest of the state folder, and some minutes of idle CPU time."""
    max_dataset_bytes: int = Field(default=2_000_000_000, ge=1024, le=1_000_000_000_000)
    """Maximum size of a file that is imported as a dataset, in bytes. It is stored in uploads in the state folder."""
    upload_hours: float = Field(default=24.0, gt=0, le=8760)
    """Time after its last byte at which an upload is deleted, in hours."""
    import_seconds: int = Field(default=3600, ge=10, le=604_800)
    """Time limit for the import of a dataset, in seconds."""
    import_memory: int = Field(default=4_000_000_000, ge=500_000_000, le=1_000_000_000_000)
    """Memory limit for the import of a dataset, in bytes of address space."""
    poll_seconds: float = Field(default=0.5, gt=0, le=60)
    """Interval at which each worker polls for new versions and promotions, in seconds."""
    shutdown_seconds: int = Field(default=10, ge=1, le=600)
    """Time for requests in flight when the service stops, in seconds."""

    secrets_dir: AbsolutePath | None = None
    """Folder with one file per secret setting, such as `gan_admin_token` and `gan_database_url` (Docker and Kubernetes
    secrets). Environment variables take precedence. Empty files are ignored."""
    models_url: str | None = None
    """Object storage of the versions, for services that share no folder: s3://bucket/prefix, gs://, az:// or file://. Needs the
    extra `bucket`. Credentials are read from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...). By default, the
    versions are in the state folder."""
    runs: Literal["folder", "bucket"] = "folder"
    """Where runs are kept, with their checkpoints, logs and candidates: in the state folder, or also in `GAN_MODELS_URL`, so
    that they survive the loss of their host. The hosts need a common database (`GAN_DATABASE_URL`), but no shared folder."""
    database_url: DatabaseUrl | None = None
    """PostgreSQL for jobs and aliases, as postgresql://user:password@host/name, for replicas on several hosts. By default,
    SQLite in jobs.db in the state folder."""

    admin_token: Secret | None = None
    """Token of the administrator `admin`. If no admin token is set, the first start creates one in the file admin-token in the
    state folder."""
    admin_tokens: dict[TokenName, Secret] = Field(default_factory=dict)
    """Further administrators, as JSON: {"alice": "token", "ci": "token"}. The audit log uses these names."""
    viewer_tokens: dict[TokenName, Secret] = Field(default_factory=dict)
    """Read-only tokens, as JSON."""
    url: str | None = None
    """URL of the service for `python -m app jobs`. By default, this machine and `GAN_PORT`."""
    embedded_worker: bool = True
    """Whether the service runs a trainer if torch is installed. Set to false if `python -m app.retraining` trains."""
    training_threads: int = Field(default=1, ge=1, le=256)
    """Threads of a trainer. Use one fewer than there are cores to keep serving fast."""
    training_nice: int = Field(default=19, ge=0, le=19)
    """Niceness of a trainer: 0 competes with serving, 19 uses only idle time."""
    parallel_runs: int = Field(default=1, ge=1, le=64)
    """Maximum number of trainers at once for a job with several runs (`runs` and `grid` of POST /admin/retrain). Each has its
    own threads, and takes about as much memory as a single one."""
    cache: AbsolutePath | None = None
    """Folder for data that can be recomputed, such as the evaluation networks' features of the training pictures. By default,
    cache in the state folder."""
    runner: Literal["local", "ray", "kubernetes"] = "local"
    """Where trainers run: as processes on this machine, or as jobs on Ray (extra `ray`) or Kubernetes (extra `kubernetes`),
    whose machines must share the state folder, unless `GAN_RUNS` is bucket."""
    ray_address: str = Field(default="http://127.0.0.1:8265", pattern=r"^https?://[^/@\s]+/?$")
    """Address of the dashboard of the Ray cluster. Ray reads its own variables, such as RAY_AUTH_TOKEN, too."""
    ray_python: str = Field(default="python", min_length=1)
    """Python on the nodes of the Ray cluster, with the extra `train` of Seedling."""
    ray_cpus: float | None = Field(default=None, gt=0, le=256)
    """CPUs that a trainer reserves on a Ray node. By default, one per thread."""
    ray_resources: dict[str, float] = Field(default_factory=dict)
    """Further resources of Ray that a trainer reserves, as JSON: {"trainer": 1} selects nodes started with --resources."""
    ray_runtime_env: dict[str, Any] = Field(default_factory=dict)
    """Runtime environment of trainers on Ray, as JSON: {"image_uri": "registry/seedling-train"}."""
    kubernetes_namespace: str = Field(default="", pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$")
    """Namespace of the Jobs. By default, the namespace of this pod, or of the current context of kubectl."""
    kubernetes_image: str = Field(default="", pattern=r"^\S*$")
    """Image of the trainer, as built by `docker build --target train`. Required with `GAN_RUNNER=kubernetes`."""
    kubernetes_claim: str = "seedling-state"
    """PersistentVolumeClaim (ReadWriteMany) with the state folder. Jobs mount it where this process has its state folder."""
    kubernetes_secret: str = ""
    """Secret whose keys become environment variables of the trainers. By default none."""
    kubernetes_cpus: str = Field(default="2", pattern=r"^[0-9]+(\.[0-9]+|m)?$")
    """CPUs of a trainer, as a quantity of Kubernetes: request and limit."""
    kubernetes_memory: str = Field(default="4Gi", pattern=r"^[0-9]+(\.[0-9]+)?[KMGT]i?$")
    """Memory of a trainer, as a quantity of Kubernetes: request and limit."""
    kubernetes_pod: PodFields = Field(default_factory=dict)
    """Further fields of the spec of a trainer's pod, as JSON: {"nodeSelector": {"pool": "training"}}."""
    max_queued: int = Field(default=8, ge=1, le=1000)
    """Maximum number of waiting jobs."""
    stop_seconds: int = Field(default=30, ge=1, le=3600)
    """Time for a trainer to write its checkpoint and stop before it is killed, in seconds."""
    keep_jobs: int = Field(default=20, ge=1, le=10_000)
    """Number of finished jobs whose checkpoints and samples are kept. The records of older jobs are kept, too."""
    max_streams: int = Field(default=200, ge=1, le=10_000)
    """Maximum number of open event streams per worker. Further streams get 503."""
    max_streams_per_client: int = Field(default=20, ge=1, le=10_000)
    """Maximum number of open event streams per worker for one token from one network."""
    audit_days: int = Field(default=365, ge=1, le=36_500)
    """Age at which entries of the audit log are deleted, in days."""
    audit_entries: int = Field(default=100_000, ge=100, le=100_000_000)
    """Maximum number of audit log entries, counted separately for successful and for rejected requests. The oldest are deleted
    first."""
    encoder_images: int = Field(default=60_000, ge=0, le=100_000_000)
    """Number of pictures on which the encoder of a retrained generator is trained, for /invert. A warm start continues the
    encoder of its parent. 0 trains no encoder."""
    gate_pictures: int = Field(default=10_000, ge=100, le=10_000)
    """Number of pictures drawn to compare a retrained generator with the champion."""

    @property
    def nearest(self) -> Path:
        """Folder of the indexes of seeds."""
        return self.state / "nearest"

    @property
    def datasets(self) -> Path:
        """The registry of imported datasets."""
        return self.state / "datasets"

    @property
    def known_hosts(self) -> list[str]:
        """Accepted host names. An empty list accepts any."""
        return _listed(self.hosts)

    @property
    def cors(self) -> list[str]:
        """Origins whose pages may call the service."""
        return _listed(self.cors_origins)

    @property
    def rate(self) -> float:
        """Maximum requests per second and client; 0 for no limit."""
        if self.rate_limit is not None:
            return self.rate_limit
        return 0.0 if is_loopback(self.host) else DEFAULT_RATE

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence: arguments, environment, secrets folder."""
        folder = os.environ.get(SECRETS_DIR)
        if not folder:
            return init_settings, env_settings
        if not Path(folder).is_dir():
            raise SettingsError(f"{SECRETS_DIR}: {folder} is not a folder. Create it, or unset the variable")
        return init_settings, env_settings, SecretFiles(settings_cls, folder)

    @model_validator(mode="after")
    def _check_settings_that_need_others(self) -> Self:
        if self.runs == "bucket" and not self.models_url:
            raise ValueError("GAN_RUNS=bucket needs object storage. Set GAN_MODELS_URL, or remove GAN_RUNS")
        if bool(self.c2pa_certificates) != bool(self.c2pa_key):
            raise ValueError("GAN_C2PA_CERTIFICATES and GAN_C2PA_KEY belong together: set both or neither")
        return self

    @model_validator(mode="after")
    def _check_tokens_are_unique(self) -> Self:
        admins = {**self.admin_tokens} | ({ADMIN: self.admin_token} if self.admin_token else {})
        names = [*admins, *self.viewer_tokens]
        values = [token.get_secret_value() for token in (*admins.values(), *self.viewer_tokens.values())]
        if len(set(names)) < len(names) or len(set(values)) < len(values) or (self.admin_token and ADMIN in self.admin_tokens):
            raise ValueError("two tokens have the same name or value, so the audit log cannot attribute requests")
        return self


def help_text() -> str:
    """Describe every setting with its default, as text."""
    lines = []
    for name, field in Settings.model_fields.items():
        described = " ".join((field.description or "").split())
        lines.append(f"  GAN_{name.upper()}={default_of(field)}\n      {described}")
    return "Settings, from the environment:\n\n" + "\n".join(lines)


def default_of(field: FieldInfo) -> str:
    """Return a setting's default as text."""
    default = field.get_default(call_default_factory=True)
    return "" if default is None or default == {} else str(default)


def read_settings() -> Settings:
    """Read the settings from the environment. If one is invalid, print why, without its value, and exit with status 2."""
    try:
        settings = Settings()
    except SettingsError as error:
        example = ' It must be JSON, as {"alice": "token"}.' if error.__cause__ else ""  # the cause is a JSON error
        sys.stderr.write(f"{error}.{example} See python -m app --help.\n")
        raise SystemExit(2) from None
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            place = f"GAN_{'.'.join(map(str, fault['loc'])).upper()}: " if fault["loc"] else ""
            sys.stderr.write(f"{place}{fault['msg']}. See python -m app --help.\n")
        raise SystemExit(2) from None
    if settings.models_url:
        try:
            bucket.open_store(settings.models_url)
        except (ValueError, ImportError) as error:
            sys.stderr.write(f"GAN_MODELS_URL: {error} See python -m app --help.\n")
            raise SystemExit(2) from None
    unknown = {name for name in os.environ if name.startswith("GAN_")} - {f"GAN_{n.upper()}" for n in Settings.model_fields}
    for name in sorted(unknown):
        sys.stderr.write(f"{name} is not a setting of Seedling and is ignored. See python -m app --help.\n")
    return settings
