"""From a trained run to a published version: evaluation, gate, publication, promotion."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from app.errors import JobConflict, SeedlingError, StoreUnavailable, VersionUnusable
from app.retraining import gate
from app.retraining.candidate import add_encoder, check_fit_to_serve, publish, read_candidate
from app.retraining.job import Job
from app.retraining.lease import Lease, Workers
from app.retraining.runners import Finished
from app.retraining.store import JobStore
from app.retraining.trainers import Trainers, how
from app.settings import Settings
from app.storage.audit import AuditLog
from models.aliases import CHAMPION, PREVIOUS
from models.encoder import NETWORK
from models.errors import Changed, Locked, RepositoryError
from models.history import Cause
from models.manifest import Gate, PopulationNote
from models.repository import Repository
from models.version import Version
from training.datasets import DatasetError, DatasetRegistry, describe
from training.spec import TrainingSpec

logger = logging.getLogger("seedling")


class Publication:
    """Evaluates what jobs have trained, and publishes it.

    Args:
        settings: settings of the service.
        store: the job store.
        workers: renews the lease during long work.
        trainers: starts the evaluation.
        repository: the published versions.
    """

    def __init__(
        self, settings: Settings, store: JobStore, workers: Workers, trainers: Trainers, repository: Repository
    ) -> None:
        self.settings, self.store, self.workers, self.trainers = settings, store, workers, trainers
        self.repository = repository

    def evaluate(self, lease: Lease, job: Job, detail: str = "exporting and measuring", **changes: object) -> None:
        """Start the export of the candidate and its comparison with the champion.

        Args:
            lease: the supervisor's lease.
            job: a job whose run is complete.
            detail: what happens now.
            changes: further changes of the job.
        """
        try:
            number = self.repository.served_aliases(job.model).get(CHAMPION)
        except RepositoryError as error:
            self.store.change(lease, job, "failed", f"The champion cannot be determined. {error}", handle=None)
            return
        job = self.store.change(lease, job, "evaluating", detail, handle=None, champion=number, **changes)
        folder = self.trainers.folder(job)
        shutil.rmtree(folder.candidate, ignore_errors=True)  # of an evaluation that was cancelled
        champion = gate.version_to_beat(self.repository, job.model, number)
        arguments = ["candidate", str(folder.path), "--name", job.model, "--to", str(folder.candidate)]
        arguments += ["--threads", str(self.settings.training_threads), "--pictures", str(self.settings.gate_pictures)]
        is_distant = self.trainers.runs.are_distant
        cache = folder.path / "cache" if is_distant else self.settings.cache or self.settings.state / "cache"
        arguments += ["--cache", str(cache)]
        if champion and not champion.incomparable_with(TrainingSpec.model_validate(job.spec), self._classes(job)):
            stored = f"{champion.version.name}/{champion.version.number}"
            arguments += ["--against", stored if is_distant else str(champion.version.path)]
        arguments += self._encoder(job, is_distant=is_distant)
        self.trainers.start(lease, job, arguments)

    def _encoder(self, job: Job, *, is_distant: bool) -> list[str]:
        """Return the arguments that order an encoder, which continues that of the parent."""
        arguments = ["--encoder-images", str(self.settings.encoder_images)]
        if self.settings.encoder_images == 0 or job.parent is None:
            return arguments
        if is_distant:
            return [*arguments, "--encoder-from", f"{job.model}/{job.parent}"]
        with suppress(RepositoryError):  # it may be gone since the run began
            network = self.repository.get(job.model, job.parent).companion(NETWORK)
            if network.is_file():
                arguments += ["--encoder-from", str(network)]
        return arguments

    def _classes(self, job: Job) -> tuple[str, ...] | None:
        try:
            return describe(job.spec["dataset"], DatasetRegistry(self.settings.datasets)).classes
        except DatasetError:
            return None  # the evaluation will report it

    def finish(self, lease: Lease, job: Job, finished: Finished) -> None:
        """Publish the candidate if the evaluation has written one."""
        folder = self.trainers.folder(job)
        if folder.candidate.exists():
            try:
                with self.workers.renewing(lease):
                    self._pass_gate(lease, job, folder.candidate)
            except (StoreUnavailable, JobConflict):
                raise
            except Locked as error:
                logger.warning("retraining: job %s: %s", job.id, error)  # the next tick tries again
                return
            except (SeedlingError, RepositoryError) as error:
                self.store.change(lease, job, "failed", f"The version was not published. {error}", handle=None)
            except OSError as error:
                detail = f"The version cannot be written ({error.strerror}). Free disk space, then resume the job."
                self.store.change(lease, job, "failed", detail, handle=None)
            self.trainers.prune(lease)
        elif (finished.status or 0) > 0:
            self.store.change(lease, job, "failed", folder.last_error(finished.detail), handle=None)
            self.trainers.prune(lease)
        else:
            self.store.interrupt(lease, job, f"the evaluation {how(finished)}", counts=True)

    def _pass_gate(self, lease: Lease, job: Job, candidate: Path) -> None:
        """Decide, publish and promote. This can be interrupted anywhere and repeated with the same result."""
        made, champion_figures = read_candidate(candidate)
        champion = gate.version_to_beat(self.repository, job.model, job.champion)
        spec = TrainingSpec.model_validate(job.spec)
        incomparable = champion.incomparable_with(spec, made.manifest.classes) if champion else None
        task = made.manifest.task
        verdict = gate.decide(
            job.promote,
            made.manifest.metrics,
            job.champion,
            champion_figures,
            incomparable,
            task,
            champion_copies=champion is not None and champion.copies,
        )
        check_fit_to_serve(made)
        if job.champion is not None and not self.repository.numbers(job.model):
            raise VersionUnusable(f"The folder of {job.model} is gone. Restore it or its mount, then resume the job.")
        held = partial(self.store.check, lease)
        runs = self.store.populations.runs(job.id)
        population = note_of(job, runs)
        version = publish(self.repository, made, job.model, job.id, job.parent, verdict, held, population)
        add_encoder(self.repository, version, candidate)
        verdict = version.manifest.gate or verdict  # if it was published before a crash, the earlier verdict applies
        job = self.store.note(lease, job, version=version.number, gate=verdict.model_dump(mode="json"))
        promoted, reason = self._promote(job, version, verdict, held)
        detail = f"{job.model}/{version.number} was published{' and promoted' if promoted else ''}. {reason}"
        self.store.change(lease, job, "succeeded", detail, promoted=promoted, handle=None)
        logger.info("job %s: %s", job.id, detail)
        shutil.rmtree(candidate, ignore_errors=True)
        shutil.rmtree(self.trainers.folder(job).datasets, ignore_errors=True)
        self.trainers.runs.drop_candidate(self.trainers.folder(job))
        for run in runs:
            if run.id != job.run_id:
                self.trainers.folder(run).delete_checkpoints()
                self.trainers.runs.drop_checkpoints(self.trainers.folder(run))

    def _promote(self, job: Job, version: Version, verdict: Gate, held: Callable[[], None]) -> tuple[bool, str]:
        """Promote a version if the verdict says so. Return whether it is champion, and the reason."""
        aliases = self.repository.served_aliases(job.model)
        if aliases.get(CHAMPION) == version.number:
            return True, verdict.reason  # the first version of a model, or promoted before a crash
        if not verdict.promoted:
            return False, verdict.reason
        if aliases.get(PREVIOUS) == version.number:
            return False, f"{verdict.reason} But it has been rolled back since."
        if verdict.champion is None:
            return False, f"{verdict.reason} But another version became champion meanwhile. Promote this one to serve it."
        instead_of = None if verdict.asked == "always" else verdict.champion
        cause = Cause(how="job", by=job.id, reason=verdict.reason)
        try:
            self.repository.promote(job.model, version.number, instead_of=instead_of, check=held, cause=cause)
        except Changed as changed:
            return False, f"{verdict.reason} But it was not promoted. {changed}"
        target = f"/models/{job.model}/versions/{version.number}"
        AuditLog(self.store.database, self.settings.audit_days, self.settings.audit_entries).add(
            f"job {job.id}", None, "promote", target, 200, "ok"
        )
        return True, verdict.reason


def note_of(job: Job, runs: Sequence[Job]) -> PopulationNote | None:
    """Return the manifest's note of the population that a version comes from. None for a plain job."""
    chosen = next((run.member for run in runs if run.id == job.run_id), None)
    if job.plan is None or chosen is None:
        return None
    return PopulationNote(
        runs=job.plan.runs,
        run=chosen.index,
        overrides=chosen.overrides,
        kid=chosen.kid,
        stopped=sum(run.state == "eliminated" for run in runs),
        failed=sum(run.state in ("failed", "interrupted") for run in runs),
        rule=job.plan.rule,
    )
