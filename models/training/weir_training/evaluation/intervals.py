"""Bootstrap over days: how much of a figure is the luck of which days were looked at.

Payments of one day share terminals, cards and frauds, so single payments are no independent draws;
days nearly are. Each fold keeps its number of days.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

from weir_training.evaluation import honesty, money
from weir_training.evaluation.alerts import card_precision_by_day
from weir_training.evaluation.scores import Scores

_LEVEL = 0.95


class _DayTotals:
    """What one fold's figures need, summed so that a draw of days costs one pass over scores."""

    def __init__(self, scores: Scores, costs: money.Costs) -> None:
        days, day = np.unique(scores.day, return_inverse=True)
        self.days = len(days)
        order = np.argsort(-scores.p, kind="stable")
        self._day_in_order = day[order]
        self._fraud_in_order = (scores.is_fraud[order] > 0).astype(np.float64)
        self._ends = np.append(np.flatnonzero(np.diff(scores.p[order])), len(order) - 1)
        self._card_precision = card_precision_by_day(scores)
        is_alerted = money.alerted(scores, costs)
        is_fraud = scores.is_fraud > 0
        gain = scores.amount * is_fraud * costs.recovered_share - costs.alert
        self._saved = np.bincount(day, weights=gain * is_alerted, minlength=self.days)
        self._loss = np.bincount(day, weights=scores.amount * is_fraud, minlength=self.days)
        self._alerts = np.bincount(day, weights=is_alerted, minlength=self.days)
        bins = honesty.width_bin(scores.p)
        gap = np.bincount(
            day * honesty.WIDTH_BINS + bins,
            weights=is_fraud - scores.p,
            minlength=self.days * honesty.WIDTH_BINS,
        )
        self._gap = gap.reshape(self.days, -1)
        self._payments = np.bincount(day, minlength=self.days)

    def figures(self, times: np.ndarray) -> dict[str, float]:
        """Of a sample in which day d stands times[d] times."""
        weight = times[self._day_in_order].astype(np.float64)
        hits = np.cumsum(weight * self._fraud_in_order)[self._ends]
        flagged = np.cumsum(weight)[self._ends]
        alarms = flagged - hits
        frauds, genuine = hits[-1], alarms[-1]
        if frauds == 0 or genuine == 0:
            return {}
        gained = np.diff(hits, prepend=0.0)
        precision = hits / np.maximum(flagged, 1e-9)
        area = np.trapz(np.append(0.0, hits), np.append(0.0, alarms))
        return {
            "auc": float(area / (frauds * genuine)),
            "average_precision": float((gained * precision).sum() / frauds),
            "card_precision_100": float(times @ self._card_precision / times.sum()),
            "saved_share": float(times @ self._saved / (times @ self._loss)),
            "alerts_per_day": float(times @ self._alerts / times.sum()),
            "calibration_error": float(
                np.abs(times @ self._gap).sum() / (times @ self._payments)
            ),
        }


def bootstrap(
    folds: Sequence[Scores], costs: money.Costs, seed: int, draws: int = 400
) -> dict[str, list[float]]:
    """Metric -> [low, high] of the mean over the folds, 95 %. A seed gives one answer."""
    random = np.random.default_rng(seed)
    totals = [_DayTotals(scores, costs) for scores in folds]
    means: dict[str, list[float]] = {}
    for _ in range(draws):
        drawn = []
        for fold in totals:
            times = random.multinomial(fold.days, np.full(fold.days, 1 / fold.days))
            drawn.append(fold.figures(times))
        if not all(drawn):
            continue  # a draw without frauds says nothing; with real weeks there is none
        for name in drawn[0]:
            means.setdefault(name, []).append(float(np.mean([d[name] for d in drawn])))
    tail = (1 - _LEVEL) / 2
    return {
        name: [float(x) for x in np.quantile(values, [tail, 1 - tail])]
        for name, values in means.items()
    }
