# Row features: the table of models/README.md; the values both languages agree on are in tests/data.

import json
import unittest
from pathlib import Path

import numpy as np

from made_payments import START_MS, rows
from weir_training.engine_codes import hash_id, hash_name, pack_country
from weir_training.row_feature_cases import row_feature_file
from weir_training.row_features import ROW_FEATURES, log_gap, row_features

AGREED = Path(__file__).parents[2] / "data" / "row_features.json"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def value(name: str, row=None, current=None) -> float:
    row = rows(1) if row is None else row
    return float(row_features(row, row if current is None else current, [name])[0, 0])


class RowFeaturesTest(unittest.TestCase):
    def test_the_agreed_file_is_what_this_code_writes(self):
        self.assertEqual(AGREED.read_text(), row_feature_file())

    def test_the_agreed_file_covers_every_feature_with_more_than_one_value(self):
        agreed = json.loads(AGREED.read_text())
        self.assertEqual(agreed["features"], list(ROW_FEATURES))
        for name, values in zip(
            agreed["features"], zip(*(case["values"] for case in agreed["cases"]))
        ):
            self.assertGreater(len(set(values)), 1, name)

    def test_log_amount_counts_major_units_of_any_exponent(self):
        self.assertEqual(value("log_amount", rows(1, amount_minor=0)), 0.0)
        for exponent in (0, 2, 3):
            row = rows(1, amount_minor=15 * 10**exponent, currency_exponent=exponent)
            self.assertEqual(value("log_amount", row), np.float32(np.log(16.0)))

    def test_night_ends_when_hour_seven_begins(self):
        self.assertEqual(value("night", rows(1, event_time_ms=START_MS)), 1.0)
        self.assertEqual(value("night", rows(1, event_time_ms=START_MS + 7 * HOUR_MS - 1)), 1.0)
        self.assertEqual(value("night", rows(1, event_time_ms=START_MS + 7 * HOUR_MS)), 0.0)
        self.assertEqual(value("night", rows(1, event_time_ms=START_MS + DAY_MS - 1)), 0.0)

    def test_weekend_is_saturday_and_sunday_in_utc(self):
        for day, expected in enumerate((0, 0, 0, 0, 0, 1, 1, 0)):
            for time in (START_MS + day * DAY_MS, START_MS + (day + 1) * DAY_MS - 1):
                self.assertEqual(value("weekend", rows(1, event_time_ms=time)), expected, day)

    def test_time_of_day_moves_by_whole_minutes(self):
        noon = START_MS + 12 * HOUR_MS
        at_noon = value("hour_sin", rows(1, event_time_ms=noon))
        self.assertEqual(value("hour_sin", rows(1, event_time_ms=noon + 59_999)), at_noon)
        self.assertNotEqual(value("hour_sin", rows(1, event_time_ms=noon + 60_000)), at_noon)

    def test_monday_midnight_is_the_zero_of_both_circles(self):
        row = rows(1, event_time_ms=START_MS)
        for name, expected in (
            ("hour_sin", 0),
            ("hour_cos", 1),
            ("weekday_sin", 0),
            ("weekday_cos", 1),
        ):
            self.assertEqual(value(name, row), expected, name)

    def test_an_absent_id_equals_nothing_not_even_another_absent_one(self):
        for name, column in (
            ("same_merchant", "merchant"),
            ("same_device", "device"),
            ("same_card", "card"),
        ):
            absent, one, two = (rows(1, **{column: code}) for code in (0, 1, 2))
            self.assertEqual(value(name, absent, absent), 0.0)
            self.assertEqual(value(name, absent, one), 0.0)
            self.assertEqual(value(name, one, two), 0.0)
            self.assertEqual(value(name, one, one), 1.0)

    def test_a_border_is_crossed_only_between_two_known_countries(self):
        for country, merchant_country, expected in (
            (0, 0, 0),
            (1, 0, 0),
            (0, 1, 0),
            (1, 1, 0),
            (1, 2, 1),
        ):
            row = rows(1, country=country, merchant_country=merchant_country)
            self.assertEqual(value("cross_border", row), expected)

    def test_card_present_is_zero_when_unknown(self):
        for stored, expected in ((0, 0.0), (1, -1.0), (2, 1.0)):
            self.assertEqual(value("card_present", rows(1, card_present=stored)), expected)

    def test_a_category_has_a_slot_and_absence_the_first(self):
        for name, column, last in (
            ("mcc_slot", "mcc", 255),
            ("channel_slot", "channel", 31),
            ("country_slot", "country", 255),
            ("merchant_slot", "merchant", 1023),
        ):
            for code, expected in ((0, 0), (1, 2), (last - 1, last), (last, 1)):
                self.assertEqual(value(name, rows(1, **{column: code})), expected, name)

    def test_the_hash_of_a_merchant_has_no_sign(self):
        self.assertEqual(value("merchant_slot", rows(1, merchant=-1)), (2**64 - 1) % 1023 + 1)

    def test_ids_have_the_numbers_of_the_engine(self):
        self.assertEqual(hash_id(""), 0)
        self.assertEqual(hash_id("abc") % 2**64, 0x78AF5F94892F3950)  # XXH3, as published
        self.assertEqual(hash_name("abc"), 0x3950)
        self.assertEqual(pack_country("FR"), 0x4652)
        self.assertEqual(pack_country(""), 0)
        with self.assertRaises(ValueError):
            pack_country("FRA")

    def test_log_gap_is_never_negative(self):
        now = np.array([START_MS])
        self.assertEqual(log_gap(now, now)[0], 0.0)
        self.assertEqual(log_gap(now + 1, now)[0], 0.0)
        self.assertEqual(log_gap(now - 60_000, now)[0], np.float32(np.log(2.0)))

    def test_rows_are_seen_from_the_payment_they_stand_beside(self):
        past = rows(6, merchant=[1, 2, 3, 1, 2, 3]).take(np.arange(6).reshape(2, 3))
        current = rows(2, merchant=[1, 3]).take(np.array([[0], [1]]))
        same = row_features(past, current, ["same_merchant"])[..., 0]
        np.testing.assert_array_equal(same, [[1, 0, 0], [0, 0, 1]])


if __name__ == "__main__":
    unittest.main()
