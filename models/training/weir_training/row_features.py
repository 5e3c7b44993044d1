"""Features of a row: the table in models/README.md, once more in numpy.

The engine computes the same in operators/features/row_features.h. Both are tied together by
tests/data/row_features.json, which `row_feature_cases` writes and the unit tests of both sides
read. All arithmetic is float64 and is rounded to float32 once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from weir_training.payments import Rows

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_NIGHT_LAST_HOUR = 6


def _minute_of_day(rows: Rows) -> np.ndarray:
    return rows.event_time_ms % _DAY_MS // _MINUTE_MS


def _weekday(rows: Rows) -> np.ndarray:
    """Monday = 0. Day 0 of the epoch was a Thursday."""
    return (rows.event_time_ms // _DAY_MS + 3) % 7


def _log_amount(rows: Rows, _: Rows) -> np.ndarray:
    return np.log1p(rows.amount_minor / np.power(10.0, rows.currency_exponent))


def _turn(wave: Callable, part: Callable[[Rows], np.ndarray], whole: float) -> Callable:
    """A place on a circle (time of day, day of week) as its sine or cosine: midnight touches
    midnight.
    """
    return lambda rows, _: wave(2.0 * np.pi * part(rows) / whole)


def _same(column: str) -> Callable:
    """1 where the row's value is present and equals the current payment's."""

    def same(rows: Rows, current: Rows) -> np.ndarray:
        values = getattr(rows, column)
        return (values != 0) & (values == getattr(current, column))

    return same


def _slot(column: str, slots: int) -> Callable:
    """Where a table of `slots` learned vectors has this category; 0 = absent. Exact in float32."""

    def slot(rows: Rows, _: Rows) -> np.ndarray:
        values = getattr(rows, column).astype(np.uint64)  # a hash has no sign
        return np.where(values == 0, 0, 1 + values % np.uint64(slots - 1)).astype(np.int64)

    return slot


def _cross_border(rows: Rows, _: Rows) -> np.ndarray:
    known = (rows.country != 0) & (rows.merchant_country != 0)
    return known & (rows.country != rows.merchant_country)


@dataclass(frozen=True)
class RowFeature:
    """One column of the network's input."""

    unit: str
    compute: Callable[[Rows, Rows], np.ndarray]
    of_pair: bool = (
        False  # also looks at the current payment, so it cannot be computed once per row
    )
    is_category: bool = False  # a place in a table of learned vectors, no quantity


ROW_FEATURES: dict[str, RowFeature] = {
    "log_amount": RowFeature("ln(1 + amount in major units)", _log_amount),
    "hour_sin": RowFeature("sine of the time of day", _turn(np.sin, _minute_of_day, 1440.0)),
    "hour_cos": RowFeature("cosine of the time of day", _turn(np.cos, _minute_of_day, 1440.0)),
    "weekday_sin": RowFeature("sine of the day of week", _turn(np.sin, _weekday, 7.0)),
    "weekday_cos": RowFeature("cosine of the day of week", _turn(np.cos, _weekday, 7.0)),
    "weekend": RowFeature("0 or 1", lambda rows, _: _weekday(rows) >= 5),
    "night": RowFeature("0 or 1", lambda rows, _: _minute_of_day(rows) // 60 <= _NIGHT_LAST_HOUR),
    "same_merchant": RowFeature("0 or 1", _same("merchant"), of_pair=True),
    "same_device": RowFeature("0 or 1", _same("device"), of_pair=True),
    "same_country": RowFeature("0 or 1", _same("country"), of_pair=True),
    "same_card": RowFeature("0 or 1", _same("card"), of_pair=True),
    "same_currency": RowFeature("0 or 1", _same("currency"), of_pair=True),
    "card_present": RowFeature(
        "-1 no, 0 unknown, 1 yes", lambda rows, _: np.array([0.0, -1.0, 1.0])[rows.card_present]
    ),
    "cross_border": RowFeature("0 or 1", _cross_border),
    "mcc_slot": RowFeature("0 to 255, 0 absent", _slot("mcc", 256), is_category=True),
    "channel_slot": RowFeature("0 to 31, 0 absent", _slot("channel", 32), is_category=True),
    "country_slot": RowFeature("0 to 255, 0 absent", _slot("country", 256), is_category=True),
    "merchant_slot": RowFeature("0 to 1023, 0 absent", _slot("merchant", 1024), is_category=True),
}


def row_features(rows: Rows, current: Rows, names: Sequence[str]) -> np.ndarray:
    """float32 [..., F]: `rows` [...] as seen from the payment `current` (any shape that
    broadcasts).
    """
    columns = [ROW_FEATURES[name].compute(rows, current) for name in names]
    return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.float32)


def log_gap(row_time_ms: np.ndarray, current_time_ms: np.ndarray) -> np.ndarray:
    """float32 ln(1 + minutes) from a row to the current payment; a row from later counts as now."""
    minutes = np.maximum(current_time_ms - row_time_ms, 0) / float(_MINUTE_MS)
    return np.log1p(minutes).astype(np.float32)
