"""A Kafka cluster on loopback for the time of a test, and the outside view of its topics."""
import atexit
import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from .paths import BROKER_SCRIPT, WORK
from .waiting import eventually

_CALL_SECONDS = 5  # a call may have gone to a broker that is dead: ask another one soon
_PATIENCE_SECONDS = 90
T = TypeVar("T")


class Record(NamedTuple):
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


class Broker:
    """Threads: one. The cluster ends with stop(), or with the test process when this process started it."""

    def __init__(self, directory: Path, bootstrap: str):
        self.directory = directory
        self.bootstrap = bootstrap
        self.client = {"bootstrap.servers": bootstrap, "log_level": 2}  # that a killed broker is away is no news here
        self.admin = AdminClient(self.client)
        self._partitions: dict[str, int] = {}  # of topics seen; it never changes here

    @classmethod
    def start(cls, directory: Path, brokers: int = 1, settings: dict[str, str] | None = None, heap_mb: int = 384) -> "Broker":
        arguments = ["--brokers", str(brokers), "--heap", str(heap_mb)]
        for key, value in (settings or {}).items():
            arguments += ["--set", f"{key}={value}"]
        broker = cls(directory, _script("start", directory, *arguments))
        atexit.register(broker.stop)
        broker._wake_transactions()
        return broker

    @classmethod
    def shared(cls) -> "Broker":
        """The one that ctest's fixture started, else one of this process."""
        global _shared
        if _shared is None:
            fixture = os.environ.get("WEIR_BROKER_DIR")
            if fixture:
                _shared = cls(Path(fixture), _script("bootstrap", Path(fixture)))
            else:
                _shared = cls.start(WORK / "broker")
        return _shared

    def stop(self) -> None:
        _script("stop", self.directory)
        atexit.unregister(self.stop)

    def kill(self, broker_id: int = 1) -> None:
        """kill -9; what it had written stays."""
        _script("kill", self.directory, str(broker_id))

    def restart(self, broker_id: int = 1) -> None:
        _script("restart", self.directory, str(broker_id))

    def pid(self, broker_id: int = 1) -> int:
        return int((self.directory / str(broker_id) / "pid").read_text())

    @contextlib.contextmanager
    def paused(self, broker_id: int = 1) -> Iterator[None]:
        """A broker that accepts connections and answers nothing."""
        _script("pause", self.directory, str(broker_id))
        try:
            yield
        finally:
            _script("resume", self.directory, str(broker_id))

    # -- topics

    def create_topic(self, name: str, partitions: int, replication: int = 1, **config: str) -> None:
        topic = NewTopic(name, partitions, replication, config={k.replace("_", "."): v for k, v in config.items()})
        for future in self.admin.create_topics([topic]).values():
            future.result(30)
        eventually(lambda: self.partitions(name) == partitions, 30, f"topic {name} known")

    def set_topic_config(self, name: str, key: str, value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(30)

    def topic_config(self, name: str, key: str) -> str:
        resource = ConfigResource(ResourceType.TOPIC, name)
        return self.admin.describe_configs([resource])[resource].result(30)[key].value

    def topics(self) -> set[str]:
        return set(_patiently(lambda: self.admin.list_topics(timeout=_CALL_SECONDS)).topics)

    def partitions(self, topic: str) -> int:
        """0: no such topic."""
        if topic not in self._partitions:
            found = _patiently(lambda: self.admin.list_topics(timeout=_CALL_SECONDS)).topics.get(topic)
            if not found or found.error:
                return 0
            self._partitions[topic] = len(found.partitions)
        return self._partitions[topic]

    # -- reading, with a client that is not ours

    def read(self, topic: str, isolation: str = "read_committed") -> list[Record]:
        """Every record from the first to the current end, each partition in order."""
        consumer = Consumer({
            **self.client, "group.id": "outside-reader", "isolation.level": isolation,
            "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50, "check.crcs": True})
        try:
            return _read_to_end(consumer, topic, self.partitions(topic))
        finally:
            consumer.close()

    def ends(self, topic: str) -> dict[int, int]:
        """End offset of every partition as a read_uncommitted reader sees it."""
        consumer = Consumer({**self.client, "group.id": "outside-reader",
                             "isolation.level": "read_uncommitted"})
        try:
            return {p: _patiently(lambda: consumer.get_watermark_offsets(
                TopicPartition(topic, p), timeout=_CALL_SECONDS, cached=False))[1] for p in range(self.partitions(topic))}
        finally:
            consumer.close()

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Next offset of the group per partition; 0 where there is none yet."""
        consumer = Consumer({**self.client, "group.id": group,
                             "isolation.level": "read_uncommitted"})
        try:
            wanted = [TopicPartition(topic, p) for p in range(self.partitions(topic))]
            found = _patiently(lambda: consumer.committed(wanted, timeout=_CALL_SECONDS))
            return {p.partition: max(p.offset, 0) for p in found}
        finally:
            consumer.close()

    def _wake_transactions(self) -> None:
        """The first transaction makes the broker create its internal topic (seconds): not inside a test."""
        producer = Producer({**self.client, "transactional.id": "wake"})
        producer.init_transactions(60)


def _patiently(call: Callable[[], T]) -> T:
    """Asks again while brokers are away or elect leaders."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].fatal() or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _script(command: str, directory: Path, *arguments: str) -> str:
    done = subprocess.run([BROKER_SCRIPT, command, str(directory), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"kafka-broker {command} {directory}: {done.stderr.strip()}")
    return done.stdout.strip()


def _read_to_end(consumer: Consumer, topic: str, partitions: int) -> list[Record]:
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    records: list[Record] = []
    open_partitions = set(range(partitions))

    def take() -> bool:
        for message in consumer.consume(5000, 0.2):
            error = message.error()
            if error is None:
                records.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
        return not open_partitions

    eventually(take, 90, f"end of {topic}", every=0)
    return records


def _record(message: Message) -> Record:
    return Record(message.partition(), message.offset(), message.key(), message.value(), dict(message.headers() or []))


_shared: Broker | None = None
