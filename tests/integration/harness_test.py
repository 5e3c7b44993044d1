"""The harness itself: its oracle catches what it is there to catch, and its broker isolates transactions as Kafka does."""
import json
import unittest

from confluent_kafka import Producer

from weir_testing import oracle, sample
from weir_testing.broker import Broker, Record
from weir_testing.case import BrokerCase, main
from weir_testing.oracle import Expected
from weir_testing.waiting import eventually


def verdict(partition: int, offset: int, action: str = "approve") -> bytes:
    return json.dumps({"input": {"partition": partition, "offset": offset}, "action": action}).encode()


def outputs(*verdicts: bytes) -> list[Record]:
    return [Record(0, offset, None, value, {}) for offset, value in enumerate(verdicts)]


class Oracle(unittest.TestCase):
    def setUp(self):
        self.all = [verdict(0, 0), verdict(0, 1), verdict(1, 0)]
        self.expected = Expected({oracle.place_of(v): v for v in self.all}, [])

    def test_accepts_what_is_right(self):
        oracle.check_exactly_once(self.expected, outputs(*self.all))
        self.assertEqual(oracle.check_at_least_once(self.expected, outputs(*self.all, self.all[0])), 1)

    def test_finds_a_lost_verdict(self):
        for check in (oracle.check_exactly_once, oracle.check_at_least_once):
            with self.assertRaisesRegex(AssertionError, "1 of 3 payments have no verdict"):
                check(self.expected, outputs(*self.all[1:]))

    def test_finds_a_doubled_verdict(self):
        with self.assertRaisesRegex(AssertionError, "more than one verdict"):
            oracle.check_exactly_once(self.expected, outputs(*self.all, self.all[0]))

    def test_finds_an_invented_verdict(self):
        with self.assertRaisesRegex(AssertionError, "never made"):
            oracle.check_exactly_once(self.expected, outputs(*self.all, verdict(2, 0)))

    def test_finds_a_wrong_verdict_also_among_repeats(self):
        for check in (oracle.check_exactly_once, oracle.check_at_least_once):
            with self.assertRaisesRegex(AssertionError, "differ from the undisturbed run"):
                check(self.expected, outputs(*self.all[1:], verdict(0, 0, "decline")))
        with self.assertRaisesRegex(AssertionError, "differ from the undisturbed run"):
            oracle.check_at_least_once(self.expected, outputs(*self.all, verdict(0, 0, "decline")))

    def test_finds_verdicts_out_of_order(self):
        with self.assertRaisesRegex(AssertionError, "after that for"):
            oracle.check_exactly_once(self.expected, outputs(verdict(0, 1), verdict(0, 0), verdict(1, 0)))


class RealBroker(BrokerCase):
    needs_weir = False

    def test_committed_reader_sees_no_aborted_and_no_open_transaction(self):
        topic = self.topic("isolation")
        producer = Producer({**self.broker.client, "transactional.id": topic})
        producer.init_transactions(30)
        for text, ending in (("committed", producer.commit_transaction), ("aborted", producer.abort_transaction)):
            producer.begin_transaction()
            producer.produce(topic, text, "key")
            producer.flush(30)
            ending(30)
        producer.begin_transaction()
        producer.produce(topic, "open", "key")
        producer.flush(30)
        self.assertEqual([r.value for r in self.broker.read(topic)], [b"committed"])
        self.assertEqual({r.value for r in self.broker.read(topic, "read_uncommitted")}, {b"committed", b"aborted", b"open"})
        producer.abort_transaction(30)

    def test_feeder_publishes_everything_in_order_to_the_partition_of_the_key(self):
        topic = self.topic("feeder")
        lines = sample.transactions()[:3_000]
        feeder = sample.Feeder(self.broker.bootstrap, topic, lines, 1_500, self.seed)
        feeder.start()
        eventually(lambda: feeder.sent > 100, 10, "the feeder feeds")
        feeder.finish()
        records = self.broker.read(topic)
        self.assertEqual(sorted(r.value for r in records), sorted(lines))
        partition_of = {}
        for record in records:
            self.assertEqual(partition_of.setdefault(record.key, record.partition), record.partition)
        for partition in range(4):
            arrived = [r.value for r in records if r.partition == partition]
            self.assertEqual(arrived, [line for line in lines if partition_of[sample.user_of(line)] == partition])

    def test_records_survive_the_death_of_the_broker(self):
        broker = Broker.start(self.work / "broker")
        self.addCleanup(broker.stop)
        broker.create_topic("kept", 1)
        publisher = sample.Publisher(broker.bootstrap)
        publisher.send("kept", b"before", b"key")
        publisher.flush()
        broker.kill()
        publisher.send("kept", b"after", b"key")
        broker.restart()
        publisher.flush()
        self.assertEqual([r.value for r in broker.read("kept")], [b"before", b"after"])

    def topic(self, name: str) -> str:
        topic = f"{self.name}-{name}-{self.seed}"[:200]
        self.broker.create_topic(topic, 4)
        return topic


if __name__ == "__main__":
    main()
