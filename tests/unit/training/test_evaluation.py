# Evaluation: each figure against its definition written out, and both sides of every border.

import json
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from made_scores import FIRST_DAY, one_day, scores, write_verdicts
from weir_training.evaluation import (
    folds,
    honesty,
    intervals,
    judge,
    looks,
    money,
    report,
    slices,
)
from weir_training.evaluation.alerts import card_precision_by_day, recall_at_budget
from weir_training.evaluation.evaluate import evaluate
from weir_training.evaluation.folds import HANDBOOK_TEST, Fold
from weir_training.evaluation.scores import DAY_MS, read_outside, read_scores
from weir_training.metrics import average_precision, precision_recall
from weir_training.payments import DataError

sys.path.append(str(Path(__file__).parents[2] / "support/python"))
from weir_testing import handbook_protocol as published  # noqa: E402  (written from the text)

EPOCH_DAY = 17_622  # 2018-04-01, day 0 of the published tables


def published_table(made) -> dict[str, np.ndarray]:
    return {
        "time_s": made.event_time_ms // 1000 - EPOCH_DAY * 86_400,
        "customer_id": made.user,
        "is_fraud": made.is_fraud.astype(int),
    }


class PublishedProtocolTest(unittest.TestCase):
    def test_folds_and_card_precision_are_those_written_from_the_text(self):
        for seed in range(3):
            made = scores(seed, count=20_000, days=42, ties=seed == 2)
            table = published_table(made)
            for fold, start in zip(HANDBOOK_TEST, published.TRAIN_STARTS):
                _, test = published.fold(table, start)
                index = fold.index(made)
                np.testing.assert_array_equal(index, test)
                self.assertAlmostEqual(
                    card_precision_by_day(made.take(index)).mean(),
                    published.card_precision(table, test, made.p[test]),
                )

    def test_the_four_weeks_are_the_published_ones(self):
        self.assertEqual(
            [fold.name for fold in HANDBOOK_TEST],
            ["2018-08-08", "2018-08-15", "2018-08-22", "2018-08-29"],
        )
        last_choice = max(f.first_day + f.days for f in folds.HANDBOOK_VALIDATION)
        self.assertLessEqual(last_choice, min(f.first_day for f in HANDBOOK_TEST) - 7)

    def test_a_card_leaves_when_the_day_of_its_fraud_is_seven_whole_days_past(self):
        made = one_day(
            [0.5] * 5,
            [1, 1, 0, 1, 0],
            user=[1, 2, 1, 2, 1],
            event_time_ms=(FIRST_DAY + np.array([0, 1, 7, 8, 8])) * DAY_MS,
        )
        fold = Fold("test", FIRST_DAY + 7, 2, cards_known_from=FIRST_DAY)
        # Day 8 knows of day 0 (card 1), not yet of day 1 (card 2).
        np.testing.assert_array_equal(fold.index(made), [2, 3])

    def test_a_fold_without_frauds_is_refused_by_name(self):
        made = one_day([0.1, 0.2], [0, 0])
        with self.assertRaisesRegex(DataError, "fold empty week: 2 labelled payments, 0 frauds"):
            Fold("empty week", FIRST_DAY, 7).index(made)

    def test_payments_without_a_label_are_in_no_fold(self):
        made = one_day([0.1, 0.2, 0.3], [0, 1, -1])
        np.testing.assert_array_equal(Fold("all", FIRST_DAY, 1).index(made), [0, 1])


