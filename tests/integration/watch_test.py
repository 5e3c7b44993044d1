"""What an operator sees: a real Prometheus scrapes a real Weir and runs the shipped rules; no panel of a dashboard is empty."""
import json
import math
import subprocess
import sys
import time

import yaml

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.paths import DEPLOY
from weir_testing.prometheus import Prometheus
from weir_testing.promql import Exposed
from weir_testing.waiting import eventually
from weir_testing.worker import Worker

SCRAPES = 20
PAYMENTS_PER_SECOND = 250
RULES = ("weir.rules.yaml", "weir.alerts.yaml")
# What Grafana puts in; the window of a rate as short as the test.
VARIABLES = {"$__rate_interval": "10s", "$job": "weir", "$instance": ".*", "$review_cost": "3"}
# On a busy machine payments may be late or wait, and say so after minutes.
MAY_BE_PENDING = {"WeirVerdictDelayBurnFast", "WeirVerdictDelayBurnSlow", "WeirPaymentsWait", "WeirLagGrows"}


def dashboards() -> dict[str, dict]:
    return {file.stem: json.loads(file.read_text()) for file in sorted((DEPLOY / "grafana").glob("*.json"))}


def rules() -> list[dict]:
    return [rule for file in RULES for group in yaml.safe_load((DEPLOY / "prometheus" / file).read_text())["groups"]
            for rule in group["rules"]]


def filled_in(expr: str) -> str:
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    return expr


class Watch(BrokerCase):
    def scraping(self, worker: Worker) -> Prometheus:
        """The shipped configuration, hastier."""
        config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        self.assertEqual(sorted(config["rule_files"]), sorted(RULES))
        config["rule_files"] = [str(DEPLOY / "prometheus" / file) for file in RULES]
        self.assertEqual([scrape["job_name"] for scrape in config["scrape_configs"]], ["weir"])
        config["scrape_configs"][0]["static_configs"] = [{"targets": [worker.admin]}]
        prometheus = Prometheus(self.work / "prometheus", yaml.safe_dump(config))
        self.addCleanup(prometheus.stop)
        return prometheus.start()

    def feed(self, job):
        """Payments, a repeat, something broken, and labels of which some say fraud."""
        lines = sample.transactions()[:20_000]
        frauds = [line for line in sample.labels() if b'"is_fraud":true' in line]
        labels = tuple(label for pair in zip(frauds, sample.labels()[:len(frauds)]) for label in pair)
        job.publish(lines[:300] + lines[:1], labels[:50])
        job.publish((lines[300].replace(b'"amount":', b'"amount_":'),))
        feeder = job.feeder(lines[301:], PAYMENTS_PER_SECOND, self.seed, labels)
        feeder.allow(0.9)  # it stops with the test, not before
        return feeder

    def test_no_panel_is_empty_no_rule_fails_and_nothing_fires(self):
        job = self.job(entities=True).create_input_topics()
        worker = job.worker("a").start_ready()
        eventually(lambda: worker.metric("weir_restored_partitions", "entities") == 4, 60, "stage entities is ready")
        prometheus = self.scraping(worker)
        start = time.time()
        feeder = self.feed(job)
        eventually(lambda: worker.metric("weir_dead_letters_total", reason="missing_field") == 1, 30, "the dead letter")
        eventually(lambda: any(float(s["value"][1]) >= SCRAPES for s in prometheus.now("count_over_time(weir_ready[5m])")), 90,
                   f"{SCRAPES} scrapes", every=0.5)

        with self.subTest("every panel has something to show"):
            asked, empty = self._ask_every_panel(prometheus, start)
            print(f"  {asked} queries of {len(dashboards())} dashboards", file=sys.stderr)
            self.assertEqual(empty, [])
        with self.subTest("every dashboard can be looked at without Grafana"):
            for file in sorted((DEPLOY / "grafana").glob("*.json")):
                page = subprocess.run([sys.executable, DEPLOY / "grafana/preview.py", file, "--prometheus",
                                       f"http://{prometheus.address}", "--minutes", "1"], capture_output=True, text=True)
                self.assertEqual((page.returncode, page.stderr), (0, ""))
                panels = json.loads(file.read_text())["panels"]
                self.assertEqual(page.stdout.count("<section "), len(panels))
                self.assertGreaterEqual(page.stdout.count("<polyline"), sum(panel["type"] == "timeseries" for panel in panels))
                self.assertNotIn("no data", page.stdout)
                self.assertNotIn("not drawn", page.stdout)
        with self.subTest("variables have values"):
            for of in ("weir_ready", 'weir_ready{job=~"weir"}'):
                series = prometheus.get("series", **{"match[]": of})
                self.assertEqual([(s["job"], s["instance"]) for s in series], [("weir", worker.admin)])
        with self.subTest("every rule is evaluated"):
            found = prometheus.rules()
            self.assertEqual(len(found), len(rules()))
            self.assertEqual([(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"], [])
        with self.subTest("what rules and panels ask for is exposed, with those labels"):
            exposed = Exposed(worker.metrics_text())
            asked_for = [rule["expr"] for rule in rules()]
            asked_for += [target["expr"] for d in dashboards().values() for p in d["panels"] for target in p.get("targets", ())]
            self.assertEqual({missing for expr in asked_for for missing in exposed.missing(filled_in(expr))}, set())
        with self.subTest("no alert of a healthy pipeline"):
            alerts = prometheus.alerts()
            self.assertEqual([name for name, state in alerts.items() if state == "firing"], [])
            self.assertEqual(set(alerts) - MAY_BE_PENDING, set())
        with self.subTest("and an alert when there is none"):
            self.assertIsNone(feeder.error)
            worker.kill()
            eventually(lambda: {"WeirDown", "WeirInstanceDown"} <= prometheus.alerts().keys(), 15, "the instance is missed",
                       every=0.2)

    def _ask_every_panel(self, prometheus: Prometheus, start: float) -> tuple[int, list[str]]:
        asked, empty = 0, []
        end = time.time()
        for name, dashboard in dashboards().items():
            for panel in dashboard["panels"]:
                for target in panel.get("targets", ()):
                    expr = filled_in(target["expr"])
                    self.assertNotIn("$", expr)
                    if target["instant"]:
                        values = [s["value"][1] for s in prometheus.now(expr)]
                    else:
                        values = [value for s in prometheus.over(expr, start, end, 1) for _, value in s["values"]]
                    asked += 1
                    if all(math.isnan(float(value)) for value in values):
                        empty.append(f"{name}: {panel['title']}: {expr}")
        return asked, empty


if __name__ == "__main__":
    main()
