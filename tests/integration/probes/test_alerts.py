"""The files of monitoring/, held against promtool and against a real scrape."""

import json
import re

import pytest

from nullstore.probes.metrics import METRICS
from tests.integration.probes.promtools import MONITORING, ROOT, promtool
from tests.integration.probes.scrapes import forget, get, scrape
from tests.integration.replicas import wait_until_replicated

NAME = re.compile(r"\b(?:pg|nullstore)_[a-z_]+\b")
ALERT = re.compile(r"- alert: (\w+)\n +expr: (.+)\n")
SELECTOR = re.compile(r"\b((?:pg|nullstore)_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')


def test_the_rules_are_rules() -> None:
    assert "SUCCESS: 15 rules found" in promtool("check", "rules", "alerts.yaml")


@pytest.mark.slow
def test_every_alert_fires_and_does_not_fire() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yaml")
    tested = (MONITORING / "alerts_test.yaml").read_text()
    for alert, _ in ALERT.findall((MONITORING / "alerts.yaml").read_text()):
        assert f"{alert} fires" in tested
        assert f"{alert} does not fire" in tested


def test_every_metric_of_a_file_is_exported_and_the_dashboard_has_all() -> None:
    names = {metric.name for metric in METRICS}
    alerts = {
        name for _, expr in ALERT.findall((MONITORING / "alerts.yaml").read_text()) for name in NAME.findall(expr)
    }
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    shown = {name for panel in panels for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert alerts - names == set()
    assert shown == names


@pytest.mark.usefixtures("committed_pair")
def test_every_label_that_a_file_asks_for_is_exported_with_that_value() -> None:
    wait_until_replicated(30)
    exported = [(name, dict(labels)) for name, labels in scrape()]
    files = "".join((MONITORING / name).read_text().replace('\\"', '"') for name in ("alerts.yaml", "dashboard.json"))
    asked = [(name, MATCHER.findall(matchers)) for name, matchers in SELECTOR.findall(files)]
    assert asked
    for name, matchers in asked:
        assert ("job", "nullstore") in matchers
        for label, value in matchers[1:]:
            assert value in {labels.get(label) for found, labels in exported if found == name}, (name, label, value)


def test_every_label_that_a_file_shows_is_one_of_that_metric() -> None:
    labels = {metric.name: {*metric.labels, "instance"} for metric in METRICS} | {"up": {"instance"}}
    rules = (MONITORING / "alerts.yaml").read_text().split("- alert: ")[1:]
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    shown = [(rule, re.findall(r"\$labels\.(\w+)", rule)) for rule in rules]
    shown += [
        (each["expr"], re.findall(r"\{\{(\w+)\}\}", each["legendFormat"])) for p in panels for each in p["targets"]
    ]
    for text, names in shown:
        metric = NAME.search(text) or re.search("up", text)
        assert metric
        assert set(names) <= labels[metric[0]], text


@pytest.mark.usefixtures("committed_pair")
def test_a_real_scrape_is_well_formed() -> None:
    wait_until_replicated(30)
    forget()
    body = get("/metrics").content
    exported = set(NAME.findall(body.decode()))
    # Absent in a healthy pair without a limit; conflicts are counted from PostgreSQL 18 on.
    may_be_absent = {"nullstore_replication_problem", "nullstore_replication_conflicts_total"}
    missing = {metric.name for metric in METRICS} - exported - {"pg_replication_slot_safe_wal_size_bytes"}
    assert missing - may_be_absent == set()
    promtool("check", "metrics", given=body)


def test_the_reference_has_every_metric() -> None:
    page = (ROOT / "docs/reference/probes.md").read_text()
    lines = [f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} | {m.help} |" for m in METRICS]
    found = [line for line in page.splitlines() if re.match(r"\| `(pg|nullstore)_", line)]
    assert found == lines, "docs/reference/probes.md: replace the table by:\n" + "\n".join(lines)
