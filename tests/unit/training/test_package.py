# Packages: one command from transactions to a package that the engine would accept, the same bytes
# every time.

import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import xgboost
from torch import nn

from made_payments import write_json_lines
from weir_training import package
from weir_training.golden import GoldenError, bits_of, case_of, check_golden, exact, golden_cases
from weir_training.network import Shape, plain_network, served_network
from weir_training.package import Inputs
from weir_training.row_features import ROW_FEATURES

LIBRARY = os.environ.get("WEIR_OPS")  # set by ctest
SCORE_GOLDEN = os.environ.get("WEIR_SCORE_GOLDEN")  # the engine's scorer, likewise
REPOSITORY = Path(__file__).parents[3]
ALL = Inputs(list(ROW_FEATURES), 16)


EXPERIMENT = """
name: tiny
version: 1.0.0
data: {config: weir.yaml, transactions: transactions.jsonl.gz, labels: labels.jsonl.gz}
split: {until: 2018-08-28, warm_up_days: 1, held_out_days: 3, gap_days: 0}
sequence: {width: 16, row_width: 16, inner: 16, embedding: 0, epochs: 3, batch: 128, learning_rate: 0.006,
           easy_share: 1.0, next_weight: 0.0}
blend: {parts: [sequence]}
evaluate: {from_day: 2018-08-28, until_day: 2018-08-29}
"""


