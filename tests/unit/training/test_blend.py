# Trees and blend: the same model every time, weights that outcomes were drawn with, never negative.

import unittest
from dataclasses import replace

import numpy as np

from weir_training import trees
from weir_training.blend import fit_weights, log_loss_of
from weir_training.calibration import CalibrationError
from weir_training.experiment import TreesSettings
from weir_training.payments import DataError


def drawn(seed: int, sequence: float, trees_weight: float, bias: float, count: int = 60_000):
    """Log odds of two parts that know different things, and outcomes of their true blend."""
    random = np.random.default_rng(seed)
    logit = random.normal(-2, 1.5, count).astype(np.float32)
    margin = random.normal(-2, 1.5, count).astype(np.float32)
    z = sequence * logit + trees_weight * margin + bias
    return logit, margin, random.random(count) < 1 / (1 + np.exp(-z))


class BlendTest(unittest.TestCase):
    def test_it_finds_the_weights_that_outcomes_were_drawn_with(self):
        logit, margin, is_fraud = drawn(1, 0.4, 0.7, -0.5)
        found = fit_weights(logit, margin, is_fraud)
        for name, value in (("sequence", 0.4), ("trees", 0.7), ("bias", -0.5)):
            self.assertAlmostEqual(getattr(found, name), value, delta=0.06, msg=name)

    def test_a_share_that_is_given_stays_and_only_scale_and_bias_are_fitted(self):
        logit, margin, is_fraud = drawn(4, 0.9, 0.1, -1.0)
        found = fit_weights(logit, margin, is_fraud, share=0.25)
        self.assertAlmostEqual(found.sequence / (found.sequence + found.trees), 0.25)
        z = found.z(logit, margin)
        self.assertAlmostEqual(float((1 / (1 + np.exp(-z))).mean()), float(is_fraud.mean()), places=3)

    def test_a_part_that_would_be_subtracted_is_left_out(self):
        for sequence, of_trees, zero in ((0.8, -0.3, "trees"), (-0.3, 0.8, "sequence")):
            found = fit_weights(*drawn(2, sequence, of_trees, 0.0))
            self.assertEqual(getattr(found, zero), 0.0)
            self.assertGreater(found.sequence + found.trees, 0.5)

    def test_it_is_no_worse_than_either_part_by_itself(self):
        logit, margin, is_fraud = drawn(3, 0.5, 0.5, 0.0)
        found = fit_weights(logit, margin, is_fraud)
        blended = log_loss_of(found.z(logit, margin), is_fraud)
        for part in (logit, margin):
            self.assertLess(blended, log_loss_of(part, is_fraud))

    def test_two_parts_that_say_the_same_share_the_weight(self):
        logit, _, is_fraud = drawn(4, 1.0, 0.0, 0.0, 5_000)
        found = fit_weights(logit, logit, is_fraud)
        self.assertAlmostEqual(found.sequence, found.trees, delta=1e-6)
        self.assertAlmostEqual(found.sequence + found.trees, 1.0, delta=0.1)

    def test_separated_classes_still_end_with_finite_weights(self):
        logit = np.r_[np.full(50, -3.0), np.full(5, 3.0)].astype(np.float32)
        found = fit_weights(logit, logit, logit > 0)
        self.assertTrue(np.isfinite([found.sequence, found.trees, found.bias]).all())

    def test_periods_that_cannot_carry_a_blend_are_refused(self):
        logit = np.array([0.0, 1.0, 2.0, 3.0], np.float32)
        with self.assertRaisesRegex(CalibrationError, "one class"):
            fit_weights(logit, logit, np.zeros(4))
        with self.assertRaisesRegex(CalibrationError, "higher scores mean less fraud"):
            fit_weights(*drawn(5, -0.6, -0.6, 0.0))


class TreesTest(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(6)
        self.rows = random.normal(size=(3_000, 4)).astype(np.float32)
        self.rows[random.random(self.rows.shape) < 0.1] = np.nan
        self.is_fraud = self.rows[:, 2] > 1.2
        self.settings = TreesSettings(rounds=15, max_depth=3, subsample=0.7, colsample_bytree=0.7)

    def fitted(self, seed: int = 1, **more) -> bytes:
        settings = replace(self.settings, **more)
        return trees.fit_trees(self.rows, self.is_fraud, list("abcd"), settings, seed)

    def test_a_monotone_input_never_lowers_the_risk_as_it_grows(self):
        self.is_fraud = self.is_fraud ^ (np.random.default_rng(1).random(3_000) < 0.2)
        line = np.zeros((50, 4), np.float32)
        line[:, 2] = np.linspace(-3, 3, 50)
        free, rising = (self.fitted(monotone=names) for names in ([], ["c"]))
        self.assertTrue((np.diff(trees.margins(free, line)) < 0).any())
        self.assertTrue((np.diff(trees.margins(rising, line)) >= 0).all())
        with self.assertRaisesRegex(DataError, "trees.monotone: no input e"):
            self.fitted(monotone=["e"])

    def test_thinning_keeps_every_fraud_and_a_share_of_the_others(self):
        kept = trees.thinned(self.is_fraud, 0.2, 1)
        self.assertEqual(self.is_fraud[kept].sum(), self.is_fraud.sum())
        self.assertAlmostEqual((~self.is_fraud)[kept].sum() / (~self.is_fraud).sum(), 0.2, delta=0.03)
        self.assertEqual(len(trees.thinned(self.is_fraud, 1.0, 1)), 3_000)

    def test_several_trees_a_round_vary_less_by_chance_than_one(self):
        def spread(**more) -> float:
            one, two = (trees.margins(self.fitted(seed, **more), self.rows) for seed in (1, 2))
            return float(np.abs(one - two).mean())

        self.assertLess(spread(num_parallel_tree=8), spread() / 1.5)

    def test_a_fraud_that_weighs_more_raises_margins_by_the_log_of_its_weight(self):
        self.is_fraud = np.random.default_rng(1).random(3_000) < 0.1  # nothing to learn but the share
        fitted = {"rounds": 60, "max_depth": 1, "learning_rate": 0.3}
        plain = trees.margins(self.fitted(**fitted), self.rows)
        weighted = trees.margins(self.fitted(**fitted, scale_pos_weight=4.0), self.rows)
        self.assertAlmostEqual(float((weighted - plain).mean()), np.log(4), delta=0.1)

    def test_the_same_seed_gives_the_same_bytes(self):
        one, two, other = (
            self.fitted(seed=seed) for seed in (1, 1, 2)
        )
        self.assertEqual(one, two)
        self.assertNotEqual(one, other)

    def test_margins_are_log_odds_that_know_what_is_in_the_data_and_missing_is_a_value(self):
        model = self.fitted()
        margin = trees.margins(model, self.rows)
        self.assertEqual(margin.dtype, np.float32)
        self.assertGreater(margin[self.is_fraud].min(), margin[~self.is_fraud].mean())
        self.assertTrue(np.isfinite(trees.margins(model, np.full((1, 4), np.nan, np.float32))).all())

    def test_importance_names_what_mattered_first(self):
        model = self.fitted()
        gain = trees.importance(model, ["a", "b", "c", "d"])
        self.assertEqual(next(iter(gain)), "c")
        self.assertAlmostEqual(sum(gain.values()), 1.0)


if __name__ == "__main__":
    unittest.main()
