"""The alarms and the dashboard are valid, documented and consistent with the metrics."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import MONITORING, Object, composed
from tests.live import ROOT
from tests.waiting import LIMIT_SECONDS

GRAFANA = MONITORING / "grafana"
RULES: list[Object] = [
    rule for group in yaml.safe_load((MONITORING / "alarms.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: Object = json.loads((GRAFANA / "dashboards" / "seedling.json").read_text())
PANELS: list[Object] = DASHBOARD["panels"]
EXPRESSIONS: list[str] = [target["expr"] for panel in PANELS for target in panel.get("targets", [])]
EXPRESSIONS += [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
SCENARIOS = Path(__file__).with_name("alarms_test.yml")


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"\bseedling_\w+", expression))


def failure(*command: str | Path) -> str:
    """Return the status and output of a command if it fails, and an empty string otherwise."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    return "" if result.returncode == 0 else f"exit {result.returncode}: {result.stdout}{result.stderr}"


def test_prometheus_accepts_its_configuration_and_the_alarms(promtool: str) -> None:
    assert failure(promtool, "check", "config", MONITORING / "prometheus.yml") == ""


def test_each_alarm_fires_only_in_its_scenarios(promtool: str) -> None:
    assert failure(promtool, "test", "rules", SCENARIOS) == ""


def test_each_alarm_has_a_scenario() -> None:
    alerts = set(re.findall(r"Seedling\w+", SCENARIOS.read_text()))
    assert alerts == {rule["alert"] for rule in RULES}


def test_prometheus_accepts_the_expressions_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expr.replace("$__rate_interval", "1m")} for n, expr in enumerate(EXPRESSIONS)]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert failure(promtool, "check", "rules", file) == ""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_has_a_severity_a_description_and_a_runbook(rule: Object) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page, anchor = rule["annotations"]["runbook"].split("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    # the anchors that GitHub derives from headings
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_queried_metric_exists() -> None:
    from app.observability.metrics import NAMES  # imported here, so that an import error fails only this test

    queried = set().union(*map(metrics_of, [*EXPRESSIONS, *(rule["expr"] for rule in RULES)]))
    histogram = "seedling_request_duration_seconds"
    assert histogram in NAMES
    assert {name for name in queried if not name.startswith(histogram)} - NAMES == set()
    assert {name for name in queried if name.startswith(histogram)} <= {
        f"{histogram}_{part}" for part in ("bucket", "count", "sum")
    }


def test_the_panels_have_descriptions_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["type"] == "row" or panel["targets"], panel["title"]
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24
    for first, second in combinations(PANELS, 2):
        a, b = first["gridPos"], second["gridPos"]
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart, (first["title"], second["title"])


def test_every_panel_uses_the_selected_data_source() -> None:
    selected = {"type": "prometheus", "uid": "${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    sources = [panel["datasource"] for panel in PANELS if panel["type"] != "row"]
    sources += [target["datasource"] for panel in PANELS for target in panel.get("targets", [])]
    assert all(source == selected for source in sources)


def test_prometheus_and_grafana_match_the_addresses_in_compose() -> None:
    services = composed(ROOT / "compose.yaml")["services"]
    (job,) = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    assert job["job_name"] == "seedling"
    assert job["static_configs"] == [{"targets": [f"api:{services['api']['environment']['GAN_METRICS_PORT']}"]}]

    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert services["prometheus"]["ports"][0].endswith(":9090")

    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "seedling.yaml").read_text())["providers"]
    mounted: dict[str, Any] = {target: source for source, target, *_ in (v.split(":") for v in services["grafana"]["volumes"])}
    assert (ROOT / mounted[provider["options"]["path"]] / "seedling.json").is_file()
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/seedling.json"
