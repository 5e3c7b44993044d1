"""Point in time: no feature of a payment knows anything from after it. Needs no broker.

Method: a slice of the bundled payments, and every kind of feature over every kind of entity. The future after a cut T is then
rewritten in both inputs, and what `weir features` says of the payments up to T must stay the same to the byte. A second rewriting,
of labels up to T, must be noticed: else the first would prove nothing. WEIR_TEST_SEED=<seed> repeats a run.
"""
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests/data/sample"
PAYMENTS = 2_000
CUTS = 4
START = datetime(2018, 6, 11, tzinfo=timezone.utc)
ENTITIES = ("user", "merchant", "device", "ip", "card")
NAMED = {"user": "user_id", "merchant": "merchant_id", "device": "device_id", "ip": "ip", "card": "card_token"}
DISTINCT = ENTITIES + ("mcc", "country", "merchant_country", "channel", "currency", "card_present")
FILTERS = ("", "fraud = yes", "labelled = no", "fraud = yes and amount >= 30", "channel = web and ratio > 1.5", "currency != EUR")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def when(time_ms: int) -> str:
    return (datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds") \
        .replace("+00:00", "Z")


def declarations() -> list[str]:
    """Every entity with every function: fields, filters, delays and windows in turn, so that all occur."""
    wanted = [("count", ""), ("time_since", "")]
    wanted += [(function, field) for function in ("sum", "mean", "stddev", "last") for field in ("amount", "ratio", "fraud", "labelled")]
    wanted += [(function, field) for function in ("min", "max") for field in ("amount", "ratio")]
    wanted += [("distinct", field) for field in DISTINCT]
    shapes = [(window, delay, text) for text in FILTERS for window, delay in (("1s", "0s"), ("6h", "0s"), ("2d", "1h"), ("30d", "2d"))]
    features = [f"payment_{field}, entity: payment, function: value, field: {field}"
                for field in ("amount", "ratio", "hour", "weekend", "night")]
    shape = 0
    for entity in ENTITIES:
        for window, delay, text in shapes:
            tail = f", filter: {text}" if text else ""
            features.append(f"{entity}_{len(features)}, entity: {entity}, function: count, window: {window}, delay: {delay}{tail}")
        for function, field in wanted:
            for _ in range(2):  # a configuration has 512 features at most
                window, delay, text = shapes[shape % len(shapes)]
                shape += 5  # 5 and the number of shapes have no common divisor
                tail = (f", field: {field}" if field else "") + (f", filter: {text}" if text else "")
                features.append(f"{entity}_{len(features)}, entity: {entity}, function: {function}, window: {window}, delay: {delay}{tail}")
        features += [f"{entity}_median, entity: {entity}, function: median, field: amount, rows: 7",
                     f"{entity}_last_label, entity: {entity}, function: last_label", f"{entity}_run_age, entity: {entity}, function: run_age",
                     f"{entity}_run, entity: {entity}, function: run_count",
                     f"{entity}_run_small, entity: {entity}, function: run_count, filter: amount < 50"]
    return ["  - {name: " + feature + "}" for feature in features]


class PointInTime(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.config = self.folder / "config.yaml"
        self.config.write_text("\n".join(["kafka.brokers: localhost:9092", "state.dir: unused", "features:", *declarations()]) + "\n")
        self.seed = int(os.environ.get("WEIR_TEST_SEED", random.randrange(1 << 31)))
        self.random = random.Random(self.seed)
        print(f"{self.id().rsplit('.', 1)[-1]}: WEIR_TEST_SEED={self.seed}", file=sys.stderr)

    def features(self, payments: list[dict], labels: list[dict]) -> list[bytes]:
        """The lines of the table, the first is the header."""
        for name, records in (("payments", payments), ("labels", labels)):
            (self.folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
        done = subprocess.run([os.environ["WEIR_BINARY"], "features", "--config", self.config, "--transactions", self.folder / "payments",
                               "--labels", self.folder / "labels", "--out", "-"], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.splitlines()

    # -- the world

    def details(self) -> dict:
        """What the bundled payments do not name; often nothing."""
        r = self.random
        some = {"device_id": f"D{r.randrange(30)}", "ip": f"10.0.0.{r.randrange(20)}", "card_token": f"K{r.randrange(50)}",
                "mcc": r.choice(["5411", "5999", "7995"]), "country": r.choice(["DE", "FR"]), "merchant_country": r.choice(["DE", "US"]),
                "channel": r.choice(["web", "pos"]), "is_card_present": r.random() < .5}
        return {name: value for name, value in some.items() if r.random() < .8}

    def world(self) -> tuple[list[dict], list[dict]]:
        """Few users and merchants, so that each has a past; one payment in five at the time of another."""
        payments = []
        with gzip.open(SAMPLE / "transactions.jsonl.gz", "rt") as file:
            for line, _ in zip(file, range(PAYMENTS)):
                payment = json.loads(line)
                payment |= {"user_id": f"U{int(payment['user_id'][1:]) % 40}", "merchant_id": f"M{int(payment['merchant_id'][1:]) % 25}",
                            "currency": self.random.choice(["EUR", "USD"])} | self.details()
                if payments and self.random.random() < .2:
                    payment["event_time"] = payments[-1]["event_time"]
                payments.append(payment)
        labels = []
        for payment in payments:
            labels += [self.label(payment, ms(payment["event_time"]), revision) for revision in range(self.random.choice((0, 1, 1, 1, 2)))]
        self.random.shuffle(labels)
        return payments, labels

    def label(self, payment: dict, not_before_ms: int, revision: int = 0) -> dict:
        """Known a millisecond to three days later; at times just when another payment comes, as times are whole seconds."""
        delay_ms = self.random.choice((1, 1_000, 3_600_000, self.random.randrange(1, 3 * 86_400_000)))
        entities = {name: payment[name] for name in NAMED.values() if name in payment and (name in ("user_id", "merchant_id")
                                                                                          or self.random.random() < .9)}
        return entities | {"label_id": f"L{payment['transaction_id']}", "transaction_id": payment["transaction_id"],
                           "event_time": payment["event_time"], "label_time": when(not_before_ms + delay_ms), "revision": revision,
                           "is_fraud": self.random.random() < .3}

    # -- another future

    def other_payment(self, cut_ms: int, number: int) -> dict:
        time_ms = cut_ms + self.random.choice((1, 999, 60_000, self.random.randrange(1, 40 * 86_400_000)))
        return {"transaction_id": f"X{number}", "user_id": f"U{self.random.randrange(45)}", "event_time": when(time_ms),
                "amount": self.random.randrange(5_000), "currency": self.random.choice(["EUR", "JPY"]),
                "merchant_id": f"M{self.random.randrange(30)}"} | self.details()

    def other_future(self, payments: list[dict], labels: list[dict], cut_ms: int) -> tuple[list[dict], list[dict]]:
        """Everything that is after the cut is changed, removed, and added to; what is not stays as it is, in its order."""
        r = self.random
        told = []
        for number, payment in enumerate(payments):
            if ms(payment["event_time"]) <= cut_ms:
                told.append(payment)
            elif r.random() < .8:
                told.append(self.other_payment(cut_ms, number))
        past = [payment for payment in payments if ms(payment["event_time"]) <= cut_ms]
        for number in range(300):  # anywhere in the file, the beginning too
            told.insert(r.choice((0, r.randrange(len(told) + 1))), self.other_payment(cut_ms, 100_000 + number))
        for payment in r.sample(past, min(50, len(past))):  # and some sent again
            told.insert(0, payment | {"event_time": when(cut_ms + 1 + r.randrange(3 * 86_400_000)), "amount": 1})
        known = []
        for label in labels:
            if ms(label["label_time"]) <= cut_ms:
                known.append(label)
            elif r.random() < .8:
                known.append(label | {"is_fraud": not label["is_fraud"], "label_time": when(cut_ms + 1 + r.randrange(86_400_000))})
        for payment in r.choices(past, k=300):  # revisions, and opinions of others, about what was before the cut
            later = self.label(payment, cut_ms, revision=9) | {"label_id": r.choice((f"L{payment['transaction_id']}", f"Y{r.random()}"))}
            known.insert(r.choice((0, r.randrange(len(known) + 1))), later)
        for payment in r.choices(told, k=300):
            known.append(self.label(payment, max(cut_ms, ms(payment["event_time"]))))
        return told, known

    def cuts(self, payments: list[dict]) -> list[int]:
        """At a payment, between two, at the last of several at one time."""
        times = [ms(payment["event_time"]) for payment in payments]
        ties = [a for a, b in zip(times, times[1:]) if a == b]
        middle = times[len(times) // 4:-len(times) // 10]
        return [self.random.choice(middle), self.random.choice(middle) - 1, self.random.choice(ties[len(ties) // 3:]),
                *(self.random.choice(middle) for _ in range(CUTS - 3))]

    # -- what must hold

    def test_another_future_changes_no_byte_of_the_past(self):
        payments, labels = self.world()
        table = self.features(payments, labels)
        self.assertEqual(len(table), PAYMENTS + 1)
        for cut_ms in self.cuts(payments):
            ids = [payment["transaction_id"].encode() for payment in payments if ms(payment["event_time"]) <= cut_ms]
            told, known = self.other_future(payments, labels, cut_ms)
            other = self.features(told, known)
            past = len(ids) + 1
            self.assertEqual(sorted(row.split(b",")[0] for row in table[1:past]), sorted(ids))
            wrong = [(a, b) for a, b in zip(table[:past], other[:past]) if a != b]
            self.assertEqual(wrong[:1], [], f"{len(wrong)} of {past} rows know what comes after {when(cut_ms)}, seed {self.seed}")
            self.assertNotEqual(table[past:], other[past:])

    def test_another_past_is_noticed_so_the_test_can_fail(self):
        payments, labels = self.world()
        table = self.features(payments, labels)
        cut_ms = self.cuts(payments)[0]
        past = 1 + sum(ms(payment["event_time"]) <= cut_ms for payment in payments)
        flipped = [label | {"is_fraud": not label["is_fraud"]} if ms(label["label_time"]) <= cut_ms else label for label in labels]
        names, rows, others = table[0].split(b","), table[1:past], self.features(payments, flipped)[1:past]
        changed = {names[i].decode() for a, b in zip(rows, others) if a != b
                   for i, (x, y) in enumerate(zip(a.split(b","), b.split(b","))) if x != y}
        for entity in ENTITIES:
            self.assertGreater(sum(name.startswith(entity + "_") for name in changed), 10, f"seed {self.seed}")
            self.assertLessEqual({f"{entity}_last_label", f"{entity}_run_age", f"{entity}_run", f"{entity}_run_small"}, changed)
        moved = [dict(payment) for payment in payments]
        moved[past // 2]["amount"] = 99_999
        self.assertNotEqual(self.features(moved, labels)[1:past], rows)

    def test_what_is_due_at_the_time_of_a_payment_counts_and_a_millisecond_later_does_not(self):
        first = {"transaction_id": "p1", "user_id": "A", "event_time": when(ms("2018-06-11T10:00:00Z")), "amount": 1, "currency": "EUR",
                 "merchant_id": "M"}
        second = first | {"transaction_id": "p2", "user_id": "B", "event_time": "2018-06-11T11:00:00Z"}
        third = second | {"transaction_id": "p3"}
        self.config.write_text("kafka.brokers: a:1\nstate.dir: unused\nfeatures:\n"
                               "  - {name: frauds, entity: merchant, function: count, window: 1d, filter: fraud = yes}\n"
                               "  - {name: payments, entity: merchant, function: count, window: 1d}\n")
        label = {"label_id": "L", "transaction_id": "p1", "user_id": "A", "merchant_id": "M", "is_fraud": True,
                 "event_time": first["event_time"]}
        at = self.features([first, second, third], [label | {"label_time": "2018-06-11T11:00:00.000Z"}])
        after = self.features([first, second, third], [label | {"label_time": "2018-06-11T11:00:00.001Z"}])
        # Of two payments at one time the second of the file knows the first.
        self.assertEqual(at[1:], [b"p1,0,0", b"p2,1,1", b"p3,1,2"])
        self.assertEqual(after[1:], [b"p1,0,0", b"p2,0,1", b"p3,0,2"])


if __name__ == "__main__":
    unittest.main()
