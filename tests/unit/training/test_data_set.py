# Data sets: payments beside what the engine says of them, the same from one worker or from several.

import os
import tempfile
import unittest
from datetime import date
from pathlib import Path
from unittest import mock

import numpy as np

import made_engine
from made_payments import DAY_MS, START_MS, write_json_lines
from weir_training import build_data, dataset
from weir_training.experiment import DataSettings, SplitSettings
from weir_training.payments import DataError, read_payments
from weir_training.split import day_ms, split

class DataSetTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)
        transactions, labels = write_json_lines(self.home, 600, seed=2, with_types=True)
        self.config = self.home / "weir.yaml"
        self.config.write_text("")
        self.settings = {
            "config": self.config,
            "transactions": [transactions],
            "labels": [labels],
        }
        patch = mock.patch.object(build_data, "_ENGINE", "made_engine")
        patch.start()
        self.addCleanup(patch.stop)

    def built(self, name: str, **more) -> dataset.DataSet:
        folder = self.home / name
        folder.mkdir()
        self.facts = build_data.build(DataSettings(**self.settings, **more), folder)
        self.assertFalse((folder / "parts").exists())
        return dataset.read(folder)

    def test_what_was_written_is_read_back_by_memory_map(self):
        data = self.built("one")
        payments, sources = read_payments(self.settings["transactions"], self.settings["labels"])
        self.assertIsInstance(data.declared, np.memmap)
        np.testing.assert_array_equal(data.payments.rows.amount_minor, payments.rows.amount_minor)
        np.testing.assert_array_equal(data.payments.is_fraud, payments.is_fraud)
        np.testing.assert_array_equal(data.payments.kind, payments.kind)
        self.assertEqual(data.payments.kind_names, ("chargeback", "tc40"))
        self.assertEqual(data.definitions, ["user count window=3d", "payment value amount"])
        self.assertEqual(data.sources, sources)
        self.assertEqual(self.facts["payments"], 600)
        self.assertEqual(data.merchant.shape, (600, 1, 9))

    def test_another_model_leaves_the_data_as_it_is_and_another_feature_does_not(self):
        feature = "features: [{name: a, entity: payment, function: value, field: amount}]\n"
        self.config.write_text(feature + "model: {package: one}\nhistory.rows: 16\n")
        before = build_data.deciding(self.config)
        self.config.write_text(feature + "model: {package: two}\nhistory.rows: 16\n")
        self.assertEqual(build_data.deciding(self.config), before)
        self.config.write_text(feature + "history.rows: 32\n")
        self.assertNotEqual(build_data.deciding(self.config), before)
        self.config.write_text("- no keys\n")
        with self.assertRaisesRegex(DataError, "weir.yaml is no configuration"):
            build_data.deciding(self.config)

    def test_parts_in_several_processes_give_the_same_as_one_go(self):
        whole = self.built("one")
        for workers in ("here", "processes"):
            parts = self.built(workers, workers=workers, part_days=4, history_days=3)
            for name in ("declared", "merchant", "merchant_mask", "transaction_id"):
                np.testing.assert_array_equal(
                    getattr(parts, name), getattr(whole, name), f"{workers}: {name}"
                )

    def test_too_little_history_shows(self):
        whole = self.built("one")
        parts = self.built("parts", part_days=4, history_days=1)
        self.assertTrue((parts.declared != whole.declared).any())

    def test_ray_gives_the_same_and_is_gone_after_it(self):
        ray = self.ray()
        whole = self.built("one")
        parts = self.built("ray", workers="ray", part_days=4, history_days=3)
        np.testing.assert_array_equal(parts.declared, whole.declared)
        self.assertFalse(ray.is_initialized())

    def test_what_the_engine_refuses_is_told_in_its_words_whoever_asks_it(self):
        self.config.write_text("nonsense: 1\n")
        for number, more in enumerate(({}, self.in_parts("here"), self.in_parts("processes"))):
            self.refused_as_nonsense(f"refused-{number}", more)

    def test_what_the_engine_refuses_in_ray_is_told_in_its_words(self):
        ray = self.ray()
        self.config.write_text("nonsense: 1\n")
        self.refused_as_nonsense("refused", self.in_parts("ray"))
        self.assertFalse(ray.is_initialized())

    def in_parts(self, workers: str) -> dict:
        return {"workers": workers, "part_days": 4, "history_days": 3}

    def refused_as_nonsense(self, name: str, more: dict) -> None:
        with self.assertRaises(DataError) as refused:
            self.built(name, **more)
        self.assertEqual(str(refused.exception), f"{self.config}:1:1: unknown key 'nonsense'")

    def ray(self):
        """The module, with this folder on the path of its workers."""
        try:
            import ray
        except ImportError:
            self.skipTest("ray is not installed: pip install -r requirements-ray.txt")
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        patch = mock.patch.dict(os.environ, {"PYTHONPATH": path})
        patch.start()
        self.addCleanup(patch.stop)
        return ray

    def test_exported_parquet_takes_the_place_of_computing(self):
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            self.skipTest("pyarrow is not installed: use the project's .venv")
        from weir_features import parquet

        whole = self.built("one")
        engine = made_engine.compute("", self.unpacked(), "")
        parquet.export(engine, self.home / "features")
        read = self.built("parquet", features=self.home / "features")
        np.testing.assert_array_equal(read.declared, whole.declared)
        self.assertEqual(read.merchant.shape, (600, 0, 9))

    def unpacked(self) -> Path:
        import gzip

        path = self.home / "t.jsonl"
        path.write_bytes(gzip.decompress(self.settings["transactions"][0].read_bytes()))
        return path

    def test_payments_the_engine_left_out_are_left_out_and_order_does_not_matter(self):
        payments, sources = read_payments(self.settings["transactions"], self.settings["labels"])
        engine = made_engine.compute("", self.unpacked(), "")
        kept = np.random.default_rng(1).permutation(600)[:500]
        some = {
            k: v if k == "names" else v[kept] for k, v in engine.items()
        }
        data = dataset.join(payments, some, ["x", "y"], sources)
        self.assertEqual(len(data), 500)
        self.assertTrue((np.diff(data.event_time_ms) >= 0).all())
        of_id = dict(zip(engine["transaction_id"], engine["values"][:, 0]))
        for key, value in zip(data.transaction_id, data.declared[:, 0]):
            self.assertEqual(of_id[key.decode()], value)

    def test_an_engine_that_knows_other_payments_is_refused(self):
        payments, sources = read_payments(self.settings["transactions"], self.settings["labels"])
        engine = made_engine.compute("", self.unpacked(), "")
        engine["transaction_id"][3] = "other"
        with self.assertRaisesRegex(DataError, "1 payments .* such as other"):
            dataset.join(payments, engine, ["x", "y"], sources)

    def test_a_declared_feature_that_is_not_there_is_named(self):
        data = self.built("one")
        self.assertEqual(data.declared_columns(["user_count_3d"]), [0])
        with self.assertRaisesRegex(DataError, "no declared feature x; .* user_count_3d, amount"):
            data.declared_columns(["x"])


