"""Writes cases.jsonl. Run it after editing a case: python3 make_cases.py"""

import json
import pathlib

BASE = {
    "transaction_id": "t1",
    "user_id": "u1",
    "event_time": "2018-06-11T12:00:00Z",
    "amount": 12.5,
    "currency": "EUR",
    "merchant_id": "m1",
}
NOON_MS = 1_528_718_400_000
VISA = "4111111111111111"
cases = []


def case(name, value, expect="dead_letter", reason=None, detail=None, key="u1", **more):
    """Appends a case; `value` is text, bytes, or fields that replace those of BASE (None removes one)."""
    entry = {"name": name, "key": key, "expect": expect}
    if isinstance(value, dict):
        fields = {k: v for k, v in {**BASE, **value}.items() if v is not None}
        value = json.dumps(fields)
    if isinstance(value, bytes):
        entry["value_hex"] = value.hex()
    else:
        entry["value"] = value
    if expect == "dead_letter":
        entry |= {"reason": reason, "detail": detail}
    cases.append(entry | more)


def good(name, value, **more):
    case(name, value, expect="verdict", **more)


def raw(field, token):
    """BASE with one field's JSON text replaced."""
    return json.dumps({**BASE, field: "@"}).replace('"@"', token)


good("valid", {})
good("unknown fields are ignored", {"note": {"nested": [1, 2, {"x": None}]}, "n": 12345678901234567890123})
good("amount as string", {"amount": "12.50"})
good("amount with exponent", raw("amount", "1.25e1"))
good("null optional field is absent", raw("mcc", "null"))
good("escapes are resolved", raw("user_id", '"\\u00751"'))
good("all optional fields", {"mcc": "5411", "country": "FR", "merchant_country": "DE", "channel": "ecom", "device_id": "d",
                             "ip": "192.0.2.1", "card_token": "tok", "is_card_present": False,
                             "attributes": {"a": 1, "b": "x", "c": True, "d": None}})
good("mcc as number", {"mcc": 5411})
good("event time in ms", {"event_time": NOON_MS})
good("event time as digits", {"event_time": str(NOON_MS)})
good("id of 128 bytes", {"transaction_id": "x" * 128})
good("utf-8 in an id", {"merchant_id": "Bäckerei 店"})

case("empty value", "", expect="tombstone")

case("plain text", "hello", reason="decode")
case("truncated in a string", json.dumps(BASE)[:40], reason="decode")
case("truncated before the brace", json.dumps(BASE)[:-1], reason="decode")
case("array", json.dumps([BASE]), reason="decode")
case("number", "12", reason="decode")
case("two objects", json.dumps(BASE) + json.dumps(BASE), reason="decode")
case("whitespace", "   ", reason="decode")
case("zero bytes", b"\0\0\0\0", reason="decode")
case("wire format of a schema registry", b"\x00\x00\x00\x00\x07\x02t1", reason="decode")
case("single quotes", "{'transaction_id': 't1'}", reason="decode")
case("trailing comma", json.dumps(BASE)[:-1] + ",}", reason="decode")
case("bad escape", raw("user_id", '"\\x41"'), reason="decode")
case("lone surrogate", raw("merchant_id", '"\\ud800"'), reason="decode")
case("raw control character in a string", raw("merchant_id", '"a\nb"'), reason="decode")
case("unknown field that is not JSON", raw("note", "nonsense"), reason="decode", detail="a value that is not JSON")
case("unknown field nested too deeply", raw("note", "[" * 40 + "]" * 40), reason="decode", detail="nested too deeply")
case("duplicate required field", '{"amount":1,' + json.dumps(BASE)[1:], reason="decode", detail="amount: given twice")
case("id as number", raw("user_id", "1"), reason="decode", detail="user_id: string expected")
case("amount as object", raw("amount", "{}"), reason="decode", detail="amount: number or string expected")
case("amount as bool", raw("amount", "true"), reason="decode", detail="amount: not a number or string")
case("card presence as text", {"is_card_present": "yes"}, reason="decode", detail="is_card_present: true or false expected")
case("attributes not flat", {"attributes": {"a": {"b": 1}}}, reason="decode",
     detail="attributes: flat map of string, number or bool expected")
case("attributes not an object", {"attributes": [1]}, reason="decode", detail="attributes: object expected")

good("as large as allowed", raw("note", '"{pad}"'), fill_to=65_536)
case("one byte too large", raw("note", '"{pad}"'), reason="oversize", detail="larger than input.record_bytes_max", fill_to=65_537)

for field in BASE:
    case(f"without {field}", {field: None}, reason="missing_field", detail=f"{field}: missing")
    case(f"null {field}", raw(field, "null"), reason="missing_field", detail=f"{field}: missing")
    case(f"empty {field}", {field: ""}, reason="missing_field", detail=f"{field}: empty")
case("without record key", {}, key="", reason="missing_field", detail="record key: missing")

case("key of somebody else", {}, key="u2", reason="key_mismatch", detail="record key: differs from user_id")
case("key with a space", {}, key="u1 ", reason="key_mismatch", detail="record key: differs from user_id")

AMOUNT = [("NaN", "NaN", "not a decimal number"), ("Infinity", "Infinity", "not a decimal number"),
          ("minus Infinity", "-Infinity", "negative"), ("negative", "-1", "negative"), ("text", '"abc"', "not a decimal number"),
          ("too precise", "1.005", "more decimal places than the currency has"), ("overflow", "1e300", "too large"),
          ("just too large", "10000000000000.01", "too large")]
