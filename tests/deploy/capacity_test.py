"""The capacity guide's example is what its calculator says, and both count with the figures of the README."""
import re
import subprocess
import unittest

from weir_testing.paths import DEPLOY, ROOT

GUIDE = (DEPLOY / "capacity.md").read_text()
TOOL = DEPLOY / "capacity.py"


def ask(*words: str) -> dict[str, str]:
    done = subprocess.run([TOOL, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {line[:48].strip(): line[48:] for line in done.stdout.splitlines()}


class Capacity(unittest.TestCase):
    def test_the_example_is_what_the_calculator_says(self):
        [command] = re.findall(r"(?m)^    deploy/capacity\.py (.+)$", GUIDE)
        shown = re.search(r"(?s)```\n(.*?)```", GUIDE)[1]
        self.assertEqual(subprocess.run([TOOL, *command.split()], capture_output=True, text=True).stdout, shown)

    def test_its_figures_are_those_of_the_readme(self):
        readme = (ROOT / "README.md").read_text()
        text = TOOL.read_text()
        for row, number in (("events/s per core, exactly_once, without model", "79_200"), ("events/s per core, exactly_once, with model", "62_500"),
                            ("both stages in one process, exactly_once", "21_300"), ("restore of 1,000,000 changelog records", "9.4"),
                            ("resident memory, 100,000 users, hot set 128 MB", "346")):
            [line] = [line for line in readme.splitlines() if row in line]
            self.assertIn(number.replace("_", ","), line)
            self.assertIn(number, text)

    def test_more_load_or_headroom_never_needs_less(self):
        def cores(*words: str) -> float:
            return float(ask("--users", "1e6", *words)["cores for payments, all instances"])
        self.assertLess(cores("--payments-per-second", "20000"), cores("--payments-per-second", "40000"))
        self.assertLess(cores("--payments-per-second", "20000", "--headroom", "0.2"), cores("--payments-per-second", "20000"))
        self.assertLess(cores("--payments-per-second", "20000", "--features", "user"), cores("--payments-per-second", "20000"))

    def test_partitions_are_enough_for_the_workers(self):
        for rate in ("100", "5000", "50000", "300000"):
            found = ask("--payments-per-second", rate, "--users", "1e6")
            self.assertGreaterEqual(int(found["partitions of transactions"]), 4 * int(found["workers (threads) in all"]))

    def test_what_makes_no_sense_is_refused(self):
        for words in (("--payments-per-second", "0", "--users", "1"), ("--payments-per-second", "1", "--users", "1", "--headroom", "1"),
                      ("--payments-per-second", "1")):
            self.assertNotEqual(subprocess.run([TOOL, *words], capture_output=True).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
