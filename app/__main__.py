"""python -m app starts the service. python -m app jobs is the command line for retraining."""

from __future__ import annotations

import argparse
import contextlib
import logging.config
import os
import sys
import tempfile
from collections.abc import Iterator

from app import __version__
from app.http.authentication import own_token, token_path
from app.observability.logs import log_config
from app.settings import Settings, help_text, read_settings


def main() -> None:
    """Start the service in the foreground."""
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Serve generated pictures: GET /generate?seed=42.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=["jobs"], help="jobs: manage retraining jobs; see python -m app jobs")
    parser.add_argument("--version", action="version", version=f"Seedling {__version__}")
    if sys.argv[1:2] == ["jobs"]:
        from app.jobs_command import main as jobs  # the service does not need typer and rich

        jobs(sys.argv[2:])
        return
    parser.parse_args()
    settings = read_settings()
    logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
    _print_token_location(settings)
    with _metrics_for_all_workers(settings):
        _serve(settings)


def _serve(settings: Settings) -> None:
    from app.http.server import serve  # importing it loads uvicorn, which other users of this module do not need

    serve(settings)


@contextlib.contextmanager
def _metrics_for_all_workers(settings: Settings) -> Iterator[None]:
    """Create the metrics folder that several workers share, and serve metrics on their own port if one is set."""
    with contextlib.ExitStack() as stack:
        if settings.workers > 1:
            try:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="seedling-metrics-"))
            except FileNotFoundError:  # there is no temporary folder, for example on a read-only root file system
                settings.state.mkdir(parents=True, exist_ok=True)
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=".metrics-", dir=settings.state))
            # Set before `app.observability.metrics` is imported, here and in the workers.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        if settings.metrics_port:
            from app.http import metrics_server
            from app.retraining.facade import Retraining
            from app.retraining.job_metrics import JobMetrics

            try:
                metrics_server.serve(settings.host, settings.metrics_port, JobMetrics(Retraining(settings)))
            except OSError as error:
                address = f"{settings.host}:{settings.metrics_port}"
                sys.exit(f"Metrics cannot be served at {address} ({error}). Set GAN_METRICS_PORT to a free port.")
        yield


def _print_token_location(settings: Settings) -> None:
    try:
        if own_token(settings):
            sys.stderr.write(f"Admin token: in {token_path(settings)} (readable only by you).\n")
    except OSError as error:
        sys.stderr.write(
            f"The admin token cannot be created ({error}). Set GAN_ADMIN_TOKEN, or make {settings.state} writable.\n"
        )


if __name__ == "__main__":
    main()
