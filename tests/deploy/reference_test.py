"""The reference pages are what the program prints of itself, and it prints all of what it knows."""
import re
import subprocess
import unittest

import yaml

from weir_testing.paths import CONFIG, DEPLOY, ROOT, WEIR

PAGES = ("keys", "metrics", "reasons", "topics")
CELL = re.compile(r"(?m)^\| `([^`]+)` \|")


def page(name: str) -> str:
    return subprocess.run([WEIR, "reference", name], capture_output=True, text=True, check=True).stdout


class Reference(unittest.TestCase):
    def test_what_is_committed_is_what_the_binary_prints(self):
        for name in PAGES:
            with self.subTest(name):
                self.assertEqual((DEPLOY / f"reference/{name}.md").read_text(), page(name), "run deploy/reference/make")

    def test_every_key_is_there(self):
        listed = subprocess.run([WEIR, "check", "--keys"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(sorted(CELL.findall(page("keys"))), sorted(re.findall(r"(?m)^(\S+): ", listed)))

    def test_every_metric_that_rules_and_dashboards_ask_for_is_there(self):
        names = set(CELL.findall(page("metrics")))
        used = set()
        for file in (*(DEPLOY / "prometheus").glob("weir.*.yaml"), *(DEPLOY / "grafana").glob("*.json")):
            used |= set(re.findall(r"(?<![\w:.-])(weir_\w+?)(?:_bucket|_sum|_count)?\b(?=\{|\[|\)| )", file.read_text()))
        known_groups = {group["name"] for file in ("weir.rules.yaml", "weir.alerts.yaml")
                        for group in yaml.safe_load((DEPLOY / "prometheus" / file).read_text())["groups"]}
        self.assertGreater(len(used & names), 20)
        self.assertEqual(used - names - known_groups, set())

    def test_every_reason_is_in_the_catalogue_of_the_source(self):
        reasons = set(CELL.findall(page("reasons")))
        catalogue = re.findall(r"(?m)^  k\w+ =\s+\d+,", (ROOT / "operators/explain.h").read_text())
        of_verdicts = page("reasons").split("## Of dead letters")[0]
        self.assertEqual(len(CELL.findall(of_verdicts)), len(catalogue))
        self.assertGreater(reasons, {"amount_high", "new_merchant", "short_history"})
        shown = page("metrics")
        for metric, label in (("weir_dead_letters_total", "reason"), ("weir_degraded_total", "cause")):
            [values] = re.findall(rf"(?m)^\| `{metric}` .*`{label}`: ([^|;]+)", shown)
            self.assertLessEqual(set(values.strip().split(", ")), reasons)

    def test_every_topic_of_a_configuration_is_there(self):
        topics = yaml.safe_load(CONFIG.read_text())["topics"]
        names = {f"topics.{key}" for key, value in topics.items() if isinstance(value, str)}
        self.assertEqual(set(CELL.findall(page("topics"))), names)


if __name__ == "__main__":
    unittest.main(verbosity=2)
