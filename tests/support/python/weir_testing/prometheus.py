"""A real Prometheus on loopback, for the time of a test."""
import json
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from .job import free_port
from .paths import prometheus
from .waiting import eventually


class Prometheus:
    """Keeps its data in `work`. Whatever happens, the process ends with the test process."""

    def __init__(self, work: Path, config: str, *options: str):
        self._options = options
        work.mkdir(parents=True, exist_ok=True)
        self._work = work
        self._config = work / "prometheus.yml"
        self._config.write_text(config)
        self._log = work / "prometheus.log"
        self.address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen | None = None

    def start(self) -> "Prometheus":
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", prometheus(), f"--config.file={self._config}",
                 f"--storage.tsdb.path={self._work / 'data'}", f"--web.listen-address={self.address}", "--log.level=warn", *self._options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._is_ready, 30, f"Prometheus is ready: {self._log}", every=0.1)
        return self

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def get(self, path: str, **parameters: Any) -> Any:
        """`data` of an answer of the HTTP API; what Prometheus says when it refuses."""
        address = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{path} {parameters}: {json.load(refused)['error']}") from None

    def now(self, expr: str) -> list[dict]:
        return self.get("query", query=expr)["result"]

    def over(self, expr: str, start: float, end: float, step: float) -> list[dict]:
        return self.get("query_range", query=expr, start=start, end=end, step=step)["result"]

    def rules(self) -> list[dict]:
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def alerts(self) -> dict[str, str]:
        """Alerts that are pending or firing, by name."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self.get("alerts")["alerts"]}

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False
