"""One Weir job on a broker: topics of its own, configurations, workers, input and outputs."""
import copy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from . import sample
from .broker import Broker, Record
from .paths import CONFIG, USER_MODEL
from .waiting import eventually
from .worker import Worker

PARTITIONS = 4


class Job:
    """Topics, group and folders carry the job's name, so jobs share a broker without seeing each other."""

    def __init__(self, broker: Broker, name: str, work: Path, *, delivery: str = "exactly_once", replication: int = 1,
                 settings: dict[str, Any] | None = None, entities: bool = False):
        """`entities`: with the features over merchants, which take a second stage; a verdict then names what it saw of them,
        and is no longer that of a replay byte for byte."""
        self.entities = entities
        self.broker, self.name, self.work, self.replication = broker, name, work, replication
        self.group = name
        self.topic = {stream: f"{name}-{stream.replace('_', '-')}" for stream in (
            "transactions", "labels", "verdicts", "features", "dead_letters", "metrics", "state", "entities",
            "entity_profiles", "entity_state")}
        self.settings = {"delivery": delivery, **(settings or {})}
        self.workers: list[Worker] = []
        self.publisher = sample.Publisher(broker.bootstrap)

    # -- set-up

    def create_input_topics(self) -> "Job":
        """The rest is Weir's to create."""
        for stream in ("transactions", "labels"):
            self.broker.create_topic(self.topic[stream], PARTITIONS, self.replication)
        return self

    def config(self, instance: str, state: str | None = None, **settings: Any) -> Path:
        """Writes a configuration: the shipped one with what this job and instance change. Keys are dotted paths."""
        document = yaml.safe_load(CONFIG.read_text())
        # The shipped model reads merchants; what knows users only runs one that does too.
        package = (CONFIG.parent / document["model"]["package"]).resolve() if self.entities else USER_MODEL
        changes = {
            "model.package": str(package),
            "kafka.brokers": self.broker.bootstrap,
            "kafka.group_id": self.group,
            "topics.create": True,
            "topics.partitions": PARTITIONS,
            "topics.replication": self.replication,
            "instance.id": f"{self.name}-{instance}",
            "state.dir": str(self.state_dir(state or instance)),
            "admin.listen": f"127.0.0.1:{free_port()}",
            **{f"topics.{stream}": topic for stream, topic in self.topic.items()},
            **self.settings,
            **settings,
        }
        for path, value in changes.items():
            _set(document, path, value)
        if not self.entities:
            document["features"] = [f for f in document["features"] if f["entity"] in ("payment", "user")]
            _set(document, "history.merchant_rows", 0)
        target = self.work / f"{instance}.yaml"
        target.write_text(yaml.safe_dump(document, sort_keys=False))
        return target

    def worker(self, instance: str = "a", state: str | None = None, **settings: Any) -> Worker:
        """An instance, not started. `state` names its local store: two that share a name share the folder."""
        config = self.config(instance, state, **settings)
        admin = yaml.safe_load(config.read_text())["admin"]["listen"]
        worker = Worker(f"{self.name}-{instance}", config, admin, self.work / f"{instance}.log")
        self.workers.append(worker)
        return worker

    def state_dir(self, name: str) -> Path:
        return self.work / "state" / name

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()

    # -- input

    def publish(self, lines: tuple[bytes, ...] = (), labels: tuple[bytes, ...] = ()) -> None:
        """Everything acknowledged when this returns."""
        for line in lines:
            self.publisher.send(self.topic["transactions"], line, sample.user_of(line))
        for line in labels:
            self.publisher.send(self.topic["labels"], line, sample.user_of(line))
        self.publisher.flush()

    def feeder(self, lines: tuple[bytes, ...], payments_per_second: float, seed: int,
               labels: tuple[bytes, ...] = ()) -> sample.Feeder:
        feeder = sample.Feeder(self.broker.bootstrap, self.topic["transactions"], lines, payments_per_second, seed,
                               self.topic["labels"], labels)
        feeder.start()
        return feeder

    # -- progress and outputs

    def committed(self) -> int:
        """Payments behind the group's committed offsets."""
        return sum(self.broker.committed(self.group, self.topic["transactions"]).values())

    def is_drained(self) -> bool:
        return all(self.broker.committed(self.group, topic) == self.broker.ends(topic)
                   for topic in (self.topic["transactions"], self.topic["labels"]))

    def wait_drained(self, seconds: float = 90) -> None:
        def drained() -> bool:
            for worker in self.workers:
                worker.check_not_failed()
            return self.is_drained()
        eventually(drained, seconds, f"{self.name} drained (committed {self.committed()})", every=0.2)

    def wait_entities_drained(self, seconds: float = 90) -> None:
        """All that stage entities was told is in its profiles, for every partition of the topic."""
        def drained() -> bool:
            alive = [worker for worker in self.workers if worker.alive]
            owned = sum(worker.metric("weir_assigned_partitions", "entities") for worker in alive)
            behind = sum(worker.metric("weir_consumer_lag_records", "entities") for worker in alive)
            return owned == PARTITIONS and behind == 0
        self.wait_drained(seconds)
        pause_for_gauges = 2  # twice in a row: gauges are refreshed twice a second
        seen = 0

        def steadily() -> bool:
            nonlocal seen
            seen = seen + 1 if drained() else 0
            return seen > pause_for_gauges
        eventually(steadily, seconds, f"{self.name}: entities drained", every=0.6)

    def wait_drained_and_whole(self, restarts: int, seconds: float = 120) -> None:
        """After harm to the broker: all is committed, and the running workers agree about who owns what.

        Committed alone is not enough: a worker whose partitions have gone to another may still wait for the broker with an
        old transaction, and a stop in that moment finds it fenced. An exit with 69 (unavailable) is answered by a new start,
        as a supervisor does, at most `restarts` times.
        """
        started = [worker for worker in self.workers if worker.alive]

        def whole() -> bool:
            nonlocal restarts
            for worker in started:
                if worker.exit_code == 69 and restarts > 0:
                    restarts -= 1
                    print(f"  {worker.name} ended with 69, started again: {worker.log_tail(1)}", file=sys.stderr)
                    worker.start()
                worker.check_not_failed()
            return self.is_drained() and self.is_whole(started)
        eventually(whole, seconds, f"{self.name} drained (committed {self.committed()}) and whole", every=0.2)

    def is_whole(self, workers: list[Worker]) -> bool:
        """Every worker owns something and has restored it, and together they own each partition once."""
        if not all(worker.is_ready() for worker in workers):
            return False
        shares = [worker.metric("weir_assigned_partitions") for worker in workers]
        return min(shares) > 0 and sum(shares) == self.broker.partitions(self.topic["transactions"])

    def read(self, stream: str, isolation: str = "read_committed") -> list[Record]:
        return self.broker.read(self.topic[stream], isolation)

    def read_with_kcat(self, stream: str) -> list[bytes]:
        """Committed values, read by a program nobody here wrote."""
        done = subprocess.run(
            ["kcat", "-b", self.broker.bootstrap, "-C", "-t", self.topic[stream], "-o", "beginning", "-e", "-q",
             "-X", "isolation.level=read_committed"], capture_output=True, timeout=90)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.splitlines()


def _set(document: dict, path: str, value: Any) -> None:
    """The last of the words may hold dots itself (session.timeout.ms), and so may a key of the shipped file (instance.id)."""
    if path in document:
        document[path] = copy.deepcopy(value)
        return
    *parents, last = path.split(".", 2 if path.startswith("kafka.properties.") else -1)
    for parent in parents:
        if document.get(parent) is None:
            document[parent] = {}
        document = document[parent]
    document[last] = copy.deepcopy(value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
