"""python -m app jobs: the command line for retraining. It calls a running service, on this machine or another."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from app.http.authentication import token_path
from app.retraining.halving import MAX_RUNS
from app.retraining.job import Promote
from app.run_table import RunBars, curves_of, decided, run_table
from app.settings import read_settings
from training.spec import PresetName

console = Console(soft_wrap=True, highlight=False)
app = typer.Typer(
    name="python -m app jobs",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Manage retraining jobs. Calls the service at GAN_URL (default http://localhost:8000) with the token in "
    "GAN_ADMIN_TOKEN or var/admin-token.",
)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job, or the beginning of the id.")]
COLOURS = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "interrupted": "yellow", "queued": "dim"}
ENDED = ("succeeded", "failed", "cancelled", "interrupted")


class CallFailed(Exception):
    """The service rejected the request or could not be reached. The message ends with the remedy."""


@contextmanager
def _service() -> Iterator[httpx.Client]:
    """Open an HTTP client for the service, with its token."""
    settings = read_settings()
    url = settings.url or f"http://127.0.0.1:{settings.port}{settings.root_path}"
    if settings.admin_token:
        token = settings.admin_token.get_secret_value()
    else:
        try:
            token = token_path(settings).read_text().strip()
        except OSError as error:
            raise CallFailed(
                f"No admin token was found ({error}). Set GAN_ADMIN_TOKEN, or run this in the service's working directory."
            ) from error
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            yield client
    except httpx.TransportError as error:
        raise CallFailed(f"{url} cannot be reached ({error}). Start the service, or set GAN_URL.") from error


def _call(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
    response = client.request(method, path, **more)
    if response.is_error:
        raise CallFailed(_reason(response))
    return response


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{response.request.url} returned {response.status_code}, but not in the format of Seedling. Check GAN_URL."


def _find(client: httpx.Client, prefix: str) -> dict[str, Any]:
    """Find the job whose id starts with a prefix, which must match only one."""
    if re.fullmatch("[0-9a-f]{12}", prefix):
        job: dict[str, Any] = _call(client, "GET", f"/admin/jobs/{prefix}").json()
        return job
    listed = _call(client, "GET", "/admin/jobs", params={"limit": 200}).json()["jobs"]
    found: list[dict[str, Any]] = [job for job in listed if job["id"].startswith(prefix)]
    if len(found) != 1:
        raise CallFailed(f"{len(found)} jobs start with {prefix!r}. List them with python -m app jobs list.")
    return found[0]


@app.command("list")
def list_jobs(limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of jobs.")] = 20) -> None:
    """List the jobs, newest first."""
    with _service() as client:
        response = _call(client, "GET", "/admin/jobs", params={"limit": limit}).json()
    table = Table("model", "preset", "done", "version")
    for name, width in (("job", 12), ("state", 11), ("created", 16)):
        table.add_column(name, no_wrap=True, min_width=width)
    for job in response["jobs"]:
        version = f"{job['version']}{' (promoted)' if job['promoted'] else ''}" if job["version"] else "–"
        created = f"{datetime.fromisoformat(job['created']).astimezone():%Y-%m-%d %H:%M}"
        runs = f", {len(job['population']['runs'])} runs" if job["population"] else ""
        row = (
            job["model"],
            job["spec"]["preset"] + runs,
            f"{job['part']:.0%}",
            version,
            job["id"],
            _coloured(job["state"]),
            created,
        )
        table.add_row(*row)
    console.print(table)
    if not response["trainers"]:
        console.print("No trainer is running. Run make setup-train and restart the service, or start python -m app.retraining.")


@app.command()
def start(
    preset: Annotated[PresetName, typer.Option(help="Preset on which the spec is based.")] = "standard",
    model: Annotated[str | None, typer.Option(help="Model to retrain. By default, the model that is served.")] = None,
    images: Annotated[int | None, typer.Option(help="Number of real images to train on.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Training time in minutes, instead of a number of images.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name of a dataset of the service. By default, the champion's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed. By default, a new one.")] = None,
    warm_start: Annotated[bool, typer.Option("--warm-start", help="Start from the champion's weights.")] = False,
    promote: Annotated[Promote, typer.Option(help="When to promote the new version.")] = "if_better",
    option: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the spec. Repeatable.")
    ] = None,
    note: Annotated[str, typer.Option(help="Free text, shown with the job.")] = "",
    runs: Annotated[int, typer.Option(min=1, max=MAX_RUNS, help="Number of seeds. The best run is evaluated.")] = 1,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUES", help="Train with each of several values of a field: gamma=0.05,0.1. Repeatable."),
    ] = None,
    reduction: Annotated[
        int,
        typer.Option(
            min=2,
            max=MAX_RUNS,
            help="With several runs: 2 keeps half of them at each comparison by KID, 3 keeps a third, and so on.",
        ),
    ] = 2,
) -> None:
    """Start a retraining job. Follow it with watch."""
    spec = {name: _value(value) for name, value in (_assigned(text, "--set", "gamma=0.5") for text in option or [])}
    grids = {name: _values(values) for name, values in (_assigned(text, "--grid", "gamma=0.05,0.1") for text in grid or [])}
    budget = {name: value for name, value in (("images", images), ("minutes", minutes)) if value is not None}
    optional: dict[str, Any] = {"model": model, "dataset": dataset, "seed": seed, "budget": budget or None}
    body: dict[str, Any] = {"preset": preset, "spec": spec, "warm_start": warm_start, "promote": promote, "note": note}
    body |= {name: value for name, value in optional.items() if value is not None}
    if runs > 1 or grids:
        body |= {"runs": runs, "grid": grids, "reduction": reduction}
    with _service() as client:
        job = _call(client, "POST", "/admin/retrain", json=body).json()
    console.print(f"Job {job['id']} is {job['state']}. Watch it with: python -m app jobs watch {job['id']}")


def _assigned(text: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CallFailed(f"{option} takes FIELD=VALUE, not {text!r}. For example: {option} {example}")
    return name, value


def _value(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except ValueError:
        return text


def _values(text: str) -> list[Any]:
    """Read values separated by commas. Each may be a list: [64,24,16],[32,16,8]."""
    found = _value(f"[{text}]")
    return found if isinstance(found, list) else [_value(part.strip()) for part in text.split(",")]


@app.command()
def show(job: JobId, as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of the service.")] = False) -> None:
    """Show a job: its progress and how its generator compares with the champion."""
    with _service() as client:
        found = _find(client, job)
        if as_json:
            print(json.dumps(found, indent=2))
            return
        ended = found["population"] and found["state"] in ENDED  # until then, the stream does not end
        with client.stream("GET", f"/admin/jobs/{found['id']}/events") if ended else nullcontext() as response:
            curves = curves_of((event, data) for event, _, data in read_events(response.iter_lines())) if response else {}
    console.print(f"{found['id']}  {found['model']}  {_coloured(found['state'])}: {escape(found['detail'])}")
    for name in ("created", "started", "ended", "by", "note", "parent", "version", "promoted", "interruptions"):
        if found[name] not in (None, ""):
            console.print(f"  {name:<14}{escape(str(found[name]))}")
    if found["population"]:
        console.print(run_table(found, curves))
        for rung in found["population"]["rungs"]:
            console.print(f"  {decided(rung)}")
    elif found["progress"]:
        console.print("  " + "  ".join(f"{name} {value}" for name, value in found["progress"].items()))
    if found["gate"]:
        _show_gate(found["gate"], found["version"])


@app.command()
def watch(job: JobId) -> None:
    """Follow a job until it ends, with a progress bar. Ctrl-C does not stop the job. Exits with 1 unless the job succeeds."""
    with _service() as client:
        found = _find(client, job)
        columns = (
            TextColumn("{task.fields[state]}"),
            BarColumn(),
            TaskProgressColumn(),
        )
        with Progress(*columns, TextColumn("{task.fields[figures]}"), console=console) as progress:
            bars = RunBars(progress, found) if found["population"] else None
            task = progress.add_task(found["id"], total=1.0, state=found["state"], figures="", visible=not bars)

            def show_event(event: str, data: dict[str, Any]) -> None:
                if bars:
                    bars.show(event, data)
                if not bars or event in ("state", "cancel"):
                    _show_event(event, data, progress, task)

            ended = _follow(client, found["id"], show_event)
        found = _find(client, found["id"])
    console.print(f"{_coloured(ended['state'])}: {escape(ended['detail'])}")
    if bars:
        console.print(run_table(found, curves_of(bars.events)))
    if found["gate"]:
        _show_gate(found["gate"], found["version"])
    if ended["state"] != "succeeded":
        raise typer.Exit(1)


def _follow(client: httpx.Client, job_id: str, show_event: Callable[[str, dict[str, Any]], None]) -> dict[str, Any]:
    """Show every event until the job ends. Reconnects if the connection is lost."""
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
                    show_event(event, data)
        except httpx.TransportError:
            failures += 1
            if failures > 30:
                raise
        time.sleep(1)


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield the type, id and data of each server-sent event."""
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
    elif event == "preparing":
        progress.update(task, figures=f"training the judge of {data['dataset']}: {100 * data['part']:.0f} %")
    elif event == "judge":
        accuracy, error = data.get("accuracy"), data.get("error")
        found = f"accuracy {accuracy:.4f}" if accuracy is not None else f"error {error:.4f}"
        progress.console.print(f"{when}  judge of {escape(data['dataset'])}: {found} on test pictures")
    elif event == "metrics":
        best = " (best)" if data["best"] else ""
        progress.console.print(f"{when}  KID {data['kid']:.4f} after {data['images']:,} images{best}")
    elif event == "two_sample":
        text = "indistinguishable" if data["indistinguishable"] else "distinguishable"
        progress.console.print(f"{when}  two-sample test against held-out pictures: accuracy {data['accuracy']:.4f}, {text}")
    elif event in ("warning", "cancel", "resumed"):
        text = data.get("detail") or data.get("by") or data.get("images", "")
        progress.console.print(f"{when}  {event} {escape(str(text))}")


