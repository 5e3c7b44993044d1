"""Writes cases.jsonl: records as stock writers (fastavro, protobuf) make them, and the fields that must come out.

    .venv/bin/python tests/data/formats/make_cases.py            after editing a case
    .venv/bin/python tests/data/formats/make_cases.py --check    does the file hold what the writers make today?
"""
import base64
import io
import json
import pathlib
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from decimal import Decimal

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

NOON = datetime(2018, 6, 11, 12, 0, 0, 250_000, tzinfo=timezone.utc)
NOON_MS = "1528718400250"
BASE = {"transaction_id": "t1", "user_id": "u1", "event_time": NOON_MS, "amount": "12.50", "currency": "EUR", "merchant_id": "m1"}
cases = []


def case(name, kind, schema, payload, expect=None, indexes=b"", reason=None, detail=None, references=(), mapping=None):
    """`expect`: fields by name, all others absent; or `reason` and `detail` of a refusal."""
    entry = {"name": name, "kind": kind, "schema": schema, "payload": payload.hex(), "indexes": indexes.hex()}
    if references:
        entry["references"] = [list(r) for r in references]
    if mapping:
        entry["mapping"] = mapping
    cases.append(entry | ({"expect": expect} if expect is not None else {"reason": reason, "detail": detail}))


# -- Avro

def avro_bytes(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def record(fields, name="Payment", **more):
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t, **(m[0] if m else {})} for n, t, *m in fields], **more}


IDS = [("transaction_id", "string"), ("user_id", "string")]
LAST = [("currency", "string"), ("merchant_id", "string")]
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 19, "scale": 4}
VALUE = {"transaction_id": "t1", "user_id": "u1", "event_time": NOON, "amount": Decimal("12.50"), "currency": "EUR", "merchant_id": "m1"}


def avro(name, fields, change, expect=None, **more):
    schema = record(fields)
    case(name, "AVRO", json.dumps(schema), avro_bytes(schema, VALUE | change), expect, **more)


def payment(amount=DECIMAL, time=MILLIS, extra=()):
    return [*IDS, ("event_time", time), ("amount", amount), *LAST, *extra]


avro("the least that a payment has", payment(), {}, BASE | {"amount": "12.5000"})
avro("order does not matter", payment()[::-1], {}, BASE | {"amount": "12.5000"})
avro("negative decimal", payment(), {"amount": Decimal("-0.05")}, BASE | {"amount": "-0.0500"})
avro("zero decimal", payment(), {"amount": Decimal(0)}, BASE | {"amount": "0.0000"})
avro("decimal without scale", payment({"type": "bytes", "logicalType": "decimal", "precision": 4}), {"amount": Decimal(12)},
     BASE | {"amount": "12"})
avro("fixed decimal", payment({"type": "fixed", "name": "D", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 2}),
     {}, BASE)
avro("a decimal of 17 bytes", payment({"type": "fixed", "name": "D", "size": 17, "logicalType": "decimal", "precision": 38, "scale": 2}),
     {}, reason="range", detail="amount: too large")
avro("double amount", payment("double"), {"amount": 0.1}, BASE | {"amount": "0.1"})
avro("float amount", payment("float"), {"amount": 0.1}, BASE | {"amount": "0.1"})
avro("string amount", payment("string"), {"amount": "12.50"}, BASE)
avro("int amount says not of which unit", payment("long"), {"amount": 1250}, reason="schema",
     detail="amount: a whole number says not of which unit: use decimal, double or string, or a field amount_minor")
avro("minor units are declared", payment(["null", DECIMAL], extra=[("amount_minor", ["null", "long"])]), {"amount": None, "amount_minor": 1250},
     {k: v for k, v in BASE.items() if k != "amount"} | {"amount_minor": "1250"})
avro("time in microseconds", payment(time={"type": "long", "logicalType": "timestamp-micros"}), {}, BASE | {"amount": "12.5000"})
avro("plain long is milliseconds", payment(time="long"), {"event_time": int(NOON_MS)}, BASE | {"amount": "12.5000"})
avro("time as text", payment(time="string"), {"event_time": "2018-06-11T12:00:00Z"}, BASE | {"amount": "12.5000", "event_time": "2018-06-11T12:00:00Z"})
avro("a date is no instant", payment(time={"type": "int", "logicalType": "date"}), {"event_time": NOON.date()}, reason="schema",
     detail="event_time: a number that is no instant: use timestamp-millis, -micros or -nanos, or milliseconds")
