"""Base of the tests that need a broker."""
import os
import random
import shutil
import sys
import unittest
from pathlib import Path
from typing import Any

from .broker import Broker
from .job import Job
from .paths import WEIR, WORK


class BrokerCase(unittest.TestCase):
    """Gives each test a work folder, a seeded random source and jobs that are killed at its end.

    A failing test prints its seed (WEIR_TEST_SEED=... repeats it), its folder and the end of every worker's log.
    """

    needs_weir = True

    @classmethod
    def setUpClass(cls):
        if cls.needs_weir and not WEIR.exists():
            raise FileNotFoundError(f"{WEIR} is not built: run `make`")
        cls.broker = cls.make_broker()

    @classmethod
    def make_broker(cls) -> Broker:
        return Broker.shared()

    def setUp(self):
        self.seed = int(os.environ.get("WEIR_TEST_SEED", random.randrange(1 << 31)))
        self.random = random.Random(self.seed)
        self.name = f"{type(self).__name__}-{self._testMethodName.removeprefix('test_')}".replace("_", "-")[:80].lower()
        self.work = _fresh(WORK / self.name)
        self._jobs: list[Job] = []
        print(f"{self.name}: seed {self.seed}", file=sys.stderr, flush=True)

    def job(self, name: str = "", **arguments: Any) -> Job:
        """A run id in the name keeps a repeated run on a broker that stayed up apart from the one before."""
        run = f"{os.getpid():x}"
        job = Job(self.broker, f"{self.name[:40]}{'-' + name if name else ''}-{run}", self.work, **arguments)
        self._jobs.append(job)
        self.addCleanup(job.close)
        return job

    def run(self, result=None):
        before = _bad(result)
        outcome = super().run(result)
        if _bad(result) > before:
            print(f"{self.name}: failed with seed {self.seed}, files in {self.work}", file=sys.stderr)
            for job in getattr(self, "_jobs", []):
                for worker in job.workers:
                    print(f"--- {worker.name} (exit code {worker.exit_code})\n{worker.log_tail()}", file=sys.stderr)
        return outcome


def main() -> None:
    unittest.main(verbosity=2)


def _bad(result) -> int:
    return len(result.failures) + len(result.errors) if result else 0


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
