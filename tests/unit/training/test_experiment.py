# Experiment files: strict, with messages that name the key; changes from the command line win.

import tempfile
import typing
import unittest
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path

from weir_training.experiment import Experiment, ExperimentError, load, load_ablations

EXPERIMENTS = Path(__file__).parents[3] / "models/training/experiments"
TEXT = """
name: tiny
version: 1.0.0
data: {config: weir.yaml, transactions: t.jsonl, labels: [l.jsonl]}
split: {until: 2018-08-08}
trees: {rounds: 20}
blend: {parts: [trees]}
evaluate: {protocol: handbook}
"""


class ExperimentTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "e.yaml"

    def load(self, text: str = TEXT, *changes: str):
        self.path.write_text(text)
        return load(self.path, changes)

    def refused(self, why: str, text: str = TEXT, *changes: str):
        with self.assertRaisesRegex(ExperimentError, why):
            self.load(text, *changes)

    def test_what_is_not_said_has_a_default_and_paths_start_at_the_file(self):
        experiment = self.load()
        self.assertEqual(experiment.trees.rounds, 20)
        self.assertEqual(experiment.trees.max_depth, 6)
        self.assertIsNone(experiment.sequence)
        self.assertEqual(experiment.split.until, date(2018, 8, 8))
        self.assertEqual(experiment.data.transactions, [self.path.parent.resolve() / "t.jsonl"])

    def test_an_unknown_key_is_an_error_wherever_it_stands(self):
        self.refused("unknown key typo", TEXT + "typo: 1\n")
        self.refused("unknown key trees.round; known here: .*rounds", TEXT, "trees.round=3")

    def test_every_shipped_experiment_is_read_with_its_ablations(self):
        for path in sorted(EXPERIMENTS.glob("*.yaml")):
            self.assertEqual(set(load_ablations(path)), set(load(path).ablations), path.name)

    def test_the_shipped_experiment_explains_every_key(self):
        text = (EXPERIMENTS / "handbook.yaml").read_text()
        for name, kind in typing.get_type_hints(Experiment).items():
            section = (typing.get_args(kind) or (kind,))[0]
            keys = fields(section) if is_dataclass(section) else []
            for key in [name, *(f.name for f in keys)]:
                self.assertRegex(text, rf"\b{key}:", f"{name}: {key}")

    def test_a_missing_key_is_named(self):
        self.refused("missing key split.until", TEXT.replace("until: 2018-08-08", ""))
        self.refused("missing key name", TEXT.replace("name: tiny", ""))

    def test_a_value_of_another_kind_is_an_error(self):
        for change, why in (
            ("trees.rounds=many", "trees.rounds must be a whole number: 'many'"),
            ("trees.rounds=true", "trees.rounds must be a whole number: True"),
            ("trees.gamma=x", "trees.gamma must be a number"),
            ("split.until=soon", "split.until must be a day such as 2018-08-08"),
            ("trees=3", "trees. must be a section of keys"),
            ("blend.choose=2", "blend.choose must be true or false"),
        ):
            self.refused(why, TEXT, change)

    def test_a_value_out_of_range_is_an_error(self):
        for change, why in (
            ("trees.rounds=0", "trees.rounds must be at least 1: 0"),
            ("trees.num_parallel_tree=0", "trees.num_parallel_tree must be at least 1: 0"),
            ("trees.num_parallel_tree=4", "num_parallel_tree needs .*: without a draw .* alike"),
            ("trees.scale_pos_weight=0", "trees.scale_pos_weight must be positive: 0.0"),
            ("split.held_out_days=0", "held_out_days must be positive"),
            ("calibration.method=none", "must be one of platt, isotonic: none"),
            ("blend.parts=[sequence]", "no section sequence"),
            ("blend.parts=[]", "blend.parts must be of"),
            ("evaluate.protocol=''", "evaluate needs a protocol, or from_day before until_day"),
            ("evaluate={each_fold: true, from_day: 2018-08-08}", "each_fold needs a protocol"),
            ("data.workers=ray", "needs data.part_days"),
            ("trees.sequence=[fraud]", "needs a section sequence"),
            ("sequence.kind_weight=-1", "kind_weight must be at least 0"),
            ("sequence.embedding=0", "next_weight needs sequence.embedding"),
            ("pretrain={}", "pretrain needs a section sequence with an embedding"),
        ):
            self.refused(why, TEXT, change)

    def test_changes_win_over_the_file_and_may_open_a_section(self):
        experiment = self.load(TEXT, "trees.rounds=3", "sequence.width=16", "seed=11")
        self.assertEqual((experiment.trees.rounds, experiment.seed), (3, 11))
        self.assertEqual(experiment.sequence.width, 16)
        self.refused("not KEY=VALUE: seed", TEXT, "seed")

    def test_ablations_change_what_they_name_and_nothing_else(self):
        text = TEXT + 'ablations: {"few rounds": {trees.rounds: 2}, "none": {}}\n'
        self.path.write_text(text)
        ablations = load_ablations(self.path, ["seed=3"])
        self.assertEqual(list(ablations), ["few rounds", "none"])
        self.assertEqual(ablations["few rounds"].trees.rounds, 2)
        self.assertEqual({e.seed for e in ablations.values()}, {3})
        self.assertEqual(ablations["none"].trees, load(self.path).trees)

    def test_a_file_that_is_no_yaml_says_so(self):
        self.refused("not YAML", "a: [1")
        self.refused("not a mapping", "- 1\n")
        with self.assertRaisesRegex(ExperimentError, "cannot read"):
            load(self.path.with_name("none.yaml"))


if __name__ == "__main__":
    unittest.main()
