"""promtool of Prometheus, on the files of monitoring/ and on what was scraped."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.probes.scrapes import Samples

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "monitoring"
#: Set where a missing promtool is a failure, not a reason to leave the tests out.
REQUIRED = "NULLSTORE_PROMTOOL_REQUIRED"
#: Minutes: how long things were as at first, and when the alerts are looked at. Rules look back 15 minutes at most.
BEFORE, AT = 20, 25


def promtool(*arguments: str, given: bytes = b"") -> str:
    """Run it in monitoring/; it has to say that all is well."""
    program = shutil.which("promtool")
    if program is None:
        message = "There is no promtool: install Debian's package prometheus."
        pytest.fail(message) if os.environ.get(REQUIRED) else pytest.skip(message)
    done = subprocess.run([str(program), *arguments], cwd=MONITORING, input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode() + done.stderr.decode()


def assert_fires(alerts: set[str], before: Samples, after: Samples, folder: Path) -> None:
    """Exactly these alerts fire where scrapes show `before` for 20 minutes and `after` from then on."""
    names = sorted({*before, *after}, key=str)
    series = [
        {
            "series": name
            + json.dumps({"job": "nullstore", **dict(labels)}, sort_keys=True)
            .replace('": ', "=")
            .replace(', "', ",")
            .replace('{"', "{"),
            "values": _values(before.get((name, labels)), after.get((name, labels))),
        }
        for name, labels in names
    ]
    series.append({"series": 'up{job="nullstore"}', "values": f"1x{2 * AT}"})
    firing = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{AT}m",
        "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)],
    }
    made = {
        "rule_files": [str(MONITORING / "alerts.yaml")],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [firing]}],
    }
    (folder / "rules_test.yaml").write_text(json.dumps(made))
    assert "SUCCESS" in promtool("test", "rules", str(folder / "rules_test.yaml"))


def _values(before: float | None, after: float | None) -> str:
    """In promtool's words: a value for each minute, `_` where there was none."""
    first, then = ("_" if value is None else f"{value:.0f}" for value in (before, after))
    return f"{first}x{BEFORE - 1} {then}x{AT}"
