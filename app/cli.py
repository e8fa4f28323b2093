"""python -m app jobs: retraining from a terminal. Talks to a running service, this machine's or another's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from app.http.authentication import token_path
from app.retraining.job import Promote
from app.settings import read_settings
from training.spec import DatasetName, PresetName

console = Console(soft_wrap=True, highlight=False)
app = typer.Typer(
    name="python -m app jobs",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Look after retraining. The service is GAN_URL (http://localhost:8000), the token GAN_ADMIN_TOKEN or var/admin-token.",
)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id; the beginning will do.")]
COLOURS = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "interrupted": "yellow", "queued": "dim"}
ENDED = ("succeeded", "failed", "cancelled", "interrupted")


class CallFailed(Exception):
    """The service refused, or could not be reached. The message ends with the remedy."""


@contextmanager
def _service() -> Iterator[httpx.Client]:
    """A client of the service, with the token at hand."""
    settings = read_settings()
    url = settings.url or f"http://127.0.0.1:{settings.port}{settings.root_path}"
    if settings.admin_token:
        token = settings.admin_token.get_secret_value()
    else:
        try:
            token = token_path(settings).read_text().strip()
        except OSError as error:
            raise CallFailed(
                f"No token is at hand ({error}). Set GAN_ADMIN_TOKEN, or start this in the service's folder."
            ) from error
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            yield client
    except httpx.TransportError as error:
        raise CallFailed(f"{url} does not answer ({error}). Start the service, or set GAN_URL.") from error


def _call(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
    response = client.request(method, path, **more)
    if response.is_error:
        raise CallFailed(_reason(response))
    return response


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{response.request.url} answered {response.status_code}. Is it a Seedling? Check GAN_URL."


def _find(client: httpx.Client, beginning: str) -> dict[str, Any]:
    """The one job whose id begins so."""
    if re.fullmatch("[0-9a-f]{12}", beginning):
        whole: dict[str, Any] = _call(client, "GET", f"/admin/jobs/{beginning}").json()
        return whole
    listed = _call(client, "GET", "/admin/jobs", params={"limit": 200}).json()["jobs"]
    found: list[dict[str, Any]] = [job for job in listed if job["id"].startswith(beginning)]
    if len(found) != 1:
        raise CallFailed(f"{len(found)} jobs begin with {beginning!r}. See python -m app jobs list.")
    return found[0]


@app.command("list")
def list_jobs(limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20) -> None:
    """The jobs, newest first."""
    with _service() as client:
        answer = _call(client, "GET", "/admin/jobs", params={"limit": limit}).json()
    table = Table("model", "preset", "done", "version")
    for name, width in (("job", 12), ("state", 11), ("asked for", 16)):
        table.add_column(name, no_wrap=True, min_width=width)
    for job in answer["jobs"]:
        version = f"{job['version']}{' (promoted)' if job['promoted'] else ''}" if job["version"] else "–"
        asked = f"{datetime.fromisoformat(job['created']).astimezone():%Y-%m-%d %H:%M}"
        row = (job["model"], job["spec"]["preset"], f"{job['part']:.0%}", version, job["id"], _coloured(job["state"]), asked)
        table.add_row(*row)
    console.print(table)
    if not answer["trainers"]:
        console.print("No trainer is at hand: run make setup-train, or python -m app.retraining.")


@app.command()
def start(
    preset: Annotated[PresetName, typer.Option(help="Where the spec starts from.")] = "standard",
    model: Annotated[str | None, typer.Option(help="By default the one that is served.")] = None,
    images: Annotated[int | None, typer.Option(help="How many real images to train on.")] = None,
    minutes: Annotated[float | None, typer.Option(help="How many minutes to train, instead of images.")] = None,
    dataset: Annotated[DatasetName | None, typer.Option(help="By default the champion's.")] = None,
    seed: Annotated[int | None, typer.Option(help="By default a fresh one.")] = None,
    warm_start: Annotated[bool, typer.Option("--warm-start", help="Start from the champion's weights.")] = False,
    promote: Annotated[Promote, typer.Option(help="Whether to put it into service.")] = "if_better",
    option: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A field of the spec, as often as wanted.")
    ] = None,
    note: Annotated[str, typer.Option(help="For whoever reads the job.")] = "",
) -> None:
    """Retrain; then see watch."""
    spec: dict[str, Any] = {}
    for given in option or []:
        name, equals, value = given.partition("=")
        if not equals:
            raise CallFailed(f"--set takes FIELD=VALUE, not {given!r}. For example: --set gamma=0.5")
        try:
            spec[name] = json.loads(value)
        except ValueError:
            spec[name] = value
    budget = {name: value for name, value in (("images", images), ("minutes", minutes)) if value is not None}
    wanted: dict[str, Any] = {"model": model, "dataset": dataset, "seed": seed, "budget": budget or None}
    body: dict[str, Any] = {"preset": preset, "spec": spec, "warm_start": warm_start, "promote": promote, "note": note}
    body |= {name: value for name, value in wanted.items() if value is not None}
    with _service() as client:
        job = _call(client, "POST", "/admin/retrain", json=body).json()
    console.print(f"Job {job['id']} is {job['state']}. Watch it with: python -m app jobs watch {job['id']}")


@app.command()
def show(job: JobId, as_json: Annotated[bool, typer.Option("--json", help="Print the service's own answer.")] = False) -> None:
    """One job: where it stands, and how it compares with the champion."""
    with _service() as client:
        found = _find(client, job)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console.print(f"{found['id']}  {found['model']}  {_coloured(found['state'])}: {escape(found['detail'])}")
    for name in ("created", "started", "ended", "by", "note", "parent", "version", "promoted", "interruptions"):
        if found[name] not in (None, ""):
            console.print(f"  {name:<14}{escape(str(found[name]))}")
    if found["progress"]:
        console.print("  " + "  ".join(f"{name} {value}" for name, value in found["progress"].items()))
    if found["gate"]:
        _show_gate(found["gate"], found["version"])


@app.command()
def watch(job: JobId) -> None:
    """Follow a job until it ends, with a bar. Ctrl-C stops the watching, not the job. Exit status 1 if it does not succeed."""
    with _service() as client:
        found = _find(client, job)
        columns = (
            TextColumn("{task.fields[state]}"),
            BarColumn(),
            TaskProgressColumn(),
        )
        with Progress(*columns, TextColumn("{task.fields[figures]}"), console=console) as progress:
            task = progress.add_task(found["id"], total=1.0, state=found["state"], figures="")
            ended = _follow(client, found["id"], progress, task)
        found = _find(client, found["id"])
    console.print(f"{_coloured(ended['state'])}: {escape(ended['detail'])}")
    if found["gate"]:
        _show_gate(found["gate"], found["version"])
    if ended["state"] != "succeeded":
        raise typer.Exit(1)


def _follow(client: httpx.Client, job_id: str, progress: Progress, task: Any) -> dict[str, Any]:  # noqa: ANN401 - rich's own
    """Show each event until the last; go on after a break of the connection."""
    last, failures = "0", 0
    while True:
        try:
            headers = {"Last-Event-ID": last}
            timeout = httpx.Timeout(30, read=60)
            with client.stream("GET", f"/admin/jobs/{job_id}/events", headers=headers, timeout=timeout) as response:
                if response.is_error:
                    response.read()
                    raise CallFailed(_reason(response))
                for event, number, data in read_events(response.iter_lines()):
                    last, failures = number or last, 0
                    if event == "end":
                        return data
                    _show_event(event, data, progress, task)
        except httpx.TransportError:
            failures += 1
            if failures > 30:
                raise
        time.sleep(1)


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Type, id and data of each server-sent event."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield fields.get("event", "message"), fields.get("id"), json.loads(fields["data"])
            fields = {}
        else:
            fields = {}


def _show_event(event: str, data: dict[str, Any], progress: Progress, task: Any) -> None:  # noqa: ANN401 - rich's own
    when = f"{datetime.fromtimestamp(data['time']):%H:%M:%S}"
    if event == "progress":
        figures = (
            f"{data['images']:,} images  {data['images_per_second']:.0f}/s  D(real) {data['d_real']:.2f}  "
            f"D(fake) {data['d_fake']:.2f}  {timedelta(seconds=round(data['eta_seconds']))} to go"
        )
        progress.update(task, completed=data["part"], figures=figures)
    elif event == "state":
        progress.update(task, state=data["state"])
        progress.console.print(f"{when}  {_coloured(data['state'])}: {escape(data['detail'])}")
    elif event == "metrics":
        best = " (best)" if data["best"] else ""
        progress.console.print(f"{when}  KID {data['kid']:.4f} after {data['images']:,} images{best}")
    elif event == "two_sample":
        text = "they cannot be told apart" if data["indistinguishable"] else "they can be told apart"
        progress.console.print(f"{when}  generated beside held-out pictures: accuracy {data['accuracy']:.4f}, {text}")
    elif event in ("warning", "cancel", "resumed"):
        text = data.get("detail") or data.get("by") or data.get("images", "")
        progress.console.print(f"{when}  {event} {escape(str(text))}")


@app.command()
def cancel(job: JobId) -> None:
    """Stop a job; it may be resumed later."""
    with _service() as client:
        found = _call(client, "POST", f"/admin/jobs/{_find(client, job)['id']}/cancel").json()
    console.print(f"{found['id']} is {'being cancelled' if found['cancelling'] else found['state']}.")


@app.command()
def resume(job: JobId) -> None:
    """Go on with a job that was cancelled, failed or was interrupted."""
    with _service() as client:
        found = _call(client, "POST", f"/admin/jobs/{_find(client, job)['id']}/resume").json()
    console.print(f"{found['id']} is {found['state']}.")


@app.command()
def promote(
    what: Annotated[str, typer.Argument(help="A job, for what it made; or MODEL/VERSION; or MODEL/previous to roll back.")],
) -> None:
    """Put a version into service."""
    with _service() as client:
        if "/" in what:
            model, _, wanted = what.partition("/")
            version: int | str = int(wanted) if wanted.isdecimal() else wanted
        else:
            found = _find(client, what)
            if not found["version"]:
                raise CallFailed(f"Job {found['id']} is {found['state']} and has published nothing. Watch it until it has.")
            model, version = found["model"], found["version"]
        tag = _call(client, "GET", f"/admin/models/{model}/champion").headers["ETag"]
        answer = _call(client, "PUT", f"/admin/models/{model}/champion", json={"version": version}, headers={"If-Match": tag})
    now = answer.json()
    console.print(f"{now['model']}/{now['version']} is champion; before it was {now['previous']}.")


def _coloured(state: str) -> str:
    colour = COLOURS.get(state, "cyan")
    return f"[{colour}]{state}[/{colour}]"


def _show_gate(gate: dict[str, Any], version: int | None) -> None:
    """Both rows of figures and the reason."""
    table = Table("figure", f"version {version}", f"champion {gate['champion'] or '–'}", "real (floor)", "better")
    for name, figure in gate["figures"].items():
        theirs = gate["champion_figures"].get(name, {}).get("value")
        shown = ["–" if value is None else f"{value:.4f}" for value in (figure["value"], theirs, figure["floor"])]
        table.add_row(name, *shown, figure["better"])
    console.print(table)
    console.print(escape(gate["reason"]))


def main(arguments: list[str]) -> None:
    """Run the command line; a refusal becomes one line and exit status 1."""
    try:
        app(args=arguments, prog_name="python -m app jobs")
    except CallFailed as error:
        Console(stderr=True).print(f"Error: {error}", style="red", soft_wrap=True, highlight=False, markup=False)
        raise SystemExit(1) from None