def run(
    *arguments: object, before: str = "", hash_seed: int = 0
) -> subprocess.CompletedProcess:
    """The command line in another process, after some Python. `hash_seed` orders its sets of strings."""
    script = f"import sys; {before or 'pass'}\nfrom weir_training.__main__ import main; sys.exit(main())"
    path = f"{REPOSITORY / 'models/training'}{os.pathsep}{Path(__file__).parent}"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)},
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
        for one, two in zip(golden_cases(ALL), golden_cases(ALL)):
            for name in ("current", "history", "log_gap", "mask"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
                self.assertTrue(np.isfinite(getattr(one, name)).all())

    def test_cases_walk_along_the_borders(self):
        cases = golden_cases(Inputs(["log_amount"], 16))
        there = {(case.mask.shape[1], int(case.mask.sum())) for case in cases}
        self.assertLessEqual({(16, n) for n in range(17)} | {(64, 0), (64, 64), (128, 128)}, there)
        gaps = np.concatenate([case.log_gap.ravel() for case in cases])
        for border in np.arange(1, 17, dtype=np.float32) / 2:
            self.assertIn(border, gaps)
            self.assertIn(np.nextafter(border, np.float32(0)), gaps)


@unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")
class PackageTest(unittest.TestCase):
    """One small training run, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        cls._directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._directory.cleanup)
        cls.home = Path(cls._directory.name)
        cls.data = write_json_lines(cls.home, 3_000, seed=1)
        (cls.home / "weir.yaml").write_text("")
        (cls.home / "tiny.yaml").write_text(EXPERIMENT)
        cls.directory = cls.train("runs", seed=3)
        torch.ops.load_library(LIBRARY)

    @classmethod
    def train(cls, runs: str, seed: int, hash_seed: int = 0) -> Path:
        """In a process of its own, as people do it; returns the package."""
        done = run(
            *("export", cls.home / "tiny.yaml", "--ops", LIBRARY, "--runs", cls.home / runs),
            *("--set", f"seed={seed}"),
            before="from weir_training import build_data; build_data._ENGINE = 'made_engine'",
            hash_seed=hash_seed,
        )
        assert done.returncode == 0, done.stderr
        return Path(json.loads(done.stdout)["folder"]) / "tiny/1.0.0"

    def test_it_learned_what_is_in_the_data(self):
        training = json.loads((self.directory / "manifest.json").read_text())["training"]
        self.assertGreater(training["metrics"]["held_out"]["sequence"]["auc"], 0.75)

    def test_the_manifest_holds_what_the_contract_names(self):
        manifest = json.loads((self.directory / "manifest.json").read_text())
        self.assertEqual(
            (manifest["format"], manifest["name"], manifest["version"]), (2, "tiny", "1.0.0")
        )
        part = manifest["parts"]["sequence"]
        self.assertEqual(part["operators"], ["weir::linear", "weir::attend"])
        self.assertEqual(part["outputs"], ["fraud"])
        names = [feature["name"] for feature in manifest["inputs"]["features"]]
        self.assertNotIn("same_currency", names)  # constant in this data
        self.assertEqual(list(manifest["valid_domain"]), names)
        self.assertEqual(manifest["inputs"]["history_rows"], 16)
        self.assertEqual(manifest["calibration"]["fraud"]["method"], "platt")
        digest = package.sha256(self.data[0].read_bytes())
        self.assertIn(digest, [source["sha256"] for source in manifest["training"]["data"]])

    def test_another_process_reproduces_the_golden_bits(self):
        done = run("check", "--package", self.directory, "--ops", LIBRARY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["digest"], package.package_digest(self.directory))

    def test_every_cpu_path_reproduces_the_golden_bits(self):
        for path in ("scalar", "avx2", "avx512"):
            with mock.patch.dict(os.environ, {"WEIR_CPU": path}):
                done = run("check", "--package", self.directory, "--ops", LIBRARY)
            self.assertEqual(done.returncode, 0, f"{path}: {done.stderr}")

    def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(self):
        # Under 5 the constants of a scripted module come in another order than under 0.
        again, other = self.train("again", 3, hash_seed=5), self.train("again", 4)
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
        features = len(package.read_package(self.directory).inputs.features)
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
        read = package.read_package(self.directory)
        lines = list(read.golden)
        record = json.loads(lines[20])
        record["bits"] = [f"{int(record['bits'][0], 16) ^ 1:08x}"]
        lines[20] = json.dumps(record)
        with self.assertRaisesRegex(GoldenError, "golden case 21, scored alone"):
            check_golden(read.answers, lines)

    def test_a_version_that_exists_is_kept_unless_told_otherwise(self):
        read = package.read_package(self.directory)
        model = (self.directory / "model.pt").read_bytes()
        part = package.SequencePart("1", model, ["fraud"])
        before = package.package_digest(self.directory)
        with self.assertRaisesRegex(package.PackageError, "exists"):
            package.write_package(
                self.directory, package.Parts(part), read.inputs, None, read.calibration, {}, {}
            )
        self.assertEqual(package.package_digest(self.directory), before)

    def test_an_engine_that_is_not_built_has_a_code_of_its_own(self):
        missing = "from weir_features import arrays; arrays._MODULE = 'nowhere'"
        done = run("data", self.home / "tiny.yaml", "--runs", self.home / "none", before=missing)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("no nowhere in", done.stderr)

    def test_bad_input_ends_with_one_line_and_the_code_of_its_kind(self):
        for arguments, code in (
            (("check", "--package", self.home / "none", "--ops", LIBRARY), 65),
            (("check", "--package", self.directory, "--ops", "/nowhere.so"), 69),
            (("check",), 64),
            (("export", self.home / "tiny.yaml", "--set", "seeds=1"), 64),
        ):
            done = run(*arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


ZOO = REPOSITORY / "models/zoo"


@unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")
class ZooTest(unittest.TestCase):
    def test_a_package_of_format_1_is_still_read(self):
        torch.ops.load_library(LIBRARY)
        read = package.check_package(ZOO / "handbook-attend/1.0.0")
        self.assertEqual(read.outputs, ["fraud"])
        self.assertIsNone(read.trees)
        self.assertIsNone(read.blend)
        self.assertEqual(read.inputs.declared, [])

    def test_the_shipped_blend_repeats_its_golden_cases(self):
        torch.ops.load_library(LIBRARY)
        read = package.check_package(ZOO / "handbook-blend/1.1.0")
        self.assertEqual(read.outputs[0], "fraud")
        self.assertIsNotNone(read.blend)
        self.assertEqual((len(read.inputs.declared), read.inputs.merchant_rows), (31, 32))


class Small(nn.Module):
    """Three outputs from the payment, its merchant's rows and a learned line for a slot."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.weight = nn.Parameter(torch.randn(2 + 3 * 2, 3) / 8)
        self.bias = nn.Parameter(torch.randn(3))
        self.table = nn.Parameter(torch.randn(8, 3))

    def forward(
        self,
        current: torch.Tensor,
        history: torch.Tensor,
        log_gap: torch.Tensor,
        mask: torch.Tensor,
        merchant: torch.Tensor,
        merchant_mask: torch.Tensor,
    ) -> torch.Tensor:
        x = torch.cat([current, merchant.flatten(1)], 1)
        slot = current[:, 1].long().clamp(0, 7)
        line = torch.nn.functional.embedding(slot, self.table)
        return torch.ops.weir.linear(x, self.weight, self.bias, False) + line


def boosted(inputs: int, **parameters: object) -> bytes:
    """Ten rounds on made-up rows with gaps."""
    random = np.random.default_rng(inputs)
    rows = random.normal(0, 2, (2_000, inputs)).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    fraud = np.nansum(rows, axis=1) + random.normal(0, 2, len(rows)) > 2
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "verbosity": 0}
    data = xgboost.DMatrix(rows, fraud, nthread=1)
    return bytes(xgboost.train(settings | parameters, data, 10).save_raw("ubj"))


