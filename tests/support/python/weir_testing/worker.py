"""One `weir run` process."""
import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .paths import ROOT, WEIR
from .waiting import eventually

_SAMPLE_LINE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Worker:
    """Started by Job.worker(). Whatever happens, the process ends with the test process."""

    def __init__(self, name: str, config: Path, admin: str, log: Path):
        self.name, self.config, self.admin, self.log_path = name, config, admin, log
        self._process: subprocess.Popen | None = None

    # -- life and death

    def start(self) -> "Worker":
        assert not self.alive, f"{self.name} runs"
        log = open(self.log_path, "ab")
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(WEIR), "run", "--config", str(self.config)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        return self

    def start_ready(self, seconds: float = 60) -> "Worker":
        self.start()
        return self.wait_ready(seconds)

    def wait_ready(self, seconds: float = 60) -> "Worker":
        """Assigned and restored. Fails at once when the process ends instead."""
        def ready() -> bool:
            assert self.alive, f"{self.name} ended with {self.exit_code} before it was ready:\n{self.log_tail()}"
            return self.is_ready()
        eventually(ready, seconds, f"{self.name} ready", every=0.02)
        return self

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def check_not_failed(self) -> None:
        """Running, or ended in a way that a test asks for: stopped or killed."""
        assert self.exit_code in (None, 0, -9, -15), f"{self.name} ended with {self.exit_code}:\n{self.log_tail()}"

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        if self.alive:
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM: drains, commits, leaves."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(seconds)

    def wait_exit(self, seconds: float) -> int:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds:g} s:\n{self.log_tail()}") from None

    # -- what it says

    def is_ready(self) -> bool:
        return self._get("/readyz")[0] == 200

    def is_live(self) -> bool:
        return self._get("/livez")[0] == 200

    def metrics_text(self) -> str:
        status, body = self._get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return body

    def metric(self, name: str, stage: str = "decisions", **labels: str) -> float:
        """Sum over all series of this name and stage whose labels include `labels`; 0 when there is none."""
        total = 0.0
        for line in self.metrics_text().splitlines():
            found = _SAMPLE_LINE.match(line)
            if not found or found["name"] != name:
                continue
            has = dict(_LABEL.findall(found["labels"] or ""))
            is_entities = has.get("worker", "").startswith("entities")
            if is_entities == (stage == "entities") and labels.items() <= has.items():
                total += float(found["value"])
        return total

    def buckets(self, histogram: str) -> dict[str, float]:
        """Cumulative counts by upper bound, over the workers of stage decisions."""
        found: dict[str, float] = {}
        for line in self.metrics_text().splitlines():
            sample = _SAMPLE_LINE.match(line)
            labels = dict(_LABEL.findall(sample["labels"] or "")) if sample else {}
            if sample and sample["name"] == histogram + "_bucket" and not labels["worker"].startswith("entities"):
                found[labels["le"]] = found.get(labels["le"], 0.0) + float(sample["value"])
        return found

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = 25) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def _get(self, path: str) -> tuple[int, str]:
        """Status 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""


def weir(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess:
    """One of the other commands, run to its end."""
    return subprocess.run([str(WEIR), *arguments], cwd=ROOT, capture_output=True, timeout=timeout)


def dump_state(config: Path) -> list[dict]:
    """`weir state dump`: every user of the local stores in key order."""
    done = weir("state", "dump", "--config", str(config))
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]