class AlertsTest(unittest.TestCase):
    def test_a_found_card_leaves_later_days_and_a_missed_one_stays(self):
        made = one_day(
            [0.9, 0.8, 0.9, 0.8],
            [1, 1, 1, 1],
            user=[1, 2, 1, 2],
            event_time_ms=(FIRST_DAY + np.array([0, 0, 1, 1])) * DAY_MS,
        )
        np.testing.assert_array_equal(card_precision_by_day(made, top=1), [1.0, 1.0])
        np.testing.assert_array_equal(card_precision_by_day(made, top=2), [1.0, 0.0])

    def test_the_budget_is_never_exceeded_and_equal_scores_go_together(self):
        made = one_day([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 1])
        self.assertEqual(recall_at_budget(made, 1)["alerts"], 1)
        self.assertEqual(recall_at_budget(made, 2)["alerts"], 1)  # the two at 0.5 do not fit
        three = recall_at_budget(made, 3)
        self.assertEqual((three["alerts"], three["threshold"]), (3, 0.5))
        self.assertAlmostEqual(three["recall"], 2 / 3)
        self.assertAlmostEqual(three["precision"], 2 / 3)
        self.assertEqual(recall_at_budget(made, 0)["recall"], 0.0)


class MoneyTest(unittest.TestCase):
    def test_an_alert_needs_an_expected_loss_above_its_cost(self):
        made = one_day([0.05, 0.0501, 1.0], [0, 0, 0], amount=[100.0, 100.0, 5.0])
        np.testing.assert_array_equal(money.alerted(made, money.Costs()), [False, True, False])

    def test_what_is_saved_is_what_was_caught_less_all_alerts(self):
        made = one_day(
            [0.9, 0.9, 0.9, 0.0], [1, 1, 0, 1], amount=[200.0, 100.0, 50.0, 100.0]
        )
        balance = money.saved(made, money.Costs(alert=5))
        self.assertEqual(balance["saved"], 300 - 3 * 5)
        self.assertEqual(balance["saved_share"], (300 - 15) / 400)
        self.assertEqual(balance["alerts_per_day"], 3)
        half = money.saved(made, money.Costs(alert=5, recovered_share=0.5))
        self.assertEqual(half["saved"], 150 - 15)

    def test_the_curve_passes_through_the_balance_of_the_rule(self):
        made = scores(4)
        costs = money.Costs()
        rule = money.saved(made, costs)
        curve = money.curve(made, costs, points=3_000)
        near = min(curve, key=lambda c: abs(c["alerts_per_day"] - rule["alerts_per_day"]))
        self.assertAlmostEqual(near["saved_share"], rule["saved_share"], delta=0.005)


class HonestyTest(unittest.TestCase):
    def test_constant_and_right_is_no_error_and_constant_and_wrong_is_the_difference(self):
        is_fraud = np.array([1, 0, 0, 0])
        for p, error in ((0.25, 0.0), (0.5, 0.25)):
            constant = np.full(4, p)
            for bins in (honesty.width_bin(constant), honesty.mass_bin(constant)):
                self.assertAlmostEqual(
                    honesty.calibration_error(constant, is_fraud, bins), error
                )

    def test_equal_mass_sees_what_one_wide_bin_averages_away(self):
        p = np.r_[np.full(500, 0.01), np.full(500, 0.03)]
        is_fraud = np.r_[np.arange(500) < 15, np.arange(500) < 5].astype(float)  # the wrong way round
        self.assertAlmostEqual(
            honesty.calibration_error(p, is_fraud, honesty.width_bin(p)), 0.0
        )
        self.assertAlmostEqual(
            honesty.calibration_error(p, is_fraud, honesty.mass_bin(p)), 0.02
        )

    def test_the_table_holds_every_payment_once_and_honest_scores_inside_its_intervals(self):
        made = scores(5, count=20_000)
        table = honesty.reliability(made.p, made.is_fraud, honesty.mass_bin(made.p))
        self.assertEqual(sum(line["payments"] for line in table), len(made))
        inside = [line["low"] <= line["mean_probability"] <= line["high"] for line in table]
        self.assertGreaterEqual(np.mean(inside), 0.85)

    def test_probability_one_has_a_bin(self):
        self.assertEqual(honesty.width_bin(np.array([1.0]))[0], honesty.WIDTH_BINS - 1)


