"""python -m app jobs, as a person in a terminal meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.app.retraining.jobs import SMALL_SPEC, TOKEN, Admin
from tests.live import ROOT, Service, environment


def jobs(running: Service, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    variables = environment(running.log.parent / "state", **{"url": running.url, "admin_token": TOKEN} | settings)
    return subprocess.run(
        [sys.executable, "-m", "app", "jobs", *arguments],
        cwd=ROOT,
        env=variables | {"COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_from_start_to_promotion_and_back(trains: Service, admin: Admin) -> None:
    small = [f"--set={name}={json.dumps(value)}" for name, value in SMALL_SPEC.items()]
    started = jobs(trains, "start", "--preset", "quick", "--images", "640", "--promote", "never", "--note", "by hand", *small)
    assert started.returncode == 0, started.stderr
    found = re.search(r"python -m app jobs watch ([0-9a-f]{12})", started.stdout)
    assert found
    job_id = found[1]
    assert admin.job(job_id)["note"] == "by hand"

    watched = jobs(trains, "watch", job_id[:6])
    assert watched.returncode == 0, watched.stdout + watched.stderr
    for said in ("running: training", "evaluating: exporting and measuring", "succeeded: digits/2 was published", "fid_test"):
        assert said in watched.stdout
    listed = jobs(trains, "list")
    assert re.search(rf"digits .*quick .*100% .*2 .*{job_id} .*succeeded", listed.stdout), listed.stdout
    assert "Promotion was not requested" in jobs(trains, "show", job_id).stdout
    assert json.loads(jobs(trains, "show", job_id, "--json").stdout) == admin.job(job_id)

    assert jobs(trains, "promote", job_id).stdout == "digits/2 is champion; previously 1.\n"
    assert jobs(trains, "promote", "digits/previous").stdout == "digits/1 is champion; previously 2.\n"
    assert jobs(trains, "promote", "digits/2").stdout == "digits/2 is champion; previously 1.\n"

    refused = jobs(trains, "cancel", job_id)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: Job {job_id} has succeeded, so there is nothing to cancel.")


def test_cancel_and_resume_and_a_watcher_who_learns_of_it(trains: Service, admin: Admin) -> None:
    job_id = admin.retrain(budget={"minutes": 10})
    admin.wait_for_images(job_id, 0)
    assert jobs(trains, "cancel", job_id).stdout == f"{job_id} is being cancelled.\n"
    watched = jobs(trains, "watch", job_id)
    assert watched.returncode == 1
    assert "cancelled; stopped gracefully" in watched.stdout
    assert jobs(trains, "resume", job_id).stdout == f"{job_id} is queued.\n"
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")


def test_what_goes_wrong_is_one_line_with_the_remedy(trains: Service, tmp_path: Path) -> None:
    for arguments, settings, said in (
        (("show", "ffff"), {}, "0 jobs start with 'ffff'"),
        (("list",), {"admin_token": "another-token-altogether"}, "This token is not known"),
        (("list",), {"url": "http://127.0.0.1:9"}, "Start the service, or set GAN_URL"),
        (("list",), {"url": f"{trains.url}/nowhere"}, "There is nothing at"),
        (("start", "--set", "gamma"), {}, "--set takes FIELD=VALUE"),
        (("start", "--set", "gama=1"), {}, "body.spec.gama"),
        (("promote", "digits/77"), {}, "Choose one of"),
    ):
        result = jobs(trains, *arguments, **settings)
        assert result.returncode == 1, (arguments, result.stdout)
        assert result.stderr.startswith("Error: ")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
        assert TOKEN not in result.stderr