avro("an id that is a number", [("transaction_id", "long"), *payment()[1:]], {"transaction_id": 5}, reason="schema",
     detail="transaction_id: a number where text is wanted")
OPTIONAL = [("mcc", ["null", "int"]), ("channel", {"type": "enum", "name": "Channel", "symbols": ["ecom", "pos"]}),
            ("device_id", ["string", "null"]), ("ip", "bytes"), ("is_card_present", ["null", "boolean"])]
avro("optional fields", payment(extra=OPTIONAL), {"mcc": 5411, "channel": "pos", "device_id": None, "ip": b"192.0.2.1", "is_card_present": False},
     BASE | {"amount": "12.5000", "mcc": "5411", "channel": "pos", "ip": "192.0.2.1", "is_card_present": "false"})
TREE = record([("label", "string"), ("below", {"type": "array", "items": "Tree"})], name="Tree")
SKIPPED = [("note", {"type": "map", "values": ["null", "long", "string", {"type": "array", "items": "double"}]}), ("tree", TREE),
           ("again", "Tree"), ("hash", {"type": "fixed", "name": "Hash", "size": 16}), ("f", "float"), ("b", "boolean")]
WOOD = {"label": "a", "below": [{"label": "b", "below": []}, {"label": "c", "below": [{"label": "d", "below": []}]}]}
avro("what is not wanted is stepped over", SKIPPED + payment(),
     {"note": {"x": 1, "y": "z", "n": None, "l": [1.5, 2.5]}, "tree": WOOD, "again": WOOD, "hash": b"0" * 16, "f": 1.5, "b": True},
     BASE | {"amount": "12.5000"})
avro("a card number where nobody looks", payment(extra=[("note", {"type": "map", "values": "string"})]), {"note": {"x": "4111111111111111"}},
     reason="pan", detail="holds a raw card number")
# The length of the second text is written as a space.
avro("neighbours do not make a card number", [("note", "string"), ("more", "string"), *payment()],
     {"note": "4111", "more": "111111111111 abc"}, BASE | {"amount": "12.5000"})
avro("renamed, with the old name as alias", [("txn", "string", {"aliases": ["old.name", "transaction_id"]}), *payment()[1:]], {"txn": "t1"},
     BASE | {"amount": "12.5000"})
avro("a field beats an alias", [("txn", "string", {"aliases": ["transaction_id"]}), *payment()], {"txn": "other"}, BASE | {"amount": "12.5000"})
avro("attributes are checked and not kept", payment(extra=[("attributes", {"type": "map", "values": "string"})]), {"attributes": {"a": "b"}},
     BASE | {"amount": "12.5000"})
whole = record(payment())
case("cut off", "AVRO", json.dumps(whole), avro_bytes(whole, VALUE)[:-1], reason="decode", detail="ends inside a value")
case("bytes behind", "AVRO", json.dumps(whole), avro_bytes(whole, VALUE) + b"\0", reason="decode", detail="bytes behind the record")
case("not a schema", "AVRO", '{"type":"rec', b"\0", reason="schema", detail="the schema is not JSON")
case("an unknown type", "AVRO", json.dumps(record([("a", "Nowhere")])), b"\0", reason="schema", detail="type 'Nowhere' is not defined")
nulls = record([("n", {"type": "array", "items": "null"}), *payment()])
case("a block of 2^60 nulls ends", "AVRO", json.dumps(nulls), b"\x80\x80\x80\x80\x80\x80\x80\x80\x20" + b"\0" * 8,
     reason="decode", detail="too many values for its size")
money = record([("value", DECIMAL), ("code", "string")], name="Money", namespace="bank")
nested = record([("Hdr", record([("When", MILLIS)], name="Hdr")),
                 ("Body", record([("Tx", ["null", record([("Id", "string"), ("Amt", "bank.Money")], name="Tx")]), ("Who", "string"), ("Shop", "string")],
                                 name="Body"))])
MAPPING = {"transaction_id": ["Body.Tx.Ref", "Body.Tx.Id"], "user_id": ["Body.Who"], "event_time": ["Hdr.When"], "amount": ["Body.Tx.Amt.value"],
           "currency": ["Body.Tx.Amt.code"], "merchant_id": ["Body.Shop"], "card_token": ["Body.Who"], "channel": ["=pos"]}
known = {}
fastavro.parse_schema(money, named_schemas=known)
out = io.BytesIO()
fastavro.schemaless_writer(out, fastavro.parse_schema(nested, named_schemas=known), {
    "Hdr": {"When": NOON}, "Body": {"Tx": {"Id": "t1", "Amt": {"value": Decimal("12.50"), "code": "EUR"}}, "Who": "u1", "Shop": "m1"}})
