"""Blend weights of the parts: logistic regression on their log odds over a later labelled period.

z = sequence * logit + trees * margin + bias. Weights are never negative: a part that would have to
be subtracted knows nothing that the other does not, and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_training.calibration import CalibrationError

_STEPS_MAX = 100
# Weak pull towards the average of the parts, worth about one payment: it decides only where a period
# is so small that the parts could be weighted any way.
_PULL = 1.0


@dataclass(frozen=True)
class Weights:
    sequence: float
    trees: float
    bias: float

    def z(self, logit: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """float64."""
        parts = self.sequence * logit.astype(np.float64) + self.trees * margin.astype(np.float64)
        return parts + self.bias


def fit_weights(
    logit: np.ndarray, margin: np.ndarray, is_fraud: np.ndarray, share: float | None = None
) -> Weights:
    """Maximum likelihood under weights >= 0. With `share`, that of the network in the sum, only scale
    and bias are fitted: likelihood is made by the many easy payments, ranking by the few at the top,
    and the two may want other weights.
    """
    y = (is_fraud > 0).astype(np.float64)
    if not 0 < y.sum() < len(y):
        raise CalibrationError("the held-out period holds only one class: choose a longer one")
    if share is not None:
        mixed = share * logit.astype(np.float64) + (1 - share) * margin.astype(np.float64)
        scale, bias = (float(w) for w in _fit(mixed[:, None], y))
        if scale <= 0:
            raise CalibrationError("higher scores mean less fraud in the held-out period")
        return Weights(scale * share, scale * (1 - share), bias)
    both = np.stack([logit, margin], axis=1).astype(np.float64)
    found = _fit(both, y)
    if (found[:2] >= 0).all():
        return Weights(*(float(w) for w in found))
    single = []
    for part in (0, 1):
        w = _fit(both[:, [part]], y)
        single.append((_loss(both[:, [part]], y, w), part, w))
    _, part, w = min(single, key=lambda s: s[0])
    if w[0] <= 0:
        raise CalibrationError("higher scores mean less fraud in the held-out period, in both parts")
    weights = [0.0, 0.0]
    weights[part] = float(w[0])
    return Weights(weights[0], weights[1], float(w[1]))


def log_loss_of(z: np.ndarray, is_fraud: np.ndarray) -> float:
    """Mean, in nats."""
    return float((np.logaddexp(0.0, z) - (is_fraud > 0) * z).mean())


def _fit(columns: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Newton's method with halving on weights and bias; convex, so what it ends at is the optimum."""
    x = np.c_[columns, np.ones(len(columns))]
    home = np.append(np.full(columns.shape[1], 1.0 / columns.shape[1]), 0.0)
    pull = np.diag(np.append(np.full(columns.shape[1], _PULL), 0.0))
    w = np.append(np.zeros(columns.shape[1]), np.log(y.mean() / (1 - y.mean())))

    def loss(w: np.ndarray) -> float:
        z = x @ w
        return float((np.logaddexp(0.0, z) - y * z).sum() + 0.5 * (w - home) @ pull @ (w - home))

    at = loss(w)
    for _ in range(_STEPS_MAX):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ w, -700, 700)))
        gradient = x.T @ (y - p) - pull @ (w - home)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + pull, gradient)
        if gradient @ step <= 1e-12 * len(y):
            return w + step
        while loss(w + step) > at:
            step = step / 2
            if np.abs(step).max() < 1e-12:
                return w
        w = w + step
        at = loss(w)
    raise CalibrationError("the blend does not converge: look at the scores of the held-out period")


def _loss(columns: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    z = np.c_[columns, np.ones(len(columns))] @ w
    return float((np.logaddexp(0.0, z) - y * z).sum())