class SplitTest(unittest.TestCase):
    """Sixteen days from 2018-08-06 with labels seven days late."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        home = Path(directory.name)
        payments, sources = read_payments(*[[p] for p in write_json_lines(home, 2_000, seed=3)])
        time = payments.rows.event_time_ms
        self.data = dataset.DataSet(
            payments,
            payments.transaction_id,
            time + 7 * DAY_MS,
            np.zeros((2_000, 0), np.float32),
            [],
            [],
            np.zeros((2_000, 0, 9), np.float32),
            np.zeros((2_000, 0), np.float32),
            sources,
        )

    def days(self, index) -> tuple[float, float]:
        time = (self.data.event_time_ms[index] - START_MS) / DAY_MS
        return float(time.min()), float(time.max())

    def test_nothing_is_learned_whose_label_is_not_known_by_then(self):
        made = split(self.data, SplitSettings(date(2018, 8, 20), 0, 2, 2, 1))
        for index in (made.early.index, made.held_out, made.full.index):
            self.assertLessEqual(self.data.label_time_ms[index].max(), day_ms(date(2018, 8, 20)))
        self.assertAlmostEqual(self.days(made.full.index)[1], 7, delta=0.05)

    def test_a_label_that_comes_on_the_stroke_of_until_is_known(self):
        known = self.data.label_time_ms.copy()
        known[100] = day_ms(date(2018, 8, 20))
        data = dataset.DataSet(**(vars(self.data) | {"label_time_ms": known}))
        self.assertIn(100, data.known(day_ms(date(2018, 8, 20))))
        self.assertNotIn(100, data.known(day_ms(date(2018, 8, 20)) - 1))

    def test_early_days_end_a_gap_before_the_held_out_ones(self):
        made = split(self.data, SplitSettings(date(2018, 8, 20), 0, 1, 2, 2))
        self.assertAlmostEqual(self.days(made.early.index)[0], 1, delta=0.05)
        self.assertAlmostEqual(self.days(made.early.index)[1], 3, delta=0.05)
        self.assertAlmostEqual(self.days(made.held_out)[0], 5, delta=0.05)
        self.assertLess(made.early.until_ms, self.data.event_time_ms[made.held_out].min() + 1)

    def test_days_counts_the_last_labelled_ones(self):
        made = split(self.data, SplitSettings(date(2018, 8, 20), 3, 14, 1, 0))
        self.assertAlmostEqual(self.days(made.full.index)[0], 4, delta=0.05)

    def test_too_little_is_refused_with_what_would_help(self):
        for settings, why in (
            (SplitSettings(date(2018, 8, 20), 3, 0, 2, 2), "early: 0 labelled payments.*gap_days"),
            (SplitSettings(date(2018, 8, 1)), "no label is known by 2018-08-01"),
        ):
            with self.assertRaisesRegex(DataError, why):
                split(self.data, settings)


if __name__ == "__main__":
    unittest.main()
