"""Scored payments made up from a seed, in memory and as verdict lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from weir_training.evaluation.scores import DAY_MS, Scores

FIRST_DAY = 17_737  # 2018-07-25, the first training day of the published protocol


def scores(
    seed: int, count: int = 3_000, days: int = 21, delay_days: int = 7, ties: bool = False
) -> Scores:
    """Honest probabilities; a few users and merchants, so that they come again."""
    random = np.random.default_rng(seed)
    time_ms = np.sort(random.integers(0, days * DAY_MS // 1000, count)) * 1000
    time_ms += FIRST_DAY * DAY_MS
    p = 1 / (1 + np.exp(-random.normal(-3.5, 2, count)))
    if ties:
        p = np.round(p, 1)
    return Scores(
        transaction_id=np.array([str(i) for i in range(count)], object),
        event_time_ms=time_ms,
        user=random.integers(0, 400, count),
        merchant=random.integers(0, 60, count),
        amount=np.round(random.lognormal(3, 1, count), 2),
        p=p,
        is_fraud=(random.random(count) < p).astype(np.int8),
        label_time_ms=time_ms + delay_days * DAY_MS,
    )


def one_day(p: list[float], is_fraud: list[int], **columns: Any) -> Scores:
    """Payments of one day, everything else ordinary."""
    count = len(p)
    plain = {
        "transaction_id": np.array([str(i) for i in range(count)], object),
        "event_time_ms": FIRST_DAY * DAY_MS + np.arange(count) * 60_000,
        "user": np.arange(count),
        "merchant": np.zeros(count, np.int64),
        "amount": np.full(count, 100.0),
        "p": np.array(p, np.float64),
        "is_fraud": np.array(is_fraud, np.int8),
        "label_time_ms": np.full(count, (FIRST_DAY + 7) * DAY_MS),
    }
    return Scores(**(plain | {name: np.array(value) for name, value in columns.items()}))


def write_verdicts(directory: Path, made: Scores, digest: str = "sha256:made") -> tuple[Path, Path]:
    """As `weir replay` writes them, with the fields that are read; and the labels."""
    verdicts, labels = directory / "verdicts.jsonl", directory / "labels.jsonl"
    with open(verdicts, "w") as v, open(labels, "w") as l:
        for i in range(len(made)):
            key = made.transaction_id[i]
            verdict = {
                "transaction_id": key,
                "user_id": f"C{made.user[i]}",
                "merchant_id": f"T{made.merchant[i]}",
                "event_time": int(made.event_time_ms[i]),
                "amount_minor": round(made.amount[i] * 100),
                "currency": "XXX",
                "risk": {"fraud": {"p": float(made.p[i])}},
                "model": {"name": "made", "version": "1", "digest": digest},
                "duplicate": False,
                "degraded": [],
            }
            v.write(json.dumps(verdict) + "\n")
            if made.is_fraud[i] >= 0:
                label = {
                    "transaction_id": key,
                    "is_fraud": bool(made.is_fraud[i]),
                    "label_time": int(made.label_time_ms[i]),
                }
                l.write(json.dumps(label) + "\n")
    return verdicts, labels
