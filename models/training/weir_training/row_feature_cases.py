"""Writes tests/data/row_features.json: pairs of raw rows with the features they must give.

It is the treaty between row_features.py and operators/features/row_features.h: both sides' unit
tests read it.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import fields
from typing import Any

import numpy as np

from weir_training.engine_codes import hash_id, hash_name, pack_country
from weir_training.golden import exact
from weir_training.payments import Rows, event_time_ms
from weir_training.row_features import ROW_FEATURES, log_gap, row_features

_SEED = 3
_RANDOM_CASES = 24
_ID_FIELDS = ("merchant", "device", "card", "country", "merchant_country")
_CODES = {
    "merchant": hash_id,
    "country": pack_country,
    "merchant_country": pack_country,
    "channel": hash_name,
}

_ORDINARY: dict[str, Any] = {
    "event_time_ms": event_time_ms("2018-08-08T11:07:42.250Z"),
    "amount_minor": 5_716,
    "currency_exponent": 2,
    "currency": 978,
    "merchant": "T1",
    "device": "phone-1",
    "card": "card-1",
    "country": "FR",
    "merchant_country": "FR",
    "card_present": 1,
    "mcc": 5_411,
    "channel": "web",
}

_TIMES = (
    "1970-01-01T00:00:00Z",
    "2018-08-07T23:59:59.999Z",
    "2018-08-08T00:00:00Z",  # midnight
    "2018-08-08T00:00:59.999Z",
    "2018-08-08T00:01:00Z",
    "2018-08-08T06:59:59.999Z",  # last of the night
    "2018-08-08T07:00:00Z",
    "2018-08-08T12:00:00Z",
    "2018-08-08T18:00:00Z",
    "2018-08-10T23:59:59.999Z",  # Friday | Saturday
    "2018-08-11T00:00:00Z",
    "2018-08-12T23:59:59.999Z",  # Sunday | Monday
    "2018-08-13T00:00:00Z",
    "2016-02-29T13:14:15Z",
    "9999-12-31T23:59:59.999Z",
)
_MONEY = (
    (0, 2, 978),
    (1, 2, 978),
    (10**15, 2, 978),
    (1_500, 0, 392),
    (1_500, 3, 414),
    (12_345, 4, 990),
)
_CATEGORIES = (
    ("mcc", (0, 1, 254, 255, 9_999)),
    ("channel", ("", "pos", "atm", "a channel of a longer name than others")),
    ("country", ("AA", "ZZ")),
    ("merchant", ("T00001", "T09999", "m", "9f2c-" * 12 + "end", "\u00e9t\u00e9")),
)
_LOG_GAPS_MS = (0, 1, 59_999, 60_000, 3_600_000, 86_400_000, 40 * 365 * 86_400_000, -300_000)


def _variants() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(row, current) pairs along the borders of each feature."""
    now = _ORDINARY
    pairs = [(now, now)]
    pairs += [(now | {"event_time_ms": event_time_ms(time)},) * 2 for time in _TIMES]
    pairs += [
        (now | {"amount_minor": amount, "currency_exponent": exponent, "currency": currency}, now)
        for amount, exponent, currency in _MONEY
    ]
    for name in _ID_FIELDS:  # absent here, absent there, absent on both sides, different
        pairs.append((now | {name: ""}, now))
        pairs.append((now, now | {name: ""}))
        pairs.append((now | {name: ""}, now | {name: ""}))
        pairs.append((now | {name: "DE"}, now))
    pairs += [(now | {"card_present": presence}, now) for presence in (0, 1, 2)]
    pairs += [(now | {"event_time_ms": now["event_time_ms"] - gap}, now) for gap in _LOG_GAPS_MS]
    pairs += [(now | {name: value}, now) for name, values in _CATEGORIES for value in values]
    return pairs


def _random_pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    random = np.random.default_rng(_SEED)

    def row() -> dict[str, Any]:
        pick = {name: str(random.choice(["", "FR", "DE"])) for name in _ID_FIELDS}
        return pick | {
            "event_time_ms": int(random.integers(0, 4_000_000_000_000)),
            "amount_minor": int(10 ** random.uniform(0, 9)),
            "currency_exponent": 2,
            "currency": int(random.choice([978, 840])),
            "card_present": int(random.integers(0, 3)),
            "mcc": int(random.choice([0, 5_411, 7_995])),
            "channel": str(random.choice(["", "web", "pos"])),
        }

    pairs = [(row(), row()) for _ in range(_RANDOM_CASES)]
    return [(min(pair, key=_time), max(pair, key=_time)) for pair in pairs]


def _time(row: dict[str, Any]) -> int:
    return row["event_time_ms"]


def _columns(raw: dict[str, Any], codes: dict[str, int]) -> Rows:
    """A raw row as Rows of shape [1]; strings become codes, "" the code 0."""

    def code(name: str, value: Any) -> int:
        if not isinstance(value, str):
            return value
        return _CODES[name](value) if name in _CODES else codes.setdefault(value, len(codes))

    values = {name: code(name, value) for name, value in raw.items()}
    return Rows(*(np.array([values[f.name]], np.int64) for f in fields(Rows)))


def row_feature_cases() -> dict[str, Any]:
    """The content of the file."""
    names = list(ROW_FEATURES)
    codes = {"": 0}
    cases = []
    for raw_row, raw_current in itertools.chain(_variants(), _random_pairs()):
        row, current = _columns(raw_row, codes), _columns(raw_current, codes)
        cases.append(
            {
                "row": raw_row,
                "current": raw_current,
                "values": exact(row_features(row, current, names)[0]),
                "log_gap": exact(log_gap(row.event_time_ms, current.event_time_ms)[0]),
            }
        )
    return {"features": names, "cases": cases}


def row_feature_file() -> str:
    """One case a line, so that a change shows as the lines it changes."""
    content = row_feature_cases()
    lines = ",\n".join(json.dumps(case) for case in content["cases"])
    return f'{{"features":{json.dumps(content["features"])},\n"cases":[\n{lines}\n]}}\n'
