"""Dashboards: the JSON is what its source writes, in Grafana's shape, and asks for metrics that exist. What panels show:
tests/integration/watch_test.py."""
import itertools
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from rules_test import RUNBOOK, alerts, metrics_in_the_source, rules
from weir_testing.paths import DEPLOY
from weir_testing.promql import selectors

FOLDER = DEPLOY / "grafana"
sys.path.insert(0, str(FOLDER))
import drawing  # noqa: E402

IN_GRAFANA = {"timeseries", "stat", "table", "heatmap", "state-timeline", "text", "row"}  # of its core, as of Grafana 11
WITH_QUERIES = IN_GRAFANA - {"text", "row"}
UNITS = {"short", "none", "cps", "s", "bytes", "percentunit"}
GRAFANAS_VARIABLES = {"__rate_interval", "__url_time_range", "__all_variables"}


def dashboards() -> dict[str, dict]:
    return {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def panels(*kinds: str) -> list[dict]:
    return [panel for dashboard in dashboards().values() for panel in dashboard["panels"] if not kinds or panel["type"] in kinds]


class Dashboards(unittest.TestCase):
    def test_the_json_is_what_the_source_writes(self):
        done = subprocess.run([sys.executable, FOLDER / "dashboards.py", "--check"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(dashboards().keys(), {"overview", "path", "state", "model", "decisions"})

    def test_a_file_that_was_edited_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(FOLDER, Path(folder) / "grafana")
            edited = copy / "path.json"
            edited.write_text(edited.read_text().replace("p99", "p98"))
            done = subprocess.run([sys.executable, copy / "dashboards.py", "--check"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, f"{edited}: not what dashboards.py writes; run it\n"))

    def test_a_preview_without_a_prometheus_says_what_is_missing(self):
        with socket.socket() as taken:  # bound, and nobody listens
            taken.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
            done = subprocess.run([sys.executable, FOLDER / "preview.py", FOLDER / "path.json", "--prometheus", address],
                                  capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (69, ""))
        self.assertIn(f"no answer from {address}", done.stderr)
        self.assertIn("--prometheus", done.stderr)

    def test_values_of_a_preview_read_as_in_grafana(self):
        for value, unit, expected in ((0.25, "percentunit", "25 %"), (0.0004, "s", "400 µs"), (90, "s", "90 s"), (7200, "s", "2 h"),
                                      (3 * 2**20, "bytes", "3 MiB"), (12_345, "short", "12.3 K"), (0.125, "cps", "0.125/s"),
                                      (float("nan"), "s", "-"), (-1500, "cps", "-1.5 K/s"), (0, "s", "0 s"), (1_234, "none", "1,234")):
            self.assertEqual(drawing.shown(value, unit), expected)

    def test_panels_have_grafanas_shape(self):
        for panel in panels():
            self.assertIn(panel["type"], IN_GRAFANA, panel["title"])
            self.assertEqual(panel.keys() - {"datasource", "targets", "transformations", "transparent", "collapsed", "panels"},
                             {"id", "type", "title", "gridPos"} if panel["type"] == "row" else
                             {"id", "type", "title", "gridPos", "description", "fieldConfig", "options", "links"})
        for panel in panels(*WITH_QUERIES):
            self.assertGreater(len(panel["description"]), 8, panel["title"])
            self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS, panel["title"])
            self.assertEqual([target["refId"] for target in panel["targets"]], list("ABCD"[:len(panel["targets"])]))
            for target in panel["targets"]:
                self.assertEqual(target["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertNotEqual(target["instant"], target["range"])

    def test_panels_lie_beside_each_other(self):
        for name, dashboard in dashboards().items():
            taken: dict[tuple[int, int], str] = {}
            self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))
            for panel in dashboard["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24)
                columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
                for cell in itertools.product(columns, rows):
                    self.assertNotIn(cell, taken, f"{name}: {panel['title']} on {taken.get(cell)}")
                    taken[cell] = panel["title"]

    def test_variables_that_are_used_exist(self):
        for name, dashboard in dashboards().items():
            declared = {variable["name"] for variable in dashboard["templating"]["list"]}
            used = {a or b for a, b in re.findall(r"\$(?:(\w+)|\{(\w+)[}:])", json.dumps(dashboard))} - {"__all"}  # a value
            self.assertEqual(used - declared - GRAFANAS_VARIABLES, set(), name)
            self.assertLessEqual({"datasource", "job", "instance", "runbook"}, declared)

    def test_queries_are_of_the_chosen_instances_and_of_metrics_that_exist(self):
        known = metrics_in_the_source() | {"up", "ALERTS"} | {rule["record"] for rule in rules() if "record" in rule}
        for panel in panels(*WITH_QUERIES):
            for target in panel["targets"]:
                for metric, matchers in selectors(target["expr"]):
                    self.assertIn(metric, known)
                    chosen = {label for label, _, value in matchers if value == f"${label}"}
                    wanted = {"job"} if ":" in metric else set() if metric == "ALERTS" else {"job", "instance"}
                    self.assertLessEqual(wanted, chosen, target["expr"])

    def test_links_lead_to_dashboards_and_sections_that_exist(self):
        uids = {dashboard["uid"] for dashboard in dashboards().values()}
        sections = {name.lower() for name in alerts()}
        found = set()
        for name, dashboard in dashboards().items():
            text = json.dumps(dashboard)
            self.assertLessEqual(set(re.findall(r"/d/([\w-]+)\?", text)), uids)
            anchors = set(re.findall(r"\$\{runbook\}#(\w+)", text))
            self.assertLessEqual(anchors, sections)
            found |= anchors
            self.assertEqual([v["query"] for v in dashboard["templating"]["list"] if v["name"] == "runbook"], [RUNBOOK])
        self.assertEqual(sections - found - {"weirdown", "weirnotlive"}, set(), "alerts that no panel leads to")


if __name__ == "__main__":
    unittest.main(verbosity=2)
