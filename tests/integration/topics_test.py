"""Topics that Weir may not make are named, all at once, and asking for them does not make them either."""
import json

from weir_testing.broker import Broker
from weir_testing.case import BrokerCase, main
from weir_testing.job import PARTITIONS
from weir_testing.paths import WORK
from weir_testing.worker import weir

UNAVAILABLE, CONFIGURATION = 69, 78
OUTPUTS = ("verdicts", "features", "dead_letters", "metrics")


class MissingTopics(BrokerCase):
    @classmethod
    def make_broker(cls) -> Broker:
        """With Kafka's default: a question of the wrong kind makes the topic, and a changelog made so is not compacted."""
        broker = Broker.start(WORK / "auto-create", settings={"auto.create.topics.enable": "true"})
        cls.addClassCleanup(broker.stop)
        return broker

    def test_missing_topics_are_named_and_not_made_by_asking(self):
        job = self.job().create_input_topics()
        before = self.broker.topics()
        worker = job.worker("a", **{"topics.create": False}).start()
        self.assertEqual(worker.wait_exit(60), CONFIGURATION, worker.log_tail())
        for stream in OUTPUTS:
            self.assertIn(job.topic[stream], worker.log())
        self.assertIn("topics.create", worker.log())
        self.assertEqual(self.broker.topics() - before, set())

    def test_check_says_whether_the_console_can_write_what_is_decided(self):
        job = self.job()
        audit, labels = f"{job.name}-audit", job.topic["labels"]
        self.broker.create_topic(job.topic["transactions"], PARTITIONS)
        before = self.broker.topics()
        config = job.config("a", **{"topics.create": False, "topics.audit": audit, "console.listen": "127.0.0.1:9470", "console.analyst": "ada"})

        def check(*words: str) -> tuple[int, str]:
            done = weir("check", "--config", str(config), *words)
            return done.returncode, (done.stderr or done.stdout).decode()
        with self.subTest("both are missing: what they are for, and what to do"):
            code, said = check()
            self.assertEqual(code, UNAVAILABLE, said)
            self.assertIn(f"there is no topic {labels} and {audit}: the console (console.listen) writes", said)
            self.assertIn("deploy/topics/weir-topics", said)
            code, said = check("--format", "json")
            self.assertEqual((code, len(json.loads(said)["findings"])), (UNAVAILABLE, 1), said)
        with self.subTest("nobody is asked offline, and a configuration without a console needs neither"):
            self.assertEqual(check("--offline")[0], 0)
            self.assertEqual(check("--set", "console.listen=")[0], 0)
        with self.subTest("where Weir may make them it says so"):
            code, said = check("--set", "topics.create=true")
            self.assertEqual(code, 0, said)
            self.assertRegex(said, rf"console +http://127.0.0.1:9470/, whoever opens it decides as ada\n +made at start: topic {labels} and {audit}\n")
        self.assertEqual(self.broker.topics() - before, set())
        self.broker.create_topic(audit, 1)
        with self.subTest("a payment's label must find its partition"):
            self.broker.create_topic(labels, PARTITIONS + 1)
            code, said = check()
            self.assertEqual(code, CONFIGURATION, said)
            self.assertIn(f"topic {labels} has {PARTITIONS + 1} partitions and topic {job.topic['transactions']} has {PARTITIONS}", said)
        with self.subTest("all is there"):
            self.broker.create_topic(f"{labels}-right", PARTITIONS)
            code, said = check("--set", f"topics.labels={labels}-right")
            self.assertEqual(code, 0, said)
            self.assertIn(f"topics {labels}-right and {audit} are there\n", said)


if __name__ == "__main__":
    main()