MAPPED = BASE | {"amount": "12.5000", "card_token": "u1", "channel": "pos"}
case("mapped from nested records, one of them another schema's", "AVRO", json.dumps(nested), out.getvalue(), MAPPED,
     references=[("bank.Money", json.dumps(money))], mapping=MAPPING)


# -- Protobuf

def message_of(schema, name, references=()):
    """The class that stock code would generate."""
    with tempfile.TemporaryDirectory() as folder:
        for file, text in [("main.proto", schema), *references]:
            path = pathlib.Path(folder, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        made = subprocess.run(["protoc", f"--proto_path={folder}", "--include_imports", "--descriptor_set_out=/dev/stdout", "main.proto"],
                              capture_output=True, check=True).stdout
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(made).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def bytes_of(cls, fill):
    message = cls()
    fill(message)
    return message.SerializeToString(deterministic=True)


def proto(name, schema, message, fill, expect=None, indexes=b"\0", built_in=(), **more):
    """`built_in`: imports that every client knows without being told."""
    case(name, "PROTOBUF", schema, bytes_of(message_of(schema, message, built_in), fill), expect, indexes, **more)


def base(message, amount="12.50"):
    message.transaction_id, message.user_id, message.amount, message.currency, message.merchant_id = "t1", "u1", amount, "EUR", "m1"
    message.event_time.FromDatetime(NOON.replace(tzinfo=None))


HEAD = 'syntax = "proto3";\nimport "google/protobuf/timestamp.proto";\nimport "google/protobuf/wrappers.proto";\n'
FIELDS = ("string transaction_id = 1; string user_id = 2; google.protobuf.Timestamp event_time = 3; string amount = 4; "
          "string currency = 5; string merchant_id = 6;")
PAYMENT = HEAD + "message Payment { " + FIELDS + " %s }\n"

proto("protobuf: the least", PAYMENT % "", "Payment", base, BASE)
descriptor = descriptor_pb2.FileDescriptorProto()
message_of(PAYMENT % "", "Payment").DESCRIPTOR.file.CopyToProto(descriptor)
case("protobuf: a descriptor in base64", "PROTOBUF", base64.b64encode(descriptor.SerializeToString()).decode(),
     bytes_of(message_of(PAYMENT % "", "Payment"), base), BASE, b"\0")
proto("protobuf: index list of one zero", PAYMENT % "", "Payment", base, BASE, indexes=b"\x02\x00")
proto("protobuf: the second message", HEAD + "message First {}\nmessage Payment { " + FIELDS + " }\n", "Payment", base, BASE, indexes=b"\x02\x02")
proto("protobuf: a nested message", HEAD + "message A {}\nmessage Outer { message Payment { " + FIELDS + " } }\n", "Outer.Payment", base, BASE,
      indexes=b"\x04\x02\x00")
proto("protobuf: indexes of no message", PAYMENT % "", "Payment", base, indexes=b"\x02\x06", reason="schema",
      detail="message indexes that the schema does not have")


def optional(message):
    base(message)
    message.mcc, message.channel, message.device_id.value, message.is_card_present = 5411, 1, "d", False
    message.ip, message.note["x"], message.far, message.inner.text = b"192.0.2.1", "y", 7, "z"
    message.inner.inner.text = "deeper"


proto("protobuf: optional fields, and what is not wanted",
      PAYMENT % ("optional uint32 mcc = 7; enum Channel { ecom = 0; pos = 1; } Channel channel = 8; google.protobuf.StringValue device_id = 9; "
                 "optional bool is_card_present = 10; bytes ip = 11; map<string, string> note = 12; sfixed64 far = 100000; "
                 "message Inner { string text = 1; Inner inner = 2; } Inner inner = 13;"),
      "Payment", optional, BASE | {"mcc": "5411", "channel": "pos", "device_id": "d", "is_card_present": "false", "ip": "192.0.2.1"})
proto("protobuf: what has no presence and is not written", PAYMENT % "bool is_card_present = 7; int32 mcc = 8; string ip = 9;", "Payment", base,
      BASE | {"is_card_present": "false"})


def inner_card(message):
    base(message)
    message.note["x"] = "4111111111111111"


proto("protobuf: a card number where nobody looks", PAYMENT % "map<string, string> note = 12;", "Payment", inner_card, reason="pan",
      detail="holds a raw card number")


def numbers(message):
    base(message, 12.5)


proto("protobuf: double amount", PAYMENT.replace("string amount", "double amount") % "", "Payment", numbers, BASE | {"amount": "12.5"})
proto("protobuf: float amount", PAYMENT.replace("string amount", "float amount") % "", "Payment", numbers, BASE | {"amount": "12.5"})


def minor(message):
    base(message)
    message.ClearField("amount")
    message.amount_minor = 1250


def with_int(message):
    message.amount = 5


proto("protobuf: minor units are declared", PAYMENT % "sint64 amount_minor = 20;", "Payment", minor,
      {k: v for k, v in BASE.items() if k != "amount"} | {"amount_minor": "1250"})
proto("protobuf: int amount", 'syntax = "proto3"; message P { int64 amount = 1; }', "P", with_int, reason="schema",
      detail="amount: a whole number says not of which unit: use Decimal, double or string, or a field amount_minor")
DECIMALS = 'syntax = "proto3";\npackage confluent.type;\nmessage Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }\n'


def decimal(message):
    message.transaction_id, message.user_id, message.currency, message.merchant_id = "t1", "u1", "EUR", "m1"
    message.event_time.FromDatetime(NOON.replace(tzinfo=None))
    message.amount.value, message.amount.scale = (1250).to_bytes(2, "big"), 2


with_decimal = HEAD + 'import "confluent/type/decimal.proto";\n' + (PAYMENT.replace(HEAD, "").replace("string amount", "confluent.type.Decimal amount") % "")
proto("protobuf: confluent's decimal", with_decimal, "Payment", decimal, BASE, built_in=[("confluent/type/decimal.proto", DECIMALS)])


def tree(message):
    message.hdr.when.FromDatetime(NOON.replace(tzinfo=None))
    message.body.tx.id, message.body.tx.amt, message.body.tx.ccy, message.body.who, message.body.shop = "t1", "12.50", "EUR", "u1", "m1"


proto("protobuf: mapped from nested messages",
      HEAD + "message M { message Hdr { google.protobuf.Timestamp when = 1; } message Tx { string id = 1; string amt = 2; string ccy = 3; } "
      "message Body { Tx tx = 1; string who = 2; string shop = 3; } Hdr hdr = 1; Body body = 2; }\n", "M", tree,
      BASE | {"card_token": "u1", "channel": "pos"},
      mapping={"transaction_id": ["body.tx.ref", "body.tx.id"], "user_id": ["body.who"], "event_time": ["hdr.when"], "amount": ["body.tx.amt"],
               "currency": ["body.tx.ccy"], "merchant_id": ["body.shop"], "card_token": ["body.who"], "channel": ["=pos"]})
case("protobuf: not a schema", "PROTOBUF", "message {", b"", indexes=b"\0", reason="schema", detail=None)
case("protobuf: an import nobody has", "PROTOBUF", 'syntax = "proto3"; import "else.proto"; message M {}', b"", indexes=b"\0", reason="schema",
     detail="import else.proto is not among the schema's references")
cut = message_of(PAYMENT % "", "Payment")
case("protobuf: cut off", "PROTOBUF", PAYMENT % "", bytes_of(cut, base)[:-1], indexes=b"\0", reason="decode", detail="ends inside a value")
case("protobuf: not UTF-8", "PROTOBUF", PAYMENT % "", b"\x0a\x02\xff\xfe", indexes=b"\0", reason="range", detail="transaction_id: not valid UTF-8")
case("protobuf: the last one counts", "PROTOBUF", PAYMENT % "", b"\x0a\x01x" + bytes_of(cut, base), BASE, b"\0")

text = "".join(json.dumps(entry) + "\n" for entry in cases)
target = pathlib.Path(__file__).parent / "cases.jsonl"
if "--check" in sys.argv:
    sys.exit(0 if target.read_text() == text else f"{target}: not what the writers make today; run {__file__}")
target.write_text(text)

# Some of them for the fuzzer, which changes schema and record alike: kind, schema, two zeros, what is behind the id.
corpus = pathlib.Path(__file__).parents[2] / "fuzz/corpus/formats"
corpus.mkdir(parents=True, exist_ok=True)
for number, entry in enumerate(cases[::5]):
    behind = bytes.fromhex(entry["indexes"]) + bytes.fromhex(entry["payload"])
    (corpus / f"case-{number:02}").write_bytes(entry["kind"][:1].encode() + entry["schema"].encode() + b"\0\0" + behind)
