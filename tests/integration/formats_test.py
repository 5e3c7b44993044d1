"""Payments, labels and verdicts in registered formats: stock confluent-kafka serializers, a real registry, a real broker.

Method: `weir replay` over the same payments as plain JSON lines says what must come out, byte for byte.
"""
import base64
import json
import time
from collections import Counter

from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from weir_testing import formats, oracle, registry, sample
from weir_testing.case import BrokerCase, main
from weir_testing.paths import WORK
from weir_testing.waiting import eventually
from weir_testing.worker import weir

PAYMENTS = 6_000
LABELS = 1_200
PATIENCE = "30s"  # of Weir with a registry that shares two cores with all else


def version_2(text: str) -> str:
    """A field more at the front, one renamed with its old name as alias, one as another string type, one promoted."""
    schema = json.loads(text)
    schema["fields"].insert(0, {"name": "batch_number", "type": "long", "default": 0})
    for field in schema["fields"]:
        if field["name"] == "merchant_id":
            field.update(name="acceptor", aliases=["merchant_id"])
        elif field["name"] == "mcc":
            field["type"] = ["null", "int", "long"]
        elif field["name"] == "event_time":
            field["type"]["logicalType"] = "timestamp-micros"
        elif field["name"] == "currency":
            field["type"] = {"type": "enum", "name": "Currency", "symbols": ["EUR", "XXX"]}
    return json.dumps(schema)


def for_version_2(fields: dict) -> dict:
    out = formats.for_avro(fields)
    out["acceptor"] = out.pop("merchant_id")
    return {"batch_number": 7, **out}


