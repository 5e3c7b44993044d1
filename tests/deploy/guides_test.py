"""The guides: every command in them runs as it stands, against a real broker and a `weir run` beside it; links lead somewhere."""
import os
import re
import subprocess
import unittest

from weir_testing import sample
from weir_testing.case import BrokerCase
from weir_testing.job import free_port
from weir_testing.paths import CONFIG, DEPLOY, ROOT, WEIR, WORK
from weir_testing.waiting import eventually
from weir_testing.worker import Worker

GUIDES = sorted((DEPLOY / "guides").glob("*.md"))
PAGES = [*GUIDES, *(DEPLOY / name for name in ("capacity.md", "upgrade.md", "helm/weir/README.md"))]
PAYMENTS = 1_500  # among them those of C0939, whom the guides look at


def blocks(text: str) -> list[str]:
    return re.findall(r"(?ms)^```sh\n(.*?)^```", text)


class Text(unittest.TestCase):
    def test_each_guide_begins_with_its_reader_s_question(self):
        self.assertEqual([guide.stem for guide in GUIDES],
                         ["analyst", "comparison", "model-developer", "payments-engineer", "sre", "validator"])
        for guide in GUIDES:
            self.assertRegex(guide.read_text(), r'\A# [^\n]+\n\n\*\*"[^"]+\?"\*\*', guide.name)

    def test_links_and_named_files_exist(self):
        for page in PAGES:
            text = page.read_text()
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")
            for target in re.findall(r"`((?:deploy|configs|models|tests|pipeline)/[\w./@*-]+?)`", text):
                self.assertTrue(list(ROOT.glob(target.rstrip("/"))), f"{page.name}: {target}")


class Commands(BrokerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.here = WORK / "guides"
        subprocess.run(["rm", "-rf", cls.here], check=True)
        cls.here.mkdir(parents=True)
        for name in ("configs", "models", "tests", "deploy", ".venv"):
            (cls.here / name).symlink_to(ROOT / name)
        (cls.here / "bin").mkdir()
        (cls.here / "bin/weir").symlink_to(WEIR)
        cls.admin = f"127.0.0.1:{free_port()}"
        cls.environment = {**os.environ, "PATH": f"{cls.here / 'bin'}:{os.environ['PATH']}", "KAFKA_BROKERS": cls.broker.bootstrap,
                           "WEIR_STATE_DIR": str(cls.here / "state"), "PYTHONPATH": ""}
        # The shipped configuration and its own topic names, as the guides say.
        cls.worker = _Shipped("guides", CONFIG, cls.admin, cls.here / "weir.log", cls.environment)
        cls.addClassCleanup(cls.worker.kill)
        cls.worker.start_ready()
        publisher = sample.Publisher(cls.broker.bootstrap)
        lines = [line for line in sample.transactions() if b'"C0939"' in line][:5] + list(sample.transactions()[:PAYMENTS])
        for line in lines:
            publisher.send("transactions", line, sample.user_of(line))
        publisher.flush()
        eventually(lambda: cls.worker.metric("weir_verdicts_total") >= PAYMENTS, 90, "verdicts of the payments")

    def run_guide(self, name: str) -> str:
        script = "\n".join(blocks((DEPLOY / f"guides/{name}.md").read_text()))
        script = script.replace("localhost:9464", self.admin).replace("weir probe ready", f"weir probe ready --address {self.admin}")
        done = subprocess.run(["bash", "-eux", "-c", script], cwd=self.here, env=self.environment, capture_output=True,
                              text=True, timeout=180)
        self.assertEqual(done.returncode, 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def test_payments_engineer(self):
        said = self.run_guide("payments-engineer")
        self.assertIn('"transaction_id": "p-1"', said)
        self.assertIn("weir-reason=missing_field", said)

    def test_analyst(self):
        said = self.run_guide("analyst")
        self.assertIn('"runner_up"', said)
        self.assertRegex(said, r"card_count_1d +\d")
        reviews = [int(count) for count in re.findall(r'(\d+) "action":"review","runner_up"', said)]
        self.assertGreater(reviews[1], reviews[0])  # cheaper ones are more

    def test_sre(self):
        said = self.run_guide("sre")
        self.assertIn('"ready":true', said.replace(" ", ""))
        self.assertIn("weir_consumer_lag_records", said)
        self.assertRegex(said, r"\d+ right, \d+ would change")

    def test_model_developer(self):
        self.assertIn("terminal_fraud_share_7d", self.run_guide("model-developer"))

    def test_comparison(self):
        self.assertRegex(self.run_guide("comparison"), r"weir \d+\.\d+\.\d+")

    def test_validator(self):
        self.assertIn("the same\n", self.run_guide("validator"))


class _Shipped(Worker):
    def __init__(self, name, config, admin, log, environment):
        super().__init__(name, config, admin, log)
        self._environment = environment

    def start(self) -> "Worker":
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(WEIR), "run", "--config", str(self.config), "--set", f"admin.listen={self.admin}"],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self


if __name__ == "__main__":
    unittest.main(verbosity=2)
