"""Bad input: one of each kind among good payments. inputs = verdicts + dead letters + tombstones, and nothing crashes."""
import hashlib
import json
from collections import Counter

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.waiting import eventually

CARD_NUMBER = "4539578763621486"  # passes the Luhn check; belongs to nobody
GOOD = json.loads(sample.transactions()[0])
USER = GOOD["user_id"].encode()
OVERSIZE = 70_000  # input.record_bytes_max is 65,536


def payment(**changes) -> bytes:
    """A good payment with changes; None removes a field."""
    fields = {**GOOD, "transaction_id": f"bad-{len(changes)}", **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


# reason, value, key: at least one for each row of the bad-input table.
REFUSED = [
    ("decode", b"\x00\x01\x02 not a payment", USER),
    ("decode", payment()[:-20], USER),
    ("decode", b"[]", USER),
    ("oversize", payment(attributes={"note": "x" * OVERSIZE}), USER),
    ("missing_field", payment(transaction_id=None), USER),
    ("missing_field", payment(user_id=None), USER),
    ("missing_field", payment(amount=None), USER),
    ("key_mismatch", payment(), b"C9999"),
    ("range", payment(amount=-1), USER),
    ("range", payment(amount="99999999999999999999"), USER),
    ("range", payment().replace(b'"amount": 96.32', b'"amount": "NaN"'), USER),
    ("range", payment(currency="ZZZ"), USER),
    ("pan", payment(transaction_id=CARD_NUMBER), USER),
    ("pan", payment(card_token=CARD_NUMBER), USER),
    ("future", payment(event_time="2099-01-01T00:00:00Z"), USER),
]
TOMBSTONES = 2


class DeadLetters(BrokerCase):
    def test_every_record_is_accounted_for(self):
        job = self.job().create_input_topics()
        topic = job.topic["transactions"]
        worker = job.worker("a").start_ready()
        good = list(sample.transactions()[:1_000])
        for place, (_, value, key) in enumerate(REFUSED):
            good.insert(place * 50 + 7, (value, key))
        for entry in good:
            value, key = entry if isinstance(entry, tuple) else (entry, sample.user_of(entry))
            job.publisher.send(topic, value, key)
        job.publisher.send(topic, None, USER)
        job.publisher.send(topic, b"", USER)
        job.publisher.flush()
        job.wait_drained()

        letters, verdicts = job.read("dead_letters"), job.read("verdicts")
        with self.subTest("every reason, as often as it was earned"):
            self.assertEqual(Counter(letter.headers["weir-reason"].decode() for letter in letters),
                             Counter(reason for reason, _, _ in REFUSED))
        with self.subTest("inputs = verdicts + dead letters + tombstones"):
            self.assertEqual(len(verdicts), 1_000)
            self.assertEqual(sum(self.broker.ends(topic).values()), len(verdicts) + len(letters) + TOMBSTONES)
            self.assertEqual(worker.metric("weir_tombstones_total"), TOMBSTONES)
        with self.subTest("each carries its origin and its own bytes"):
            self._check_letters(topic, letters)
        with self.subTest("card numbers are masked"):
            for letter in letters:
                self.assertNotIn(CARD_NUMBER.encode(), letter.value + (letter.key or b""))
            self.assertNotIn(CARD_NUMBER, worker.log())

    def _check_letters(self, topic, letters):
        inputs = {(r.partition, r.offset): r for r in self.broker.read(topic)}
        for letter in letters:
            headers = {name: value.decode() for name, value in letter.headers.items()}
            self.assertEqual(headers["weir-topic"], topic)
            origin = inputs[int(headers["weir-partition"]), int(headers["weir-offset"])]
            if headers["weir-reason"] == "oversize":
                self.assertEqual(letter.value, origin.value[:1024])
                self.assertEqual(headers["weir-sha256"], hashlib.sha256(origin.value).hexdigest())
            elif headers["weir-reason"] == "pan":
                self.assertEqual(len(letter.value), len(origin.value))
            else:
                self.assertEqual(letter.value, origin.value)

    def test_dead_letter_topic_that_refuses_stops_the_partition_and_loses_nothing(self):
        job = self.job().create_input_topics()
        topic, letters = job.topic["transactions"], job.topic["dead_letters"]
        self.broker.create_topic(letters, 4, **{"max_message_bytes": "120"})
        lines = sample.transactions()[:2_000]
        worker = job.worker("a").start_ready()
        job.publish(lines[:1_000])
        job.wait_drained()

        bad = payment(amount=-1)
        job.publisher.send(topic, bad, USER)
        job.publisher.flush()
        blocked = next(r.partition for r in self.broker.read(topic) if r.value == bad)
        eventually(lambda: worker.metric("weir_stopped_partitions") == 1, 60, "the partition stops", every=0.2)
        job.publish(lines[1_000:])

        def others_drained() -> bool:
            committed, ends = self.broker.committed(job.group, topic), self.broker.ends(topic)
            return all(committed[p] == ends[p] for p in ends if p != blocked)
        eventually(others_drained, 30, "the other partitions go on", every=0.2)
        committed, ends = self.broker.committed(job.group, topic), self.broker.ends(topic)
        self.assertLess(committed[blocked], ends[blocked], "the blocked partition must not move past the record")
        self.assertEqual(job.read("dead_letters"), [])

        self.broker.set_topic_config(letters, "max.message.bytes", "1048576")
        worker.stop()
        job.worker("a").start_ready()
        job.wait_drained()
        self.assertEqual([letter.value for letter in job.read("dead_letters")], [bad])
        answered = Counter(json.loads(r.value)["transaction_id"] for r in job.read("verdicts"))
        self.assertEqual(answered, Counter(json.loads(line)["transaction_id"] for line in lines))


if __name__ == "__main__":
    main()