class SlicesTest(unittest.TestCase):
    def test_merchant_past_is_what_was_known_at_the_payment(self):
        day = np.array([0, 6, 7, 8, *range(20, 36)])
        is_fraud = [1] + [0] * 19
        made = one_day(
            [0.5] * 20,
            is_fraud,
            event_time_ms=(FIRST_DAY + day) * DAY_MS,
            label_time_ms=(FIRST_DAY + day + 7) * DAY_MS,
        )
        past = slices.merchant_past(made)
        # Day 6 knows nothing, day 7 the fraud; from the moment 8 newer labels are known it is old.
        self.assertEqual(past[:4].tolist(), [0, 0, 3, 3])
        ninth_label = day[8] + 7
        np.testing.assert_array_equal(past[2:] == 2, day[2:] >= ninth_label)

    def test_earlier_payments_are_counted_per_user(self):
        made = one_day([0.1] * 5, [0] * 5, user=[7, 3, 7, 7, 3])
        self.assertEqual(slices.earlier_payments(made).tolist(), [0, 0, 1, 2, 1])

    def test_groups_of_every_slice_add_up_to_the_folds(self):
        made = scores(6)
        result = evaluate(made, [Fold("all", FIRST_DAY, 21)])
        for table in result["slices"]:
            total = sum(group["payments"] for group in table["groups"])
            self.assertEqual(total, len(made), table["slice"])


class JsonTest(unittest.TestCase):
    def test_what_there_is_no_figure_of_is_null_and_no_number_that_json_lacks(self):
        made = scores(6)
        made.p[:] = np.minimum(made.p, 0.8)
        made.p[:2_500] = 0.9  # more than any budget, all or none: no alert within it
        made.amount[(made.is_fraud > 0) & (made.amount < 10)] = 0.0  # a slice with nothing to save
        result = evaluate(made, [Fold("all", FIRST_DAY, 21)])
        result["protocol"] = result["title"] = "made"
        json.dumps(result, allow_nan=False)
        self.assertEqual(result["alerts"][0]["alerts"], 0)
        self.assertIsNone(result["alerts"][0]["precision"])
        below_10 = result["slices"][0]["groups"][0]
        self.assertGreater(below_10["frauds"], 0)
        self.assertIsNone(below_10["saved_share"])
        page = report.html_report(result)
        self.assertNotIn("nan", page)
        self.assertNotIn("None", page)


class IntervalsTest(unittest.TestCase):
    def test_a_draw_of_every_day_once_gives_the_figures_themselves(self):
        for ties in (False, True):
            made = scores(8, ties=ties)
            costs = money.Costs()
            drawn = intervals._DayTotals(made, costs).figures(np.ones(21, np.int64))
            result = evaluate(made, [Fold("all", FIRST_DAY, 21)])["mean"]
            for name, value in drawn.items():
                self.assertAlmostEqual(value, result[name], msg=name)

    def test_a_day_drawn_twice_counts_like_two_such_days(self):
        made = scores(9, days=2)
        twice = made.take(np.r_[np.arange(len(made)), np.flatnonzero(made.day == FIRST_DAY)])
        drawn = intervals._DayTotals(made, money.Costs()).figures(np.array([2, 1]))
        self.assertAlmostEqual(
            drawn["average_precision"], average_precision(twice.p, twice.is_fraud)
        )

    def test_the_same_seed_gives_the_same_interval_and_it_holds_the_mean(self):
        made = scores(10)
        one, two = (evaluate(made, [Fold("all", FIRST_DAY, 21)]) for _ in range(2))
        self.assertEqual(one["interval_95"], two["interval_95"])
        for name, (low, high) in one["interval_95"].items():
            self.assertLess(low, high, name)
        low, high = one["interval_95"]["average_precision"]
        self.assertTrue(low < one["mean"]["average_precision"] < high)


class CurveTest(unittest.TestCase):
    def test_precision_recall_ends_at_all_frauds(self):
        made = scores(11)
        points = precision_recall(made.p, made.is_fraud)
        self.assertEqual(points[-1][0], 1.0)
        self.assertTrue(all(b[0] > a[0] for a, b in zip(points, points[1:])))


class FilesTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)

    def test_verdicts_and_labels_come_back_as_the_scores_they_were(self):
        made = scores(12, count=300)
        made = replace(made, is_fraud=np.where(np.arange(300) % 10, made.is_fraud, -1))
        read, origin = read_scores(*self.written(made))
        self.assertEqual(origin.package(), "made/1 sha256:made")
        for name in ("event_time_ms", "amount", "p", "is_fraud"):
            np.testing.assert_array_equal(getattr(read, name), getattr(made, name), name)
        same = made.user[:, None] == made.user
        np.testing.assert_array_equal(read.user[:, None] == read.user, same)

    def written(self, made, **more):
        verdicts, labels = write_verdicts(self.home, made, **more)
        return verdicts, [labels]

    def test_a_repeated_verdict_is_counted_once(self):
        verdicts, labels = self.written(one_day([0.1, 0.2], [0, 1]))
        again = json.loads(verdicts.read_text().splitlines()[0]) | {"duplicate": True}
        with open(verdicts, "a") as file:
            file.write(json.dumps(again) + "\n")
        read, origin = read_scores(verdicts, labels)
        self.assertEqual((len(read), origin.duplicates), (2, 1))

    def test_a_mixture_of_models_has_no_figures(self):
        made = one_day([0.1, 0.2], [0, 1])
        verdicts, labels = self.written(made)
        first = verdicts.read_text()
        self.written(made, digest="sha256:other")
        verdicts.write_text(first + verdicts.read_text())
        _, origin = read_scores(verdicts, labels)
        with self.assertRaisesRegex(DataError, "verdicts of 2 models"):
            origin.package()

    def test_a_bad_line_is_named(self):
        verdicts, labels = self.written(one_day([0.1], [0]))
        for text, where in (("{}\n", "verdicts.jsonl:1: not a verdict"), ("", "no verdict")):
            verdicts.write_text(text)
            with self.assertRaisesRegex(DataError, where):
                read_scores(verdicts, labels)

    def test_labels_are_those_that_training_learns_from(self):
        made = one_day([0.1, 0.2], [0, 1])
        verdicts, labels = self.written(made)
        told = {"label_id": "L", "transaction_id": "1", "label_time": "2018-07-01T00:00:00Z"}
        with open(labels[0], "a") as file:  # of an earlier time than the one above
            file.write(json.dumps(told | {"is_fraud": False}) + "\n")
        self.assertEqual(read_scores(verdicts, labels)[0].is_fraud.tolist(), [0, 1])
        with open(labels[0], "a") as file:
            file.write(json.dumps(told | {"is_fraud": "false"}) + "\n")
        with self.assertRaisesRegex(DataError, "labels.jsonl:4: a label needs .*true or false"):
            read_scores(verdicts, labels)

    def test_a_slice_from_outside_goes_by_transaction(self):
        made = one_day([0.1, 0.2, 0.3], [0, 1, 0])
        path = self.home / "kind.csv"
        path.write_text("transaction_id,kind\n1,a\n0,b\n")
        self.assertEqual(read_outside(path, made).tolist(), ["b", "a", "(not given)"])

    def test_a_file_that_cannot_be_read_is_named(self):
        made = one_day([0.1], [0])
        path = self.home / "kind.csv"
        path.write_bytes(b"transaction_id,kind\n0,\xff\n")
        with self.assertRaisesRegex(DataError, "kind.csv: not UTF-8"):
            read_outside(path, made)
        kept = self.home / looks.FILE
        kept.write_text("<<<<<<< ours\n")
        with self.assertRaisesRegex(DataError, "test_looks.jsonl:1: not a look"):
            looks.looks(kept)

    def test_every_look_at_the_test_folds_is_kept(self):
        kept = self.home / "deep" / looks.FILE
        self.assertEqual(looks.looks(kept), [])
        for package in ("one", "one", "two"):
            looks.record(kept, package, "f00", ["2018-08-08"])
        self.assertEqual([look["package"] for look in looks.looks(kept)], ["one", "one", "two"])
        self.assertTrue(all(look["at"] and look["folds"] for look in looks.looks(kept)))


