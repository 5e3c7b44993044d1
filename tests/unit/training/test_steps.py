# Steps: done once for their inputs, skipped when up to date, gone on with after a kill.

import tempfile
import unittest
from pathlib import Path

from weir_training.payments import DataError
from weir_training.steps import STEP_FILE, Step, Steps


class Killed(Exception):
    pass


class StepsTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)
        self.source = self.home / "source.txt"
        self.source.write_text("payments")
        self.runs = 0
        self.said: list[str] = []

    def steps(self) -> Steps:
        """A new program run over the same folder."""
        return Steps(self.home / "runs", say=self.said.append)

    def step(self, settings=1, needs=(), name="train", code=("metrics",)) -> Step:
        def run(folder: Path) -> dict:
            self.runs += 1
            (folder / "weights").write_text(str(settings))
            return {"rows": 3}

        return Step(name, settings, code, {"source": [self.source]}, needs, run=run)

    def test_a_step_that_is_up_to_date_is_skipped_and_says_so(self):
        first = self.steps().done(self.step())
        again = self.steps().done(self.step())
        self.assertEqual(self.runs, 1)
        self.assertEqual((first.was_there, again.was_there), (False, True))
        self.assertEqual((again.folder, again.facts), (first.folder, {"rows": 3}))
        self.assertIn("up to date", self.said[-1])

    def test_other_settings_files_or_code_make_another_outcome_beside_the_first(self):
        first = self.steps().done(self.step())
        folders = {first.folder}
        folders.add(self.steps().done(self.step(settings=2)).folder)
        folders.add(self.steps().done(self.step(code=("currencies",))).folder)
        self.source.write_text("more payments")
        changed = self.steps().done(self.step())
        folders.add(changed.folder)
        self.assertEqual((self.runs, len(folders)), (4, 4))
        following = self.step(name="export", needs=[first])
        other = self.step(name="export", needs=[changed])
        steps = self.steps()
        self.assertNotEqual(steps.done(following).folder, steps.done(other).folder)

    def test_a_killed_step_is_not_there_and_the_next_run_finds_what_it_left(self):
        def killed(folder: Path) -> dict:
            (folder / "checkpoint").write_text("epoch 1")
            raise Killed

        def goes_on(folder: Path) -> dict:
            return {"found": (folder / "checkpoint").read_text()}

        def step(run):
            return Step("train", 1, (), run=run)

        with self.assertRaises(Killed):
            self.steps().done(step(killed))
        self.assertEqual(list((self.home / "runs").rglob(STEP_FILE)), [])
        self.assertEqual(self.steps().done(step(goes_on)).facts, {"found": "epoch 1"})
        self.assertIn("goes on", self.said[-1])

    def test_a_file_that_is_missing_is_named(self):
        self.source.unlink()
        with self.assertRaisesRegex(DataError, "cannot read .*source.txt"):
            self.steps().done(self.step())


if __name__ == "__main__":
    unittest.main()
