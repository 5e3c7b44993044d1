"""The whole way of a model over the bundled sample: data by the engine, training, package, verdicts of `weir replay` with it,
report, MLflow; and the retrain of `make retrain`.

The networks are tiny: what is tested is that every piece fits the next one, not quality. No broker.
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import unittest

from weir_testing.paths import CONFIG, ROOT, SAMPLE, WEIR, WORK

OPERATORS = os.environ.get("WEIR_OPS", ROOT / "build/release/models/libweir_torch_ops.so")
TRANSACTIONS, LABELS = SAMPLE / "transactions.jsonl.gz", SAMPLE / "labels.jsonl.gz"

EXPERIMENT = f"""
name: tiny
version: 1.0.0
data: {{config: {CONFIG}, transactions: {TRANSACTIONS}, labels: {LABELS}}}
split: {{until: 2018-08-08, held_out_days: 14}}
sequence: {{width: 16, row_width: 16, inner: 16, merchant_rows: 8, flat_rows: 4, epochs: 1, easy_share: 0.3}}
trees: {{rounds: 20, max_depth: 3}}
evaluate: {{protocol: handbook, looks: looks.jsonl}}
ablations:
  trees only: {{blend.parts: [trees]}}
"""


class TrainingPipeline(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.home = WORK / "training-pipeline"
        shutil.rmtree(cls.home, ignore_errors=True)
        cls.home.mkdir(parents=True)
        (cls.home / "tiny.yaml").write_text(EXPERIMENT)
        cls.store = cls.home / "mlflow.db"
        cls.ran = cls.weir_training("run", cls.home / "tiny.yaml", "--zoo", cls.home / "zoo",
                                    MLFLOW_TRACKING_URI=f"sqlite:///{cls.store}")
        cls.package = cls.home / "zoo/tiny/1.0.0"

    @classmethod
    def weir_training(cls, command, *arguments, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "weir_training", command, *map(str, arguments),
             "--ops", OPERATORS, "--weir", WEIR, "--runs", cls.home / "runs"],
            capture_output=True, text=True, env=os.environ | environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def replay(self, *settings, out="/dev/null"):
        given = [word for setting in settings for word in ("--set", setting)]
        return subprocess.run([WEIR, "replay", "--config", CONFIG, "--transactions", TRANSACTIONS, "--labels", LABELS,
                               "--out", out, *given], capture_output=True, text=True)

    def test_the_report_is_of_the_package_that_was_registered(self):
        folder = self.ran["evaluation"]["folder"]
        with open(f"{folder}/evaluation.json") as file:
            result = json.load(file)
        self.assertIn(self.ran["registered"]["digest"], result["package"])
        self.assertEqual([fold["name"] for fold in result["folds"]], ["2018-08-08", "2018-08-15", "2018-08-22", "2018-08-29"])
        self.assertEqual(len((self.home / "looks.jsonl").read_text().splitlines()), 2)  # it and its ablation

    def test_the_pipeline_foresees_what_the_engine_says(self):
        """Ablations are scored without a replay; that this is the same shows in the line without a change."""
        with open(f"{self.ran['evaluation']['folder']}/evaluation.json") as file:
            result = json.load(file)
        here, served = result["ablations"][0]["mean"], result["mean"]
        for name in ("auc", "average_precision", "card_precision_100", "log_loss", "mean_probability"):
            self.assertAlmostEqual(here[name], served[name], delta=2e-5, msg=name)

    def test_run_again_finds_everything_up_to_date(self):
        again = self.weir_training("run", self.home / "tiny.yaml", "--zoo", self.home / "zoo")
        self.assertTrue(again["package"]["up_to_date"] and again["evaluation"]["up_to_date"])
        self.assertEqual(again["registered"], self.ran["registered"])

    def test_mlflow_keeps_settings_and_figures_in_a_sqlite_store(self):
        with sqlite3.connect(self.store) as store:
            metrics = dict(store.execute("select key, value from metrics"))
            settings = dict(store.execute("select key, value from params"))
        with open(f"{self.ran['evaluation']['folder']}/evaluation.json") as file:
            self.assertAlmostEqual(metrics["evaluate.mean.auc"], json.load(file)["mean"]["auc"])
        self.assertEqual(settings["trees.rounds"], "20")

    def test_a_retrain_on_few_days_makes_a_package_that_replay_accepts(self):
        out = self.home / "retrained"
        told = self.weir_training("retrain", "--transactions", TRANSACTIONS, "--labels", LABELS, "--until", "2018-08-08",
                                  "--days", 7, "--out", out, "--config", CONFIG, "--set", "sequence.epochs=1")
        with open(out / "manifest.json") as file:
            training = json.load(file)["training"]
        self.assertEqual(training["labels_known_by"], "2018-08-08T00:00:00Z")
        self.assertEqual(list(told["held_out_log_loss"]), ["fresh weights"])  # the configured package knows those days
        self.assertGreaterEqual(training["periods"]["full"]["from"], "2018-07-25")
        self.assertLessEqual(training["periods"]["full"]["to"], "2018-08-01T00:00:00Z")
        done = self.replay(f"model.package={out}", f"model.allow={told['digest']}")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_days_of_other_payments_are_no_hindrance_to_go_on(self):
        """As if the sample were of other cards than those that the configured package learned from in these days."""
        told = self.weir_training("retrain", "--transactions", TRANSACTIONS, "--labels", LABELS, "--until", "2018-08-08", "--unseen",
                                  "--days", 7, "--out", self.home / "unseen", "--config", CONFIG,
                                  "--set", "sequence.epochs=1", "--set", "trees.rounds=10")
        self.assertEqual(list(told["held_out_log_loss"]), ["the configured package's weights"])

    def test_a_retrain_may_go_on_from_the_configured_package(self):
        network = self.weir_training("export", self.home / "tiny.yaml", "--set", "blend.parts=[sequence]",
                                     "--set", "sequence.epochs=6", "--set", "sequence.easy_share=1.0",
                                     "--set", "split.until=2018-07-20", "--set", "split.held_out_days=4", "--set", "split.gap_days=0")
        config = self.home / "weir.yaml"
        text = CONFIG.read_text()
        before = text[text.index("  package: "):].partition("\n")[0]
        config.write_text(text.replace(before, f"  package: {network['folder']}/tiny/1.0.0"))

        def retrained(days: int) -> dict:
            return self.weir_training("retrain", "--transactions", TRANSACTIONS, "--labels", LABELS, "--until", "2018-08-08",
                                      "--days", days, "--out", self.home / f"gone-on-{days}", "--config", config,
                                      "--set", "sequence.epochs=1", "--set", "trees.rounds=10")

        told = retrained(14)
        self.assertEqual(list(told["held_out_log_loss"]), ["fresh weights", "the configured package's weights"])
        self.assertIn(told["started_from"], told["held_out_log_loss"])
        told = retrained(7)  # too few to decide: it goes on, and the network leads
        self.assertEqual(list(told["held_out_log_loss"]), ["the configured package's weights"])
        with open(self.home / "gone-on-7/manifest.json") as file:
            weights = json.load(file)["blend"]
        self.assertAlmostEqual(weights["sequence"] / (weights["sequence"] + weights["trees"]), 0.75)

    def test_exported_parquet_gives_the_same_declared_features(self):
        features = self.home / "features"
        subprocess.run([sys.executable, "-m", "weir_features", "export", "--config", CONFIG, "--transactions", TRANSACTIONS,
                        "--labels", LABELS, "--out", features], check=True, stdout=subprocess.DEVNULL)
        told = self.weir_training("export", self.home / "tiny.yaml", "--set", f"data.features={features}",
                                  "--set", "blend.parts=[trees]")
        exported = f"{told['folder']}/tiny/1.0.0"
        with open(f"{exported}/manifest.json") as file:
            manifest = json.load(file)
        with open(self.package / "manifest.json") as file:
            whole = json.load(file)
        self.assertEqual(manifest["parts"]["trees"]["sha256"], whole["parts"]["trees"]["sha256"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
