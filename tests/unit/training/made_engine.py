"""In place of the engine: answers of its form, computed here. The engine's own tests are elsewhere;
what is tested with this is what becomes of its answers.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from weir_training.payments import event_time_ms

WINDOW_MS = 3 * 86_400_000  # of its first feature


def compute(config, transactions, labels, settings=()):
    """The user's payments of three days, the amount, and one merchant row that says the first."""
    definitions(config)
    content = Path(transactions).read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    records = [json.loads(line) for line in content.splitlines()]
    time = np.array([event_time_ms(r["event_time"]) for r in records])
    user = np.array([r["user_id"] for r in records])
    inside = (time[None] > time[:, None] - WINDOW_MS) & (time[None] <= time[:, None])
    count = (inside & (user[None] == user[:, None])).sum(axis=1).astype(float)
    rows = np.zeros((len(time), 1, 9), np.float32)
    rows[:, 0, 1] = count
    return {
        "names": ["user_count_3d", "amount"],
        "transaction_id": np.array([r["transaction_id"] for r in records], object),
        "user_id": user.astype(object),
        "event_time_ms": time,
        "values": np.stack([count, [float(r["amount"]) for r in records]], axis=1),
        "merchant": rows,
        "merchant_mask": np.ones((len(time), 1), np.float32),
    }


def definitions(config, settings=()):
    if config and "nonsense" in Path(config).read_text():
        raise ValueError(f"{config}:1:1: unknown key 'nonsense'")
    return [("user_count_3d", "user count window=3d"), ("amount", "payment value amount")]
