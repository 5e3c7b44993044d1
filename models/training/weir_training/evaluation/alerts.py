"""What a team that looks at so many alerts a day would find."""

from __future__ import annotations

import numpy as np

from weir_training.evaluation.scores import Scores


def card_precision_by_day(scores: Scores, top: int = 100) -> np.ndarray:
    """Per day: the share of compromised cards among the `top` cards of highest risk.

    As published for the handbook data: a card counts with its highest score and highest label of
    the day, and one that was found leaves the days after. Its mean over the days is CP@top.
    """
    found: set[int] = set()
    shares = []
    for day in np.unique(scores.day):
        today = np.flatnonzero(scores.day == day)
        best: dict[int, tuple[float, int]] = {}
        for card, p, label in zip(
            scores.user[today].tolist(),
            scores.p[today].tolist(),
            scores.is_fraud[today].tolist(),
        ):
            if card not in found:
                seen = best.get(card, (-1.0, 0))
                best[card] = max(seen[0], p), max(seen[1], label)
        # Equal scores stay in order of appearance: the earlier card would have been looked at.
        ranked = sorted(best, key=lambda card: -best[card][0])[:top]
        hits = {card for card in ranked if best[card][1] > 0}
        found |= hits
        shares.append(len(hits) / top)
    return np.array(shares)


def recall_at_budget(scores: Scores, alerts_per_day: float) -> dict[str, float | None]:
    """Frauds found with at most so many alerts a day on average, by one threshold for all days.
    Without an alert no precision, without a fraud no recall.

    A stream cannot rank a day that is not over. Payments of equal score are alerted all or none.
    """
    days = len(np.unique(scores.day))
    order = np.argsort(-scores.p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores.p[order])), len(order) - 1) + 1
    fitting = ends[ends <= alerts_per_day * days]
    alerts = int(fitting[-1]) if len(fitting) else 0
    found = int((scores.is_fraud[order[:alerts]] > 0).sum())
    frauds = int((scores.is_fraud > 0).sum())
    return {
        "alerts_per_day": float(alerts_per_day),
        "alerts": alerts,
        "recall": found / frauds if frauds else None,
        "precision": found / alerts if alerts else None,
        "threshold": float(scores.p[order[alerts - 1]]) if alerts else 1.0,
    }