@app.command()
def cancel(job: JobId) -> None:
    """Stop a job. It can be resumed later."""
    with _service() as client:
        found = _call(client, "POST", f"/admin/jobs/{_find(client, job)['id']}/cancel").json()
    console.print(f"{found['id']} is {'being cancelled' if found['cancelling'] else found['state']}.")


@app.command()
def resume(job: JobId) -> None:
    """Resume a cancelled, failed or interrupted job."""
    with _service() as client:
        found = _call(client, "POST", f"/admin/jobs/{_find(client, job)['id']}/resume").json()
    console.print(f"{found['id']} is {found['state']}.")


@app.command()
def promote(
    what: Annotated[
        str, typer.Argument(help="A job, to promote its version; or MODEL/VERSION; or MODEL/previous to roll back.")
    ],
    reason: Annotated[str, typer.Option(help="Free text for the champion history.")] = "",
) -> None:
    """Promote a version."""
    with _service() as client:
        if "/" in what:
            model, _, name = what.partition("/")
            version: int | str = int(name) if name.isdecimal() else name
        else:
            found = _find(client, what)
            if not found["version"]:
                raise CallFailed(f"Job {found['id']} is {found['state']} and has not published a version. Wait until it has.")
            model, version = found["model"], found["version"]
        tag = _call(client, "GET", f"/admin/models/{model}/champion").headers["ETag"]
        body = {"version": version, "reason": reason} if reason else {"version": version}
        response = _call(client, "PUT", f"/admin/models/{model}/champion", json=body, headers={"If-Match": tag})
    now = response.json()
    console.print(f"{now['model']}/{now['version']} is champion; previously {now['previous']}.")


def _coloured(state: str) -> str:
    colour = COLOURS.get(state, "cyan")
    return f"[{colour}]{state}[/{colour}]"


def _show_gate(gate: dict[str, Any], version: int | None) -> None:
    """Print the metrics of both versions and the reason for the gate's decision."""
    table = Table("metric", f"version {version}", f"champion {gate['champion'] or '–'}", "real (floor)", "better")
    for name, figure in gate["figures"].items():
        champion = gate["champion_figures"].get(name, {}).get("value")
        cells = ["–" if value is None else f"{value:.4f}" for value in (figure["value"], champion, figure["floor"])]
        table.add_row(name, *cells, figure["better"])
    console.print(table)
    console.print(escape(gate["reason"]))


def main(arguments: list[str]) -> None:
    """Run the command line. A failed call prints one line and exits with status 1."""
    try:
        app(args=arguments, prog_name="python -m app jobs")
    except CallFailed as error:
        Console(stderr=True).print(f"Error: {error}", style="red", soft_wrap=True, highlight=False, markup=False)
        raise SystemExit(1) from None
