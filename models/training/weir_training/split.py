"""Which payments are learned from, and which decide how the parts are blended.

    |-- history --|------ early ------|- gap -|-- held out --| labels not known yet | until
                  |------------------- full -----------------|

Parts are fitted on `early`; blend weights and calibration on `held out`, as far ahead of it as life
is; then, with the same settings, the parts are fitted once more on `full`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone

import numpy as np

from weir_training.dataset import DataSet
from weir_training.experiment import SplitSettings
from weir_training.payments import DataError

_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Learned:
    """Positions to learn from, and the moment up to which unlabelled payments may teach too."""

    index: np.ndarray
    until_ms: int

    def last_days(self, days: int, event_time_ms: np.ndarray) -> np.ndarray:
        """The positions of the last days only; 0: all."""
        if days == 0:
            return self.index
        time = event_time_ms[self.index]
        return self.index[time > time.max() - days * _DAY_MS]


@dataclass(frozen=True)
class Split:
    early: Learned
    held_out: np.ndarray
    full: Learned

    def facts(self, data: DataSet) -> dict[str, object]:
        return {
            name: period_of(data, index)
            for name, index in (
                ("early", self.early.index),
                ("held_out", self.held_out),
                ("full", self.full.index),
            )
        }


def split(data: DataSet, settings: SplitSettings) -> Split:
    """By event time within what is known at `until`; every set must hold both kinds."""
    until_ms = day_ms(settings.until)
    known = data.known(until_ms)
    if not len(known):
        raise DataError(f"no label is known by {settings.until}")
    time = data.event_time_ms[known]
    end = int(time.max()) + 1
    if settings.days:
        first = end - settings.days * _DAY_MS
    else:
        first = int(data.event_time_ms[0]) + settings.warm_up_days * _DAY_MS
    held_from = int(end - settings.held_out_days * _DAY_MS)
    early_until = int(held_from - settings.gap_days * _DAY_MS)
    result = Split(
        Learned(known[(time >= first) & (time < early_until)], held_from),
        known[(time >= max(first, held_from))],
        Learned(known[time >= first], until_ms),
    )
    for name, index in (
        ("early", result.early.index),
        ("held out", result.held_out),
        ("full", result.full.index),
    ):
        frauds = int((data.payments.is_fraud[index] > 0).sum())
        if not 0 < frauds < len(index):
            raise DataError(
                f"{name}: {len(index)} labelled payments, {frauds} frauds; both kinds are needed. "
                "Give split.days more, or split.held_out_days and split.gap_days less"
            )
    return result


def period_of(data: DataSet, index: np.ndarray) -> dict[str, object]:
    time = data.event_time_ms[index]
    return {
        "from": _moment(int(time.min())),
        "to": _moment(int(time.max())),
        "payments": len(index),
        "frauds": int((data.payments.is_fraud[index] > 0).sum()),
    }


def day_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp() * 1000)


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, timezone.utc).isoformat()[:19] + "Z"