class Formats(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = registry.shared(WORK / "schema-registry")
        super().setUpClass()
        cls.protobuf = formats.generated(WORK / "protobuf", "transaction", "label", "verdict")

    def front(self) -> registry.Front:
        front = registry.Front(self.registry)
        self.addCleanup(front.close)
        return front

    def send(self, job, stream: str, lines, serializers) -> None:
        """Each line by the next of the serializers in turn."""
        for place, line in enumerate(lines):
            value, headers = serializers[place % len(serializers)](line)
            job.publisher._producer.produce(job.topic[stream], value, sample.user_of(line), headers=headers)
            job.publisher._producer.poll(0)
        job.publisher.flush()

    def test_a_every_format_in_one_topic_gives_the_verdicts_of_plain_json(self):
        front = self.front()
        job = self.job(settings={"formats.transactions": "auto", "formats.labels": "auto", "registry.urls": [front.url],
                                 "registry.timeout": PATIENCE})
        job.create_input_topics()
        writers = self.front()
        payments = formats.Serializers(writers.url, job.topic["transactions"])
        labels = formats.Serializers(writers.url, job.topic["labels"])
        avro = formats.schema("transaction.avsc")
        first = [formats.plain, payments.avro(avro), payments.protobuf(self.protobuf["Transaction"]),
                 payments.json(formats.schema("transaction.schema.json")), payments.avro(avro, in_header=True),
                 payments.protobuf(self.protobuf["Transaction"], in_header=True)]
        second = [payments.avro(version_2(avro), for_version_2), *first]
        opinions = [formats.plain, labels.avro(formats.schema("label.avsc")), labels.protobuf(self.protobuf["Label"]),
                    labels.json(formats.schema("label.schema.json"))]
        lines = sample.transactions()[:PAYMENTS]
        worker = job.worker("a").start_ready()
        self.send(job, "transactions", lines[:PAYMENTS // 2], first)
        self.send(job, "transactions", lines[PAYMENTS // 2:], second)  # the producer is replaced by a newer one
        self.send(job, "labels", sample.labels()[:LABELS], opinions)
        job.wait_drained()
        self.assertEqual(job.read("dead_letters"), [])
        self.assertEqual(worker.metric("weir_labels_total"), LABELS)
        with self.subTest("each schema is fetched once"):
            fetched = Counter(r for r in front.requests if r.startswith("GET /schemas/"))
            self.assertEqual({count for count in fetched.values()}, {1}, fetched)
            self.assertEqual(worker.metric("weir_registry_schemas"), len(fetched))
            self.assertGreaterEqual(len(fetched), 4 + 3 + 2)
        verdicts = job.read("verdicts")
        expected = oracle.replay(job, lines)
        self.assertEqual(len(expected.verdicts), PAYMENTS)
        oracle.check_exactly_once(expected, verdicts)

    def test_b_verdicts_in_avro_and_protobuf_read_back_as_the_json_ones(self):
        firsts = sample.transactions()[:1_000]
        lines = firsts + firsts[-50:]  # with duplicates, which repeat their first verdict
        client = SchemaRegistryClient({"url": self.front().url})
        by_topic = {"subject.name.strategy": topic_subject_name_strategy}
        readers = {"avro": (AvroDeserializer(client, conf=by_topic), from_avro),
                   "protobuf": (ProtobufDeserializer(self.protobuf["Verdict"], {"use.deprecated.format": False, **by_topic}, client),
                                from_protobuf)}
        for kind, (read, as_json) in readers.items():
            with self.subTest(kind):
                job = self.job(kind, settings={"formats.verdicts": kind, "registry.urls": [self.registry.url],
                                               "registry.auto_register": True, "registry.timeout": PATIENCE})
                worker = job.worker(kind).start_ready()
                job.publish(lines)
                job.wait_drained()
                worker.stop()
                context = SerializationContext(job.topic["verdicts"], MessageField.VALUE)
                got = {(r.partition, r.offset): as_json(read(r.value, context)) for r in job.read("verdicts")}
                self.assertEqual(len(got), len(lines))
                expected = oracle.replay(job, firsts)
                first = {place: json.loads(line) for place, line in expected.verdicts.items()}
                for verdict in got.values():
                    place = (verdict["input"]["partition"], verdict["input"]["offset"])
                    wanted = dict(first[place], duplicate=verdict["duplicate"])
                    self.assertEqual(verdict, wanted)
                self.assertEqual(sum(v["duplicate"] for v in got.values()), 50)

    def test_c_a_schema_nobody_registered_is_a_dead_letter_and_nothing_else_stops(self):
        job = self.job(settings={"formats.transactions": "avro", "registry.urls": [self.registry.url],
                                 "registry.timeout": PATIENCE}).create_input_topics()
        topic = job.topic["transactions"]
        good = formats.Serializers(self.registry.url, topic).avro(formats.schema("transaction.avsc"))
        lines = sample.transactions()[:60]
        unknown = b"\x00" + (54_321).to_bytes(4, "big") + b"whatever 4539578763621486 it is"
        number = json.dumps({"type": "record", "name": "T", "fields": [
            {"name": n, "type": "long" if n == "amount" else "string"} for n in
            ("transaction_id", "user_id", "event_time", "amount", "currency", "merchant_id")]})
        whole = self.registry.add(f"{topic}-whole", number).to_bytes(4, "big")
        text = lambda s: bytes([2 * len(s)]) + s  # noqa: E731
        whole_amount = b"\x00" + whole + text(b"t") + text(b"C1") + text(b"2018-06-11T00:24:47Z") + b"\x14" + text(b"EUR") + text(b"M")
        job.worker("a").start_ready()
        job.publisher.send(topic, unknown, b"C1")
        job.publisher.send(topic, whole_amount, b"C1")
        job.publisher.send(topic, lines[0], sample.user_of(lines[0]))  # plain JSON where Avro is promised
        self.send(job, "transactions", lines, [good])
        job.wait_drained()
        letters = job.read("dead_letters")
        self.assertEqual(Counter(r.headers["weir-reason"] for r in letters), {b"schema": 2, b"decode": 1})
        by_value = {r.value: r.headers for r in letters}
        self.assertEqual(by_value[whole_amount]["weir-detail"][:7], b"amount:")
        masked = unknown.replace(b"453957876362", b"*" * 12)
        self.assertEqual(by_value[masked]["weir-schema"], b"id 54321")
        self.assertEqual(len(job.read("verdicts")), len(lines))

    def test_d_while_the_registry_is_away_payments_wait_and_none_is_lost(self):
        front = self.front()
        job = self.job(settings={"formats.transactions": "auto", "registry.urls": [front.url], "registry.timeout": "500ms"})
        job.create_input_topics()
        serialize = formats.Serializers(front.url, job.topic["transactions"]).avro(formats.schema("transaction.avsc"))
        lines = sample.transactions()[:800]
        worker = job.worker("a").start_ready()
        self.send(job, "transactions", lines[:1], [serialize])  # the client knows the schema from here on, and Weir too
        job.wait_drained()
        worker.stop()
        front.away()
        worker = job.worker("a").start_ready()
        self.send(job, "transactions", lines[1:], [serialize])
        eventually(lambda: worker.metric("weir_registry_requests_total", result="failed") >= 3, 30, "it asks and asks again")
        self.assertEqual(len(job.read("verdicts")), 1)
        front.back()
        job.wait_drained()
        self.assertEqual(job.read("dead_letters"), [])
        oracle.check_exactly_once(oracle.replay(job, lines), job.read("verdicts"))

    def test_e_a_subject_whose_readers_could_not_read_verdicts_is_refused_at_start(self):
        job = self.job(settings={"formats.verdicts": "avro", "registry.urls": [self.registry.url], "registry.timeout": PATIENCE})
        subject = f"{job.topic['verdicts']}-value"
        config = str(job.config("a"))
        with self.subTest("not registered, and we may not"):
            done = weir("check", "--config", config, "--set", "topics.create=true")
            self.assertEqual(done.returncode, 78, done.stderr.decode())
            self.assertIn(b"registry.auto_register", done.stderr)
        self.registry.add(subject, '{"type":"record","name":"Verdict","namespace":"weir.v1","fields":[{"name":"verdict_id","type":"int"}]}')
        self.registry.set_compatibility(subject, "BACKWARD")
        for command in ("check", "run"):
            with self.subTest(command):
                done = weir(command, "--config", config, "--set", "registry.auto_register=true")
                self.assertEqual(done.returncode, 78, done.stderr.decode())
                self.assertIn(f"is not compatible with what the registry has under {subject}".encode(), done.stderr)

    def test_e_the_next_registry_is_asked_when_one_is_away_and_is_told_who_asks(self):
        front = self.front()
        secret = self.work / "secret"
        secret.write_text("open sesame\n")
        secret.chmod(0o600)
        job = self.job(settings={"registry.urls": ["http://127.0.0.1:1/nobody", front.url], "registry.timeout": PATIENCE})
        config = ["--config", str(job.config("a"))]
        for settings, wanted in ((["registry.user=weir", f"registry.password_file={secret}"],
                                  "Basic " + base64.b64encode(b"weir:open sesame").decode()),
                                 ([f"registry.bearer_token_file={secret}"], "Bearer open sesame")):
            settings = [argument for setting in settings for argument in ("--set", setting)]
            done = weir("check", *config, *settings)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            self.assertEqual(front.authorization, wanted)
            shown = weir("explain-config", *config, *settings)
            self.assertNotIn(b"sesame", shown.stdout + shown.stderr + done.stdout + done.stderr)
        front.away()
        done = weir("check", *config)
        self.assertEqual(done.returncode, 69, done.stderr.decode())
        self.assertIn(b"schema registry: ", done.stderr)

    def test_f_the_shipped_schemas_may_grow_and_their_readers_go_on(self):
        for name, kind in (("transaction", "AVRO"), ("label", "AVRO"), ("verdict", "AVRO"), ("transaction", "PROTOBUF"),
                           ("label", "PROTOBUF"), ("verdict", "PROTOBUF")):
            with self.subTest(name, kind=kind):
                subject = f"grow-{name}-{kind.lower()}-{time.time_ns()}"
                text = formats.schema(name + (".avsc" if kind == "AVRO" else ".proto"))
                self.registry.add(subject, text, kind)
                self.registry.set_compatibility(subject, "BACKWARD")
                self.assertTrue(self._compatible(subject, grown(text, kind), kind))
                if kind == "AVRO":
                    self.assertFalse(self._compatible(subject, grown(text, kind, default=False), kind), "a real check")

    def _compatible(self, subject: str, text: str, kind: str) -> bool:
        return registry.ask(f"{self.registry.url}/compatibility/subjects/{subject}/versions/latest", "POST",
                            {"schema": text, "schemaType": kind})["is_compatible"]


def grown(text: str, kind: str, default: bool = True) -> str:
    if kind == "PROTOBUF":
        return text.rstrip().removesuffix("}") + "  // New.\n  optional string added = 100;\n}\n"
    schema = json.loads(text)
    schema["fields"].append({"name": "added", "type": ["null", "string"], **({"default": None} if default else {})})
    return json.dumps(schema)


def from_avro(verdict: dict) -> dict:
    out = dict(verdict, event_time=formats.milliseconds(verdict["event_time"]))
    assert out.pop("profiles") == {}
    return out


def from_protobuf(verdict) -> dict:
    """As JSON has it: every field, null where it is not set."""
    def convert(message):
        out = {}
        for field in message.DESCRIPTOR.fields:
            value = getattr(message, field.name)
            if field.name in ("event_time", "as_of"):
                out[field.name] = formats.milliseconds(value)
            elif field.name == "profiles":
                assert not value
            elif field.is_repeated:
                out[field.name] = [convert(item) if field.message_type else item for item in value]
            elif field.has_presence and not message.HasField(field.name):
                out[field.name] = None
            else:
                out[field.name] = convert(value) if field.message_type else value
        return out
    return convert(verdict)


if __name__ == "__main__":
    main()