class ReportTest(unittest.TestCase):
    """From verdict lines to the page: what a reader needs is there, and nothing is fetched."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        made = scores(13, count=12_000, days=42)
        cls.verdicts, cls.labels = write_verdicts(cls.home, made)
        kind = "".join(f"{key},<b>{i % 2}\n" for i, key in enumerate(made.transaction_id))
        (cls.home / "kind.csv").write_text("transaction_id,kind\n" + kind)
        for _ in range(2):
            cls.result = judge.judge(
                cls.verdicts, [cls.labels], cls.home / "out", slices=[cls.home / "kind.csv"]
            )
        cls.page = (cls.home / "out/report.html").read_text()

    def test_the_page_asks_nothing_of_anybody(self):
        for word in ("http:", "https:", "src=", "@import", "url(", "<script", "<link"):
            self.assertNotIn(word, self.page)

    def test_the_page_is_well_formed_and_has_its_four_charts(self):
        body = self.page[self.page.index("<main>") : self.page.index("</body>")]
        elements = ElementTree.fromstring(body)
        self.assertEqual(len(elements.findall(".//svg")), 4)

    def test_text_from_outside_is_text(self):
        self.assertIn("&lt;b&gt;0", self.page)
        self.assertNotIn("<b>0<", self.page)

    def test_a_period_that_touches_the_published_test_weeks_is_a_look_at_them(self):
        for first, days, count in ((FIRST_DAY, 14, 0), (FIRST_DAY + 7, 8, 1), (FIRST_DAY + 35, 7, 1)):
            out = self.home / f"period {first} {days}"
            result = judge.judge(self.verdicts, [self.labels], out, Fold("period", first, days))
            self.assertEqual(len(result["test_looks"]), count, (first, days))

    def test_looks_at_the_published_test_weeks_are_counted_by_themselves(self):
        self.assertEqual(len(self.result["test_looks"]), 2)
        self.assertIn("2 times, with 1 package.", self.page)
        validation = judge.judge(
            self.verdicts, [self.labels], self.home / "other", Fold("week", FIRST_DAY, 7)
        )
        self.assertEqual(validation["test_looks"], [])

    def test_folds_may_be_judged_by_models_that_were_made_for_them(self):
        made = scores(13, count=12_000, days=42)
        worse = replace(made, p=1 - made.p)
        verdicts = {}
        for fold, one in zip(HANDBOOK_TEST, (made, worse, made, made)):
            home = self.home / fold.name
            home.mkdir()
            verdicts[fold.name], _ = write_verdicts(home, one, digest=f"sha256:{fold.name}")
        result = judge.judge(verdicts, [self.labels], self.home / "by fold")
        better = [fold["auc"] > 0.5 for fold in result["folds"]]
        self.assertEqual(better, [True, False, True, True])
        self.assertIn("2018-08-15: made/1 sha256:2018-08-15", result["package"])

    def test_the_json_alone_makes_the_same_page(self):
        result = json.loads((self.home / "out/evaluation.json").read_text())
        self.assertEqual(report.html_report(result), self.page)

    def test_ablations_and_attention_appear_when_they_are_there(self):
        means = {"auc": 0.8, "average_precision": 0.7}
        more = {
            "ablations": [{"name": "trees only", "mean": means, "folds": "validation weeks"}],
            "attention": {
                "about": "One payment.",
                "reads": [
                    {
                        "title": "Past payments",
                        "columns": ["when"],
                        "heads": ["1.1"],
                        "rows": [{"texts": ["2 h before"], "weights": [0.5]}],
                    }
                ],
            },
        }
        page = report.html_report(self.result | more)
        for text in ("Ablations", "trees only", "Attention over one user", "2 h before"):
            self.assertIn(text, page)
            self.assertNotIn(text, self.page)


if __name__ == "__main__":
    unittest.main()
