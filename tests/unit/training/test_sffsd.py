# S-FFSD: a made-up file in its form becomes the two topics; labels come late, or never.

import gzip
import json
import tempfile
import unittest
from datetime import timedelta
from pathlib import Path

from weir_training.payments import DataError, read_payments
from weir_training.sffsd import Written, convert, duration, read_rows

HEADER = "Time,Source,Target,Amount,Location,Type,Labels\n"
ROWS = (
    "0,S1,T1,13.74,L1,TP1,2\n"  # nobody ever says
    "1,S2,T1,0.0,L2,TP1,1\n"
    "1441,S1,T2,800000.0,L1,TP2,0\n"
)


class SffsdTest(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)
        self.folder = Path(self._directory.name)

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        packed = name.endswith(".gz")
        path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
        return path

    def converted(self, content: str, out: str = "out", **delay) -> tuple[Written, list, list]:
        rows = read_rows(self.file("s.csv.gz", content))
        written = convert(rows, self.folder / out, timedelta(**delay))
        return written, *(
            [json.loads(line) for line in gzip.open(self.folder / out / name)]
            for name in ("transactions.jsonl.gz", "labels.jsonl.gz")
        )

    def test_every_row_is_a_payment_one_minute_a_count(self):
        written, payments, _ = self.converted(HEADER + ROWS, days=1)
        self.assertEqual(written, Written(transactions=3, labels=2, frauds=1))
        self.assertEqual(
            payments[2],
            {
                "transaction_id": "1441",
                "user_id": "S1",
                "event_time": "2020-01-02T00:01:00Z",
                "amount": "800000.0",
                "currency": "XXX",
                "merchant_id": "T2",
                "device_id": "L1",
                "card_token": "TP2",
            },
        )

    def test_a_label_names_all_it_shall_reach_and_is_formed_after_the_delay(self):
        _, _, labels = self.converted(HEADER + ROWS, hours=6)
        self.assertEqual(
            labels[0],
            {
                "label_id": "L1",
                "transaction_id": "1",
                "user_id": "S2",
                "merchant_id": "T1",
                "is_fraud": True,
                "event_time": "2020-01-01T00:01:00Z",
                "label_time": "2020-01-01T06:01:00Z",
                "device_id": "L2",
                "card_token": "TP1",
            },
        )

    def test_an_unlabelled_row_has_no_label(self):
        _, _, labels = self.converted(HEADER + ROWS, days=1)
        self.assertEqual([label["transaction_id"] for label in labels], ["1", "1441"])

    def test_the_same_rows_give_the_same_bytes_and_what_training_reads(self):
        self.converted(HEADER + ROWS, "a", days=1)
        self.converted(HEADER + ROWS, "b", days=1)
        names = ("transactions.jsonl.gz", "labels.jsonl.gz")
        for name in names:
            self.assertEqual(
                (self.folder / "a" / name).read_bytes(), (self.folder / "b" / name).read_bytes()
            )
        transactions, labels = (self.folder / "a" / name for name in names)
        payments, _ = read_payments([transactions], [labels])
        self.assertEqual(payments.rows.amount_minor.tolist(), [1374, 0, 80_000_000])
        self.assertEqual(payments.is_fraud.tolist(), [-1, 1, 0])

    def test_plain_and_packed_files_read_alike(self):
        plain = list(read_rows(self.file("s.csv", HEADER + ROWS)))
        packed = list(read_rows(self.file("s.csv.gz", HEADER + ROWS)))
        self.assertEqual(plain, packed)

    def test_a_delay_has_a_unit_and_is_never_zero(self):
        self.assertEqual(duration("36h"), timedelta(hours=36))
        for text in ("0d", "1", "d", "-1d", "1.5h", ""):
            with self.assertRaisesRegex(ValueError, "not a duration"):
                duration(text)

    def test_an_error_names_file_and_line(self):
        for bad, what in (
            ("x,S1,T1,1,L1,TP1,0\n", "Time is no count"),
            ("0,S1,T1,1,L1,TP1,3\n", "none of 0, 1, 2"),
            ("0,S1,T1,-1,L1,TP1,0\n", "Amount is no amount"),
            ("0,S1,T1,NaN,L1,TP1,0\n", "Amount is no amount"),
            ("0,S1,T1,1,L1,TP1\n", "seven values"),
            ("0,S1,,1,L1,TP1,0\n", "seven values"),
        ):
            with self.assertRaisesRegex(DataError, rf"s\.csv:3: .*{what}"):
                list(read_rows(self.file("s.csv", HEADER + "0,S1,T1,1,L1,TP1,2\n" + bad)))
        with self.assertRaisesRegex(DataError, "no column Labels, Type"):
            list(read_rows(self.file("s.csv", "Time,Source,Target,Amount,Location\n")))
        with self.assertRaisesRegex(DataError, "cannot read"):
            list(read_rows(self.folder / "none.csv"))


if __name__ == "__main__":
    unittest.main()