for name, token, why in AMOUNT:
    case(f"amount {name}", raw("amount", token), reason="range", detail=f"amount: {why}")
good("largest amount", raw("amount", "10000000000000.00"))
good("zero amount", raw("amount", "0"))
case("yen with decimals", {"currency": "JPY", "amount": "1.5"}, reason="range", detail="amount: more decimal places than the currency has")
for code in ("EURO", "eur", "ZZZ"):
    case(f"currency {code}", {"currency": code}, reason="range", detail="currency: not an ISO 4217 code")
case("bad utf-8", json.dumps(BASE).encode().replace(b"m1", b"m\xff"), reason="range", detail="not valid UTF-8")
case("overlong utf-8", json.dumps(BASE).encode().replace(b"m1", b"m\xc0\xaf"), reason="range", detail="not valid UTF-8")
case("utf-8 cut off", json.dumps(BASE).encode().replace(b"m1", b"m\xe5\xba"), reason="range", detail="not valid UTF-8")
case("event time that is no time", {"event_time": "yesterday"}, reason="range", detail="event_time: neither RFC 3339 nor epoch milliseconds")
case("event time with fraction", raw("event_time", "1.5"), reason="range", detail="event_time: neither RFC 3339 nor epoch milliseconds")
case("event time before 1970", {"event_time": "1969-12-31T23:59:59Z"}, reason="range", detail="event_time: outside 1970-01-01 to 9999-12-31")
case("30th of February", {"event_time": "2018-02-30T00:00:00Z"}, reason="range", detail="event_time: not RFC 3339, as in 2018-06-11T00:24:47Z")
case("id of 129 bytes", {"transaction_id": "x" * 129}, reason="range", detail="transaction_id: too long")
case("zero byte in an id", {"transaction_id": "a\0b"}, reason="range", detail="transaction_id: control character")
case("mcc 0", {"mcc": 0}, reason="range", detail="mcc: not 1 to 9999")
case("mcc 10000", {"mcc": 10000}, reason="range", detail="mcc: not 1 to 9999")
good("mcc 9999", {"mcc": 9999})
case("mcc text", {"mcc": "54x1"}, reason="range", detail="mcc: not 1 to 9999")
case("country in lower case", {"country": "fr"}, reason="range", detail="country: not two letters A to Z")
case("country of three letters", {"merchant_country": "FRA"}, reason="range", detail="merchant_country: not two letters A to Z")
case("long channel", {"channel": "x" * 33}, reason="range", detail="channel: too long")

PAN = {"reason": "pan", "detail": "holds a raw card number"}
case("card number as token", {"card_token": VISA}, masked=json.dumps({**BASE, "card_token": "************1111"}), **PAN)
case("card number in an unknown field", {"note": "paid with 4111 1111 1111 1111."},
     masked=json.dumps({**BASE, "note": "paid with **** **** **** 1111."}), **PAN)
case("card number as a number", raw("note", VISA), masked=raw("note", "************1111"), **PAN)
case("card number with dashes", {"note": "3782-822463-10005"}, masked=json.dumps({**BASE, "note": "****-******-*0005"}), **PAN)
case("card number in escapes", raw("note", '"\\u0034111111111111111"'), masked=raw("note", '"************1111"'), **PAN)
case("card number in bytes that are not JSON", f"card={VISA}", masked="card=************1111", **PAN)
case("card number as key", {"user_id": VISA}, key=VISA, masked=json.dumps({**BASE, "user_id": "************1111"}), **PAN)
good("digits that fail Luhn", {"note": "4111111111111112"})
good("digits of no issuer", {"note": "9111111111111119"})
good("digits in a hex id", {"note": "a4111111111111111"})

case("a minute and a millisecond ahead", {"event_time": NOON_MS + 60_001}, timestamp_ms=NOON_MS, reason="future",
     detail="event_time: ahead of the record's timestamp")
good("a minute ahead", {"event_time": NOON_MS + 60_000}, timestamp_ms=NOON_MS)
good("ahead of an unknown timestamp", {"event_time": NOON_MS * 2})

# What takes more than one record to show is in tests/data/formats.
case("a schema id nobody registered", b"\x00\x00\x00\x00\x07\x02t1", reason="schema", detail="an id that nobody registered", format="auto")
case("ends inside its schema id", b"\x00\x00\x00", reason="schema", detail="ends inside its schema id", format="auto")

path = pathlib.Path(__file__).parent / "cases.jsonl"
path.write_text("".join(json.dumps(c, ensure_ascii=False) + "\n" for c in cases), encoding="utf-8")

# The same records seed the fuzzer: key, a newline, value.
corpus = pathlib.Path(__file__).parents[2] / "fuzz" / "corpus" / "decode"
corpus.mkdir(parents=True, exist_ok=True)
for old in corpus.glob("case-*"):
    old.unlink()
for number, c in enumerate(cases):
    if "fill_to" in c:
        continue
    value = bytes.fromhex(c["value_hex"]) if "value_hex" in c else c["value"].encode()
    (corpus / f"case-{number:03}").write_bytes(c["key"].encode() + b"\n" + value)
