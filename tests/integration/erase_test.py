"""`weir state erase` on a real broker: a user is gone from changelog and stores, and everybody else is as before."""
import json
import threading

from confluent_kafka import Producer

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.worker import dump_state, weir

DATA, UNAVAILABLE = 65, 69
PAYMENTS = 1_500
LABELS = 40
SHORT_SESSION = {"kafka.properties.session.timeout.ms": "6000"}  # a stopped instance leaves its group after that


def busiest_user(lines) -> bytes:
    users = [sample.user_of(line) for line in lines]
    return max(sorted(set(users)), key=users.count)


class Erase(BrokerCase):
    def erase(self, *arguments: str, code: int = 0) -> dict:
        done = weir("state", "erase", self.user.decode(), "--config", str(self.config), "--json", *arguments)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        self.complaint = done.stderr.decode()
        return json.loads(done.stdout) if code == 0 else {}

    def held(self, job) -> set[bytes]:
        """Keys of the user whose last record in the changelog has a value: read by a client that is not ours."""
        last = {record.key: record.value for record in job.read("state")}
        return {key for key, value in last.items() if value is not None and key[1:].split(b"\0")[0] == self.user}

    def run_through(self, delivery: str):
        job = self.job(delivery.replace("_", "-"), delivery=delivery, settings=SHORT_SESSION).create_input_topics()
        lines = sample.transactions()[:PAYMENTS]
        self.user = busiest_user(lines)
        self.config = job.config("a")
        worker = job.worker("a").start_ready()
        job.publish(lines, sample.labels()[:LABELS])
        job.wait_drained()
        if delivery == "exactly_once":
            with self.subTest("a group that runs is refused, and nothing happens"):
                self.erase("--yes", code=UNAVAILABLE)
                self.assertIn(f"group {job.group} is running: {job.name}-a-0 on ", self.complaint)
                self.assertIn("stop every instance", self.complaint)
                self.assertGreater(len(self.held(job)), 10)
        self.assertEqual(worker.stop(), 0)
        before = {row["user_id"]: row for row in dump_state(self.config)}
        self.assertIn(self.user.decode(), before)

        with self.subTest("without --yes it only says what it found, and where else to look"):
            ends = self.broker.ends(job.topic["state"])
            told = self.erase()
            self.assertEqual((told["erased"], told["dry_run"]), (0, True))
            self.assertEqual(told["found"], len(self.held(job)))
            self.assertEqual(self.broker.ends(job.topic["state"]), ends)
            left = {row["topic"]: row["kept"] for row in told["left_in"]}
            self.assertEqual(left[job.topic["transactions"]], "kept 7d")
            self.assertLessEqual({job.topic["verdicts"], job.topic["labels"], job.topic["features"]}, left.keys())
        with self.subTest("with --yes every record of the user has a tombstone behind it, nobody else's"):
            others = {record.key for record in job.read("state")}
            found = told["found"]
            self.assertEqual(self.erase("--yes")["erased"], found)
            self.assertEqual(self.held(job), set())
            tombstones = {record.key for record in job.read("state") if record.value is None}
            self.assertEqual({key for key in others if key in tombstones and key[1:].split(b"\0")[0] != self.user}, self.dropped_before(job))
        with self.subTest("a second time there is nothing to erase"):
            ends = self.broker.ends(job.topic["state"])
            self.assertEqual(self.erase("--yes")["found"], 0)
            self.assertEqual(self.broker.ends(job.topic["state"]), ends)
        del before[self.user.decode()]
        with self.subTest("a store that held the user forgets, and goes on with everybody else"):
            self.check_state(job, "a", before)
        with self.subTest("a store from nothing never knew the user, who is new with the next payment"):
            self.check_new_user(job, before)

    def dropped_before(self, job) -> set[bytes]:
        """Rows that left a window have tombstones too: those of other users in front of the mark."""
        records = job.read("state")
        mark = next((r.partition, r.offset) for r in records if r.key == b"u" + self.user + b"\0\xff")
        return {r.key for r in records if r.value is None and r.key[1:].split(b"\0")[0] != self.user
                and (r.partition != mark[0] or r.offset < mark[1])}

    def check_state(self, job, instance: str, expected: dict):
        worker = job.worker(instance).start_ready()
        self.assertEqual(worker.stop(), 0)
        found = {row["user_id"]: row for row in dump_state(job.config(instance))}
        self.assertNotIn(self.user.decode(), found)
        self.assertEqual(found, expected)

    def check_new_user(self, job, others: dict):
        worker = job.worker("b").start_ready()
        mine = [line for line in sample.transactions()[PAYMENTS:] if sample.user_of(line) == self.user][:2]
        self.assertEqual(len(mine), 2)
        job.publish(tuple(mine))
        job.wait_drained()
        self.assertEqual(worker.stop(), 0)
        found = {row["user_id"]: row for row in dump_state(job.config("b"))}
        self.assertEqual(len(found.pop(self.user.decode())["entries"]), len(mine))
        self.assertEqual(found, others)

    def test_exactly_once(self):
        self.run_through("exactly_once")

    def test_at_least_once(self):
        self.run_through("at_least_once")

    def test_nothing_is_erased_while_somebody_writes(self):
        job = self.job(settings=SHORT_SESSION).create_input_topics()
        lines = sample.transactions()[:200]
        self.user = busiest_user(lines)
        self.config = job.config("a")
        worker = job.worker("a").start_ready()
        job.publish(lines)
        job.wait_drained()
        worker.stop()
        held = self.held(job)
        self.assertTrue(held)
        partition = next(r.partition for r in job.read("state") if r.key in held)
        row = next(r for r in job.read("state") if r.key not in held and r.partition == partition)
        stop = threading.Event()

        def write():  # a worker of another group with the same changelog topic, say
            producer = Producer({"bootstrap.servers": self.broker.bootstrap, "linger.ms": 0})
            while not stop.is_set():
                producer.produce(job.topic["state"], row.value, row.key, partition=partition)
                producer.flush()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.erase("--yes", code=UNAVAILABLE)
        finally:
            stop.set()
            writer.join()
        self.assertRegex(self.complaint, "somebody wr(ote|ites) to")
        self.assertEqual(self.held(job), held)

    def test_a_changelog_that_is_not_there_is_an_error(self):
        job = self.job(settings=SHORT_SESSION).create_input_topics()
        self.user, self.config = b"C1", job.config("a")
        self.erase("--yes", code=DATA)
        self.assertIn("check topics.state", self.complaint)


if __name__ == "__main__":
    main()
