"""What a merchant's features are, from the records of topic `entities` alone: brute force, nothing shared with Weir but the
format of those records."""
import json
import struct
from collections import defaultdict
from dataclasses import dataclass, field

from .broker import Broker

DAY_MS = 86_400_000
DELAY_MS = 7 * DAY_MS
WINDOWS = {"1d": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
LATENESS_MS = 300_000
_ROW = struct.Struct("<qIQqQQQQQIHHHHHBBqQI")  # state/windows/event_row.h
_LABEL = struct.Struct("<QqqQIB")


@dataclass
class Entity:
    """In the order of its partition: (offset, time, transaction) and (offset, transaction, is fraud)."""
    events: list[tuple[int, int, int]] = field(default_factory=list)
    labels: list[tuple[int, int, bool]] = field(default_factory=list)

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

    def frontier_ms(self, sequence: int) -> int:
        return max(time for offset, time, _ in self.events if offset < sequence)

    def rows(self) -> list[tuple[int, str, str]]:
        """Those that a window may still see, as `weir state dump --entities` shows them: time, transaction, label."""
        horizon = max(time for _, time, _ in self.events) - DELAY_MS - WINDOWS["30d"] - LATENESS_MS
        fraud = {transaction: is_fraud for _, transaction, is_fraud in self.labels}
        names = {None: "unknown", True: "fraud", False: "genuine"}
        return sorted((time, f"{transaction:016x}", names[fraud.get(transaction)])
                      for _, time, transaction in self.events if time > horizon)


def read_entities(broker: Broker, topic: str) -> dict[str, Entity]:
    """By key; a labelled transaction has one label in the bundled data."""
    entities: dict[str, Entity] = defaultdict(Entity)
    for record in broker.read(topic):
        key, value = record.key.decode(), record.value
        assert value[0] == 1, value[:2]
        if value[1:2] == b"e":
            row = _ROW.unpack(value[2:])
            entities[key].events.append((record.offset, row[0], row[2]))
        else:
            assert value[1:2] == b"l", value[:2]
            transaction, _event_ms, _label_ms, _label_id, _revision, is_fraud = _LABEL.unpack(value[2:])
            entities[key].labels.append((record.offset, transaction, bool(is_fraud)))
    for entity in entities.values():
        entity.events.sort()
        entity.labels.sort()
    return dict(entities)


def without_repeats(entity: Entity) -> Entity:
    """at_least_once: the first of each event and label counts."""
    events = {(time, transaction): offset for offset, time, transaction in reversed(entity.events)}
    labels = {(transaction, fraud): offset for offset, transaction, fraud in reversed(entity.labels)}
    return Entity(sorted((offset, *event) for event, offset in events.items()),
                  sorted((offset, *label) for label, offset in labels.items()))


def dumped_rows(line: str) -> tuple[str, list[tuple[int, str, str]]]:
    from datetime import datetime
    entity = json.loads(line)
    rows = [(round(datetime.fromisoformat(row["event_time"].replace("Z", "+00:00")).timestamp() * 1000), row["transaction"],
             row["label"]) for row in entity["window_rows"]]
    return entity["entity"], sorted(rows)
