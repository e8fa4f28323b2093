"""`python -m app jobs` in a terminal."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.app.retraining.jobs import SMALL_SPEC, TOKEN, Admin
from tests.forked import run
from tests.live import Service, environment


def jobs(running: Service, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    variables = environment(running.log.parent / "state", **{"url": running.url, "admin_token": TOKEN} | settings)
    return run("app", "jobs", *arguments, env=variables | {"COLUMNS": "160", "NO_COLOR": "1"})


def test_a_job_is_started_watched_promoted_and_rolled_back(training_service: Service, admin: Admin) -> None:
    small = [f"--set={name}={json.dumps(value)}" for name, value in SMALL_SPEC.items()]
    started = jobs(
        training_service, "start", "--preset", "quick", "--images", "640", "--promote", "never", "--note", "by hand", *small
    )
    assert started.returncode == 0, started.stderr
    found = re.search(r"python -m app jobs watch ([0-9a-f]{12})", started.stdout)
    assert found
    job_id = found[1]
    assert admin.job(job_id)["note"] == "by hand"

    watched = jobs(training_service, "watch", job_id[:6])
    assert watched.returncode == 0, watched.stdout + watched.stderr
    for message in (
        "running: training",
        "evaluating: exporting and measuring",
        "succeeded: digits/2 was published",
        "fid_test",
    ):
        assert message in watched.stdout
    listed = jobs(training_service, "list")
    assert re.search(rf"digits .*quick .*100% .*2 .*{job_id} .*succeeded", listed.stdout), listed.stdout
    assert "Promotion was not requested" in jobs(training_service, "show", job_id).stdout
    assert json.loads(jobs(training_service, "show", job_id, "--json").stdout) == admin.job(job_id)

    assert jobs(training_service, "promote", job_id).stdout == "digits/2 is champion; previously 1.\n"
    back = jobs(training_service, "promote", "digits/previous", "--reason", "only a test")
    assert back.stdout == "digits/1 is champion; previously 2.\n"
    assert admin.client.get("/admin/models/digits/history").json()["promotions"][0]["reason"] == "only a test"
    assert jobs(training_service, "promote", "digits/2").stdout == "digits/2 is champion; previously 1.\n"

    rejected = jobs(training_service, "cancel", job_id)
    assert rejected.returncode == 1
    assert rejected.stderr.startswith(f"Error: Job {job_id} has succeeded, so there is nothing to cancel.")


def test_cancel_and_resume_and_watch_reports_the_cancellation(training_service: Service, admin: Admin) -> None:
    job_id = admin.retrain(budget={"minutes": 10})
    admin.wait_for_images(job_id, 0)
    assert jobs(training_service, "cancel", job_id).stdout == f"{job_id} is being cancelled.\n"
    watched = jobs(training_service, "watch", job_id)
    assert watched.returncode == 1
    assert "cancelled; stopped gracefully" in watched.stdout
    assert jobs(training_service, "resume", job_id).stdout == f"{job_id} is queued.\n"
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")


def test_an_error_is_one_line_with_the_remedy(training_service: Service, tmp_path: Path) -> None:
    for arguments, settings, message in (
        (("show", "ffff"), {}, "0 jobs start with 'ffff'"),
        (("list",), {"admin_token": "another-token-altogether"}, "This token is unknown"),
        (("list",), {"url": "http://127.0.0.1:9"}, "Start the service, or set GAN_URL"),
        (("list",), {"url": f"{training_service.url}/nowhere"}, "There is nothing at"),
        (("start", "--set", "gamma"), {}, "--set takes FIELD=VALUE"),
        (("start", "--set", "gama=1"), {}, "body.spec.gama"),
        (("promote", "digits/77"), {}, "Choose one of"),
    ):
        result = jobs(training_service, *arguments, **settings)
        assert result.returncode == 1, (arguments, result.stdout)
        assert result.stderr.startswith("Error: ")
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
        assert TOKEN not in result.stderr
