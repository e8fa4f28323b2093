"""Populations, with simulated trainers: what is decided does not depend on what happens to processes."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import JobConflict, QueueFull
from app.retraining.job import Job
from app.retraining.job_folder import JobFolder
from app.retraining.lease import LeaseLost
from app.retraining.runners import Finished
from app.storage.database import Database
from models.repository import Repository
from tests.app.retraining.simulated_population import IMAGES, World, better_later, population


@pytest.fixture
def world(tmp_path: Path, database: Database, repository: Repository) -> World:
    return World(tmp_path, database, better_later)


EXPECTED = [
    {"rung": 1, "images": 20, "kid": {"1": 0.48, "2": 0.52, "3": 0.45, "4": 0.9}, "kept": [1, 3], "stopped": [2, 4]},
    {"rung": 2, "images": 40, "kid": {"1": 0.46, "3": 0.35}, "kept": [3], "stopped": [1]},
]


def rounded(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in decision.items() if name != "failed"}
        | {"kid": {run: round(kid, 6) for run, kid in decision["kid"].items()}}
        for decision in decisions
    ]


@pytest.mark.parametrize("parallel", [1, 2, 4, 8])
def test_losers_are_stopped_and_the_best_run_is_published(world: World, parallel: int) -> None:
    world.parallel = parallel
    world.supervise()
    job = world.run(world.store.create(population(), 8))
    assert (job.state, job.version, job.promoted) == ("succeeded", 2, True), job.detail
    assert rounded(world.decisions(job)) == EXPECTED, "the decisions do not depend on how many runs train at once"
    runs = world.runs(job)
    assert [run.state for run in runs] == ["eliminated", "eliminated", "succeeded", "eliminated"]
    assert world.machine.most == min(parallel, 4)
    assert world.trained(runs[2]) == list(range(10, 81, 10)), "no image was trained on twice"
    assert max(world.trained(runs[3])) < 40
    assert all(run.interruptions == 0 for run in runs), "a pause is not an interruption"
    assert [run.member.stopped_at for run in runs if run.member] == [40, 20, None, 20]

    note = Repository(world.state / "models").get("digits", 2).manifest.population
    assert note
    assert (note.runs, note.run, note.overrides, note.stopped, note.failed) == (4, 3, {"seed": 3}, 3, 0)
    assert note.kid == pytest.approx(0.15)
    assert "2 after 20, 1 after 40 images" in note.rule
    assert (
        "This is run 3 of 4 (`seed` 3), of which 3 were stopped early."
        in (world.state / "models/digits/2/README.md").read_text()
    )
    assert job.spec["seed"] == 3
    assert (job.plan and job.plan.winner) == runs[2].id
    folders = {run.id: JobFolder(world.state, run.id).has_checkpoint for run in runs}
    assert [folders[run.id] for run in runs] == [False, False, True, False], "the others cannot be resumed, so they need none"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["work", "tick", "kill supervisor", "kill trainer", "suspend"]), max_size=60), st.integers(1, 4)
)
def test_the_decisions_are_the_same_whatever_is_killed(
    tmp_path_factory: pytest.TempPathFactory, events: list[str], parallel: int
) -> None:
    state = tmp_path_factory.mktemp("state")
    with closing(Database(state / "jobs.db")) as database:
        world = World(state, database, better_later, parallel)
        job = world.store.create(population(model="new", promote="never"), 8)
        killed = 0
        for event in events:
            if event == "kill supervisor":
                world.supervise()
            elif event == "kill trainer" and world.machine.running("train") and killed < 3:  # then it must be resumed by hand
                killed += 1
                world.machine.kill(world.machine.running("train")[0])
            elif event == "suspend" and world.machine.running():
                for process in world.machine.running():
                    process.stopping = True  # as if it worked while the supervisor waits for it
                world.machine.work()
                world.supervisor.shut_down()
                world.supervise()
            elif event == "work":
                world.machine.work()
            elif event == "tick":
                world.supervisor.tick()
        for _ in range(1000):
            found = world.store.get(job.id)
            if found.plan and found.plan.winner:
                break
            world.step()
        assert rounded(world.decisions(job)) == EXPECTED
        assert world.states(job) == ["eliminated", "eliminated", "succeeded", "eliminated"]
        assert found.plan
        assert found.plan.winner == world.runs(job)[2].id
        for run in world.runs(job):
            steps = world.trained(run)
            assert sorted(set(steps)) == list(range(10, max(steps) + 1, 10)), "each run continues from its checkpoint"


def test_a_decision_is_recorded_before_a_loser_is_stopped(world: World) -> None:
    """The supervisor is killed after each write of the tick that decides."""
    world.parallel = 4
    world.supervise()
    job = world.store.create(population(), 8)
    world.supervisor.tick()
    for _ in range(2):
        world.machine.work()
    world.supervisor.tick()  # takes the population from the queue
    world.machine.work()
    for _ in range(3):
        world.step()
    stop, stopped = world.machine.stop, []

    def record(handle: dict[str, Any], *, force: bool = False) -> None:
        stopped.append((handle["pid"], bool(world.decisions(job))))
        stop(handle, force=force)

    world.machine.stop = record  # type: ignore[method-assign]
    world.run(job)
    assert stopped
    assert all(decided for _, decided in stopped), "all four reach the rung in the same step, so none has to wait"
    assert rounded(world.decisions(job)) == EXPECTED


def test_a_run_that_diverges_is_out_and_the_others_go_on(world: World) -> None:
    world.machine.kid = lambda spec, images: None if spec["seed"] == 3 else better_later(spec, images)
    job = world.run(world.store.create(population(), 8))
    assert job.state == "succeeded"
    assert world.states(job) == ["eliminated", "succeeded", "failed", "eliminated"]
    assert [(d["kept"], d["stopped"], d["failed"]) for d in world.decisions(job)] == [([1, 2], [4], [3]), ([2], [1], [3])]
    note = Repository(world.state / "models").get("digits", 2).manifest.population
    assert note
    assert (note.run, note.stopped, note.failed) == (2, 2, 1)
    assert "Use a lower learning_rate" in world.runs(job)[2].detail


def test_if_all_that_were_kept_fail_the_best_stopped_run_continues(world: World) -> None:
    world.machine.kid = lambda spec, images: None if spec["seed"] in (1, 3) and images > 40 else better_later(spec, images)
    job = world.run(world.store.create(population(), 8))
    assert job.state == "succeeded"
    assert world.states(job) == ["failed", "succeeded", "failed", "eliminated"]
    assert job.plan
    assert job.plan.restored == [1, 2]
    assert world.trained(world.runs(job)[1])[-1] == IMAGES


def test_a_population_fails_if_all_runs_fail_and_can_be_resumed(world: World) -> None:
    world.machine.kid = lambda spec, images: None
    job = world.run(world.store.create(population(), 8))
    assert job.state == "failed"
    assert job.detail == "All 4 runs failed. The losses diverged. Use a lower learning_rate."
    world.machine.kid = better_later
    world.store.resume(job.id, "alice", 8)
    job = world.run(job)
    assert (job.state, rounded(world.decisions(job))) == ("succeeded", EXPECTED)


@pytest.mark.parametrize("state", ["running", "paused", "eliminated"])
def test_cancel_stops_all_runs_and_resume_continues_those_that_were_not_eliminated(world: World, state: str) -> None:
    world.parallel = 3
    world.supervise()
    job = world.store.create(population(), 8)
    world.run_until(job, state)
    before = {run.id: run.state for run in world.runs(job)}
    cancelled = world.store.cancel(job.id, "bob")
    assert cancelled.cancel
    job = world.run(job)
    assert job.state == "cancelled"
    assert world.machine.running() == []
    runs = world.runs(job)
    assert {run.state for run in runs} <= {"cancelled", "eliminated"}
    assert all(run.state == "eliminated" for run in runs if before[run.id] == "eliminated")
    assert sum(run.state == "eliminated" for run in runs) == 2 * (state == "eliminated"), "both were decided at once"
    with pytest.raises(JobConflict, match="nothing to cancel"):
        world.store.cancel(job.id, "bob")

    world.store.resume(job.id, "bob", 8)
    assert "cancelled" not in world.states(job)
    job = world.run(job)
    assert (job.state, rounded(world.decisions(job))) == ("succeeded", EXPECTED)
    assert world.trained(world.runs(job)[2]) == list(range(10, 81, 10)), "no image was trained on twice"


def test_a_population_that_is_cancelled_while_it_waits_or_is_evaluated_can_be_resumed(world: World) -> None:
    job = world.store.create(population(), 8)
    assert world.store.cancel(job.id, "bob").state == "cancelled"
    assert world.states(job) == ["cancelled"] * 4
    world.store.resume(job.id, "bob", 8)
    while world.store.get(job.id).state != "evaluating":
        world.step()
    world.store.cancel(job.id, "bob")
    assert world.run(job).state == "cancelled"
    world.store.resume(job.id, "bob", 8)
    job = world.run(job)
    assert (job.state, job.version) == ("succeeded", 2)
    assert rounded(world.decisions(job)) == EXPECTED


def test_a_graceful_stop_suspends_all_runs_and_counts_for_none(world: World) -> None:
    world.parallel = 4
    world.supervise()
    job = world.store.create(population(), 8)
    world.run_until(job, "running")
    assert len(world.machine.running("train")) == 4
    for process in world.machine.running():
        process.stopping = True
    world.machine.work()
    world.supervisor.shut_down()
    assert (world.store.get(job.id).state, world.states(job)) == ("queued", ["queued"] * 4)
    world.supervise()
    job = world.run(job)
    assert (job.state, job.interruptions) == ("succeeded", 0)
    assert all(run.interruptions == 0 for run in world.runs(job))


def test_a_run_that_is_killed_four_times_is_out(world: World) -> None:
    job = world.store.create(population(), 8)
    world.run_until(job, "running")
    for _ in range(4):
        while not world.machine.running("train"):
            world.supervisor.tick()
        world.machine.kill(world.machine.running("train")[0])
        world.supervisor.tick()
    assert world.states(job)[0] == "interrupted"
    assert world.runs(job)[0].interruptions == 4
    job = world.run(job)
    assert job.state == "succeeded"
    assert [d["failed"] for d in world.decisions(job)] == [[1], [1]]


def test_a_run_that_has_reached_a_plateau_takes_part_in_later_rungs(world: World) -> None:
    """Run 3 ends at 30 images, between the two rungs."""
    work = world.machine._train

    def train(process: Any) -> None:
        work(process)
        if json.loads((process.folder / "spec.json").read_text())["seed"] == 3 and process.images == 30:
            world.machine._write(process, "end", reason="plateau", images=30)
            process.finished = Finished(0)

    world.machine._train = train  # type: ignore[method-assign]
    job = world.run(world.store.create(population(), 8))
    assert job.state == "succeeded"
    assert [(d["kept"], d["stopped"]) for d in world.decisions(job)] == [([1, 3], [2, 4]), ([3], [1])]
    assert job.plan
    assert job.plan.winner == world.runs(job)[2].id
    assert world.trained(world.runs(job)[2]) == [10, 20, 30]


def test_a_supervisor_without_the_lease_decides_nothing(world: World, database: Database) -> None:
    world.parallel = 4
    world.supervise()
    job = world.store.create(population(), 8)
    world.run_until(job, "running")
    for _ in range(3):
        world.machine.work()
    stale = world.supervisor
    world.supervise()
    world.supervisor.tick()
    decided = world.decisions(job)
    lease = stale._lease
    assert lease
    for change in (
        lambda: stale.populations.attend(lease, world.store.get(job.id)),
        lambda: world.store.populations.decide(lease, job),
        lambda: world.store.populations.restore(lease, job),
        lambda: world.store.populations.eliminate(lease, world.runs(job)[0]),
    ):
        with pytest.raises(LeaseLost):
            change()
    assert world.decisions(job) == decided
    assert rounded(world.decisions(world.run(job))) == EXPECTED


def test_a_population_is_one_job_in_the_queue_the_list_and_the_counts(world: World) -> None:
    first, second = (world.store.create(population(), 2) for _ in range(2))
    assert [job.number for job in (first, second)] == [1, 2]
    with pytest.raises(QueueFull):
        world.store.create(population(), 2)
    assert [job.id for job in world.store.newest()] == [second.id, first.id]
    assert [job.id for job in world.store.unfinished()] == [first.id, second.id]
    assert world.store.count() == {"queued": 2}
    run = world.runs(first)[1]
    for action in (lambda: world.store.cancel(run.id, "bob"), lambda: world.store.resume(run.id, "bob", 8)):
        with pytest.raises(JobConflict, match=f"is run 2 of job {first.id}"):
            action()
    world.step()
    world.step()
    assert world.store.count() == {"queued": 1, "running": 1}
    assert [job.id for job in world.store.active()] == [first.id]
    assert world.states(second) == ["queued"] * 4, "one job trains at a time"


def test_the_files_of_all_runs_are_pruned_with_their_population(world: World) -> None:
    first, second = (world.store.create(population(), 8) for _ in range(2))
    world.run(first)
    assert sum(JobFolder(world.state, run.id).path.exists() for run in world.runs(first)) == 4
    world.run(second)
    assert [JobFolder(world.state, run.id).path.exists() for run in world.runs(first)] == [False] * 4
    assert sum(JobFolder(world.state, run.id).path.exists() for run in world.runs(second)) == 4
    assert all(run.pruned for run in world.runs(first))
    assert rounded(world.decisions(first)) == EXPECTED, "the decisions are kept"
    assert {event.type for event in world.store.events(first.id)} == {"state", "run", "rung", "started", "resumed"}


def test_the_events_of_a_population_have_the_numbers_of_their_runs(world: World) -> None:
    job = world.run(world.store.create(population(), 8))
    events = world.store.events(job.id, limit=1000)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    for run in world.runs(job):
        index = run.member.index if run.member else 0
        own = [event.data for event in world.store.events(run.id, limit=1000) if event.type == "metrics"]
        relayed = [event.data for event in events if event.type == "metrics" and event.data["run"] == index]
        assert relayed == [{"run": index, **data} for data in own]
        assert relayed
    progress = next(event.data for event in events if event.type == "progress")
    assert progress == {"run": 1, "images": 10, "part": 0.125, "images_per_second": 1.0, "cpu_seconds": 2.0}
    changes = [event.data for event in events if event.type == "run" and event.data["run"] == 2]
    assert [change["state"] for change in changes] == ["running", "paused", "eliminated"]


def test_a_population_that_cannot_be_advanced_fails_with_all_its_runs(world: World, database: Database) -> None:
    world.parallel = 2
    world.supervise()
    job = world.store.create(population(), 8)
    world.run_until(job, "running")
    world.supervisor.tick()
    world.supervisor.populations._note_progress = _broken  # type: ignore[method-assign]
    for _ in range(6):
        world.supervisor.tick()
    found = world.store.get(job.id)
    assert found.state == "failed"
    assert "The supervisor failed 5 times" in found.detail
    assert world.machine.running() == []
    assert world.states(job) == ["interrupted"] * 4
    world.supervise()
    world.store.resume(job.id, "bob", 8)
    assert rounded(world.decisions(world.run(job))) == EXPECTED


def _broken(*_: object) -> Job:
    raise ValueError("broken")


def test_progress_counts_the_images_of_all_runs(world: World) -> None:
    job = world.store.create(population(), 8)
    parts: list[float] = []
    while world.store.get(job.id).state != "evaluating":
        world.step()
        parts.append((world.store.get(job.id).progress or {}).get("part", 0))
    assert parts == sorted(parts)
    assert parts[-1] == 1
    progress = world.store.get(job.id).progress or {}
    assert progress["of"] == 4 * 20 + 2 * 20 + 40
