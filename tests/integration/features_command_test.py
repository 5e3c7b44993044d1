"""weir features from outside: the golden table, its forms, and what it says when something is wrong. Needs no broker."""
import csv
import gzip
import io
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data/features"
EXPECTED = (DATA / "expected.csv").read_bytes()


def weir(*arguments, **options):
    return subprocess.run([os.environ["WEIR_BINARY"], *map(str, arguments)], capture_output=True, **options)


class FeaturesCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def features(self, out, config=DATA / "config.yaml", labels=True):
        more = ["--labels", DATA / "labels.jsonl"] if labels else []
        return weir("features", "--config", config, "--transactions", DATA / "transactions.jsonl", *more, "--out", out)

    def test_the_golden_table_to_the_byte(self):
        done = self.features(self.folder / "f.csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "f.csv").read_bytes().decode(), EXPECTED.decode())

    def test_standard_output_and_gzip_hold_the_same_bytes(self):
        self.assertEqual(self.features("-").stdout, EXPECTED)
        self.features(self.folder / "f.csv.gz")
        self.assertEqual(gzip.decompress((self.folder / "f.csv.gz").read_bytes()), EXPECTED)

    def test_it_says_what_became_of_payments_and_labels(self):
        said = self.features("-").stderr.decode()
        self.assertIn("payments 10  rows 8  dead letters 1  duplicates 1  late 0", said)
        self.assertIn("labels.jsonl:5: merchant_id: missing", said)
        self.assertIn("labels 4  not understood 1  to users: applied 3  repeated 0  outdated 0  before their payment 1  "
                      "expired 0", said)

    def test_without_labels_no_fraud_is_known_and_nothing_else_changes(self):
        table = list(csv.DictReader(io.StringIO(self.features("-", labels=False).stdout.decode())))
        golden = list(csv.DictReader(io.StringIO(EXPECTED.decode())))
        self.assertEqual({row["merchant_fraud_share"] for row in table}, {"0"})
        for row in table + golden:
            del row["merchant_fraud_share"]
        self.assertEqual(table, golden)

    def test_the_features_topic_of_a_replay_carries_the_same_values(self):
        done = weir("replay", "--config", DATA / "config.yaml", "--transactions", DATA / "transactions.jsonl", "--labels",
                    DATA / "labels.jsonl", "--out", self.folder / "v", "--features-out", self.folder / "f")
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [json.loads(line) for line in (self.folder / "f").read_text().splitlines()]
        golden = list(csv.DictReader(io.StringIO(EXPECTED.decode())))
        self.assertEqual(len(records), len(golden))
        for record, row in zip(records, golden):
            self.assertIsNone(record["model"])
            self.assertEqual(record["transaction_id"], row.pop("transaction_id"))
            self.assertEqual(record["windows"], {k: float(v) if v else None for k, v in row.items()})

    def test_mistakes_have_the_exit_code_of_their_kind(self):
        bare = self.folder / "bare.yaml"
        bare.write_text("kafka.brokers: a:1\nstate.dir: x\n")
        done = self.features("-", config=bare)
        self.assertEqual(done.returncode, 78)
        self.assertIn(b"declares no features", done.stderr)
        done = self.features(self.folder / "no/such/folder.csv")
        self.assertEqual(done.returncode, 65)
        self.assertIn(b"cannot write", done.stderr)
        done = weir("features", "--config", DATA / "config.yaml", "--transactions", DATA / "transactions.jsonl")
        self.assertEqual(done.returncode, 64)
        self.assertIn(b"--out is missing", done.stderr)

    def test_help_shows_a_command_that_works(self):
        done = weir("features", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"weir features --config configs/handbook.yaml", done.stdout)


class Keys(unittest.TestCase):
    def test_check_lists_every_key_without_a_configuration(self):
        done = weir("check", "--keys")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"features.*.window: duration, 1s to 90d", done.stdout)
        self.assertEqual(weir("check").returncode, 64)


if __name__ == "__main__":
    unittest.main()
