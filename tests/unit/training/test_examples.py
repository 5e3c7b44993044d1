# Examples: the payment and the last W payments of its user strictly before it.

import unittest

import numpy as np

from made_payments import payments
from weir_training.examples import Examples, history_index, varying_features
from weir_training.row_features import ROW_FEATURES, log_gap, row_features


def index_by_hand(data, rows_max: int) -> np.ndarray:
    """The definition, one payment after the other."""
    past: dict[int, list[int]] = {}
    out = np.full((len(data), rows_max), -1)
    for i, user in enumerate(data.user):
        mine = past.setdefault(int(user), [])
        out[i, : min(len(mine), rows_max)] = mine[-rows_max:]
        mine.append(i)
    return out


def random_payments(seed: int, count: int = 400):
    random = np.random.default_rng(seed)
    time_s = np.sort(random.integers(0, 200, count))  # many ties
    return payments(
        list(random.integers(0, 30, count)),
        list(time_s),
        merchant=random.integers(1, 4, count),
        amount_minor=random.integers(1, 10_000, count),
    )


class ExamplesTest(unittest.TestCase):
    def test_history_is_that_of_the_definition(self):
        for seed in range(5):
            data = random_payments(seed)
            for rows_max in (1, 3, 16):
                expected = index_by_hand(data, rows_max)
                np.testing.assert_array_equal(
                    history_index(data, rows_max), expected, f"seed {seed}"
                )

    def test_a_payment_never_sees_itself_nor_a_later_one_of_the_same_second(self):
        data = payments([1, 1, 1], [5, 5, 5])
        np.testing.assert_array_equal(history_index(data, 2), [[-1, -1], [0, -1], [0, 1]])

    def test_rows_stand_oldest_first_and_the_oldest_leaves_when_the_window_is_full(self):
        data = payments([1, 2, 1, 1, 1], [0, 1, 2, 3, 4])
        np.testing.assert_array_equal(history_index(data, 2)[4], [2, 3])

    def test_a_batch_holds_the_features_of_each_row_as_seen_from_its_payment(self):
        data = random_payments(11)
        examples = Examples(data, list(ROW_FEATURES), 16)
        chosen = np.array([399, 0, 200])
        batch = examples.batch(chosen)
        expected = index_by_hand(data, 16)[chosen]
        for b, now_at in enumerate(chosen):
            now = data.rows.take(np.array([now_at]))
            np.testing.assert_array_equal(
                batch.current[b], row_features(now, now, list(ROW_FEATURES))[0]
            )
            for w, past_at in enumerate(expected[b]):
                self.assertEqual(batch.mask[b, w], float(past_at >= 0))
                if past_at < 0:
                    self.assertFalse(batch.history[b, w].any())
                    self.assertEqual(batch.log_gap[b, w], 0.0)
                    continue
                past = data.rows.take(np.array([past_at]))
                np.testing.assert_array_equal(
                    batch.history[b, w], row_features(past, now, list(ROW_FEATURES))[0]
                )
                self.assertEqual(
                    batch.log_gap[b, w], log_gap(past.event_time_ms, now.event_time_ms)[0]
                )

    def test_everything_is_float32_in_the_layout_of_the_scorer(self):
        batch = Examples(random_payments(1), ["log_amount", "same_merchant"], 16).batch(
            np.arange(7)
        )
        self.assertEqual(batch.current.shape, (7, 2))
        self.assertEqual(batch.history.shape, (7, 16, 2))
        self.assertEqual(batch.log_gap.shape, (7, 16))
        for array in (batch.current, batch.history, batch.log_gap, batch.mask):
            self.assertEqual(array.dtype, np.float32)

    def test_features_that_never_vary_are_left_out(self):
        data = payments([1, 1, 1], [0, 60, 120], amount_minor=[100, 200, 300], merchant=[1, 2, 1])
        index = np.arange(3)
        # All three fall into one night of one Monday; the merchant changes, but only between
        # payments.
        self.assertEqual(
            varying_features(data, 16, index),
            ["log_amount", "hour_sin", "hour_cos", "same_merchant"],
        )
        self.assertEqual(varying_features(data, 16, index[:1]), [])


if __name__ == "__main__":
    unittest.main()
