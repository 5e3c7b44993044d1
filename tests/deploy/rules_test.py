"""Rules of Prometheus: promtool accepts them and its cases pass; every alert is tried, explained and asks for metrics that exist."""
import re
import subprocess
import unittest

import yaml

from weir_testing.paths import DEPLOY, ROOT, promtool
from weir_testing.promql import grouping_labels, selectors

FOLDER = DEPLOY / "prometheus"
CASES = ("weir.tests.yaml", "weir.days.tests.yaml", "weir.months.tests.yaml")
# Said there once for all dashboards; alerts must say the same.
RUNBOOK = re.search(r'^RUNBOOK = "(.*?)"', (DEPLOY / "grafana/parts.py").read_text(), re.MULTILINE)[1]


def groups(file: str) -> list[dict]:
    return yaml.safe_load((FOLDER / file).read_text())["groups"]


def rules() -> list[dict]:
    return [rule for file in ("weir.rules.yaml", "weir.alerts.yaml") for group in groups(file) for rule in group["rules"]]


def alerts() -> dict[str, dict]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def metrics_in_the_source() -> set[str]:
    """Names as the exposition has them; a histogram gives three."""
    folder = ROOT / "pipeline/telemetry"
    source = (folder / "metric_families.cc").read_text()
    histograms = re.findall(r'"(weir_\w+)"', source[source.index("kHistograms[]"):])
    exposition = (folder / "exposition.cc").read_text()
    histograms += re.findall(r'family\("(\w+)",[^;]*?MetricType::Histogram', exposition)
    plain = re.findall(r'"((?:weir|process)_\w+)"', source + exposition)
    return {*plain, *(f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count"))}


class Rules(unittest.TestCase):
    def promtool(self, *arguments: str) -> None:
        done = subprocess.run([promtool(), *arguments], cwd=FOLDER, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_accepts_rules_and_configuration(self):
        self.promtool("check", "rules", "weir.rules.yaml", "weir.alerts.yaml")
        self.promtool("check", "config", "prometheus.yml")

    def test_alerts_fire_when_they_should_and_only_then(self):
        self.promtool("test", "rules", *CASES)

    def test_every_alert_fires_in_a_case_and_every_case_has_silence(self):
        fired = set()
        for case in (case for file in CASES for case in yaml.safe_load((FOLDER / file).read_text())["tests"]):
            moments = [moment["exp_samples"] for moment in case.get("promql_expr_test", ())]
            self.assertTrue("alert_rule_test" in case or [] in moments, case["name"])
            fired |= {re.search(r'alertname="(\w+)"', sample["labels"])[1] for samples in moments for sample in samples}
        self.assertEqual(fired, alerts().keys())

    def test_every_alert_says_how_bad_it_is_what_it_saw_and_where_to_read_on(self):
        for name, alert in alerts().items():
            with self.subTest(name):
                self.assertIn(alert["labels"]["severity"], ("page", "ticket", "info"))
                self.assertEqual(alert["annotations"].keys(), {"summary", "description", "runbook_url"})
                text = alert["annotations"]["summary"] + alert["annotations"]["description"]
                if name != "WeirDown":  # whose value is always 0
                    self.assertIn("$value", text)
                self.assertIn("$labels.job", text)
                self.assertEqual(alert["annotations"]["runbook_url"], f"{RUNBOOK}#{name.lower()}")

    def test_what_a_text_names_is_a_label_that_the_alert_keeps(self):
        for name, alert in alerts().items():
            recorded = [metric for metric, _ in selectors(alert["expr"]) if ":" in metric]
            kept = grouping_labels(alert["expr"]).union(*(metric.split(":")[0].split("_") for metric in recorded))
            if not recorded and not re.search(r"\b(sum|max|count) by", alert["expr"]):
                continue  # every label of the metric is kept
            named = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
            self.assertLessEqual(named, kept | {"job"}, name)

    def test_rules_ask_for_metrics_that_exist(self):
        known = metrics_in_the_source() | {"up", "ALERTS"} | {rule["record"] for rule in rules() if "record" in rule}
        self.assertGreater(len(known), 80)
        for rule in rules():
            asked = {metric for metric, _ in selectors(rule["expr"])}
            self.assertTrue(asked, rule)
            self.assertEqual(asked - known, set(), rule)

    def test_recording_rules_are_used(self):
        """By an alert, another rule or a dashboard: none is evaluated for nobody."""
        users = " ".join(rule["expr"] for rule in rules()) + " ".join(f.read_text() for f in (DEPLOY / "grafana").glob("*.json"))
        unused = [rule["record"] for rule in rules() if "record" in rule and not re.search(re.escape(rule["record"]) + r"\b", users)]
        self.assertEqual(unused, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
