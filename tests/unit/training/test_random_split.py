# A random split: as many frauds in each share, and features that know no label of the test payments.

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import made_engine
from made_payments import write_json_lines
from weir_training import build_data
from weir_training.experiment import ExperimentError, load
from weir_training.random_split import figures, stratified

TEXT = """
name: tiny
version: 1.0.0
data: {config: weir.yaml, transactions: transactions.jsonl.gz, labels: labels.jsonl.gz}
split: {until: 2018-08-24}
trees: {rounds: 10, max_depth: 3}
blend: {parts: [trees]}
evaluate: {from_day: 2018-08-18, until_day: 2018-08-21}
"""


class RandomSplitTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        home = Path(directory.name)
        write_json_lines(home, 2_000, seed=1)
        (home / "weir.yaml").write_text("")
        self.file = home / "tiny.yaml"
        self.file.write_text(TEXT)
        self.told: list[str] = []  # transactions whose label the engine was told
        patch = mock.patch.object(build_data, "_ENGINE", "made_engine")
        patch.start()
        self.addCleanup(patch.stop)

    def test_shares_hold_as_many_frauds_and_no_unlabelled_payment(self):
        is_fraud = np.array([0] * 800 + [1] * 100 + [-1] * 100)
        is_test = stratified(is_fraud, 0.6, 2)
        self.assertEqual([int(is_test[is_fraud == kind].sum()) for kind in (0, 1, -1)], [480, 60, 0])
        np.testing.assert_array_equal(is_test, stratified(is_fraud, 0.6, 2))
        self.assertTrue((is_test != stratified(is_fraud, 0.6, 3)).any())

    def test_the_engine_is_told_no_label_of_the_test_payments(self):
        compute = made_engine.compute

        def listening(config, transactions, labels, settings=()):
            lines = Path(labels).read_text().splitlines()
            self.told = [json.loads(line)["transaction_id"] for line in lines]
            return compute(config, transactions, labels, settings)

        with mock.patch.object(made_engine, "compute", listening):
            found = figures(load(self.file), 0.6, 2)
        self.assertEqual((found["learned"], found["tested"]), (800, 1_200))
        self.assertEqual(len(self.told), 800)

    def test_it_finds_what_is_in_the_data(self):
        self.assertGreater(figures(load(self.file), 0.6, 2)["auc"], 0.75)

    def test_trees_that_read_a_network_are_refused(self):
        changes = ["sequence={}", "trees.sequence=[fraud]"]
        with self.assertRaisesRegex(ExperimentError, "trees over declared features"):
            figures(load(self.file, changes), 0.6, 2)


if __name__ == "__main__":
    unittest.main()
