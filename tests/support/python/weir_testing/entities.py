"""What a merchant's features and rows are, from the records of topic `entities` alone: brute force, nothing shared with Weir
but the format of those records and the hash of ids."""
import ctypes
import json
import math
import struct
from collections import defaultdict
from dataclasses import dataclass, field

from .broker import Broker

DAY_MS = 86_400_000
DELAY_MS = 7 * DAY_MS
WINDOWS = {"1d": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
LATENESS_MS = 300_000
LABEL_HORIZON_MS = 90 * DAY_MS  # so long a label may take to come
MERCHANT_ROWS = 32  # configs/handbook.yaml
_ROW = struct.Struct("<qIQqQQQQQIHHHHHBBqQI")  # state/windows/event_row.h
_LABEL = struct.Struct("<QqqQIB")


_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64


def hash_id(text: str) -> int:
    data = text.encode()
    return _xxhash.XXH3_64bits(data, ctypes.c_size_t(len(data)))


@dataclass(frozen=True)
class Payment:
    """What a row of the merchant says of it."""
    time_ms: int
    amount: int  # 1/10,000
    user: int
    ratio_milli: int


@dataclass
class Entity:
    """In the order of its partition: (offset, time, transaction) and (offset, transaction, is fraud)."""
    events: list[tuple[int, int, int]] = field(default_factory=list)
    labels: list[tuple[int, int, bool]] = field(default_factory=list)
    payments: dict[int, Payment] = field(default_factory=dict)  # by transaction
    label_times: dict[int, int] = field(default_factory=dict)   # by transaction; one label each

    def values(self, as_of_ms: int, sequence: int) -> dict[str, float]:
        """The six features of configs/handbook.yaml, from the records before offset `sequence`."""
        fraud = {transaction: is_fraud for offset, transaction, is_fraud in self.labels if offset < sequence}
        events = [(time, fraud.get(transaction, False)) for offset, time, transaction in self.events if offset < sequence]
        found = {}
        for name, length in WINDOWS.items():
            window = [is_fraud for time, is_fraud in events if as_of_ms - DELAY_MS - length < time <= as_of_ms - DELAY_MS]
            found[f"terminal_count_{name}"] = len(window)
            found[f"terminal_fraud_share_{name}"] = sum(window) / len(window) if window else 0
        return found

    def merchant_rows(self, sequence: int, transaction: int) -> list[list[float]]:
        """What that payment is given of the newest labelled ones before offset `sequence`, newest first."""
        now = self.payments[transaction]
        fraud = {labelled: is_fraud for offset, labelled, is_fraud in self.labels if offset < sequence}
        newest = sorted(((time, offset, known) for offset, time, known in self.events
                         if offset < sequence and known in fraud), reverse=True)[:MERCHANT_ROWS]
        return [row_features(self.payments[known], fraud[known], self.label_times[known], now)
                for _, _, known in newest if known != transaction]

    def frontier_ms(self, sequence: int) -> int:
        return max(time for offset, time, _ in self.events if offset < sequence)

    def rows(self) -> list[tuple[int, str, str]]:
        """Those that a window may still see, as `weir state dump --entities` shows them: time, transaction, label."""
        horizon = max(time for _, time, _ in self.events) - LABEL_HORIZON_MS - LATENESS_MS
        fraud = {transaction: is_fraud for _, transaction, is_fraud in self.labels}
        names = {None: "unknown", True: "fraud", False: "genuine"}
        return sorted((time, f"{transaction:016x}", names[fraud.get(transaction)])
                      for _, time, transaction in self.events if time > horizon)


def row_features(row: Payment, is_fraud: bool, label_ms: int, now: Payment) -> list[float]:
    """In the order of features records."""
    minutes = max(now.time_ms - row.time_ms, 0) / 60_000
    hour, weekday = row.time_ms // 3_600_000 % 24, (row.time_ms // DAY_MS + 3) % 7  # Monday 0
    return [float(is_fraud), math.log1p(row.amount / 10_000), math.log(row.ratio_milli / 1_000) if row.ratio_milli else 0.0,
            float(row.user == now.user), math.log1p(minutes), minutes / 1_440 / 30,
            math.log1p(max(now.time_ms - label_ms, 0) / 60_000), float(hour <= 6), float(weekday >= 5)]


def same_rows(found: list[list[float]], wanted: list[list[float]]) -> bool:
    """Equal but for the rounding to 32 bits."""
    return len(found) == len(wanted) and all(
        len(a) == len(b) and all(abs(x - y) <= 1e-6 * max(1.0, abs(y)) for x, y in zip(a, b)) for a, b in zip(found, wanted))


def read_entities(broker: Broker, topic: str) -> dict[str, Entity]:
    """By key; a labelled transaction has one label in the bundled data."""
    entities: dict[str, Entity] = defaultdict(Entity)
    for record in broker.read(topic):
        key, value = record.key.decode(), record.value
        assert value[0] == 1, value[:2]
        if value[1:2] == b"e":
            row = _ROW.unpack(value[2:])
            entities[key].events.append((record.offset, row[0], row[2]))
            entities[key].payments[row[2]] = Payment(row[0], row[3], row[4], row[9])
        else:
            assert value[1:2] == b"l", value[:2]
            transaction, _event_ms, label_ms, _label_id, _revision, is_fraud = _LABEL.unpack(value[2:])
            entities[key].labels.append((record.offset, transaction, bool(is_fraud)))
            entities[key].label_times[transaction] = label_ms
    for entity in entities.values():
        entity.events.sort()
        entity.labels.sort()
    return dict(entities)


def without_repeats(entity: Entity) -> Entity:
    """at_least_once: the first of each event and label counts."""
    events = {(time, transaction): offset for offset, time, transaction in reversed(entity.events)}
    labels = {(transaction, fraud): offset for offset, transaction, fraud in reversed(entity.labels)}
    return Entity(sorted((offset, *event) for event, offset in events.items()),
                  sorted((offset, *label) for label, offset in labels.items()), entity.payments, entity.label_times)


def dumped_rows(line: str) -> tuple[str, list[tuple[int, str, str]]]:
    from datetime import datetime
    entity = json.loads(line)
    rows = [(round(datetime.fromisoformat(row["event_time"].replace("Z", "+00:00")).timestamp() * 1000), row["transaction"],
             row["label"]) for row in entity["window_rows"]]
    return entity["entity"], sorted(rows)
