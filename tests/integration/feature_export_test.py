"""Features as arrays and as Parquet: the values that `weir features` writes, read back by programs nobody here wrote."""
import csv
import gzip
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import duckdb
import numpy
import weir_features
from pyarrow import dataset, parquet
from weir_features import parquet as exporter
from weir_testing.paths import CONFIG, ROOT, SAMPLE, WEIR

GOLDEN = ROOT / "tests/data/features"  # ten payments with everything that is special about payments and labels
SPECIAL = (GOLDEN / "config.yaml", GOLDEN / "transactions.jsonl", GOLDEN / "labels.jsonl")
OPERATORS = os.environ.get("WEIR_OPS", ROOT / "build/release/models/libweir_torch_ops.so")
ROWS = 32  # history.merchant_rows of configs/handbook.yaml
PAYMENTS = (CONFIG, SAMPLE / "transactions.jsonl.gz", SAMPLE / "labels.jsonl.gz")


def compute(*arguments, **more):
    """Without the warnings that the golden table's bad lines give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", weir_features.LeftOut)
        return weir_features.compute(*arguments, **more)


def time_ms(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def python(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True)


class FeatureCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def payments_at(self, *times, user="A"):
        file = self.folder / "payments.jsonl"
        file.write_text("".join(
            json.dumps({"transaction_id": f"p{i}", "user_id": user, "event_time": time, "amount": i + 1, "currency": "EUR",
                        "merchant_id": "M"}) + "\n" for i, time in enumerate(times)))
        return file

    def assert_same_bits(self, got, expected):
        """Also of zeros; whatever NaN means missing."""
        self.assertEqual((got.dtype, got.shape), (numpy.float64, expected.shape))
        numpy.testing.assert_array_equal(numpy.isnan(got), numpy.isnan(expected))
        self.assertEqual(numpy.where(numpy.isnan(got), 0, got).tobytes(), numpy.where(numpy.isnan(expected), 0, expected).tobytes())

    def assert_is_table(self, features, table):
        header, *rows = csv.reader(table.splitlines())
        self.assertEqual(header, ["transaction_id", *features["names"]])
        self.assertEqual(list(features["transaction_id"]), [row[0] for row in rows])
        self.assert_same_bits(features["values"], numpy.array([[float(text or "nan") for text in row[1:]] for row in rows]))


class Arrays(FeatureCase):
    def test_they_are_the_table_that_weir_features_writes_bit_for_bit(self):
        for config, transactions, labels in (SPECIAL, PAYMENTS):
            with self.subTest(transactions):
                table = subprocess.run([WEIR, "features", "--config", config, "--transactions", transactions, "--labels", labels,
                                        "--out", "-"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                self.assert_is_table(compute(config, transactions, labels), table.stdout)

    def test_what_is_missing_is_nan(self):
        features = compute(*SPECIAL)
        first = dict(zip(features["names"], features["values"][0]))
        self.assertTrue(numpy.isnan(first["ratio"]), "the first payment of a user")
        self.assertEqual(first["amount"], 10)

    def test_users_and_times_are_those_of_the_payments(self):
        features = compute(CONFIG, self.payments_at("2018-06-11T02:00:00.789+02:00", "1970-01-01T00:00:00Z"))
        self.assertEqual(list(features["transaction_id"]), ["p1", "p0"])
        self.assertEqual(list(features["user_id"]), ["A", "A"])
        self.assertEqual(features["event_time_ms"].dtype, numpy.int64)
        self.assertEqual(list(features["event_time_ms"]), [0, 1_528_675_200_789])

    def test_without_labels_no_fraud_is_known(self):
        column = compute(*SPECIAL)["names"].index("merchant_fraud_share")
        self.assertGreater(compute(*SPECIAL)["values"][:, column].max(), 0)
        self.assertEqual(compute(*SPECIAL[:2])["values"][:, column].max(), 0)

    def test_settings_win_over_the_file(self):
        payments = self.payments_at("2018-06-11T00:00:00Z", user="A" * 128)
        self.assertEqual(len(compute(CONFIG, payments)["values"]), 1)
        self.assertEqual(len(compute(CONFIG, payments, settings=["input.record_bytes_max=256B"])["values"]), 0)

    def test_merchant_rows_are_the_newest_payments_whose_label_is_known(self):
        """Brute force over the files: labels up to the payment's own time, payments before it."""
        features = compute(*PAYMENTS)
        payments = {p["transaction_id"]: p for p in map(json.loads, gzip.open(PAYMENTS[1]))}
        labels = {d["transaction_id"]: d for d in map(json.loads, gzip.open(PAYMENTS[2]))}
        for label in labels.values():
            label["known"] = time_ms(label["label_time"])
        shape = len(features["transaction_id"]), ROWS
        merchant, mask = features["merchant"], features["merchant_mask"]
        self.assertEqual((merchant.dtype, merchant.shape), (numpy.float32, (*shape, 9)))
        self.assertEqual((mask.dtype, mask.shape), (numpy.float32, shape))
        amounts, before = {}, {}
        wanted, known_rows = numpy.zeros(merchant.shape), numpy.zeros(shape)
        for at, (transaction, now) in enumerate(zip(features["transaction_id"], features["event_time_ms"])):
            payment = payments[transaction]
            usual = sorted(amounts.setdefault(payment["user_id"], [])[-128:])
            median, amount = usual[(len(usual) - 1) // 2] if usual else 0, round(payment["amount"] * 10_000)
            ratio = max(amount * 1_000 // median, 1) / 1_000 if median else 0
            past = before.setdefault(payment["merchant_id"], [])
            known = [row for row in reversed(past) if labels[row["id"]]["known"] <= now][:ROWS]
            known_rows[at, :len(known)] = 1
            for place, row in enumerate(known):
                label = labels[row["id"]]
                minutes = (now - row["time"]) / 60_000
                wanted[at, place] = [
                    label["is_fraud"], math.log1p(row["amount"] / 10_000), math.log(row["ratio"]) if row["ratio"] else 0,
                    row["user"] == payment["user_id"], math.log1p(minutes), minutes / 1440 / 30,
                    math.log1p((now - label["known"]) / 60_000), row["time"] // 3_600_000 % 24 <= 6,
                    (row["time"] // 86_400_000 + 3) % 7 >= 5]
            past.append({"id": transaction, "time": now, "amount": amount, "ratio": ratio, "user": payment["user_id"]})
            amounts[payment["user_id"]].append(amount)
        numpy.testing.assert_array_equal(mask, known_rows)
        numpy.testing.assert_allclose(merchant, wanted, rtol=1e-6, atol=1e-7)
        self.assertGreater(mask.sum(), 10_000)

    def test_without_merchant_rows_their_arrays_have_no_row(self):
        features = compute(*SPECIAL)
        self.assertEqual(features["merchant"].shape, (8, 0, 9))
        self.assertEqual(features["merchant_mask"].shape, (8, 0))
        self.assertEqual(len(features["merchant_names"]), 9)

    def test_definitions_say_what_each_feature_means(self):
        found = weir_features.definitions(CONFIG)
        self.assertEqual([name for name, _ in found], compute(CONFIG, self.payments_at())["names"])
        self.assertEqual(dict(found)["card_mean_amount_30d"], "user mean amount window=30d")
        self.assertEqual(dict(found)["terminal_fraud_share_7d"], "merchant mean fraud window=7d delay=7d default=0")
        self.assertRaises(ValueError, weir_features.definitions, CONFIG, ["history.merchant_rows=65"])

    def test_no_payments_give_no_rows_and_every_name(self):
        features = compute(CONFIG, self.payments_at())
        self.assertEqual(features["values"].shape, (0, len(features["names"])))


class Mistakes(FeatureCase):
    def test_what_is_left_out_is_told_and_may_be_an_error(self):
        with self.assertWarnsRegex(weir_features.LeftOut, "left out: 1 payments, 1 labels\n.*labels.jsonl:5: merchant_id: missing"):
            self.assertEqual(len(weir_features.compute(*SPECIAL)["values"]), 8)
        with warnings.catch_warnings():
            warnings.simplefilter("error", weir_features.LeftOut)
            self.assertRaises(weir_features.LeftOut, weir_features.compute, *SPECIAL)

    def test_wrong_files_are_named_and_python_goes_on(self):
        config, transactions, labels = SPECIAL
        cut = self.folder / "cut.jsonl.gz"
        cut.write_bytes(gzip.compress(transactions.read_bytes())[:-20])
        missing = self.folder / "missing"
        for arguments, message in (((config, missing), "cannot open .*missing: No such file"),
                                   ((config, transactions, missing), "cannot open .*missing: No such file"),
                                   ((config, cut), "cut.jsonl.gz ends early"),
                                   ((missing, transactions), "missing")):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                compute(*arguments)
        self.assertEqual(len(compute(*SPECIAL)["values"]), 8)

    def test_a_wrong_configuration_is_told_with_its_places(self):
        wrong = self.folder / "wrong.yaml"
        wrong.write_text(CONFIG.read_text().replace("window: 30d", "window: 300d"))
        with self.assertRaisesRegex(ValueError, r"(?s)wrong.yaml:\d+:\d+: .*window.*\n.*wrong.yaml:\d+:\d+: "):
            compute(wrong, PAYMENTS[1])
        wrong.write_text("kafka.brokers: a:1\nstate.dir: x\n")
        with self.assertRaisesRegex(ValueError, "declares no features"):
            compute(wrong, PAYMENTS[1])


class Process(FeatureCase):
    """The engine as a guest in a process of Python."""

    def test_threads_run_meanwhile_and_may_compute_too(self):
        done, ticks = threading.Event(), 0

        def tick():
            nonlocal ticks
            while not done.wait(0.01):
                ticks += 1

        clock = threading.Thread(target=tick)
        clock.start()
        with ThreadPoolExecutor() as pool:
            first, second = pool.map(lambda _: compute(*PAYMENTS), range(2))
        done.set()
        clock.join()
        self.assertGreater(ticks, 10, "the engine keeps the interpreter's lock")
        self.assert_same_bits(first["values"], second["values"])

    def test_ctrl_c_ends_a_computation(self):
        """Early, not when all is computed: after clearly less work (CPU time, which other load does not change)."""
        done = python("-c", f"""
import signal, threading, time, weir_features
payments = {[str(file) for file in PAYMENTS]}
began = time.thread_time()
weir_features.compute(*payments)
whole = time.thread_time() - began
began = time.thread_time()
threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
try:
    weir_features.compute(*payments)
except KeyboardInterrupt:
    print("early" if time.thread_time() - began < 0.75 * whole else "late")
""")
        self.assertEqual(done.stdout, "early\n", done.stderr)

    def test_a_job_that_trains_may_compute_features(self):
        done = python("-c", f"""
import torch, weir_features
torch.ops.load_library({str(OPERATORS)!r})
print(weir_features.compute(*{[str(file) for file in PAYMENTS]})["values"].shape)
""")
        self.assertEqual(done.stdout, "(30930, 31)\n", done.stderr)


class Export(FeatureCase):
    @classmethod
    def setUpClass(cls):
        cls.features = compute(*PAYMENTS)

    def setUp(self):
        super().setUp()
        self.out = self.folder / "features"
        self.files = f"read_parquet('{self.out}/*/*.parquet', hive_partitioning = true)"

    def config_of(self, name):
        """That of the bundled payments with another name of the first feature."""
        file = self.folder / "config.yaml"
        file.write_text(CONFIG.read_text().replace("name: amount,", f"name: {name},", 1))
        return file

    def test_the_command_writes_every_day_with_the_documented_schema(self):
        config, transactions, labels = PAYMENTS
        done = python("-m", "weir_features", "export", "--config", config, "--transactions", transactions, "--labels", labels,
                      "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"out": str(self.out), "rows": 30_930, "days": 86})
        days = sorted(path.name for path in self.out.iterdir())
        self.assertEqual((len(days), days[0], days[-1]), (86, "day=2018-06-11", "day=2018-09-04"))
        for file in self.out.glob("*/*"):
            schema = parquet.read_schema(file)
            self.assertEqual(file.name, "part-0.parquet")
            self.assertEqual(schema.metadata[b"weir.features.schema"], b"1")
            self.assertEqual(schema.names, ["transaction_id", "user_id", "event_time", *self.features["names"]])
            self.assertEqual([str(t) for t in schema.types], ["string", "string", "timestamp[ms, tz=UTC]"] + ["double"] * 31)
            self.assertEqual([field.nullable for field in schema], [False] * 3 + [True] * 31)

    def test_pyarrow_and_duckdb_read_the_same_values_back(self):
        for arguments, rows in ((PAYMENTS, 30_930), (SPECIAL, 8)):
            with self.subTest(rows):
                features = compute(*arguments)
                self.out = self.folder / str(rows)
                exporter.export(features, self.out)
                # Files in order of day, rows in order of time: the order of the arrays.
                table = dataset.dataset(sorted(self.out.glob("*/*.parquet")), partitioning="hive").to_table()
                self.assert_is_these(features, table, "pyarrow")
                table = duckdb.sql(f"from read_parquet('{self.out}/*/*.parquet', hive_partitioning = true, file_row_number = true) "
                                   "order by day, file_row_number")
                self.assert_is_these(features, table.to_arrow_table(), "duckdb")

    def assert_is_these(self, features, table, reader):
        self.assertEqual(table["transaction_id"].to_pylist(), list(features["transaction_id"]), reader)
        self.assertEqual(table["user_id"].to_pylist(), list(features["user_id"]), reader)
        times = [int(time.timestamp() * 1000) for time in table["event_time"].to_pylist()]
        self.assertEqual(times, list(features["event_time_ms"]), reader)
        days = [str(numpy.datetime64(time, "ms").astype("datetime64[D]")) for time in times]
        self.assertEqual([str(day) for day in table["day"].to_pylist()], days, reader)
        for column, name in enumerate(features["names"]):
            missing = [value is None for value in table[name].to_pylist()]
            self.assertEqual(missing, list(numpy.isnan(features["values"][:, column])), f"{reader}: {name}: null is missing")
            self.assert_same_bits(table[name].to_numpy(), features["values"][:, column])

    def test_a_day_ends_at_midnight_utc(self):
        times = ["2018-06-11T23:59:59.999Z", "2018-06-12T00:00:00Z", "2018-06-13T01:30:00+02:00"]
        exporter.export(compute(CONFIG, self.payments_at(*times)), self.out)
        rows = duckdb.sql(f"select transaction_id, day::varchar from {self.files} order by all").fetchall()
        self.assertEqual(rows, [("p0", "2018-06-11"), ("p1", "2018-06-12"), ("p2", "2018-06-12")])

    def test_a_day_is_replaced_and_the_others_stay(self):
        days = ["2018-06-11T00:00:00Z", "2018-06-12T00:00:00Z", "2018-06-13T00:00:00Z"]
        exporter.export(compute(CONFIG, self.payments_at(*days)), self.out)
        again = compute(CONFIG, self.payments_at(*days, "2018-06-12T12:00:00Z", user="B"))
        period = exporter.Period.parse("2018-06-12:2018-06-13")
        self.assertEqual(exporter.export(again, self.out, period), exporter.Written(rows=2, days=1))
        users = duckdb.sql(f"select day::varchar, string_agg(user_id, '') from {self.files} group by day order by day").fetchall()
        self.assertEqual(users, [("2018-06-11", "A"), ("2018-06-12", "BB"), ("2018-06-13", "A")])

    def test_an_interrupted_export_leaves_whole_days_only(self):
        days = ["2018-06-11T00:00:00Z", "2018-06-12T00:00:00Z", "2018-06-13T00:00:00Z"]
        exporter.export(compute(CONFIG, self.payments_at(*days[:2])), self.out)
        payments = self.payments_at(*days, user="B")
        done = python("-c", f"""
import os, signal, sys
from weir_features import compute, parquet as exporter
write, written = exporter.parquet.write_table, []
def die_within_the_second_file(table, sink, **options):
    write(table, sink, **options)
    written.append(table)
    if len(written) == 2:
        sink.truncate(sink.tell() // 2)
        os.kill(os.getpid(), signal.SIGKILL)
exporter.parquet.write_table = die_within_the_second_file
exporter.export(compute({str(CONFIG)!r}, {str(payments)!r}), exporter.Path({str(self.out)!r}))
""")
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        users = f"select day::varchar, user_id from {self.files} order by day"
        self.assertEqual(duckdb.sql(users).fetchall(), [("2018-06-11", "B"), ("2018-06-12", "A")])
        self.assertEqual(dataset.dataset(self.out, partitioning="hive").count_rows(), 2)
        exporter.export(compute(CONFIG, payments), self.out)
        self.assertEqual(duckdb.sql(users).fetchall(), [("2018-06-11", "B"), ("2018-06-12", "B"), ("2018-06-13", "B")])
        self.assertEqual({file.name for file in self.out.glob("*/*")}, {"part-0.parquet"})

    def test_days_with_other_features_do_not_come_together(self):
        first = self.payments_at("2018-06-11T00:00:00Z")
        exporter.export(compute(CONFIG, first), self.out)
        other = compute(self.config_of("first"), self.payments_at("2018-06-12T00:00:00Z"))
        with self.assertRaisesRegex(ValueError, "day=2018-06-11/part-0.parquet has other features"):
            exporter.export(other, self.out)
        self.assertEqual(len(list(self.out.iterdir())), 1)
        every = compute(self.config_of("first"), self.payments_at("2018-06-11T00:00:00Z", "2018-06-12T00:00:00Z"))
        self.assertEqual(exporter.export(every, self.out).days, 2)

    def test_a_feature_cannot_have_the_name_of_another_column(self):
        for name in ("user_id", "event_time", "day"):
            features = compute(self.config_of(name), self.payments_at("2018-06-11T00:00:00Z"))
            with self.assertRaisesRegex(ValueError, f"may not be called {name}"):
                exporter.export(features, self.out)
        self.assertFalse(self.out.exists())

    def test_mistakes_have_the_exit_code_of_their_kind(self):
        arguments = ("export", "--config", CONFIG, "--transactions", self.folder / "missing", "--out", self.out)
        done = python("-m", "weir_features", *arguments)
        self.assertEqual((done.returncode, done.stdout), (65, ""))
        self.assertRegex(done.stderr, "^weir_features: cannot open .*missing: No such file")
        done = python("-m", "weir_features", *arguments, "--period", "2018-06-12:2018-06-12")
        self.assertEqual(done.returncode, 64)
        self.assertIn("empty period", done.stderr)
        (self.folder / "file").write_text("")
        done = python("-m", "weir_features", "export", "--config", CONFIG, "--transactions",
                      self.payments_at("2018-06-11T00:00:00Z"), "--out", self.folder / "file")
        self.assertEqual(done.returncode, 65)
        self.assertRegex(done.stderr, "^weir_features: .*Not a directory")


if __name__ == "__main__":
    unittest.main(verbosity=2)
