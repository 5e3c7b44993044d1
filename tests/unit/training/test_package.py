# Packages: one command from transactions to a package that the engine would accept, the same bytes
# every time.

import argparse
import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from made_payments import payments, write_json_lines
from weir_training import package
from weir_training import commands
from weir_training.commands import Period, Periods
from weir_training.examples import Examples
from weir_training.golden import GoldenError, bits_of, check_golden, exact, golden_cases
from weir_training.payments import DataError
from weir_training.row_features import ROW_FEATURES

LIBRARY = os.environ.get("WEIR_OPS")  # set by ctest
REPOSITORY = Path(__file__).parents[3]


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "weir_training", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "models" / "training")},
    )


class ExactTest(unittest.TestCase):
    def test_numbers_read_back_to_the_same_float32(self):
        random = np.random.default_rng(1)
        values = random.integers(0, 1 << 32, 20_000, dtype=np.uint32).view(np.float32)
        values = values[np.isfinite(values)]
        read = np.array(json.loads(json.dumps(exact(values))), np.float32)
        np.testing.assert_array_equal(read.view(np.uint32), values.view(np.uint32))

    def test_bits_are_written_most_significant_digit_first(self):
        self.assertEqual(bits_of(np.array([1.0, -2.5], np.float32)), ["3f800000", "c0200000"])


class GoldenCasesTest(unittest.TestCase):
    def test_cases_are_the_same_every_time_and_finite(self):
        for one, two in zip(golden_cases(list(ROW_FEATURES)), golden_cases(list(ROW_FEATURES))):
            for name in vars(one):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
                self.assertTrue(np.isfinite(getattr(one, name)).all())

    def test_cases_walk_along_the_borders(self):
        cases = golden_cases(["log_amount"])
        there = {(case.mask.shape[1], int(case.mask.sum())) for case in cases}
        self.assertLessEqual({(16, n) for n in range(17)} | {(64, 0), (64, 64), (128, 128)}, there)
        gaps = np.concatenate([case.log_gap.ravel() for case in cases])
        for border in np.arange(1, 17, dtype=np.float32) / 2:
            self.assertIn(border, gaps)
            self.assertIn(np.nextafter(border, np.float32(0)), gaps)


class PeriodsTest(unittest.TestCase):
    def test_a_period_ends_where_its_last_date_begins(self):
        period = Period.parse("2018-04-01:2018-04-03")
        self.assertEqual(str(period), "2018-04-01T00:00:00Z until 2018-04-03T00:00:00Z")

    def test_an_empty_or_half_period_is_refused(self):
        for text in ("2018-04-01:2018-04-01", "2018-04-02:2018-04-01", "2018-04-01", "x:y"):
            with self.assertRaises(ValueError):
                Period.parse(text)

    def test_calibration_never_looks_at_what_was_trained_on(self):
        chosen = argparse.Namespace(
            train=Period.parse("2018-04-01:2018-05-01"),
            calibrate=Period.parse("2018-04-30:2018-05-07"),
            evaluate=Period.parse("2018-05-07:2018-05-14"),
        )
        with self.assertRaisesRegex(DataError, "overlap"):
            Periods.chosen(chosen, payments([1], [0]))


class AgreementTest(unittest.TestCase):
    """Two networks that differ by a constant: the largest difference allowed is 1e-5."""

    def agreement(self, difference: float) -> float:
        data = payments([1, 2], [0, 1], is_fraud=[0, 1])
        period = Period(0, 1 << 62)

        def network(offset: float):
            return lambda current, *_: torch.full((len(current), 1), offset)

        examples = Examples(data, ["log_amount"], 16)
        return commands._agreement(network(0.0), network(difference), examples, period)

    def test_a_difference_up_to_the_limit_is_reported(self):
        self.assertAlmostEqual(self.agreement(9.9e-6), 9.9e-6, delta=1e-9)

    def test_more_than_the_limit_or_not_a_number_stops_the_run(self):
        for difference in (1.01e-5, float("nan")):
            with self.assertRaisesRegex(package.PackageError, "differ from plain torch"):
                self.agreement(difference)


@unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")
class PackageTest(unittest.TestCase):
    """One small training run, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        cls._directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._directory.cleanup)
        cls.home = Path(cls._directory.name)
        cls.data = write_json_lines(cls.home, 3_000, seed=1)
        cls.directory = cls.home / "tiny" / "1.0.0"
        cls.trained = cls.train(cls.directory, seed=3)
        torch.ops.load_library(LIBRARY)

    @classmethod
    def train(cls, directory: Path, seed: int, *more: object) -> dict:
        done = run(
            *("train", "--transactions", cls.data[0], "--labels", cls.data[1], "--ops", LIBRARY),
            *("--out", directory, "--seed", seed, "--epochs", 6, "--batch", 64, *more),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_it_learned_what_is_in_the_data(self):
        metrics = self.trained["metrics"]
        self.assertGreater(metrics["auc"], 0.8)
        self.assertLess(abs(metrics["mean_probability"] - metrics["fraud_share"]), 0.04)
        self.assertLessEqual(metrics["plain_torch_difference_max"], 1e-5)

    def test_the_manifest_holds_what_the_contract_names(self):
        manifest = json.loads((self.directory / "manifest.json").read_text())
        self.assertEqual(
            (manifest["format"], manifest["name"], manifest["version"]), (1, "tiny", "1.0.0")
        )
        self.assertEqual(manifest["operators"], ["weir::linear", "weir::attend"])
        self.assertEqual(manifest["heads"], ["fraud"])
        names = [feature["name"] for feature in manifest["inputs"]["features"]]
        self.assertEqual(names, self.trained["features"])
        self.assertNotIn("same_currency", names)  # constant in this data
        self.assertEqual(list(manifest["valid_domain"]), names)
        self.assertEqual(manifest["inputs"]["history_rows"], 16)
        self.assertEqual(manifest["calibration"]["fraud"]["method"], "platt")
        digest = package.sha256(self.data[0].read_bytes())
        self.assertIn(digest, [source["sha256"] for source in manifest["training"]["data"]])

    def test_another_process_reproduces_the_golden_bits(self):
        done = run("check", "--package", self.directory, "--ops", LIBRARY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["digest"], self.trained["digest"])

    def test_every_cpu_path_reproduces_the_golden_bits(self):
        for path in ("scalar", "avx2", "avx512"):
            with mock.patch.dict(os.environ, {"WEIR_CPU": path}):
                done = run("check", "--package", self.directory, "--ops", LIBRARY)
            self.assertEqual(done.returncode, 0, f"{path}: {done.stderr}")

    def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(self):
        again, other = self.home / "again" / "1.0.0", self.home / "other" / "1.0.0"
        self.train(again, 3)
        self.train(other, 4)
        model = (self.directory / "model.pt").read_bytes()
        self.assertEqual((again / "model.pt").read_bytes(), model)
        self.assertNotEqual((other / "model.pt").read_bytes(), model)

    def test_the_model_names_no_path_of_this_machine(self):
        with zipfile.ZipFile(self.directory / "model.pt") as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
        for path in (str(REPOSITORY), str(self.home), "weir_training/network.py"):
            self.assertNotIn(path.encode(), content)

    def test_batch_and_window_are_free_and_merchant_rows_are_ignored(self):
        model = package.load_model((self.directory / "model.pt").read_bytes())
        features = len(self.trained["features"])
        torch.manual_seed(1)
        current, history = torch.randn(5, features), torch.randn(5, 40, features)
        gap, mask = torch.rand(5, 40), torch.zeros(5, 40)
        mask[:, :16] = 1.0
        none = torch.zeros(5, 0, 0), torch.zeros(5, 0)
        some = torch.randn(5, 8, 3), torch.ones(5, 8)
        with torch.inference_mode():
            wide = model(current, history, gap, mask, *none)
            narrow = model(current, history[:, :16], gap[:, :16], mask[:, :16], *some)
            alone = model(*(t[2:3] for t in (current, history, gap, mask, *none)))
        self.assertEqual(wide.shape, (5, 1))
        self.assertTrue(torch.equal(wide, narrow))
        self.assertTrue(torch.equal(wide[2:3], alone))

    def test_a_changed_byte_in_any_file_is_noticed(self):
        for name in ("model.pt", "golden.jsonl"):
            broken = self.home / "broken" / name
            broken.mkdir(parents=True)
            for file in self.directory.iterdir():
                content = bytearray(file.read_bytes())
                if file.name == name:
                    content[len(content) // 2] ^= 1
                (broken / file.name).write_bytes(content)
            with self.assertRaisesRegex(package.PackageError, f"{name} is not the file"):
                package.check_package(broken)

    def test_a_wrong_golden_bit_is_noticed(self):
        _, network, lines = package.read_package(self.directory)
        record = json.loads(lines[20])
        record["bits"] = [f"{int(record['bits'][0], 16) ^ 1:08x}"]
        lines[20] = json.dumps(record)
        with self.assertRaisesRegex(GoldenError, "golden case 21, scored alone"):
            check_golden(network, lines)

    def test_a_version_that_exists_is_kept_unless_told_otherwise(self):
        manifest, _, _ = package.read_package(self.directory)
        model = (self.directory / "model.pt").read_bytes()
        with self.assertRaisesRegex(package.PackageError, "exists"):
            package.write_package(self.directory, manifest, model, replace=False)
        self.assertEqual(package.package_digest(self.directory), self.trained["digest"])

    def test_evaluate_repeats_the_figures_of_the_manifest(self):
        training = json.loads((self.directory / "manifest.json").read_text())["training"]
        done = run(
            *("evaluate", "--package", self.directory, "--ops", LIBRARY),
            *(
                "--transactions",
                self.data[0],
                "--labels",
                self.data[1],
                "--period",
                "2018-08-20:2018-08-22",
            ),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        self.assertLess(abs(figures["payments"] - training["metrics"]["payments"]), 40)
        self.assertAlmostEqual(figures["auc"], training["metrics"]["auc"], delta=0.05)

    def test_bad_input_ends_with_one_line_and_the_code_of_its_kind(self):
        for arguments, code in (
            (("check", "--package", self.home / "none", "--ops", LIBRARY), 65),
            (("check", "--package", self.directory, "--ops", "/nowhere.so"), 69),
            (("check",), 64),
        ):
            done = run(*arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
