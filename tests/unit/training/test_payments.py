# Reading: the files the engine reads, exact amounts, replay order, and errors that say where.

import gzip
import json
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

import numpy as np

from weir_training.payments import DataError, amount_minor, event_time_ms, read_payments

HEADER = "transaction_id,time_s,customer_id,terminal_id,amount,is_fraud,fraud_scenario\n"


def transaction(number: int, **fields) -> dict:
    return {
        "transaction_id": str(number),
        "user_id": "C0001",
        "event_time": "2018-06-11T00:24:47Z",
        "amount": 96.32,
        "currency": "XXX",
        "merchant_id": "T00001",
    } | fields


class PaymentsTest(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)

    def file(self, name: str, content: str | bytes) -> Path:
        path = Path(self._directory.name) / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def lines(self, name: str, *records: dict) -> Path:
        return self.file(name, "".join(json.dumps(record) + "\n" for record in records))

    def test_handbook_csv_keeps_amounts_to_the_cent(self):
        path = self.file("h.csv", HEADER + "0,31,596,3156,57.16,0,0\n1,130,4961,3412,146.0,1,3\n")
        data, sources = read_payments([path])
        np.testing.assert_array_equal(data.rows.amount_minor, [5716, 14600])
        np.testing.assert_array_equal(data.is_fraud, [0, 1])
        self.assertEqual(data.rows.event_time_ms[0], event_time_ms("2018-04-01T00:00:31Z"))
        self.assertEqual((sources[0].file, sources[0].rows), ("h.csv", 2))

    def test_csv_and_json_lines_of_the_same_data_give_the_same_payments(self):
        csv = self.file("a.csv", HEADER + "0,31,596,3156,57.16,0,0\n1,130,596,3156,8.8,1,3\n")
        times = ("2018-04-01T00:00:31Z", "2018-04-01T00:02:10Z")
        records = [
            transaction(i, user_id="C0596", merchant_id="T03156", event_time=time, amount=amount)
            for i, (time, amount) in enumerate(zip(times, (57.16, 8.8)))
        ]
        labels = self.lines(
            "l", *({"transaction_id": str(i), "is_fraud": bool(i)} for i in range(2))
        )
        packed = self.file(
            "t.gz", gzip.compress("".join(json.dumps(r) + "\n" for r in records).encode())
        )
        one, _ = read_payments([csv])
        two, _ = read_payments([packed], [labels])
        both, _ = read_payments([csv, packed], [labels])
        for column in vars(one.rows):
            np.testing.assert_array_equal(
                getattr(one.rows, column), getattr(two.rows, column), column
            )
        np.testing.assert_array_equal(one.is_fraud, two.is_fraud)
        self.assertEqual(len(set(both.user)), 1)  # the same card in both forms is one user

    def test_payments_come_in_event_time_order_and_ties_as_read(self):
        times = ("2018-06-11T00:00:02Z", "2018-06-11T00:00:01Z", "2018-06-11T00:00:02Z")
        records = [transaction(i, event_time=t, amount=i + 1) for i, t in enumerate(times)]
        data, _ = read_payments([self.lines("t", *records)])
        np.testing.assert_array_equal(data.rows.amount_minor, [200, 100, 300])

    def test_a_repeated_id_of_a_user_is_one_payment(self):
        path = self.lines(
            "t", transaction(1), transaction(1, amount=5), transaction(1, user_id="C2")
        )
        data, _ = read_payments([path])
        np.testing.assert_array_equal(data.rows.amount_minor, [9632, 9632])

    def test_a_payment_without_label_is_unlabelled_and_a_later_label_revises(self):
        labels = self.lines(
            "l",
            {"transaction_id": "2", "is_fraud": True},
            {"transaction_id": "2", "is_fraud": False},
        )
        data, _ = read_payments([self.lines("t", transaction(1), transaction(2))], [labels])
        np.testing.assert_array_equal(data.is_fraud, [-1, 0])

    def test_of_several_labels_the_one_counts_that_counts_in_the_engine(self):
        def label(label_id: str, day: int, is_fraud: bool, **more) -> dict:
            about = {"label_id": label_id, "transaction_id": "1", "is_fraud": is_fraud}
            return about | {"label_time": f"2018-07-{day:02}T00:00:00Z"} | more

        later, earlier = label("b", 9, True), label("a", 8, False)
        for told, is_fraud, day in (
            ([later, earlier], 1, 9),  # not the last line
            ([earlier, later], 1, 9),
            ([later, label("b", 8, False, revision=1)], 0, 8),  # a revision, whatever its time
            ([label("b", 8, False, revision="1"), later], 0, 8),
            ([later, label("b", 20, False)], 1, 9),  # not a higher revision: a repeat
            # The engine's tie: XXH3 of "a" is larger than that of "b".
            ([label("a", 9, False), later], 0, 9),
            ([later, label("a", 9, False)], 0, 9),
        ):
            with self.subTest(told):
                files = [self.lines(f"l{i}", one) for i, one in enumerate(told)]
                for labels in (files, [self.lines("l", *told)]):
                    data, _ = read_payments([self.lines("t", transaction(1))], labels)
                    self.assertEqual(data.is_fraud.tolist(), [is_fraud])
                    known = event_time_ms(f"2018-07-{day:02}T00:00:00Z")
                    self.assertEqual(data.label_time_ms.tolist(), [known])

    def test_what_is_no_time_is_refused_by_file_and_line(self):
        for time in (1.5, None, True, ["2018"], "soon"):
            with self.subTest(time), self.assertRaisesRegex(DataError, "t:1: not a transaction"):
                read_payments([self.lines("t", transaction(1, event_time=time))])
        told = {"transaction_id": "1", "is_fraud": True}
        for bad in ({"label_time": 1.5}, {"revision": "first"}, {"label_id": 7}, {"type": 7}):
            with self.subTest(bad), self.assertRaisesRegex(DataError, "l:1: not a label"):
                read_payments([self.lines("t", transaction(1))], [self.lines("l", told | bad)])

    def test_the_kind_of_a_fraud_is_the_type_of_its_label_and_no_scenario(self):
        told = [("tc40", True), ("chargeback", True), (None, True), ("analyst_good", False)]
        labels = [
            {"transaction_id": str(i), "is_fraud": fraud, "type": kind, "fraud_scenario": 3}
            for i, (kind, fraud) in enumerate(told)
        ]
        labels.append({"transaction_id": "0", "is_fraud": True, "type": "chargeback"})  # later
        payments = self.lines("t", *(transaction(i, fraud_scenario=2) for i in range(5)))
        data, _ = read_payments([payments], [self.lines("l", *labels)])
        named = [("", *data.kind_names)[code] for code in data.kind]
        self.assertEqual(named, ["chargeback", "chargeback", "", "", ""])
        csv, _ = read_payments([self.file("h.csv", HEADER + "1,130,4961,3412,146.0,1,3\n")])
        self.assertEqual((csv.kind.tolist(), csv.kind_names), ([0], ()))

    def test_optional_fields_are_zero_when_absent(self):
        path = self.lines("t", transaction(1), transaction(2, device_id="d", is_card_present=False))
        data, _ = read_payments([path])
        np.testing.assert_array_equal(data.rows.device, [0, 1])
        np.testing.assert_array_equal(data.rows.card_present, [0, 1])

    def test_amounts_are_exact_or_refused(self):
        self.assertEqual(amount_minor(Decimal("0.29"), 2), 29)
        self.assertEqual(amount_minor("1.25e1", 2), 1250)
        self.assertEqual(amount_minor("7.000", 2), 700)
        self.assertEqual(amount_minor(Decimal("9999999999999.99"), 2), 999_999_999_999_999)
        for amount, exponent in (("0.001", 2), ("0.5", 0), ("-1", 2)):
            with self.assertRaises(ValueError):
                amount_minor(amount, exponent)

    def test_times_honour_offsets_cut_fractions_and_step_over_a_leap_second(self):
        self.assertEqual(event_time_ms("1970-01-01T01:00:00.0019+01:00"), 1)
        self.assertEqual(event_time_ms(1_533_686_400_000), 1_533_686_400_000)
        self.assertEqual(
            event_time_ms("2016-12-31T23:59:60.5Z"), event_time_ms("2017-01-01T00:00:00Z")
        )
        with self.assertRaises(ValueError):
            event_time_ms("2018-06-11T00:24:47")

    def test_an_error_names_file_and_line(self):
        bad = self.lines("t.jsonl", transaction(1), transaction(2, amount="x"))
        with self.assertRaisesRegex(DataError, r"t\.jsonl:2: not a transaction"):
            read_payments([bad])
        with self.assertRaisesRegex(DataError, "no column time_s"):
            read_payments([self.file("c.csv", "a,b\n1,2\n")])
        with self.assertRaisesRegex(DataError, "more than two digits"):
            read_payments([self.file("d.csv", HEADER + "0,31,596,3156,57.165,0,0\n")])
        with self.assertRaisesRegex(DataError, "not a whole gzip file"):
            read_payments([self.file("e.gz", gzip.compress(b"x" * 100)[:20])])
        with self.assertRaisesRegex(DataError, "cannot read"):
            read_payments([Path(self._directory.name) / "none"])

    def test_nothing_to_read_is_an_error(self):
        with self.assertRaisesRegex(DataError, "no transaction"):
            read_payments([self.file("h.csv", HEADER)])


if __name__ == "__main__":
    unittest.main()
