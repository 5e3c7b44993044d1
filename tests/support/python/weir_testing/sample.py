"""The bundled payments and labels, and a client that publishes them."""
import gzip
import random
import re
import threading
from functools import cache

from confluent_kafka import Producer

from .paths import SAMPLE

_USER = re.compile(rb'"user_id":"([^"]*)"')


@cache
def transactions() -> tuple[bytes, ...]:
    """30,930 JSON lines in event-time order."""
    return _lines("transactions")


@cache
def labels() -> tuple[bytes, ...]:
    """One JSON line for each transaction, in the order in which they become known."""
    return _lines("labels")


def user_of(line: bytes) -> bytes:
    found = _USER.search(line)
    assert found, line
    return found[1]


def _lines(name: str) -> tuple[bytes, ...]:
    with gzip.open(SAMPLE / f"{name}.jsonl.gz") as file:
        return tuple(file.read().splitlines())


class Publisher:
    """A payment system: keyed by user, in order, acknowledged. Partitions by murmur2, as Kafka's Java clients do."""

    def __init__(self, bootstrap: str):
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "log_level": 2, "enable.idempotence": True, "partitioner": "murmur2_random",
            "linger.ms": 2, "message.timeout.ms": 120_000, "queue.buffering.max.messages": 200_000})
        self._failed: list[str] = []

    def send(self, topic: str, value: bytes | None, key: bytes | None, partition: int | None = None,
             headers: list[tuple[str, bytes]] | None = None) -> None:
        where = {} if partition is None else {"partition": partition}
        if headers:
            where["headers"] = headers
        self._producer.produce(topic, value, key, on_delivery=self._delivered, **where)
        self._producer.poll(0)

    def flush(self) -> None:
        left = self._producer.flush(120)
        assert left == 0 and not self._failed, f"{left} unsent, {self._failed[:3]}"

    def _delivered(self, error, _message) -> None:
        if error:
            self._failed.append(str(error))


class Feeder(threading.Thread):
    """Publishes payments beside the test, in slices of random size with random pauses, until all are out; with each slice the
    same share of the labels.

    The pace holds on average. allow() lets faults set it instead: the stream waits at a share of the lines until more is
    allowed, so a fault on a slow machine still falls into the middle of it. rush() drops pauses and limit.
    """

    def __init__(self, bootstrap: str, topic: str, lines: tuple[bytes, ...], payments_per_second: float, seed: int,
                 labels_topic: str = "", labels: tuple[bytes, ...] = ()):
        super().__init__(daemon=True)
        self._publisher, self._topic, self._lines = Publisher(bootstrap), topic, lines
        self._labels_topic, self._labels = labels_topic, labels
        self._rate, self._random = payments_per_second, random.Random(seed)
        self._limit = len(lines)
        self._rush = threading.Event()
        self.error: BaseException | None = None
        self.sent = 0

    def run(self) -> None:
        try:
            while self.sent < len(self._lines):
                size = min(self._random.choice((1, 20, 100, 500)), self._limit - self.sent)
                for line in self._lines[self.sent:self.sent + size]:
                    self._publisher.send(self._topic, line, user_of(line))
                for line in self._labels[self._due(self.sent):self._due(self.sent + size)]:
                    self._publisher.send(self._labels_topic, line, user_of(line))
                self._publisher.flush()
                self.sent += size
                self._rush.wait(max(size / self._rate * self._random.uniform(0.5, 1.5), 0.01))
        except BaseException as error:  # told to the test by finish()
            self.error = error

    def _due(self, sent: int) -> int:
        return len(self._labels) * sent // len(self._lines)

    def allow(self, share: float) -> None:
        """Up to this share of the lines, from 0 to 1."""
        self._limit = max(self.sent, int(len(self._lines) * share))

    def rush(self) -> None:
        self._limit = len(self._lines)
        self._rush.set()

    def finish(self, seconds: float = 120) -> None:
        """Everything is published; raises what went wrong."""
        self.rush()
        self.join(seconds)
        if self.error:
            raise self.error
        assert not self.is_alive(), f"feeder stands at {self.sent}"
