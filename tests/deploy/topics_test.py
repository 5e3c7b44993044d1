"""weir-topics on a real broker that asks who everybody is and allows nothing by itself: what it makes is enough for all of Weir, and no more."""
import json
import os
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from weir_testing import sample
from weir_testing.job import free_port
from weir_testing.paths import BROKER_SCRIPT, CONFIG, DEPLOY, WEIR, WORK
from weir_testing.waiting import eventually
from weir_testing.worker import Worker

TOOL = DEPLOY / "topics/weir-topics"
WHO = ("admin", "weir", "gateway", "chargebacks", "core", "stranger")
# A client listener with passwords; the name stays PLAINTEXT, which kafka-broker knows. Nobody is anonymous there, so the
# super user of that name is the broker itself on the controller's listener.
AUTHORIZED = {
    "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config":
        'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="of-admin" '
        + " ".join(f'user_{who}="of-{who}"' for who in WHO) + ";",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
}
OK, USAGE, DIFFERS, NOT_ALLOWED, CONFIGURATION = 0, 64, 65, 77, 78
PAYMENTS = 3_000


class Topics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not WEIR.exists():
            raise FileNotFoundError(f"{WEIR} is not built: run `make`")
        cls.work = WORK / "topics"
        cls.work.mkdir(parents=True, exist_ok=True)
        settings = [word for key, value in AUTHORIZED.items() for word in ("--set", f"{key}={value}")]
        started = subprocess.run([BROKER_SCRIPT, "start", cls.work / "broker", *settings], capture_output=True, text=True, check=True)
        cls.addClassCleanup(subprocess.run, [BROKER_SCRIPT, "stop", cls.work / "broker"])
        cls.bootstrap = started.stdout.strip()
        (cls.work / "admin.properties").write_text("# who may\n" + "".join(f"{k}={v}\n" for k, v in cls.login("admin").items()))

    @classmethod
    def login(cls, who: str) -> dict[str, str]:
        return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": who, "sasl.password": f"of-{who}"}

    def client(self, who: str) -> dict[str, str]:
        return {"bootstrap.servers": self.bootstrap, "log_level": 2, **self.login(who)}

    def names(self, prefix: str) -> list[str]:
        """--set that gives this test topics and a group of its own."""
        streams = ("transactions", "labels", "verdicts", "features", "dead_letters", "metrics", "state", "entities", "entity_profiles", "entity_state")
        return [word for stream in streams for word in ("--set", f"topics.{stream}={prefix}-{stream.replace('_', '-')}")] + [
            "--set", f"kafka.group_id={prefix}", "--set", f"kafka.brokers={self.bootstrap}", "--set", "topics.partitions=2"]

    def tool(self, *words: str, prefix: str = "a", config: Path = CONFIG, who: str = "admin") -> subprocess.CompletedProcess:
        if who != "admin":
            (self.work / f"{who}.properties").write_text("".join(f"{k}={v}\n" for k, v in self.login(who).items()))
        return subprocess.run([sys.executable, TOOL, "--weir", WEIR, "--config", config, "--command-config", self.work / f"{who}.properties",
                               *self.names(prefix), *words], capture_output=True, text=True, timeout=120)

    def test_a_dry_run_says_everything_and_changes_nothing(self):
        done = self.tool("--principal", "User:weir", "--reader", "User:core=core-", "--dry-run", prefix="dry")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn("would: topic dry-state: create with 2 partitions, 1 replicas, min.insync.replicas=1, unclean.leader.election.enable=false, "
                      "cleanup.policy=compact, min.compaction.lag.ms=600000\n", done.stdout)
        self.assertIn("would: topic dry-metrics: create with 1 partitions", done.stdout)
        # 90 days of merchants' rows, and a week.
        self.assertRegex(done.stdout, r"topic dry-entities: create .*retention.ms=8380800000\n")
        self.assertIn("would: User:weir: allow WRITE on transactional id dry-*\n", done.stdout)
        self.assertIn("would: User:core: allow READ on topic dry-verdicts\n", done.stdout)
        self.assertTrue(done.stdout.endswith("0 right, 28 would change\n"), done.stdout)
        topics = AdminClient(self.client("admin")).list_topics(timeout=10).topics
        self.assertFalse([name for name in topics if name.startswith("dry-")])

    def test_weir_runs_with_exactly_these_rights_and_so_do_its_neighbours(self):
        console = f"127.0.0.1:{free_port()}"
        settings = ["--set", f"console.listen={console}", "--set", "console.analyst=ada", "--set", "topics.audit=run-audit"]
        words = [*settings, "--principal", "User:weir", "--producer", "User:gateway", "--labeller", "User:chargebacks", "--reader", "User:core=core-"]
        done = self.tool(*words, prefix="run")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertTrue(done.stdout.endswith("0 right, 36 changed\n"), done.stdout)
        self.assertTrue(self.tool(*words, prefix="run").stdout.endswith("36 right, 0 changed\n"))

        self.publish("gateway", "run-transactions", sample.transactions()[:PAYMENTS])
        self.publish("chargebacks", "run-labels", sample.labels()[:PAYMENTS])
        worker = self.worker("run", *settings).start_ready()
        self.addCleanup(worker.kill)

        self.assertEqual(self.read("core", "core-ledger", "run-verdicts", PAYMENTS), PAYMENTS)
        # The second stage, too: it has partitions, has read, and payments find its profiles current.
        eventually(lambda: worker.metric("weir_assigned_partitions", "entities") == 2, 60, "entities assigned")
        eventually(lambda: worker.metric("weir_events_consumed_total", "entities") > PAYMENTS, 60, "entities read")
        eventually(lambda: worker.metric("weir_profiles") > 0, 60, "profiles read")
        # The console shows what was committed, and writes a decision: on two topics, in a transaction of its own.
        payment = json.loads(sample.transactions()[0])["transaction_id"]
        found = eventually(lambda: self.ask(console, f"/api/verdicts?payment={payment}")["verdicts"], 30, "a verdict in the console")
        said = self.ask(console, "/api/dispositions", {"verdict_id": found[0]["verdict_id"], "disposition": "fraud"})
        self.assertEqual((said["analyst"], said["revision"]), ("ada", 1))
        # A producer with other rights only: what it may not do, it may not.
        self.assertIn(self.refused_reading("gateway", "run-verdicts"),
                      (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED))
        self.assertEqual(self.refused_writing("weir", "run-transactions"), KafkaError.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(self.refused_writing("core", "run-verdicts"), KafkaError.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(self.refused_writing("stranger", "run-transactions"), KafkaError.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(worker.stop(), OK)
        self.assertNotIn("authorization failed", worker.log())

    def test_settings_are_put_right_and_partitions_and_replicas_are_left_to_a_person(self):
        self.assertEqual(self.tool(prefix="fix").returncode, OK)
        done = self.tool("--retention", "verdicts=90d", prefix="fix")
        self.assertIn("topic fix-verdicts: set retention.ms 2592000000 -> 7776000000\n", done.stdout)
        self.assertTrue(done.stdout.endswith("9 right, 1 changed\n"), done.stdout)
        for partitions in ("1", "4"):
            done = self.tool("--retention", "verdicts=90d", "--partitions", partitions, prefix="fix")
            self.assertEqual(done.returncode, DIFFERS)
            self.assertIn(f"DIFFERS: topic fix-transactions has 2 partitions, wanted {partitions}: users would move", done.stdout)
        topics = AdminClient(self.client("admin")).list_topics(timeout=10).topics
        self.assertEqual(len(topics["fix-transactions"].partitions), 2)
        done = self.tool("--retention", "verdicts=90d", "--replication", "3", prefix="fix")
        self.assertIn("has 1 replicas, wanted 3: move them with kafka-reassign-partitions", done.stdout)

    def test_who_may_not_is_told_so(self):
        done = self.tool(prefix="no", who="stranger")
        self.assertEqual(done.returncode, NOT_ALLOWED, done.stderr)
        self.assertIn("--command-config names who may", done.stderr)

    def test_what_is_wrong_is_said_before_anything_is_asked(self):
        self.assertEqual(self.tool("--retention", "verdict=3d").returncode, USAGE)
        self.assertIn("'3' is no duration", self.tool("--retention", "verdicts=3").stderr)
        self.assertIn("write PRINCIPAL=GROUP-PREFIX", self.tool("--reader", "User:core").stderr)
        broken = self.work / "broken.yaml"
        broken.write_text("kafka:\n  brokrs: localhost:9092\n")
        done = self.tool(config=broken)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertIn("broken.yaml:2:3: unknown key 'brokrs'", done.stderr)

    # -- clients of others

    def ask(self, console: str, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(f"http://{console}{path}", json.dumps(body).encode() if body else None,
                                         {"Content-Type": "application/json", "X-Weir-Console": "1"} if body else {})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def worker(self, prefix: str, *more: str) -> Worker:
        password = self.work / "password"
        password.write_text("of-weir")
        admin = f"127.0.0.1:{free_port()}"
        settings = {"topics.create": "false", "kafka.properties.security.protocol": "SASL_PLAINTEXT", "kafka.properties.sasl.mechanism": "PLAIN",
                    "kafka.properties.sasl.username": "weir", "kafka.properties.sasl.password_file": str(password),
                    "state.dir": str(self.work / f"state-{os.getpid()}"), "admin.listen": admin}
        words = [*self.names(prefix), *more, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]
        return ConfiguredWorker(words, admin, self.work / "weir.log")

    def publish(self, who: str, topic: str, lines: tuple[bytes, ...]) -> None:
        producer = Producer({**self.client(who), "enable.idempotence": True, "partitioner": "murmur2_random"})
        failed = []
        for line in lines:
            producer.produce(topic, line, sample.user_of(line), on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)
        self.assertEqual((producer.flush(60), failed), (0, []))

    def read(self, who: str, group: str, topic: str, wanted: int) -> int:
        consumer = Consumer({**self.client(who), "group.id": group, "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
        self.addCleanup(consumer.close)
        consumer.subscribe([topic])
        seen = 0

        def all_of_it() -> bool:
            nonlocal seen
            for message in consumer.consume(1_000, 0.2):
                self.assertIsNone(message.error())
                seen += 1
            return seen >= wanted
        eventually(all_of_it, 90, f"{wanted} records of {topic}", every=0)
        return seen

    def refused_reading(self, who: str, topic: str) -> int:
        consumer = Consumer({**self.client(who), "group.id": "x"})
        self.addCleanup(consumer.close)
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = eventually(lambda: consumer.poll(1), 30, "an answer")
        return message.error().code() if message.error() else 0

    def refused_writing(self, who: str, topic: str) -> int:
        producer = Producer({**self.client(who), "message.timeout.ms": 20_000})
        codes = []
        try:
            producer.produce(topic, b"x", on_delivery=lambda error, _: codes.append(error.code() if error else 0))
            producer.flush(30)
        except KafkaException as error:
            return error.args[0].code()
        return codes[0]


class ConfiguredWorker(Worker):
    """The shipped configuration with --set, as containers run it."""

    def __init__(self, words: list[str], admin: str, log: Path):
        super().__init__("weir", CONFIG, admin, log)
        self._words = words

    def start(self) -> "Worker":
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", str(WEIR), "run", "--config", str(CONFIG), *self._words],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self


if __name__ == "__main__":
    unittest.main(verbosity=2)
