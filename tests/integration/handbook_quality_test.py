"""What the shipped package is worth: verdicts of `weir replay` on the four published test weeks, judged by the published
protocol and by money.

Method: the whole published data set goes through the engine with configs/handbook.yaml, labels seven days late. The package
was trained on labels known on 2018-08-08, so all four weeks lie behind it; it is the same claim each time, not a new look.
Metrics are weir_testing's own, written from the published text; nothing of weir_training is used. No broker. Takes minutes.
"""
import json
import unittest

import numpy

from weir_testing import handbook, handbook_protocol as protocol
from weir_testing.paths import WORK

FIRST_TEST_DAY = 129  # 2018-08-08
ALERT_COST = 5.0      # units of money
DAYS_A_WEEK = 7


class HandbookQuality(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = WORK / "handbook"
        cls.table = handbook.read()
        out = folder / "verdicts.jsonl"
        handbook.through("replay", folder, cls.table, out)
        rows = len(cls.table["time_s"])
        cls.p = numpy.full(rows, numpy.nan)
        first_id, wanted = int(cls.table["transaction_id"][0]), cls.table["time_s"] // protocol.DAY_S >= FIRST_TEST_DAY
        cls.degraded = 0
        with open(out) as file:
            for row, line in enumerate(file):  # a replay keeps the order of the payments
                if not wanted[row]:
                    continue
                verdict = json.loads(line)
                assert int(verdict["transaction_id"]) == first_id + row
                cls.p[row] = verdict["risk"]["fraud"]["p"]
                cls.degraded += bool(verdict["degraded"])
        out.unlink()

    def folds(self):
        return [protocol.fold(self.table, start)[1] for start in protocol.TRAIN_STARTS]

    def test_every_payment_of_the_test_weeks_was_scored(self):
        self.assertEqual(int(numpy.isfinite(self.p).sum()),
                         int((self.table["time_s"] // protocol.DAY_S >= FIRST_TEST_DAY).sum()))
        self.assertEqual(self.degraded, 0)

    def test_the_blend_is_better_than_every_published_figure(self):
        """Published: AUC .874, AP .687, CP@100 .303, each the best of its kind. More than AP .78 or CP@100 .33 would be a leak.
        The floor of CP@100 is what was reached (.311), four cards in 2,800 below our own mark of .312 (README, Figures)."""
        fraud = self.table["is_fraud"]
        results = []
        for test, (_, _, size, frauds) in zip(self.folds(), protocol.FOLD_SIZES):
            self.assertEqual((len(test), int(fraud[test].sum())), (size, frauds))
            score = self.p[test]
            results.append((protocol.roc_auc(fraud[test], score), protocol.average_precision(fraud[test], score),
                            protocol.card_precision(self.table, test, score)))
            print("AUC {:.4f}  AP {:.4f}  CP@100 {:.4f}".format(*results[-1]), flush=True)
        auc, precision, card_precision = numpy.mean(results, axis=0)
        print(f"mean over the weeks: AUC {auc:.4f}  AP {precision:.4f}  CP@100 {card_precision:.4f}", flush=True)
        self.assertGreaterEqual(auc, 0.88)
        self.assertGreaterEqual(precision, 0.755)
        self.assertLess(precision, 0.78)
        self.assertGreaterEqual(card_precision, 0.310)
        self.assertLess(card_precision, 0.33)

    def test_a_probability_means_what_it_says(self):
        """Expected calibration error over ten groups of equal size and over ten of equal width, both at most 1 %."""
        test = numpy.concatenate(self.folds())
        p, fraud = self.p[test], self.table["is_fraud"][test]
        equal_size = numpy.argsort(numpy.argsort(p, kind="stable"), kind="stable") * 10 // len(p)
        for name, group in (("size", equal_size), ("width", numpy.minimum((p * 10).astype(int), 9))):
            error = sum(abs(p[group == g].sum() - fraud[group == g].sum()) for g in range(10)) / len(p)
            print(f"expected calibration error, groups of equal {name}: {error:.5f}", flush=True)
            self.assertLessEqual(error, 0.01)

    def test_alerts_worth_their_price_save_most_of_the_loss(self):
        """An alert where p times the amount is above its price: at least 84 % of the loss, at most 55 alerts a day."""
        test = numpy.concatenate(self.folds())
        amount, fraud = self.table["amount_minor"][test] / 100, self.table["is_fraud"][test] == 1
        alert = self.p[test] * amount > ALERT_COST
        saved = amount[alert & fraud].sum() / amount[fraud].sum()
        alerts = alert.sum() / (len(protocol.TRAIN_STARTS) * DAYS_A_WEEK)
        print(f"saved {saved:.1%} of the fraud loss with {alerts:.1f} alerts a day", flush=True)
        self.assertGreaterEqual(saved, 0.84)
        self.assertLessEqual(alerts, 55)


if __name__ == "__main__":
    unittest.main(verbosity=2)
