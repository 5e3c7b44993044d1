"""configs/iso20022.yaml: card messages in the names of ISO 20022 become payments. Needs no broker."""
import json
import os
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Iso20022(unittest.TestCase):
    def test_the_sample_messages_become_verdicts_by_the_mapping_alone(self):
        letters = Path(os.environ["WEIR_TEST_WORK"]) / "iso20022-letters.jsonl"
        letters.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [os.environ["WEIR_BINARY"], "replay", "--config", str(ROOT / "configs/iso20022.yaml"), "--transactions",
             str(ROOT / "tests/data/iso20022/cain001.jsonl"), "--out", "-", "--dead-letters-out", str(letters)], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        verdicts = {v["transaction_id"]: v for v in map(json.loads, done.stdout.splitlines())}
        fields = ("user_id", "merchant_id", "event_time", "amount_minor", "currency")
        with self.subTest("every field at its first path"):
            self.assertEqual([verdicts["REF-0001"][f] for f in fields],
                             ["CH-000042", "SHOP-0001", "2026-11-28T10:15:29Z", 4250, "EUR"])
        with self.subTest("the second path where the first finds nothing; an amount as text, in a currency without decimals"):
            self.assertEqual([verdicts["trace-000124"][f] for f in fields],
                             ["tok-b77c", "SHOP-0002", "2026-11-28T10:16:00Z", 1200, "JPY"])
        with self.subTest("neither cardholder nor token: a dead letter that says what is missing"):
            self.assertEqual(len(verdicts), 2)
            [letter] = map(json.loads, letters.read_text().splitlines())
            self.assertEqual((letter["weir-reason"], letter["weir-detail"]), ("missing_field", "user_id: missing"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
