"""Topics that Weir may not make are named, all at once, and asking for them does not make them either."""
from weir_testing.broker import Broker
from weir_testing.case import BrokerCase, main
from weir_testing.paths import WORK

CONFIGURATION = 78
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


if __name__ == "__main__":
    main()
