"""A population of four runs whose trainers are simulated, with a supervisor that can be killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import update

from app.retraining.halving import Plan
from app.retraining.job import Draft, Job, RunDraft
from app.retraining.job_folder import JobFolder
from app.retraining.lease import Workers
from app.retraining.store import JobStore
from app.retraining.supervisor import Supervisor
from app.settings import Settings
from app.storage.database import Database, leases
from tests.app.retraining.simulated import Kid, Machine
from training.spec import TrainingSpec

IMAGES = 80


def better_later(spec: dict[str, Any], images: int) -> float | None:
    """Run 1 leads at first. Run 3 is the best at the end of those that continue."""
    start, slope = {1: (0.5, 0.001), 2: (0.6, 0.004), 3: (0.55, 0.005), 4: (0.9, 0.0)}[spec["seed"]]
    return start - slope * images


def population(runs: int = 4, reduction: int = 2, **fields: Any) -> Draft:
    specs = [
        TrainingSpec.from_preset("quick", seed=seed, images=IMAGES, metrics_every=10).model_dump(mode="json")
        for seed in range(1, runs + 1)
    ]
    return Draft(
        **{"model": "digits", "request": {}, "promote": "always", "parent": None, "by": "alice", "spec": specs[0]} | fields,
        plan=Plan.of(runs, IMAGES, reduction),
        runs=tuple(RunDraft(spec, {"seed": spec["seed"]}) for spec in specs),
    )


class World:
    """A job store, a machine on which trainers run, and a supervisor that can be replaced."""

    def __init__(self, state: Path, database: Database, kid: Kid, parallel: int = 1) -> None:
        self.state, self.database, self.store = state, database, JobStore(database)
        self.machine, self.parallel = Machine(kid), parallel
        self.supervise()

    def supervise(self) -> None:
        """Replace the supervisor, as after kill -9: it leaves nothing but its lease, which has expired."""
        with self.database.write() as connection:
            connection.execute(update(leases).values(until=0.0))
        settings = Settings(state=self.state, parallel_runs=self.parallel, keep_jobs=1)
        self.supervisor = Supervisor(settings, self.store, Workers(self.database, "alone"), self.machine)

    def step(self) -> None:
        self.supervisor.tick()
        self.machine.work()

    def run(self, job: Job) -> Job:
        """Advance until the job has ended."""
        for _ in range(1000):
            if (found := self.store.get(job.id)).ended is not None:
                return found
            self.step()
        raise AssertionError([(run.state, run.detail) for run in self.runs(job)])

    def run_until(self, job: Job, state: str) -> list[Job]:
        """Advance until a run is in a state."""
        for _ in range(1000):
            if any(run.state == state for run in self.runs(job)):
                return self.runs(job)
            self.step()
        raise AssertionError([(run.state, run.detail) for run in self.runs(job)])

    def runs(self, job: Job) -> list[Job]:
        return self.store.populations.runs(job.id)

    def states(self, job: Job) -> list[str]:
        return [run.state for run in self.runs(job)]

    def decisions(self, job: Job) -> list[dict[str, Any]]:
        return [event.data for event in self.store.events(job.id, limit=10_000) if event.type == "rung"]

    def trained(self, run: Job) -> list[int]:
        """Return after how many images each step of a run was."""
        return self.machine.trained.get(JobFolder(self.state, run.id).path, [])
