"""The 15 published features over the whole published data set: `weir features` against the definition, value for value, and
the published quality of a model that is trained on them.

Method: tests/data/handbook is written in our schema, `weir features` runs over it with configs/handbook.yaml, numpy computes
the published definition on its own (weir_testing/handbook_protocol.py), and XGBoost learns on what `weir features` wrote.
No broker. Takes a few minutes.
"""
import unittest

import numpy
import xgboost
import yaml

from weir_testing import handbook, handbook_protocol as protocol
from weir_testing.paths import CONFIG, WORK

PROTOCOL_START_DAY = 71  # 2018-06-11
PARAMETERS = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "base_score": 0.5, "nthread": 1, "seed": 0}
TREES = 50


class HandbookFeatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = WORK / "handbook"
        cls.table = handbook.read()
        out = folder / "features.csv"
        handbook.through("features", folder, cls.table, out)
        with open(out) as file:
            cls.header = file.readline().rstrip("\n").split(",")
            # Behind the published columns come others. Refuses a missing value: none of these features has one.
            values = numpy.loadtxt(file, delimiter=",", usecols=range(1 + len(protocol.NAMES)))
        cls.ids, cls.values = values[:, 0].astype(numpy.int64), values[:, 1:]
        cls.expected = protocol.features(cls.table)

    def test_every_transaction_has_its_row(self):
        declared = [feature["name"] for feature in yaml.safe_load(CONFIG.read_text())["features"]]
        self.assertEqual(self.header, ["transaction_id", *declared])
        self.assertEqual(declared[:len(protocol.NAMES)], list(protocol.NAMES))
        numpy.testing.assert_array_equal(self.ids, self.table["transaction_id"])

    def test_every_value_is_that_of_the_published_definition(self):
        """From the first day on, not only over the protocol's days: early windows are shorter, not other."""
        compared = 0
        for column, name in enumerate(protocol.NAMES):
            got, expected = self.values[:, column], self.expected[name]
            if "mean" in name or "share" in name:  # the last bits depend on the order of additions and divisions
                wrong = numpy.abs(got - expected) > 1e-12 * numpy.abs(expected)
            else:
                wrong = got != expected
            first = [(int(self.ids[i]), float(got[i]), float(expected[i])) for i in numpy.flatnonzero(wrong)[:5]]
            self.assertEqual(int(wrong.sum()), 0, f"{name}: (transaction, got, published) {first}")
            compared += len(got)
        in_protocol = int((self.table["time_s"] // protocol.DAY_S >= PROTOCOL_START_DAY).sum())
        self.assertEqual(in_protocol, 823_742)
        print(f"{compared:,} values equal, {in_protocol * len(protocol.NAMES):,} of them in the protocol's days", flush=True)

    def test_a_model_trained_on_them_is_as_good_as_published(self):
        fraud, results = self.table["is_fraud"], []
        for start, sizes in zip(protocol.TRAIN_STARTS, protocol.FOLD_SIZES):
            train, test = protocol.fold(self.table, start)
            self.assertEqual((len(train), fraud[train].sum(), len(test), fraud[test].sum()), sizes)
            model = xgboost.train(PARAMETERS, xgboost.DMatrix(self.values[train], fraud[train]), TREES)
            score = model.predict(xgboost.DMatrix(self.values[test]))
            results.append((protocol.roc_auc(fraud[test], score), protocol.average_precision(fraud[test], score),
                            protocol.card_precision(self.table, test, score)))
            print("day {}: AUC {:.4f}  AP {:.4f}  CP@100 {:.4f}".format(start, *results[-1]), flush=True)
        auc, precision, card_precision = numpy.mean(results, axis=0)
        print(f"mean over the folds: AUC {auc:.4f}  AP {precision:.4f}  CP@100 {card_precision:.4f}", flush=True)
        self.assertAlmostEqual(auc, 0.872, delta=0.003)
        self.assertAlmostEqual(precision, 0.687, delta=0.003)


if __name__ == "__main__":
    unittest.main(verbosity=2)
