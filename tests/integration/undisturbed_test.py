"""All 30,930 payments without a fault: what comes out is what replay says, and state can be lost and found again.

Method: one job per delivery mode runs once; each test looks at it from another side. The tests that start a worker again use
the same group and topics, so they also show that nothing is done twice.
"""
import csv
import random
import shutil

from weir_testing import oracle, sample
from weir_testing.case import BrokerCase, main
from weir_testing.job import Job, PARTITIONS
from weir_testing.paths import WORK
from weir_testing.worker import weir


class Undisturbed:
    """The tests; the two classes below name the delivery mode."""
    delivery: str

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        work = WORK / f"{cls.__name__}".lower()
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        cls.run_once = Job(cls.broker, f"{cls.__name__}-{random.randrange(1 << 24):x}".lower(), work, delivery=cls.delivery)
        cls.addClassCleanup(cls.run_once.close)
        cls.worker = cls.run_once.worker("a")
        cls.worker.start_ready()  # no topic exists yet: with topics.create they are Weir's to make
        cls.run_once.publish(sample.transactions(), sample.labels())
        cls.run_once.wait_drained()
        cls.counted = {kind: cls.worker.metric(f"weir_{kind}_total") for kind in ("verdicts", "events_consumed", "dead_letters", "labels")}
        assert cls.worker.stop() == 0, cls.worker.log_tail()
        cls.expected = oracle.replay(cls.run_once, sample.transactions(), sample.labels())

    def test_a_creates_every_topic_with_the_configured_partitions(self):
        for stream in ("transactions", "labels", "verdicts", "features", "dead_letters", "state"):
            self.assertEqual(self.broker.partitions(self.run_once.topic[stream]), PARTITIONS, stream)
        self.assertEqual(self.broker.topic_config(self.run_once.topic["state"], "cleanup.policy"), "compact")

    def test_b_every_payment_has_one_verdict_with_the_bytes_of_a_replay(self):
        self.assertEqual(len(self.expected.verdicts), 30_930)
        oracle.check_exactly_once(self.expected, self.run_once.read("verdicts"))

    def test_c_a_reader_nobody_here_wrote_sees_the_same_verdicts(self):
        self.assertEqual(sorted(self.run_once.read_with_kcat("verdicts")), sorted(self.expected.verdicts.values()))

    def test_d_every_verdict_has_its_features_and_nothing_is_a_dead_letter(self):
        self.assertEqual(len(self.run_once.read("features")), 30_930)
        self.assertEqual(self.run_once.read("dead_letters"), [])
        self.assertEqual(self.counted, {"verdicts": 30_930, "events_consumed": 30_930, "dead_letters": 0, "labels": 30_930})

    def test_d_features_over_users_are_those_of_weir_features_bit_for_bit(self):
        self.assertEqual(oracle.check_features(self.run_once, sample.transactions()), 30_930 * 20)

    def test_d_weir_features_of_the_topics_is_that_of_the_files(self):
        table = self.run_once.work / "topic.csv"
        config = str(self.run_once.config("topic-features"))
        from_topics = [f"topic:{self.run_once.topic[stream]}" for stream in ("transactions", "labels")]
        done = weir("features", "--config", config, "--transactions", from_topics[0], "--labels", from_topics[1],
                    "--out", str(table))
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        offline = oracle.features(self.run_once, sample.transactions(), sample.labels())
        with table.open(newline="") as lines:
            found = {row.pop("transaction_id"): {name: float(value) if value else None for name, value in row.items()}
                     for row in csv.DictReader(lines)}
        self.assertEqual(found, offline)

    def test_e_the_state_is_that_of_a_replay(self):
        oracle.check_state(self.expected, self.worker.config)

    def test_f_a_lost_store_is_restored_from_the_changelog(self):
        shutil.rmtree(self.run_once.state_dir("a"))
        worker = self.run_once.worker("b", state="a").start_ready()
        self.assertGreater(worker.metric("weir_restore_records_total"), 190, "at least a record for each user")
        self.assertEqual(worker.stop(), 0)
        oracle.check_state(self.expected, worker.config)
        self.assertEqual(len(self.run_once.read("verdicts")), 30_930, "a restart adds no verdict")


class ExactlyOnce(Undisturbed, BrokerCase):
    delivery = "exactly_once"


class AtLeastOnce(Undisturbed, BrokerCase):
    delivery = "at_least_once"


if __name__ == "__main__":
    main()
