"""The systemd unit: systemd's own judgement of how much a broken Weir could do, and that what it starts is a command that exists."""
import re
import shutil
import subprocess
import unittest

from weir_testing.paths import DEPLOY, WEIR

UNIT = DEPLOY / "systemd/weir@.service"
EXPOSURE_MAX = 2.0  # of 10


class Unit(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_a_broken_weir_could_do_little(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT], capture_output=True, text=True)
        exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        self.assertIsNotNone(exposure, done.stderr)
        self.assertLessEqual(float(exposure[1]), EXPOSURE_MAX)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_systemd_reads_every_line(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", UNIT], capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if UNIT.name in line or "weir@" in line]
        # The program is not installed where this is tested.
        self.assertEqual([line for line in complaints if "is not executable" not in line], [])

    def test_what_it_starts_exists(self):
        commands = re.findall(r"(?m)^Exec\w+=/usr/local/bin/weir (.+)$", UNIT.read_text())
        self.assertEqual(len(commands), 2)
        for command in commands:
            name, *options = command.split()
            text = subprocess.run([WEIR, name, "--help"], capture_output=True, text=True).stdout
            for option in (word for word in options if word.startswith("--")):
                self.assertIn(option, text)


if __name__ == "__main__":
    unittest.main()
