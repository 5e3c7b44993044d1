"""The container image, really built from a Debian made here, looked at with skopeo, and run as an engine would run it.

What is built is the Containerfile's `given` way: the binary of this checkout instead of one compiled inside, which would take many
minutes. All stages behind it, and so all of the image that ships, are the same.
"""
import os
import re
import stat
import subprocess
import sys
import unittest

from weir_testing.image import CONTAINERFILE, Image, missing_tools
from weir_testing.paths import ROOT

USER = "64646:64646"
SIZE_MAX = 800 << 20
CONFIG = "/opt/weir/configs/handbook.yaml"


class Text(unittest.TestCase):
    def test_the_linter_has_nothing_to_say(self):
        done = subprocess.run([ROOT / ".venv/bin/hadolint", "--no-color", CONTAINERFILE], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Built(unittest.TestCase):
    image: Image

    @classmethod
    def setUpClass(cls):
        if missing := missing_tools():
            raise FileNotFoundError(f"{', '.join(missing)}: run `make setup`")
        if os.geteuid() != 0:
            raise unittest.SkipTest("SKIPPED, the image is not built: a root of its own to mount read-only takes root")
        cls.image = Image()
        cls.addClassCleanup(cls.image.close)
        cls.image.build()

    def test_what_engines_are_told(self):
        config = self.image.config()["config"]
        self.assertEqual(config["User"], USER)
        self.assertEqual(config["Entrypoint"], ["/opt/weir/bin/weir"])
        self.assertEqual(config["Cmd"], ["run", "--config", CONFIG])
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "/opt/weir/bin/weir", "probe", "ready"])
        self.assertEqual(list(config["Volumes"]), ["/var/lib/weir"])
        self.assertEqual(config["Labels"]["org.opencontainers.image.licenses"], "Apache-2.0")
        self.assertEqual(config["Labels"]["org.opencontainers.image.version"], "0.1.0-test")
        self.assertNotIn("AS build", self.image.log.split("FROM scratch")[-1])

    def test_there_is_no_shell_no_package_manager_and_nothing_that_raises_rights(self):
        programs, raising, others_own, size = [], [], [], 0
        for folder, _, names in os.walk(self.image.root):
            for name in names:
                path = os.path.join(folder, name)
                found = os.lstat(path)
                inside = "/" + os.path.relpath(path, self.image.root)
                if not stat.S_ISREG(found.st_mode):
                    continue
                size += found.st_size
                if found.st_mode & (stat.S_ISUID | stat.S_ISGID):
                    raising.append(inside)
                if found.st_mode & stat.S_IWOTH or found.st_uid != 0:
                    others_own.append(inside)
                if found.st_mode & 0o111 and not re.search(r"\.so(\.|$)|/ld-linux", inside):
                    programs.append(inside)
        print(f"image: {size / (1 << 20):.0f} MiB in files", file=sys.stderr)
        self.assertEqual(programs, ["/opt/weir/bin/weir"])
        self.assertEqual((raising, others_own), ([], []))
        self.assertLess(size, SIZE_MAX)
        status = self.image.root / "var/lib/dpkg/status.d"
        self.assertIn("Package: librdkafka1", (status / "librdkafka1").read_text())

    def test_it_runs_as_nobody_in_particular_on_a_read_only_root(self):
        done = self.image.run("/opt/weir/bin/weir", "version", user=USER)
        self.assertRegex(done.stdout, r"^weir \d+\.\d+\.\d+ \(", done.stderr)
        done = self.image.run("/opt/weir/bin/weir", "check", "--offline", "--config", CONFIG, user=USER,
                              env={"WEIR_STATE_DIR": "/var/lib/weir/state"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("/opt/weir/models/zoo/handbook-blend", done.stdout)

    def test_it_decides_payments_with_its_own_model_and_configuration(self):
        done = self.image.run("/opt/weir/bin/weir", "demo", "--rate", "0", user=USER, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"verdicts +30930 ")

    def test_its_health_check_says_unready_where_nothing_runs(self):
        done = self.image.run("/opt/weir/bin/weir", "probe", "ready", "--address", "127.0.0.1:9", user=USER)
        self.assertEqual(done.returncode, 69, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
