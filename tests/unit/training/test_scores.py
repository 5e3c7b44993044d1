# Metrics and calibration: exact definitions, ties, and periods that cannot carry a calibration.

import math
import unittest

import numpy as np

from weir_training.calibration import CalibrationError, Isotonic, Platt, fit_isotonic, fit_platt
from weir_training.metrics import average_precision, log_loss, roc_auc


def auc_by_pairs(score, is_fraud) -> float:
    frauds, genuine = score[is_fraud == 1], score[is_fraud == 0]
    return float(np.mean((frauds[:, None] > genuine) + 0.5 * (frauds[:, None] == genuine)))


def precision_by_thresholds(score, is_fraud) -> float:
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        flagged = score >= threshold
        recall = is_fraud[flagged].sum() / is_fraud.sum()
        total += (recall - recall_before) * is_fraud[flagged].mean()
        recall_before = recall
    return float(total)


class MetricsTest(unittest.TestCase):
    def test_both_are_their_definitions_with_many_ties(self):
        for seed in range(10):
            random = np.random.default_rng(seed)
            score, is_fraud = random.integers(0, 8, 60).astype(float), random.integers(0, 2, 60)
            self.assertAlmostEqual(
                roc_auc(score, is_fraud), auc_by_pairs(score, is_fraud), msg=f"seed {seed}"
            )
            self.assertAlmostEqual(
                average_precision(score, is_fraud),
                precision_by_thresholds(score, is_fraud),
                msg=f"seed {seed}",
            )

    def test_perfect_reversed_and_constant_scores(self):
        is_fraud = np.array([0, 0, 0, 1])
        for score, auc, precision in (
            ([0, 1, 2, 3], 1, 1),
            ([3, 2, 1, 0], 0, 0.25),
            ([1, 1, 1, 1], 0.5, 0.25),
        ):
            self.assertEqual(roc_auc(np.array(score), is_fraud), auc)
            self.assertEqual(average_precision(np.array(score), is_fraud), precision)

    def test_log_loss_of_a_coin_is_one_bit(self):
        self.assertAlmostEqual(log_loss(np.array([0.5, 0.5]), np.array([0, 1])), math.log(2))


class CalibrationTest(unittest.TestCase):
    def test_finds_the_slope_and_intercept_the_outcomes_were_drawn_with(self):
        random = np.random.default_rng(1)
        logit = random.normal(-3, 2, 200_000).astype(np.float32)
        true = Platt(0.8, -1.5)
        found = fit_platt(logit, random.random(len(logit)) < true.probability(logit))
        self.assertAlmostEqual(found.slope, true.slope, delta=0.02)
        self.assertAlmostEqual(found.intercept, true.intercept, delta=0.03)

    def test_converges_where_the_last_gain_is_below_rounding(self):
        # On seeds 6 and 41 a search that must see every gain halves its last step forever.
        for seed in (6, 41, *range(5)):
            random = np.random.default_rng(seed)
            logit = random.gumbel(-4, 0.7, 5_000).astype(np.float32)
            is_fraud = random.random(len(logit)) < Platt(1.1, -1.4).probability(logit)
            expected = fit_platt(logit, is_fraud).probability(logit).sum()
            self.assertAlmostEqual(expected, is_fraud.sum(), delta=1e-6, msg=f"seed {seed}")

    def test_probabilities_add_up_to_the_frauds_of_the_period(self):
        random = np.random.default_rng(2)
        logit = random.normal(0, 1, 5_000)
        is_fraud = (random.random(5_000) < 1 / (1 + np.exp(3 - logit))).astype(int)
        expected = fit_platt(logit, is_fraud).probability(logit).sum()
        self.assertAlmostEqual(expected, is_fraud.sum(), delta=1e-6)

    def test_survives_a_start_from_which_a_plain_newton_step_overshoots(self):
        logit = np.array([-60.0] * 50 + [40.0] * 50)
        is_fraud = np.array(([0] * 49 + [1]) + ([1] * 49 + [0]))
        found = fit_platt(logit, is_fraud)
        np.testing.assert_allclose(
            found.probability(np.array([-60.0, 40.0])), [0.02, 0.98], atol=1e-9
        )

    def test_extreme_logits_give_probabilities_and_no_warning(self):
        with np.errstate(all="raise", under="ignore"):
            p = Platt(1.0, 0.0).probability(np.array([-800.0, 0.0, 800.0]))
        np.testing.assert_array_equal(p, [0.0, 0.5, 1.0])

    def test_periods_that_cannot_carry_a_calibration_are_refused(self):
        logit = np.array([0.0, 1.0, 2.0, 3.0])
        for is_fraud, why in (
            ([0, 0, 0, 0], "one class"),
            ([0, 0, 1, 1], "perfectly"),
            ([1, 1, 0, 1], "slope"),
        ):
            with self.assertRaisesRegex(CalibrationError, why):
                fit_platt(logit, np.array(is_fraud))


