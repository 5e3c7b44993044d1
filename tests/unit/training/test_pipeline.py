# The pipeline: from files to a package that is accepted, step by step, with a made-up engine.

import json
import os
import shutil
import stat
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from made_payments import write_json_lines
from weir_training import build_data, experiment, package
from weir_training.payments import DataError
from weir_training.pipeline import Pipeline
from weir_training.steps import Steps

LIBRARY = os.environ.get("WEIR_OPS")  # set by ctest

TEXT = """
name: tiny
version: 1.0.0
data: {config: weir.yaml, transactions: transactions.jsonl.gz, labels: labels.jsonl.gz}
split: {until: 2018-08-24, warm_up_days: 1, held_out_days: 3, gap_days: 1}
sequence: {history_rows: 4, width: 16, row_width: 16, inner: 16, epochs: 2, batch: 128,
           merchant_rows: 1, merchant_heads: 2, flat_rows: 1, amount_hinges: 6, easy_share: 1.0}
pretrain: {epochs: 1, batch: 256}
trees: {rounds: 10, max_depth: 3}
evaluate: {from_day: 2018-08-18, until_day: 2018-08-21, is_test: true}
ablations:
  trees only: {blend.parts: [trees]}
"""

# A stand-in for weir replay: a verdict for every payment, with a higher risk for higher amounts.
WEIR = """#!/usr/bin/python3
import gzip, json, sys
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
assert sys.argv[1] == "replay"
allowed = [a for a in sys.argv if a.startswith("model.allow=")][0]
with gzip.open(given["--transactions"]) as lines, open(given["--out"], "w") as out:
    for line in lines:
        t = json.loads(line)
        out.write(json.dumps(t | {
            "amount_minor": round(t["amount"] * 100), "duplicate": False, "degraded": [],
            "risk": {"fraud": {"p": min(t["amount"] / 300, 0.9)}},
            "model": {"name": "tiny", "version": "1", "digest": allowed.partition("=")[2]},
        }) + "\\n")
"""


@unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")
class PipelineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        write_json_lines(cls.home, 3_000, seed=1, with_types=True)
        (cls.home / "weir.yaml").write_text("")
        cls.file = cls.home / "tiny.yaml"
        cls.file.write_text(TEXT)
        cls.weir = cls.home / "weir"
        cls.weir.write_text(WEIR)
        cls.weir.chmod(cls.weir.stat().st_mode | stat.S_IXUSR)
        patch = mock.patch.object(build_data, "_ENGINE", "made_engine")
        patch.start()
        cls.addClassCleanup(patch.stop)
        cls.said: list[str] = []
        cls.pipeline = cls.made()
        cls.exported = cls.pipeline.export()

    @classmethod
    def made(cls, *changes: str, runs: str = "runs") -> Pipeline:
        """A pipeline of the experiment, as another program run would make it."""
        chosen = experiment.load(cls.file, changes)
        steps = Steps(cls.home / runs, say=cls.said.append)
        return Pipeline(chosen, cls.home / runs, Path(LIBRARY), cls.weir, steps=steps)

    @property
    def package(self) -> Path:
        return self.exported.folder / "tiny/1.0.0"

    def test_the_package_is_whole_and_reads_what_the_experiment_says(self):
        checked = package.check_package(self.package)
        self.assertEqual(checked.inputs.history_rows, 4)
        self.assertEqual(checked.inputs.merchant_rows, 1)
        self.assertEqual(
            [(d.name, d.definition) for d in checked.inputs.declared],
            [("user_count_3d", "user count window=3d"), ("amount", "payment value amount")],
        )
        training = checked.manifest["training"]
        self.assertEqual(training["labels_known_by"], "2018-08-24T00:00:00Z")
        self.assertIn("embedding_0", checked.outputs)

    def test_the_package_says_what_the_pipeline_says(self):
        index = self.pipeline.parts.split.held_out[:50]
        batch = self.pipeline.parts.examples.batch(index)
        declared = np.asarray(self.pipeline.parts.data.declared[index])
        batch = type(batch)(**(vars(batch) | {"declared": declared}))
        scores = package.read_package(self.package).score(batch)
        np.testing.assert_allclose(scores.z, self.pipeline.parts.z("full", index), atol=2e-5)

    def test_held_out_days_see_what_is_in_the_data(self):
        held_out = self.pipeline.calibrate().facts["held_out"]
        for part in ("sequence", "trees", "blend"):
            self.assertGreater(held_out[part]["auc"], 0.6, part)

    def test_asked_again_every_step_is_up_to_date(self):
        self.said.clear()
        again = self.made().export()
        self.assertEqual(again.digest, self.exported.digest)
        self.assertTrue(all("up to date" in line for line in self.said), self.said)

    def test_another_setting_of_the_trees_leaves_the_network_as_it_is(self):
        self.said.clear()
        self.made("trees.rounds=7").calibrate()
        begun = [line.partition(":")[0] for line in self.said if "begins" in line]
        self.assertEqual(begun, ["trees", "calibrate"])

    def test_the_same_seed_gives_the_same_package(self):
        again = self.made(runs="other").export().folder / "tiny/1.0.0"
        trees = (again / "trees.ubj").read_bytes()
        self.assertEqual(trees, (self.package / "trees.ubj").read_bytes())
        # Bit for bit by the golden cases; the file itself holds names that count up in a process.
        golden = (again / "golden.jsonl").read_bytes()
        self.assertEqual(golden, (self.package / "golden.jsonl").read_bytes())

    def test_it_goes_on_from_the_weights_of_a_package(self):
        path = f"sequence.start_from={self.package}"
        going_on = self.made(path, "pretrain=null", "sequence.learning_rate=1.0e-9")
        index = going_on.parts.split.held_out[:50]
        one = going_on.parts.logits("full", index)[0]
        np.testing.assert_allclose(one, self.pipeline.parts.logits("full", index)[0], atol=1e-4)
        other = self.made(path, "sequence.width=32", "pretrain=null")
        with self.assertRaisesRegex(DataError, "another shape"):
            other.train()

    def test_a_package_that_is_older_than_kinds_is_gone_on_from(self):
        older = self.home / "older"
        shutil.copytree(self.package, older)
        manifest = json.loads((older / "manifest.json").read_text())
        del manifest["training"]["network"]["kinds"]
        (older / "manifest.json").write_text(json.dumps(manifest))
        self.made(f"sequence.start_from={older}", "pretrain=null").train()

    def test_an_input_of_the_trees_that_the_network_does_not_say_is_an_error(self):
        with self.assertRaisesRegex(DataError, "no output kind_x; the network has fraud, next_log"):
            self.made("trees.sequence=[kind_x]").trees()

    def test_kinds_of_fraud_become_outputs_and_leave_the_score_as_it_is(self):
        told = self.made("sequence.kind_weight=1.0", "version=1.0.2", "trees.sequence=[kind_tc40]")
        self.assertEqual(told.parts.kinds, ["chargeback", "tc40"])
        checked = package.check_package(told.export().folder / "tiny/1.0.2")
        self.assertEqual(checked.outputs[-2:], ["kind_chargeback", "kind_tc40"])
        self.assertIn("sequence:kind_tc40", checked.trees.inputs)
        index = self.pipeline.parts.split.held_out[:50]
        one, other = (made.parts.logits("full", index)[0] for made in (told, self.pipeline))
        np.testing.assert_array_equal(one, other)
        figures = told.calibrate().facts["kinds"]
        self.assertGreater(figures["frauds"], 10)
        self.assertTrue(0 < figures["right"] <= 1)

    def test_kinds_that_labels_do_not_name_are_an_error_that_says_what_they_name(self):
        with mock.patch("weir_training.parts._KIND_EXAMPLES_MIN", 1_000):
            with self.assertRaisesRegex(DataError, r"2 to 32 kinds .* 0 have .*chargeback \d+, tc40 \d+"):
                self.made("sequence.kind_weight=1.0").parts.kinds
        told_less = self.made("sequence.kind_weight=1.0").parts
        told_less.__dict__["data"] = replace(
            self.pipeline.parts.data,
            payments=replace(self.pipeline.parts.data.payments, kind_names=(), kind=np.zeros(3_000, int)),
        )
        with self.assertRaisesRegex(DataError, "none is named"):
            told_less.kinds

    def test_an_export_that_differs_from_what_was_trained_is_refused(self):
        with mock.patch("weir_training.exporting._AGREEMENT_MAX", -1.0):
            with self.assertRaisesRegex(package.PackageError, "differ from plain torch"):
                self.made("version=1.0.1").export()

    def test_one_part_by_itself_makes_a_package_of_one_part(self):
        for part, file in (("sequence", "model.pt"), ("trees", "trees.ubj")):
            alone = self.made(f"blend.parts=[{part}]").export()
            manifest = json.loads((alone.folder / "tiny/1.0.0/manifest.json").read_text())
            self.assertEqual(list(manifest["parts"]), [part])
            self.assertTrue((alone.folder / "tiny/1.0.0" / file).exists())

    def test_the_report_is_of_the_verdicts_and_has_ablations_and_attention(self):
        pipeline = self.made()
        others = experiment.load_ablations(self.file)
        pipeline.ablations = [
            (name, Pipeline(e, pipeline.runs, Path(LIBRARY), self.weir, steps=pipeline.steps))
            for name, e in others.items()
        ]
        done = pipeline.evaluate()
        result = json.loads((done.folder / "evaluation.json").read_text())
        self.assertEqual([line["name"] for line in result["ablations"]], ["as it is", "trees only"])
        self.assertTrue(result["attention"]["reads"][0]["rows"])
        # Each line is a look: the verdicts once, and what is compared without a replay.
        looked = [look["package"] for look in result["test_looks"]]
        self.assertEqual(len(looked), 2)
        self.assertIn("trees only", looked[0])
        self.assertIn(package.package_digest(self.package), result["package"])
        self.assertFalse((done.folder / "verdicts.jsonl").exists())

    def test_a_zoo_keeps_the_version_it_has(self):
        zoo = self.home / "zoo"
        first = self.pipeline.register(zoo)
        self.assertEqual(self.pipeline.register(zoo), first)  # the same one: nothing to do
        other = self.made("trees.rounds=5")
        with self.assertRaisesRegex(package.PackageError, "exists and is another"):
            other.register(zoo)
        self.assertNotEqual(other.register(zoo, replace_existing=True)["digest"], first["digest"])


if __name__ == "__main__":
    unittest.main()