DECLARED = (
    package.Declared("share", "merchant mean fraud window=7d delay=7d default=0"),
    package.Declared("count", "user count window=1d"),
)
ROWS = Inputs(["log_amount", "night"], 16, 3, ["fraud", "log_age"], DECLARED)
OUTPUTS = ["mule", "fraud", "embedding_0"]
READ = ["declared:share", "sequence:embedding_0", "declared:count", "sequence:fraud"]
FOREST = boosted(2, num_parallel_tree=4, subsample=0.7, scale_pos_weight=4.0)
KNOTS = package.Isotonic((-2.0, 0.5, 1.25, 4.0), (0.0, 0.01, 0.3, 0.99))


@unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")
class PartsTest(unittest.TestCase):
    """Packages of every make, from one small network and trees of ten rounds."""

    @classmethod
    def setUpClass(cls):
        cls._directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._directory.cleanup)
        cls.home = Path(cls._directory.name)
        torch.ops.load_library(LIBRARY)
        cls.network = package.SequencePart(
            "s-1",
            package.scripted(Small().requires_grad_(False).eval()),
            OUTPUTS,
            ["weir::linear"],
        )
        cls.both = package.Parts(cls.network, package.TreesPart("t-1", boosted(4), READ))
        cls.blend = package.Blend(0.45, 0.55, -0.1)

    def write(self, version: str, **bent: object) -> Path:
        """A package of both parts, but for what is bent."""
        given = {
            "parts": self.both,
            "inputs": ROWS,
            "blend": self.blend,
            "calibration": KNOTS,
            "training": {"seed": 1},
            "valid_domain": {"log_amount": (0.0, 9.0), "declared:share": (0.0, 1.0)},
        }
        package.write_package(self.home / "made" / version, **(given | bent))
        return self.home / "made" / version

    def trees_alone(self, model: bytes = boosted(2), **bent: object) -> dict:
        part = package.TreesPart("t-1", model, ["declared:count", "declared:share"])
        alone = {"parts": package.Parts(trees=part), "inputs": Inputs(declared=DECLARED)}
        return alone | {"blend": None} | bent

    def test_the_manifest_holds_what_the_contract_names(self):
        manifest = json.loads((self.write("manifest") / "manifest.json").read_text())
        self.assertEqual((manifest["format"], manifest["name"]), (2, "made"))
        self.assertEqual(manifest["inputs"]["declared"], [vars(d) for d in DECLARED])
        self.assertEqual(manifest["inputs"]["merchant_rows"], 3)
        merchant = [feature["name"] for feature in manifest["inputs"]["merchant_features"]]
        self.assertEqual(merchant, ["fraud", "log_age"])
        self.assertEqual(manifest["parts"]["sequence"]["outputs"], OUTPUTS)
        trees = manifest["parts"]["trees"]
        self.assertEqual((trees["version"], trees["rounds"], trees["inputs"]), ("t-1", 10, READ))
        self.assertEqual(manifest["blend"], {"sequence": 0.45, "trees": 0.55, "bias": -0.1})
        self.assertEqual(manifest["calibration"]["fraud"]["p"], list(KNOTS.p))
        self.assertEqual(manifest["valid_domain"]["declared:share"], {"low": 0.0, "high": 1.0})

    def test_the_same_parts_give_the_same_bytes(self):
        once, again = self.write("once"), self.write("again")
        for name in ("model.pt", "trees.ubj", "golden.jsonl"):
            self.assertEqual((once / name).read_bytes(), (again / name).read_bytes(), name)

    def test_golden_cases_stand_on_the_splits_of_the_trees_and_beside_them(self):
        read = package.read_package(self.write("splits"))
        splits = read.trees.thresholds()
        declared = np.array([json.loads(line)["declared"] for line in read.golden], np.float32)
        self.assertTrue(np.isnan(declared).any(axis=0).all())
        for column, name in enumerate(("share", "count")):
            at = splits[f"declared:{name}"]
            self.assertTrue(np.isin(declared[:, column], at).any())
            below = np.nextafter(at, np.float32(-np.inf))
            self.assertTrue(np.isin(declared[:, column], below).any())

    def test_a_score_is_the_calibrated_blend_of_the_parts(self):
        read = package.read_package(self.write("score"))
        for case in golden_cases(ROWS, read.trees.thresholds()):
            scores = read.score(case)
            logit = scores.outputs[:, 1].astype(np.float64)
            z = 0.45 * logit + 0.55 * scores.margin.astype(np.float64) - 0.1
            np.testing.assert_array_equal(scores.z, z)
            np.testing.assert_array_equal(scores.p, KNOTS.probability(z))

    def test_trees_alone_read_no_rows(self):
        read = package.check_package(self.write("trees", **self.trees_alone()))
        self.assertIsNone(read.network)
        self.assertEqual(read.outputs, [])
        case = replace(golden_cases(read.inputs)[0], declared=np.array([[0.5, np.nan]], np.float32))
        scores = read.score(case)
        np.testing.assert_array_equal(scores.z, scores.margin.astype(np.float64))

    def test_a_round_of_several_trees_is_one_round(self):
        directory = self.write("forest", **self.trees_alone(FOREST))
        manifest = json.loads((directory / "manifest.json").read_text())
        self.assertEqual(manifest["parts"]["trees"]["rounds"], 10)
        self.assertEqual(len(xgboost.Booster(model_file=bytearray(FOREST)).get_dump()), 40)

    def test_a_network_alone_needs_no_trees(self):
        parts = package.Parts(sequence=self.network)
        read = package.check_package(self.write("sequence", parts=parts, blend=None))
        self.assertIsNone(read.trees)
        self.assertFalse((self.home / "made" / "sequence" / "trees.ubj").exists())

    def test_a_broken_output_that_trees_read_is_not_taken_for_missing(self):
        read = package.read_package(self.write("broken-output"))
        case = golden_cases(ROWS)[0]
        broken = replace(case, current=np.full_like(case.current, np.inf))
        self.assertTrue(np.isnan(read.answers(broken).margin).all())

    @unittest.skipUnless(SCORE_GOLDEN, "WEIR_SCORE_GOLDEN does not name the engine's scorer")
    def test_the_engine_scores_it_as_this_package_does(self):
        for version, bent, tolerance in (
            ("engine-isotonic", {}, 0.0),
            ("engine-platt", {"calibration": package.Platt(1.1, -0.7)}, 1e-15),
            ("engine-trees", self.trees_alone(), 0.0),
            ("engine-forest", self.trees_alone(FOREST), 0.0),
        ):
            directory = self.write(version, **bent)
            done = subprocess.run([SCORE_GOLDEN, directory], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            read = package.read_package(directory)
            engine = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertGreater(len(engine), 20)
            for case in engine:
                scores = read.score(case_of(json.loads(read.golden[case["case"] - 1])))
                self.assertEqual(case["logit_bits"], bits_of(scores.z)[0])
                self.assertLessEqual(abs(case["p"] - scores.p[0]), tolerance)

    @unittest.skipUnless(SCORE_GOLDEN, "WEIR_SCORE_GOLDEN does not name the engine's scorer")
    def test_the_engine_takes_the_trained_network_with_categories_and_kinds(self):
        features = ["log_amount", "night", "mcc_slot", "same_merchant", "merchant_slot"]
        merchant = ["fraud", "log_amount", "log_known"]
        shape = Shape(
            tuple(features),
            tuple(merchant),
            merchant_rows=5,
            flat_rows=3,
            width=16,
            kinds=("dispute", "tc40"),
        )
        network = plain_network(shape, 3)
        with torch.no_grad():
            for category in network.read_row.categories:  # they start at zero, all alike
                category.table.normal_()
        served = package.scripted(served_network(shape, network, 16))
        parts = package.Parts(package.SequencePart("s-1", served, shape.outputs))
        directory = self.write(
            "categories",
            parts=parts,
            inputs=Inputs(features, 16, 5, merchant),
            blend=None,
            calibration=package.Platt(1.0, 0.0),
            valid_domain={},
        )
        done = subprocess.run([SCORE_GOLDEN, directory], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_does_not_fit_together_is_refused_by_name(self):
        trees = self.both.trees
        for bent, expected in (
            ({"parts": package.Parts()}, "a sequence part, trees or both"),
            ({"blend": None}, "give it exactly when both are there"),
            ({"parts": package.Parts(self.network)}, "give it exactly when both are there"),
            ({"inputs": replace(ROWS, declared=())}, "nothing of this name to read: declared:s"),
            ({"inputs": replace(ROWS, declared=DECLARED * 2)}, "a name twice: share"),
            ({"inputs": replace(ROWS, features=["shoe_size"])}, "to read: shoe_size"),
            ({"inputs": replace(ROWS, features=[])}, "at least one feature"),
            ({"inputs": replace(ROWS, history_rows=129)}, "1 to 128 history rows"),
            ({"inputs": replace(ROWS, merchant_rows=0)}, "give both, or neither"),
            ({"inputs": replace(ROWS, merchant_features=["luck"])}, "to read: luck"),
            ({"parts": self.with_outputs(["mule", "a", "b"])}, "outputs must name fraud"),
            ({"parts": self.with_inputs(READ[:3] + ["sequence:x"])}, "to read: sequence:x"),
            ({"parts": self.with_inputs(READ[:3])}, "trained on 4 inputs, 3 are named"),
            ({"parts": self.with_inputs(READ[:3] + READ[:1])}, "a name twice"),
            ({"parts": self.with_inputs(READ[:3] + ["share"])}, "not a name a package may hold"),
            (self.trees_alone(inputs=ROWS), "nothing reads rows"),
            (
                {"parts": package.Parts(self.network, replace(trees, model=b"no"))},
                "trees are no UBJSON",
            ),
            (
                {"parts": self.with_trees(boosted(4, objective="reg:squarederror"))},
                "objective must be binary:logistic",
            ),
            ({"parts": self.with_trees(boosted(4, booster="dart"))}, "booster must be gbtree"),
        ):
            with self.subTest(expected), self.assertRaisesRegex(package.PackageError, expected):
                self.write("refused", **bent)
            self.assertFalse((self.home / "made" / "refused").exists())

    def with_outputs(self, outputs: list[str]) -> package.Parts:
        return package.Parts(replace(self.network, outputs=outputs), self.both.trees)

    def with_inputs(self, inputs: list[str]) -> package.Parts:
        return package.Parts(self.network, replace(self.both.trees, inputs=inputs))

    def with_trees(self, model: bytes) -> package.Parts:
        return package.Parts(self.network, replace(self.both.trees, model=model))

    def test_changed_trees_and_a_wrong_margin_are_noticed(self):
        directory = self.write("changed")
        read = package.read_package(directory)
        lines = list(read.golden)
        record = json.loads(lines[20])
        record["margin_bits"] = f"{int(record['margin_bits'], 16) ^ 1:08x}"
        lines[20] = json.dumps(record)
        with self.assertRaisesRegex(GoldenError, "golden case 21, scored alone"):
            check_golden(read.answers, lines)
        content = bytearray((directory / "trees.ubj").read_bytes())
        content[len(content) // 2] ^= 1
        (directory / "trees.ubj").write_bytes(content)
        with self.assertRaisesRegex(package.PackageError, "trees.ubj is not the file"):
            package.check_package(directory)

    def test_check_reads_it_from_another_process(self):
        done = run("check", "--package", self.write("check"), "--ops", LIBRARY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual(json.loads(done.stdout)["golden_cases"], 40)


if __name__ == "__main__":
    unittest.main()
