"""Golden vectors: inputs with the exact bits a package must return for them.

The engine refuses a package that does not reproduce them, so a wrong build, a wrong CPU path or a
damaged library is caught before the first payment. The cases walk along the borders of the
function; their inputs are made up from a fixed seed and hold nothing of anyone's data.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Callable, Sequence

import numpy as np
import torch
from torch import nn

from weir_training.examples import Batch
from weir_training.network import as_tensors
from weir_training.payments import Rows
from weir_training.row_features import log_gap, row_features

_SEED = 20_180_401
_NOW_MS = 1_533_726_420_000  # 2018-08-08T11:07:00Z
_MINUTE_MS = 60_000
_YEAR_MS = 365 * 86_400_000
_AMOUNT_MAX = 10**15  # kAmountMinorMax of pipeline/core/money.h


class GoldenError(Exception):
    """The package or this build of the operators does not do what was promised."""


class CaseMaker:
    """Makes single payments with made-up histories for one list of features."""

    def __init__(self, features: Sequence[str]) -> None:
        self._features = list(features)
        self._random = np.random.default_rng(_SEED)

    def case(self, there: int, slots: int = 16, **fixed: np.ndarray | int) -> Batch:
        """A payment with `there` past rows in `slots`. `fixed` sets columns: `gap_ms` and
        `amount_minor` of the
        past rows, `now_amount_minor` of the payment."""
        gap = fixed.get("gap_ms", np.sort(self._random.integers(0, 40 * 86_400_000, there))[::-1])
        amount = fixed.get("amount_minor", self._random.integers(100, 40_000, there))
        past = self._rows(_NOW_MS - np.broadcast_to(gap, there), np.broadcast_to(amount, there))
        now_amount = np.array([fixed.get("now_amount_minor", self._random.integers(100, 40_000))])
        now = self._rows(np.array([_NOW_MS]), now_amount)
        history = np.zeros((1, slots, len(self._features)), np.float32)
        gaps = np.zeros((1, slots), np.float32)
        mask = np.zeros((1, slots), np.float32)
        history[0, :there] = row_features(past, now, self._features)
        gaps[0, :there] = log_gap(past.event_time_ms, now.event_time_ms)
        mask[0, :there] = 1.0
        return Batch(row_features(now, now, self._features), history, gaps, mask)

    def _rows(self, time_ms: np.ndarray, amount_minor: np.ndarray) -> Rows:
        """Rows in cents; every other field is drawn from few values, absent among them."""
        columns = {f.name: self._random.integers(0, 3, len(time_ms)) for f in fields(Rows)}
        exponent = np.full(len(time_ms), 2)
        columns.update(event_time_ms=time_ms, amount_minor=amount_minor, currency_exponent=exponent)
        return Rows(**columns)


def golden_cases(features: Sequence[str]) -> list[Batch]:
    """About 40 single-row batches."""
    make = CaseMaker(features).case
    cases = [make(there) for there in range(17)]  # empty, partial, full
    cases += [make(16) for _ in range(4)]
    cases += [
        make(there, slots)
        for there, slots in ((1, 1), (0, 64), (17, 64), (63, 64), (64, 64), (128, 128))
    ]
    cases += [make(16, now_amount_minor=amount) for amount in (0, 1, _AMOUNT_MAX)]
    cases += [make(16, amount_minor=amount) for amount in (0, _AMOUNT_MAX)]
    cases += [make(16, gap_ms=gap) for gap in (0, 1, _MINUTE_MS, 40 * _YEAR_MS)]
    cases.append(make(16, gap_ms=np.repeat([3 * _MINUTE_MS, 0], 8)))
    cases.append(_on_bucket_borders(make(16)))
    cases.append(_on_bucket_borders(make(16), just_below=True))
    cases.append(_outside_the_domain(make(16)))
    cases += _with_holes(make(16))
    return cases


def _on_bucket_borders(case: Batch, just_below: bool = False) -> Batch:
    """Log gaps exactly where a bucket begins, or one float below."""
    borders = np.arange(16, 0, -1, dtype=np.float32)[None] / 2
    gaps = np.nextafter(borders, np.float32(0)) if just_below else borders
    return Batch(case.current, case.history, gaps, case.mask)


def _outside_the_domain(case: Batch) -> Batch:
    """Finite values no feature can have: the function is still defined there."""
    return Batch(case.current * -1e4, case.history * 1e4, case.log_gap, case.mask)


def _with_holes(case: Batch) -> list[Batch]:
    """Rows missing in between, once as zeros and once as rubbish: a masked row changes no bit."""
    mask = (np.arange(case.mask.shape[1]) % 3 != 1).astype(np.float32)[None]
    there = mask > 0
    zeros = Batch(case.current, case.history * there[..., None], case.log_gap * there, mask)
    rubbish = Batch(
        case.current,
        np.where(there[..., None], case.history, np.float32(-77.5)),
        np.where(there, case.log_gap, np.float32(12.25)),
        mask,
    )
    return [zeros, rubbish]


def logits_of(network: Callable | nn.Module, case: Batch) -> np.ndarray:
    """float32 [heads]."""
    with torch.inference_mode():
        return network(*as_tensors(case)).numpy()[0]


def bits_of(logits: np.ndarray) -> list[str]:
    return [f"{bits:08x}" for bits in logits.astype(np.float32).view(np.uint32)]


def golden_lines(network: nn.Module, features: Sequence[str]) -> list[str]:
    """golden.jsonl for a network that runs on the C++ operators."""
    return [_line(case, logits_of(network, case)) for case in golden_cases(features)]


def _line(case: Batch, logits: np.ndarray) -> str:
    record = {
        "current": exact(case.current[0]),
        "history": exact(case.history[0]),
        "log_gap": exact(case.log_gap[0]),
        "mask": exact(case.mask[0]),
        "merchant": [],
        "merchant_mask": [],
        "logits": exact(logits),
        "bits": bits_of(logits),
    }
    return json.dumps(record, separators=(",", ":"))


def exact(values: np.ndarray) -> list | float:
    """float32 array as nested lists of the shortest numbers that read back to the same float32."""
    if values.ndim:
        return [exact(value) for value in values]
    shortest = float(str(values))
    # Reading passes through a double and rounds twice; where that would matter, write the double
    # itself.
    return shortest if np.float32(shortest) == values else float(values)


def check_golden(network: nn.Module, lines: Sequence[str]) -> None:
    """Every case gives its bits alone and beside others: raises GoldenError with the first that
    does not.
    """
    by_slots: dict[int, list[tuple[int, Batch, list[str]]]] = {}
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        case = Batch(*(np.array([record[f.name]], np.float32) for f in fields(Batch)))
        _expect(number, "alone", logits_of(network, case), record["bits"])
        by_slots.setdefault(case.mask.shape[1], []).append((number, case, record["bits"]))
    for group in by_slots.values():
        together = Batch(
            *(
                np.concatenate([getattr(case, f.name) for _, case, _ in group])
                for f in fields(Batch)
            )
        )
        with torch.inference_mode():
            logits = network(*as_tensors(together)).numpy()
        for row, (number, _, bits) in zip(logits, group):
            _expect(number, f"among {len(group)}", row, bits)


def _expect(number: int, how: str, logits: np.ndarray, bits: list[str]) -> None:
    if bits_of(logits) != bits:
        raise GoldenError(
            f"golden case {number}, scored {how}: expected bits {bits}, got {bits_of(logits)}"
        )
