"""A real broker, a real `weir run` with its console, and the bundled payments."""
import http.client
import json
import sys
import urllib.error
import urllib.request

from weir_testing import sample
from weir_testing.broker import Broker
from weir_testing.job import Job, free_port

ANALYST = "ada@bank.example"


class RealConsole:
    """Ends with close(). Nothing is published until publish()."""

    def __init__(self, broker: Broker, name: str, work, entities: bool = True, **settings):
        self.port = free_port()
        self.job = Job(broker, name, work, entities=entities, settings={
            "console.listen": f"127.0.0.1:{self.port}", "console.analyst": ANALYST, "topics.audit": f"{name}-audit", **settings})
        self.job.topic["audit"] = f"{name}-audit"
        self.job.create_input_topics()
        self.url = f"http://127.0.0.1:{self.port}"
        self.worker = self.job.worker("a").start_ready()
        self.lines = sample.transactions()
        self.sent = 0

    def close(self) -> None:
        self.job.close()

    def publish(self, count: int) -> tuple[bytes, ...]:
        """The next payments of the sample, and the labels that are known by then (a label comes seven days after its payment)."""
        slice_ = self.lines[self.sent:self.sent + count]
        now = json.loads(slice_[-1])["event_time"]
        before = json.loads(self.lines[self.sent - 1])["event_time"] if self.sent else ""
        due = tuple(line for line in sample.labels() if before < json.loads(line)["label_time"] <= now)
        self.job.publish(slice_, due)
        self.sent += count
        return slice_

    def verdicts(self) -> dict[str, dict]:
        """What is committed, by verdict id."""
        return {verdict["verdict_id"]: verdict for verdict in (json.loads(record.value) for record in self.job.read("verdicts"))}

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.loads(answer.read())

    def decide(self, verdict_id: str, disposition: str, **fields) -> tuple[int, dict]:
        """Status and body of the answer; 0 and nothing when there was none."""
        body = json.dumps({"verdict_id": verdict_id, "disposition": disposition, **fields}).encode()
        request = urllib.request.Request(f"{self.url}/api/dispositions", body, {"Content-Type": "application/json", "X-Weir-Console": "1"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, {**json.loads(refused.read()), "retry_after": refused.headers["Retry-After"]}
        except (OSError, http.client.HTTPException):
            return 0, {}


def tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
