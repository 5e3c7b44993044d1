"""What people ask a running job on the command line: refused records, what leaves a step, why a decision was made."""
import json
from collections import Counter

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.worker import weir

USAGE, DATA, UNAVAILABLE = 64, 65, 69
GOOD = json.loads(sample.transactions()[0])
USER = GOOD["user_id"].encode()
PAYMENTS = 300


def payment(**changes) -> bytes:
    return json.dumps({**GOOD, "transaction_id": f"look-{len(changes)}", **changes}).encode()


REFUSED = [
    ("range", payment(amount=-1), USER), ("range", payment(amount=-2), USER), ("decode", b"not a payment", USER),
    ("oversize", payment(note="x" * 70_000), USER), ("pan", payment(card_token="4539578763621486"), USER),
    ("key_mismatch", payment(), b"C9999"),
]


def paths_of(record: dict, before: str = "") -> set[str]:
    """Dotted names, lists without their places."""
    found = set()
    for name, value in record.items():
        inner = value[0] if isinstance(value, list) and value else value
        found |= paths_of(inner, f"{before}{name}.") if isinstance(inner, dict) and inner else {before + name}
    return found


class Look(BrokerCase):
    """One run of a job is looked at from all sides: starting it is what takes time."""

    def setUp(self):
        super().setUp()
        self.run_job = self.job().create_input_topics()
        self.config = str(self.run_job.config("look"))
        worker = self.run_job.worker("a").start_ready()
        self.run_job.publish(sample.transactions()[:PAYMENTS] + sample.transactions()[:1])
        for _, value, key in REFUSED:
            self.run_job.publisher.send(self.run_job.topic["transactions"], value, key)
        self.run_job.publisher.flush()
        self.run_job.wait_drained()
        with self.subTest("top shows rate, lag and delay of what runs"):
            self._top(worker)
        worker.stop()

    def lines(self, *arguments: str) -> list[dict]:
        done = weir(*arguments, "--config", self.config)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_from_outside(self):
        with self.subTest("dead letters are listed with reason, origin and bytes"):
            self._dead_letters()
        with self.subTest("tap shows what a condition takes, and what leaves a step"):
            self._tap()
        with self.subTest("a decision is explained and made again"):
            self._explain()
        with self.subTest("replay sends back what is whole, once"):
            self._replay()

    def _top(self, worker):
        done = weir("top", "--url", worker.admin, "--once", "--json", "--interval", "0.2")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        figures = json.loads(done.stdout)["all"]
        self.assertEqual((figures["verdicts_total"], figures["lag_records"]), (PAYMENTS + 1, 0))
        self.assertIn("score", [step["step"] for step in figures["steps"]])
        text = weir("top", "--url", f"http://{worker.admin}/", "--url", "127.0.0.1:1", "--once", "--interval", "0.2").stdout.decode()
        self.assertRegex(text, rf"(?m)^http://{worker.admin} .* ok$")
        self.assertRegex(text, r"(?m)^http://127.0.0.1:1 .*refused|^http://127.0.0.1:1 .*connect")
        done = weir("top", "--url", "127.0.0.1:1", "--once")
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("admin.listen", done.stderr.decode())

    def _dead_letters(self):
        letters = self.lines("dead-letters", "list", "--json")
        self.assertEqual(Counter(letter["reason"] for letter in letters), Counter(reason for reason, _, _ in REFUSED))
        by_value = {letter["value"]: letter for letter in letters}
        letter = by_value["not a payment"]
        self.assertEqual((letter["key"], letter["bytes"], letter["origin"]["topic"]),
                         (USER.decode(), 13, self.run_job.topic["transactions"]))
        self.assertEqual(len(self.lines("dead-letters", "list", "--json", "--reason", "range", "-n", "1")), 1)
        self.assertEqual(len(self.lines("dead-letters", "list", "--json", "--reason", "range,pan", "--since", "1h")), 3)
        self.assertEqual(self.lines("dead-letters", "list", "--json", "--topic", "labels"), [])
        counts = {line["reason"]: line["letters"] for line in self.lines("dead-letters", "list", "--summary", "--json")}
        self.assertEqual(counts["range"], 2)
        table = weir("dead-letters", "list", "--config", self.config).stdout.decode()
        self.assertRegex(table, r"(?m)^\d{4}-\S+Z\s+decode\s+13\s+\S+/\d/\d+")
        self.assertNotIn("\x1b", table)
        for arguments, said in ((["--reason", "rnge"], "did you mean 'range'?"), (["--since", "yesterday"], "say 2h, 7d")):
            done = weir("dead-letters", "list", "--config", self.config, *arguments)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn(said, done.stderr.decode())

    def _tap(self):
        def tap(stream: str, *arguments: str) -> list[dict]:
            return self.lines("tap", stream, "--from-beginning", "--exit", *arguments)
        verdicts = tap("verdicts")
        self.assertEqual(len(verdicts), PAYMENTS + 1)
        costly = [v for v in verdicts if v["amount_minor"] > 9_000 and not v["duplicate"]]
        self.assertTrue(costly)
        found = tap("verdicts", "--where", "amount_minor > 9000 and not duplicate")
        self.assertCountEqual(found, costly)  # partitions come in any order
        for stream in ("verdicts", "features", "dead-letters"):  # every field that records have is known to conditions
            paths = {path for record in tap(stream, "-n", "20") for path in paths_of(record)}
            self.assertTrue(tap(stream, "-n", "1", "--where", " or ".join(f"exists({path})" for path in sorted(paths))))
        placed = tap("score", "--json", "-n", "1")[0]
        self.assertEqual(set(placed), {"topic", "partition", "offset", "time", "key", "headers", "value"})
        self.assertEqual((placed["topic"], placed["key"]), (self.run_job.topic["features"], placed["value"]["user_id"]))
        self.assertIn("not a payment", [record["value"] for record in tap("transactions", "--json")])
        self.assertEqual(len(tap("dedupe")), 1)
        self.assertEqual({letter["reason"] for letter in tap("validate")}, {"range", "key_mismatch"})
        self.assertEqual({letter["reason"] for letter in tap("decode")}, {"decode", "oversize", "pan"})
        first = tap("score", "-n", "1")[0]
        self.assertEqual(set(first), {"transaction_id", "verdict_id", "user_id", "event_time", "model", "current", "outputs"})
        self.assertEqual(set(tap("explain", "-n", "1")[0]) & {"reasons", "risk"}, {"reasons"})
        for stream, condition, said in (("verdicts", "acton == \"x\"", "did you mean 'action'?"), ("score", "outputs.p > \"x\"", "is a number"),
                                        ("windws", "", "did you mean 'windows'?")):
            done = weir("tap", stream, "--config", self.config, "--where", condition)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn(said, done.stderr.decode())

    def _explain(self):
        verdict = self.lines("tap", "verdicts", "--from-beginning", "--where", "not duplicate", "-n", "1")[0]
        done = weir("explain", verdict["verdict_id"], "--config", self.config)
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, done.stderr.decode() + text)
        self.assertIn(f"identical: p bits equal, action equal, {len(verdict['reasons'])} of {len(verdict['reasons'])} reasons", text)
        for told in (verdict["transaction_id"], verdict["reasons"][0]["text"], verdict["model"]["digest"], "Past payments that the model saw"):
            self.assertIn(told, text)
        told = json.loads(weir("explain", verdict["transaction_id"], "--config", self.config, "--json").stdout)
        self.assertEqual((told["identical"], told["verdict"], told["differences"]), (True, verdict, []))

        done = weir("explain", verdict["verdict_id"], "--config", self.config, "--set", "decide.costs.review=0.01")
        self.assertEqual(done.returncode, DATA, done.stdout.decode())
        self.assertIn("other prices", done.stdout.decode())
        done = weir("explain", verdict["verdict_id"], "--config", self.config, "--set", "model.package=")
        self.assertEqual(done.returncode, DATA, done.stdout.decode() + done.stderr.decode())
        self.assertIn("another model", done.stdout.decode())
        done = weir("explain", "nobody", "--config", self.config)
        self.assertEqual(done.returncode, DATA)
        self.assertIn("--verdicts FILE", done.stderr.decode())

    def _replay(self):
        topic = self.run_job.topic["transactions"]
        before = len(self.broker.read(topic))
        dry = self.lines("dead-letters", "replay", "--json")[0]
        self.assertEqual(dry, {"replayed": 0, "chosen": 4, "dry_run": True, "left_out": {"masked": 1, "oversize": 1}})
        self.assertEqual(len(self.broker.read(topic)), before)
        some = self.lines("dead-letters", "replay", "--json", "--yes", "--reason", "range", "-n", "1")[0]
        self.assertEqual(some["replayed"], 1)
        rest = self.lines("dead-letters", "replay", "--json", "--yes")[0]
        self.assertEqual((rest["replayed"], rest["left_out"]["replayed before"]), (3, 1))
        again = self.lines("dead-letters", "replay", "--json", "--yes")[0]
        self.assertEqual((again["replayed"], again["left_out"]["replayed before"]), (0, 4))
        records = self.broker.read(topic)
        sent = [record for record in records if "weir-replayed-from" in record.headers]
        self.assertEqual(len(records), before + 4)
        whole = {value: key for reason, value, key in REFUSED if reason not in ("pan", "oversize")}
        self.assertEqual({record.value: record.key for record in sent}, whole)
        letters = self.run_job.read("dead_letters")
        for record in sent:
            name, partition, offset = record.headers["weir-replayed-from"].decode().split("/")
            letter = next(l for l in letters if (l.partition, l.offset) == (int(partition), int(offset)))
            self.assertEqual((name, letter.value), (self.run_job.topic["dead_letters"], record.value))
            self.assertEqual(letter.headers["weir-partition"].decode(), str(record.partition))


if __name__ == "__main__":
    main()
