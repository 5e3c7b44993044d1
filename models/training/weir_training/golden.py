"""Golden vectors: inputs with the exact bits a package must return for them.

The engine refuses a package that does not reproduce them, so a wrong build, a wrong CPU path or a
damaged library is caught before the first payment. The cases walk along the borders of the
function; their inputs are made up from a fixed seed and hold nothing of anyone's data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from weir_training.examples import Batch
from weir_training.package_parts import Inputs
from weir_training.payments import Rows
from weir_training.row_features import log_gap, row_features

_SEED = 20_180_401
_NOW_MS = 1_533_726_420_000  # 2018-08-08T11:07:00Z
_MINUTE_MS = 60_000
_YEAR_MS = 365 * 86_400_000
_CASES_WITHOUT_ROWS = 40
_AMOUNT_MAX = 10**15  # kAmountMinorMax of pipeline/core/money.h


class GoldenError(Exception):
    """The package or this build of the operators does not do what was promised."""


@dataclass(frozen=True)
class Answers:
    """What the parts of a package say of a batch; None for a part that is not there."""

    outputs: np.ndarray | None  # float32 [B, outputs] of the sequence part
    margin: np.ndarray | None  # float32 [B] of the trees


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


def golden_cases(inputs: Inputs, thresholds: Mapping[str, np.ndarray] = {}) -> list[Batch]:
    """About 40 single-row batches. `thresholds` are where trees split, by "declared:NAME"."""
    cases = _row_cases(inputs.features) if inputs.features else [_no_rows()] * _CASES_WITHOUT_ROWS
    random = np.random.default_rng(_SEED + 1)  # of its own: row cases stay what they were
    if inputs.merchant_rows:
        cases = [_with_merchant(case, inputs, random) for case in cases]
    if inputs.declared:
        splits = [thresholds.get(f"declared:{d.name}", np.empty(0)) for d in inputs.declared]
        cases = [_with_declared(case, splits, random) for case in cases]
    return cases


def _no_rows() -> Batch:
    nothing = np.zeros((1, 0), np.float32)
    return Batch(nothing, np.zeros((1, 0, 0), np.float32), nothing, nothing)


def _with_merchant(case: Batch, inputs: Inputs, random: np.random.Generator) -> Batch:
    """From no row to all of them, each value from the range its feature has."""
    slots = inputs.merchant_rows
    columns = [_MERCHANT_VALUES[name](random, slots) for name in inputs.merchant_features]
    mask = (np.arange(slots) < random.integers(0, slots + 1)).astype(np.float32)
    rows = np.stack(columns, axis=1).astype(np.float32) * mask[:, None]
    return replace(case, merchant=rows[None], merchant_mask=mask[None])


def _some(high: float) -> Callable:
    return lambda random, count: np.log1p(random.uniform(0, high, count))


def _either(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(0, 2, count)


_MERCHANT_VALUES: dict[str, Callable] = {
    "fraud": _either,
    "log_amount": _some(400),
    "log_ratio": lambda random, count: np.log(random.uniform(0.1, 10, count)),
    "same_user": _either,
    "log_age": _some(60_000),
    "age": lambda random, count: random.uniform(0, 1.5, count),
    "log_known": _some(60_000),
    "night": _either,
    "weekend": _either,
}


def _with_declared(
    case: Batch, splits: Sequence[np.ndarray], random: np.random.Generator
) -> Batch:
    """Each value missing, on a split of the trees, one float below it, or anywhere."""
    values = np.empty(len(splits), np.float32)
    for i, at in enumerate(splits):
        kind = random.integers(0, 6)
        split = np.float32(at[random.integers(0, len(at))]) if len(at) else np.float32(0)
        anywhere = np.float32(random.normal(0, 3) + split)
        below = np.nextafter(split, np.float32(-np.inf))
        values[i] = (np.float32(np.nan), split, split, below, below, anywhere)[kind]
    return replace(case, declared=values[None])


def _row_cases(features: Sequence[str]) -> list[Batch]:
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


def bits_of(values: np.ndarray) -> list[str]:
    return [f"{bits:08x}" for bits in values.astype(np.float32).view(np.uint32)]


def golden_lines(
    answers: Callable[[Batch], Answers], inputs: Inputs, thresholds: Mapping[str, np.ndarray]
) -> list[str]:
    """golden.jsonl for a package whose network runs on the C++ operators."""
    return [_line(case, answers(case)) for case in golden_cases(inputs, thresholds)]


def _line(case: Batch, said: Answers) -> str:
    """One case; a part that is not there has no numbers."""
    logits = np.empty(0, np.float32) if said.outputs is None else said.outputs[0]
    record: dict[str, Any] = {
        "current": exact(case.current[0]),
        "history": exact(case.history[0]),
        "log_gap": exact(case.log_gap[0]),
        "mask": exact(case.mask[0]),
        "merchant": [] if case.merchant is None else exact(case.merchant[0]),
        "merchant_mask": [] if case.merchant_mask is None else exact(case.merchant_mask[0]),
        "declared": [] if case.declared is None else exact(case.declared[0]),
        "logits": exact(logits),
        "bits": bits_of(logits),
    }
    if said.margin is not None:
        record |= {"margin": exact(said.margin[0]), "margin_bits": bits_of(said.margin)[0]}
    return json.dumps(record, separators=(",", ":"))


def exact(values: np.ndarray) -> list | float | None:
    """float32 array as nested lists of the shortest numbers that read back to the same float32;
    None for NaN."""
    if values.ndim:
        return [exact(value) for value in values]
    if np.isnan(values):
        return None
    shortest = float(str(values))
    # Reading passes through a double and rounds twice; where that would matter, write the double
    # itself.
    return shortest if np.float32(shortest) == values else float(values)


def check_golden(answers: Callable[[Batch], Answers], lines: Sequence[str]) -> None:
    """Every case gives its bits alone and beside others: raises GoldenError with the first that
    does not.
    """
    by_slots: dict[int, list[tuple[int, Batch, dict[str, Any]]]] = {}
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        case = case_of(record)
        _expect(number, "alone", answers(case), 0, record)
        by_slots.setdefault(case.mask.shape[1], []).append((number, case, record))
    for group in by_slots.values():
        said = answers(_together([case for _, case, _ in group]))
        for row, (number, _, record) in enumerate(group):
            _expect(number, f"among {len(group)}", said, row, record)


def case_of(record: dict[str, Any]) -> Batch:
    """The inputs of one line of golden.jsonl. Format 1 has no declared features; null is NaN."""
    return Batch(
        *(
            np.array([record.get(f.name, [])], np.float32).reshape(_shape(record, f.name))
            for f in fields(Batch)
        )
    )


def _shape(record: dict[str, Any], name: str) -> tuple[int, ...]:
    """Keeps empty lists of rows three-dimensional."""
    rows = record.get(name, [])
    if name in ("history", "merchant"):
        width = len(record["current"]) if name == "history" else 0
        return (1, len(rows), len(rows[0]) if rows else width)
    return (1, len(rows))


def _together(cases: Sequence[Batch]) -> Batch:
    return Batch(*(np.concatenate([getattr(c, f.name) for c in cases]) for f in fields(Batch)))


def _expect(number: int, how: str, said: Answers, row: int, record: dict[str, Any]) -> None:
    logits = [] if said.outputs is None else bits_of(said.outputs[row])
    margin = None if said.margin is None else bits_of(said.margin[row : row + 1])[0]
    for found, promised in ((logits, record["bits"]), (margin, record.get("margin_bits"))):
        if found != promised:
            raise GoldenError(
                f"golden case {number}, scored {how}: expected bits {promised}, got {found}"
            )
