"""Runs trainers as Ray Jobs, through the client of Ray's job submission API (extra `ray`)."""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import Any, NoReturn

import requests
from ray.job_submission import JobStatus, JobSubmissionClient

from app.retraining.runners.contract import EngineRefused, EngineUnavailable, Finished
from app.retraining.runners.engine import State, Work
from app.settings import Settings

TIMEOUTS = (2.0, 5.0)
"""Seconds to connect, and to wait for a response: together less than the lease of the supervisor. Ray's client has no time
limits of its own."""
STOP_WAIT = "RAY_JOB_STOP_WAIT_TIME_S"
"""Variable in the runtime environment of a job: seconds from SIGTERM to SIGKILL. Without it, Ray kills after 3 s."""
LONGEST_DETAIL = 400
MODULE = ("-m", "training")
SHORT = 3


class _Failed(Exception):
    """A response that is an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Client(JobSubmissionClient):  # type: ignore[misc]  # the stubs of Ray are not used
    """Ray's client with time limits, and with the status of errors."""

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:  # noqa: ANN401 - a response of requests
        return super()._do_request(method, endpoint, timeout=TIMEOUTS, **options)

    def _raise_error(self, r: Any) -> NoReturn:  # noqa: ANN401 - a response of requests
        raise _Failed(r.status_code, r.text)


class RayJobs:
    """Ray Jobs as an engine. A head that is restarted forgets its jobs, and its nodes kill their trainers.

    Args:
        settings: where Ray is, and what a trainer needs there.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.address = settings, settings.ray_address.rstrip("/")

    @property
    def place(self) -> str:
        return f"ray:{self.address}"

    @cached_property
    def _client(self) -> _Client:
        return _Client(self.address)  # connects

    def check(self) -> None:
        try:
            self._client.get_version()
        except Exception as error:
            raise self._error(error) from error

    def submit(self, work: Work) -> None:
        try:
            self._client.submit_job(
                submission_id=work.id,
                entrypoint=f"exec {shlex.join([self.settings.ray_python, *MODULE, *work.arguments])}",
                runtime_env=self._runtime_env(work),
                entrypoint_num_cpus=self.settings.ray_cpus or self.settings.training_threads,
                entrypoint_resources=self.settings.ray_resources or None,
            )
        except Exception as error:
            if not self._knows(work.id):
                raise self._error(error) from error

    def _runtime_env(self, work: Work) -> dict[str, Any]:
        given = self.settings.ray_runtime_env
        waiting = {STOP_WAIT: str(self.settings.stop_seconds)}
        return {**given, "env_vars": {**given.get("env_vars", {}), **work.variables, **waiting}}

    def _knows(self, submission_id: str) -> bool:
        """Whether a submission whose response was an error, or was lost, has arrived."""
        try:
            self._client.get_job_info(submission_id)
        except Exception:  # the caller reports its own error
            return False
        return True

    def state(self, submission_id: str) -> State:
        try:
            job = self._client.get_job_info(submission_id)
        except _Failed as error:
            if error.status == 404:
                return Finished(None, "Ray does not know it any more, because its head was restarted")
            raise EngineUnavailable(str(self._error(error))) from error
        except Exception as error:
            raise EngineUnavailable(str(self._error(error))) from error
        if not job.status.is_terminal():
            return "active"
        if job.status == JobStatus.SUCCEEDED:
            return Finished(0)
        if job.status == JobStatus.STOPPED:
            return Finished(None, "Ray stopped it")
        if job.driver_exit_code is not None and job.driver_exit_code < 0:
            return Finished(job.driver_exit_code)
        lines = _lines(str(job.message or ""))
        told = lines[0] if job.driver_exit_code is None else lines[-1]  # the last line is the end of its output
        return Finished(job.driver_exit_code, f"Ray: {told[:LONGEST_DETAIL]}")

    def stop(self, submission_id: str, *, force: bool) -> None:
        """Ray sends SIGTERM, and SIGKILL after `stop_seconds`. It cannot be told to kill at once."""
        try:
            self._client.stop_job(submission_id)
        except _Failed as error:
            if error.status != 404:
                raise self._error(error) from error
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> EngineUnavailable | EngineRefused:
        """Return what an exception of Ray's client means. It raises many, and does not document which."""
        if isinstance(error, _Failed):
            text = f"Ray at {self.address} responded with {error.status}: {_lines(str(error))[-1][:LONGEST_DETAIL]}"
            if error.status >= 500:
                return EngineUnavailable(f"{text}. See its dashboard.")
            return EngineRefused(f"{text}. Check GAN_RAY_RUNTIME_ENV and GAN_RAY_RESOURCES.")
        if isinstance(error, requests.RequestException | ConnectionError):
            return EngineUnavailable(
                f"Ray cannot be reached at {self.address} ({type(error).__name__}). Start it (ray start --head), or set "
                "GAN_RAY_ADDRESS."
            )
        return EngineRefused(f"Ray's client failed: {error!r}. Check GAN_RAY_ADDRESS, RAY_AUTH_TOKEN and the versions of Ray.")


def _lines(text: str) -> list[str]:
    """Return the lines of a message or traceback, without those that only close it."""
    return [line.strip() for line in text.splitlines() if len(line.strip()) > SHORT] or [""]
