"""Small data sets made up from a seed, in memory and as files."""

from __future__ import annotations

import gzip
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from weir_training.payments import Payments, Rows

DAY_MS = 86_400_000
START_MS = 1_533_513_600_000  # 2018-08-06T00:00:00Z, a Monday


def rows(count: int, **columns: Any) -> Rows:
    """`count` ordinary rows; every column can be set."""
    plain = {
        "event_time_ms": START_MS,
        "amount_minor": 1_000,
        "currency_exponent": 2,
        "currency": 1,
        "merchant": 1,
        "device": 0,
        "card": 0,
        "country": 0,
        "merchant_country": 0,
        "card_present": 0,
        "mcc": 0,
        "channel": 0,
    }
    return Rows(
        *(
            np.array(np.broadcast_to((plain | columns)[f.name], count)).astype(np.int64)
            for f in fields(Rows)
        )
    )


def payments(
    user: list[int], time_s: list[int], is_fraud: list[int] | None = None, **columns: Any
) -> Payments:
    """Payments at seconds after START_MS, in replay order already."""
    times = START_MS + np.array(time_s, np.int64) * 1000
    assert np.all(np.diff(times) >= 0), "replay order"
    label = np.zeros(len(user), np.int64) if is_fraud is None else np.array(is_fraud)
    return Payments(rows(len(user), event_time_ms=times, **columns), np.array(user), label)


def write_json_lines(
    directory: Path, count: int, seed: int, with_types: bool = False
) -> tuple[Path, Path]:
    """Transactions over 16 days and their labels: an amount far above the user's usual one is
    mostly fraud, and by its type above 120 a chargeback.
    """
    random = np.random.default_rng(seed)
    transactions, labels = [], []
    for number, time_ms in enumerate(np.sort(random.integers(0, 16 * DAY_MS, count)) + START_MS):
        is_odd = random.random() < 0.08
        is_fraud = bool(random.random() < (0.8 if is_odd else 0.01))
        transactions.append(
            {
                "transaction_id": str(number),
                "user_id": f"C{random.integers(0, 40):04d}",
                "event_time": int(time_ms),
                "amount": round(float(random.uniform(5, 30)) * (8 if is_odd else 1), 2),
                "currency": "XXX",
                "merchant_id": f"T{random.integers(0, 6):05d}",
            }
        )
        labels.append(
            {
                "label_id": f"L{number}",
                "transaction_id": str(number),
                "is_fraud": is_fraud,
                "label_time": int(time_ms) + 7 * DAY_MS,
            }
        )
        if with_types:
            labels[-1]["type"] = "chargeback" if transactions[-1]["amount"] > 120 else "tc40"
    paths = directory / "transactions.jsonl.gz", directory / "labels.jsonl.gz"
    for path, records in zip(paths, (transactions, labels)):
        path.write_bytes(
            gzip.compress("".join(json.dumps(r) + "\n" for r in records).encode(), mtime=0)
        )
    return paths