class IsotonicTest(unittest.TestCase):
    def test_draws_straight_lines_between_knots_and_keeps_the_ends(self):
        knots = Isotonic((-1.0, 0.0, 2.0), (0.1, 0.2, 1.0))
        z = np.array([-9.0, -1.0, -0.5, 0.0, 0.5, 2.0, 9.0])
        expected = [0.1, 0.1, 0.15, 0.2, 0.4, 1.0, 1.0]
        np.testing.assert_allclose(knots.probability(z), expected, rtol=1e-15)

    def test_finds_the_probabilities_the_outcomes_were_drawn_with(self):
        random = np.random.default_rng(1)
        z = random.normal(-3, 2, 400_000)
        true = Platt(0.8, -1.5).probability(z)
        knots = fit_isotonic(z, random.random(len(z)) < true, payments_min=2_000)
        self.assertGreater(len(knots.z), 20)
        self.assertLess(np.abs(knots.probability(z) - true).mean(), 2e-3)

    def test_pools_what_goes_the_wrong_way(self):
        z = np.repeat([0.0, 1.0, 2.0, 3.0], 10)
        fraud = np.array([0] * 10 + [1] * 4 + [0] * 6 + [1] * 2 + [0] * 8 + [1] * 10)
        knots = fit_isotonic(z, fraud, payments_min=10)
        self.assertEqual((knots.z, knots.p), ((0.0, 1.5, 3.0), (0.0, 0.3, 1.0)))

    def test_a_knot_stands_for_enough_payments_and_equal_scores_stay_together(self):
        random = np.random.default_rng(2)
        z = np.round(random.normal(0, 1, 5_000), 1)
        knots = fit_isotonic(z, random.random(5_000) < Platt(1, 0).probability(z), 300)
        self.assertLessEqual(len(knots.z), 5_000 // 300)
        top = z[np.argsort(z)][-300:].mean()
        self.assertLessEqual(knots.z[-1], top)

    def test_a_period_that_carries_no_knots_is_refused(self):
        z = np.arange(600.0)
        for fraud in (z < 0, z >= 0, z < 300):  # one class, the other, higher scores mean less
            with self.assertRaises(CalibrationError):
                fit_isotonic(z, fraud)

    def test_knots_that_are_no_calibration_are_refused(self):
        for z, p in (
            ((0.0,), (0.5,)),
            ((0.0, 1.0), (0.5,)),
            ((0.0, 0.0), (0.1, 0.5)),
            ((0.0, math.inf), (0.1, 0.5)),
            ((0.0, 1.0), (0.5, 0.1)),
            ((0.0, 1.0), (0.5, 1.1)),
            ((0.0, 1.0), (math.nan, 0.5)),
        ):
            with self.subTest((z, p)), self.assertRaises(CalibrationError):
                Isotonic(z, p)


if __name__ == "__main__":
    unittest.main()
