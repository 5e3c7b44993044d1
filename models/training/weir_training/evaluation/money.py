"""What alerts are worth: the amount of fraud that they stop, less what they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_training.evaluation.scores import Scores


@dataclass(frozen=True)
class Costs:
    """In major units of the data's currency."""

    alert: float = 5.0  # one alert, right or wrong
    recovered_share: float = 1.0  # of a fraud's amount, when it is alerted


def alerted(scores: Scores, costs: Costs) -> np.ndarray:
    """Where an alert is expected to save more than it costs: p * amount > cost."""
    return scores.p * scores.amount * costs.recovered_share > costs.alert


def saved(scores: Scores, costs: Costs) -> dict[str, float]:
    """The balance of this rule over all payments given."""
    return balance(scores, alerted(scores, costs), costs)


def balance(scores: Scores, is_alerted: np.ndarray, costs: Costs) -> dict[str, float]:
    """`saved_share`: net of what the alerts cost, over the amount of all frauds."""
    is_fraud = scores.is_fraud > 0
    loss = float(scores.amount[is_fraud].sum())
    caught = float(scores.amount[is_alerted & is_fraud].sum()) * costs.recovered_share
    alerts = int(is_alerted.sum())
    spent = alerts * costs.alert
    days = len(np.unique(scores.day))
    return {
        "fraud_loss": loss,
        "caught": caught,
        "alert_costs": spent,
        "saved": caught - spent,
        "saved_share": (caught - spent) / loss if loss else float("nan"),
        "alerts": alerts,
        "alerts_per_day": alerts / days,
        "frauds_alerted": int((is_alerted & is_fraud).sum()),
    }


def curve(scores: Scores, costs: Costs, points: int = 160) -> list[dict[str, float]]:
    """Balance when the n payments of highest expected loss are alerted, for growing n."""
    order = np.argsort(-scores.p * scores.amount, kind="stable")
    is_fraud = scores.is_fraud[order] > 0
    loss = scores.amount[scores.is_fraud > 0].sum()
    caught = np.cumsum(scores.amount[order] * is_fraud) * costs.recovered_share
    days = len(np.unique(scores.day))
    last = min(len(order), int(days * 400))  # more than 400 a day nobody looks at
    at = np.unique(np.geomspace(1, last, points).astype(int))
    net = (caught[at - 1] - at * costs.alert) / loss
    return [{"alerts_per_day": n / days, "saved_share": float(s)} for n, s in zip(at, net)]
