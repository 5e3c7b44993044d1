"""What an analyst decides is one record on `labels` and one on `audit`: both or none, and once, whatever dies in between. Method: a real broker and a
real `weir run`, asked as the page asks; the topics are read with confluent-kafka, read_committed."""
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import KafkaException, Producer

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from real_console import RealConsole, tell  # noqa: E402
from weir_testing.case import BrokerCase, main  # noqa: E402
from weir_testing.paths import WORK  # noqa: E402
from weir_testing.waiting import eventually  # noqa: E402

PAYMENTS, MEASURED, KILLS = 400, 15, int(os.environ.get("WEIR_TEST_KILLS", 6))
PAGE_SECONDS = 15  # that the page waits for an answer
TOO_SMALL = "200"  # bytes: no audit record fits
NOTE = "the card was at two places at once"


class Dispositions(BrokerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        name = f"decided-{time.time_ns():x}"
        folder = WORK / name
        folder.mkdir(parents=True)
        cls.console = RealConsole(cls.broker, name, folder, entities=False)
        cls.addClassCleanup(cls.console.close)
        cls.console.publish(PAYMENTS)
        cls.console.job.wait_drained()
        cls.payment_of = {verdict_id: verdict["transaction_id"] for verdict_id, verdict in cls.console.verdicts().items()}
        cls.undecided = list(cls.payment_of)
        eventually(lambda: cls.console.get("/api/session")["kept"]["verdicts"] == PAYMENTS, 20, "the console has read all verdicts")
        cls.decision_seconds = cls.measure()

    @classmethod
    def measure(cls) -> float:
        """What a decision takes, from key to acknowledgement."""
        seconds = []
        for _ in range(MEASURED):
            start = time.perf_counter()
            status, body = cls.console.decide(cls.undecided.pop(), "good")
            seconds.append(time.perf_counter() - start)
            assert status == 201, body
        worst = max(seconds[1:])  # the first one reads the topic before
        tell(f"a decision takes {statistics.median(seconds) * 1000:.0f} ms (median of {MEASURED}), {worst * 1000:.0f} ms at most")
        return statistics.median(seconds)

    def recorded(self, *verdict_ids: str) -> list[tuple[int, int]]:
        """Records about each on labels and on audit."""
        labels = Counter(json.loads(record.value)["transaction_id"] for record in self.console.job.read("labels"))
        audits = Counter(json.loads(record.value)["verdict_id"] for record in self.console.job.read("audit") if record.value.startswith(b"{"))
        return [(labels[self.payment_of[verdict_id]], audits[verdict_id]) for verdict_id in verdict_ids]

    def decide_until_taken(self, verdict_id: str, seconds: float = 30) -> dict:
        """As an analyst does: the same again, until it is said to be recorded."""
        answers = []

        def taken() -> dict | None:
            answers.append(self.console.decide(verdict_id, "fraud", note=NOTE, revision=0))
            return answers[-1][1] if answers[-1][0] == 201 else None
        return eventually(taken, seconds, lambda: f"recorded: {answers[-3:]}", every=0.1)

    def once(self, *verdict_ids: str) -> None:
        self.assertEqual(self.recorded(*verdict_ids), [(1, 1)] * len(verdict_ids), "records on labels and audit")

    def test_a_refused_audit_record_leaves_no_label(self):
        topic, verdict_id = self.console.job.topic["audit"], self.undecided.pop()
        self._limit(topic, TOO_SMALL, refused=True)
        try:
            status, body = self.console.decide(verdict_id, "fraud", note=NOTE, revision=0)
            self.assertEqual(self.recorded(verdict_id), [(0, 0)])
            self.assertEqual((status, body["retry_after"]), (503, "2"), body)
            self.assertIn(topic, body["error"])
            self.assertIn("send it again", body["next"])
        finally:
            self._limit(topic, "1048588", refused=False)
        self.decide_until_taken(verdict_id)
        self.once(verdict_id)

    def test_who_takes_over_is_named_and_the_next_try_goes_through(self):
        verdict_id = self.undecided.pop()
        other = Producer({"bootstrap.servers": self.broker.bootstrap, "transactional.id": f"{self.console.job.group}-{self.console.job.name}-a-console"})
        other.init_transactions(10)
        status, body = self.console.decide(verdict_id, "fraud", note=NOTE, revision=0)
        self.assertEqual(status, 503, body)
        self.assertIn("give each instance an instance.id of its own", body["error"])
        self.assertEqual(self.recorded(verdict_id), [(0, 0)])
        self.decide_until_taken(verdict_id)
        self.once(verdict_id)
        with self.subTest("and it is the other one who is out"):
            with self.assertRaises(KafkaException):
                other.begin_transaction()
                other.produce(self.console.job.topic["audit"], b"not ours")
                other.commit_transaction(10)

    def test_a_broker_that_falls_silent_in_between_records_once(self):
        verdict_id = self.undecided.pop()
        pid, pause = self.broker.pid(), self.random.uniform(0.2, 0.9) * self.decision_seconds
        answers = []
        asking = threading.Thread(target=lambda: answers.append(self.console.decide(verdict_id, "fraud", note=NOTE, revision=0)))
        asking.start()
        time.sleep(pause)
        silent = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            asking.join(20)
        finally:
            os.kill(pid, signal.SIGCONT)
        waited = time.monotonic() - silent
        self.assertIn(answers[0][0], (201, 503), answers)
        self.assertLess(waited, PAGE_SECONDS)
        tell(f"silent after {pause * 1000:.0f} ms: {answers[0][0]} after {waited:.1f} s")
        self.decide_until_taken(verdict_id)
        self.once(verdict_id)

    def test_killed_at_any_moment_both_stand_or_none_and_again_is_not_twice(self):
        ends, decided = {"none": 0, "both": 0, "answered": 0}, []
        for _ in range(KILLS):
            verdict_id, answers = self.undecided.pop(), []
            decided.append(verdict_id)
            asking = threading.Thread(target=lambda: answers.append(self.console.decide(verdict_id, "fraud", note=NOTE, revision=0)))
            asking.start()
            time.sleep(self.random.uniform(0, 1.5) * self.decision_seconds)
            self.console.worker.kill()
            asking.join(20)
            self.console.worker.start()
            left, = self.recorded(verdict_id)
            self.assertIn(left, ((0, 0), (1, 1)))
            if answers[0][0] == 201:
                self.assertEqual(left, (1, 1), "acknowledged, and then not there")
            ends["answered" if answers[0][0] == 201 else "both" if left == (1, 1) else "none"] += 1
            said = self.decide_until_taken(verdict_id)
            self.assertEqual((said["revision"], said["note"]), (1, NOTE))
        self.once(*decided)
        tell(f"{KILLS} kills: {ends}")

    def _limit(self, topic: str, size: str, refused: bool) -> None:
        """Of a record on this topic; in force when this returns."""
        self.broker.set_topic_config(topic, "max.message.bytes", size)
        outcome: list = []
        probe = Producer({"bootstrap.servers": self.broker.bootstrap})

        def in_force() -> bool:
            probe.produce(topic, b"probe " * 100, on_delivery=lambda error, _: outcome.append(error))
            probe.flush(10)
            return (outcome[-1] is not None) == refused
        eventually(in_force, 10, f"{topic}: max.message.bytes {size}", every=0.1)


if __name__ == "__main__":
    main()
