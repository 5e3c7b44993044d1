"""All figures of a set of verdicts, as one JSON-able dict."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from weir_training.evaluation import honesty, money
from weir_training.evaluation.alerts import card_precision_by_day, recall_at_budget
from weir_training.evaluation.folds import Fold
from weir_training.evaluation.intervals import bootstrap
from weir_training.evaluation.scores import Scores
from weir_training.evaluation.slices import Slicing, day_slicing, standard_slicings
from weir_training.metrics import average_precision, log_loss, precision_recall, roc_auc

ALERTS_PER_DAY = (10, 25, 55, 100)
_SEED = 20_180_808


def evaluate(
    scores: Scores,
    folds: Sequence[Fold],
    costs: money.Costs = money.Costs(),
    slicings: Sequence[Slicing] = (),
    seed: int = _SEED,
) -> dict[str, Any]:
    """Figures fold by fold, their mean and deviation, intervals; slices and curves over all folds.

    Slicings given are added to the standard ones; their groups are of all `scores`.
    """
    indexes = [fold.index(scores) for fold in folds]
    parts = [scores.take(index) for index in indexes]
    by_fold = [figures(part, costs) for part in parts]
    names = [name for name, value in by_fold[0].items() if isinstance(value, float)]
    table = np.array([[fold[name] for name in names] for fold in by_fold])
    index = np.unique(np.concatenate(indexes))
    together = scores.take(index)
    is_fraud = (together.is_fraud > 0).astype(np.float64)
    mass = honesty.mass_bin(together.p)
    return {
        "folds": [{"name": f.name} | figure for f, figure in zip(folds, by_fold)],
        "mean": dict(zip(names, table.mean(axis=0).tolist())),
        "deviation": dict(zip(names, table.std(axis=0).tolist())),
        "interval_95": bootstrap(parts, costs, seed),
        "costs": {"alert": costs.alert, "recovered_share": costs.recovered_share},
        "money": money.saved(together, costs),
        "alerts": [recall_at_budget(together, budget) for budget in ALERTS_PER_DAY],
        "slices": [
            slice_table(scores, index, slicing, costs)
            for slicing in [
                *standard_slicings(scores),
                *slicings,
                day_slicing(scores, index),
            ]
        ],
        "reliability": honesty.reliability(together.p, is_fraud, mass),
        "curves": {
            "precision_recall": precision_recall(together.p, together.is_fraud > 0),
            "money": money.curve(together, costs),
            "days": by_day(together, costs),
        },
    }


def figures(scores: Scores, costs: money.Costs) -> dict[str, Any]:
    """Of one fold. Floats are averaged over folds, integers are not."""
    is_fraud = (scores.is_fraud > 0).astype(np.float64)
    width = honesty.width_bin(scores.p)
    mass = honesty.mass_bin(scores.p)
    balance = money.saved(scores, costs)
    return {
        "payments": len(scores),
        "frauds": int(is_fraud.sum()),
        "auc": roc_auc(scores.p, is_fraud),
        "average_precision": average_precision(scores.p, is_fraud),
        "card_precision_100": float(card_precision_by_day(scores).mean()),
        "calibration_error": honesty.calibration_error(scores.p, is_fraud, width),
        "calibration_error_by_mass": honesty.calibration_error(scores.p, is_fraud, mass),
        "log_loss": log_loss(scores.p, is_fraud),
        "mean_probability": float(scores.p.mean()),
        "fraud_share": float(is_fraud.mean()),
        "saved_share": balance["saved_share"],
        "alerts_per_day": balance["alerts_per_day"],
    }


def slice_table(
    scores: Scores, index: np.ndarray, slicing: Slicing, costs: money.Costs
) -> dict[str, Any]:
    """A line per group that has payments in the folds. What a group is too small for is null."""
    lines = []
    group = slicing.group[index]
    for code, name in enumerate(slicing.names):
        part = scores.take(index[group == code])
        if not len(part):
            continue
        is_fraud = (part.is_fraud > 0).astype(np.float64)
        both = 0 < is_fraud.sum() < len(part)
        balance = money.saved(part, costs)
        frauds = int(is_fraud.sum())
        lines.append(
            {
                "group": name,
                "payments": len(part),
                "frauds": frauds,
                "fraud_share": float(is_fraud.mean()),
                "mean_probability": float(part.p.mean()),
                "auc": roc_auc(part.p, is_fraud) if both else None,
                "average_precision": average_precision(part.p, is_fraud) if both else None,
                "alerts": balance["alerts"],
                "frauds_alerted": balance["frauds_alerted"],
                "saved_share": balance["saved_share"] if balance["fraud_loss"] else None,
            }
        )
    return {"slice": slicing.title, "groups": lines}


def by_day(scores: Scores, costs: money.Costs) -> list[dict[str, Any]]:
    """Score over time: what was expected, what came, what was alerted."""
    lines = []
    is_alerted = money.alerted(scores, costs)
    for day in np.unique(scores.day):
        today = scores.day == day
        is_fraud = scores.is_fraud[today] > 0
        lines.append(
            {
                "day": str(np.datetime64(int(day), "D")),
                "payments": int(today.sum()),
                "frauds": int(is_fraud.sum()),
                "expected_frauds": float(scores.p[today].sum()),
                "alerts": int(is_alerted[today].sum()),
                "frauds_alerted": int((is_alerted[today] & is_fraud).sum()),
            }
        )
    return lines
