"""From log odds to probabilities: Platt's p = 1 / (1 + exp(-(slope * z + intercept))), or straight
lines between the knots of an isotonic regression.

Fitted on a period after the training period: there the network is less sure of itself than on what
it has learned from, and the weights of the training loss have moved its intercept on purpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_STEPS_MAX = 100
_KNOTS_MAX = 1024
# Likelihood per payment that the last step may still gain. Near the optimum a gain drowns in the
# rounding of the sum, so a search that insisted on seeing it would never end.
_GAIN_MIN = 1e-12


class CalibrationError(Exception):
    """The period cannot carry a calibration; the message says why."""


@dataclass(frozen=True)
class Platt:
    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope > 0):
            raise CalibrationError(f"a slope must be positive: {self}")

    def probability(self, z: np.ndarray) -> np.ndarray:
        """float64, in the form that neither overflows nor loses a small probability."""
        return _sigmoid(self.slope * z.astype(np.float64) + self.intercept)


@dataclass(frozen=True)
class Isotonic:
    """Straight lines between knots, and the end values outside."""

    z: tuple[float, ...]  # strictly increasing, 2 to 1,024
    p: tuple[float, ...]  # as many, never falling, in [0, 1]

    def __post_init__(self) -> None:
        z, p = np.array(self.z, np.float64), np.array(self.p, np.float64)
        if not 2 <= len(z) <= _KNOTS_MAX or len(p) != len(z):
            raise CalibrationError(f"2 to {_KNOTS_MAX} knots, as many p as z: {len(z)}, {len(p)}")
        if not np.isfinite(z).all() or not (np.diff(z) > 0).all():
            raise CalibrationError("z of the knots must be finite and strictly increasing")
        if not ((p >= 0) & (p <= 1)).all() or not (np.diff(p) >= 0).all():
            raise CalibrationError("p of the knots must lie in [0, 1] and never fall")

    def probability(self, z: np.ndarray) -> np.ndarray:
        """float64; the same steps as the engine, so the same bits."""
        at, knots, p = z.astype(np.float64), np.array(self.z), np.array(self.p)
        right = np.clip(np.searchsorted(knots, at, side="right"), 1, len(knots) - 1)
        left = right - 1
        share = (at - knots[left]) / (knots[right] - knots[left])
        between = np.minimum(p[left] + (p[right] - p[left]) * share, p[right])
        return np.where(at < knots[0], p[0], np.where(at >= knots[-1], p[-1], between))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    tail = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, tail) / (1.0 + tail)


def fit_platt(logit: np.ndarray, is_fraud: np.ndarray) -> Platt:
    """Maximum likelihood by Newton's method with halving: the likelihood is concave, so it is the
    optimum.

    Perfectly separated classes have no optimum; with real payments that means a leak, so it is
    refused.
    """
    x = np.stack([logit.astype(np.float64), np.ones(len(logit))], axis=1)
    y = is_fraud.astype(np.float64)
    if y.min() == y.max():
        raise CalibrationError("the calibration period holds only one class: choose a longer one")
    if logit[y > 0].min() > logit[y == 0].max():
        raise CalibrationError(
            "scores separate the classes perfectly: look for a leak of the label"
        )
    # From "every payment is the average payment": there all of them still pull. From slope 1 most
    # would be certain already.
    parameters = np.array([0.0, np.log(y.mean() / (1 - y.mean()))])
    for _ in range(_STEPS_MAX):
        p = _sigmoid(x @ parameters)
        gradient = x.T @ (y - p)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, gradient)
        if gradient @ step <= _GAIN_MIN * len(y):
            parameters = parameters + step
            break
        parameters = _climb(x, y, parameters, step)
    else:
        raise CalibrationError(
            "the calibration does not converge: look at the scores of this period"
        )
    if parameters[0] <= 0:
        raise CalibrationError(
            f"higher scores mean less fraud in this period: slope {parameters[0]:.3g}"
        )
    return Platt(float(parameters[0]), float(parameters[1]))


def fit_isotonic(z: np.ndarray, is_fraud: np.ndarray, payments_min: int = 200) -> Isotonic:
    """Pool adjacent violators over blocks of at least `payments_min` payments in the order of z;
    one knot a pool, at its mean z and share of frauds. Blocks, because a pool of a few payments at
    the upper end would promise a probability of 1.
    """
    order = np.argsort(z, kind="stable")
    at, fraud = z[order].astype(np.float64), (is_fraud[order] > 0).astype(np.float64)
    if len(at) == 0 or fraud.min() == fraud.max():
        raise CalibrationError("the calibration period holds only one class: choose a longer one")
    pools: list[tuple[float, float, float]] = []  # payments, sum of z, frauds
    for first, last in _blocks(at, max(payments_min, -(-len(at) // _KNOTS_MAX))):
        pool = (float(last - first), float(at[first:last].sum()), float(fraud[first:last].sum()))
        while pools and pools[-1][2] * pool[0] >= pool[2] * pools[-1][0]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    if len(pools) < 2:
        raise CalibrationError(
            f"too few payments for knots of {payments_min}, or higher scores mean less fraud"
        )
    return Isotonic(
        tuple(total / count for count, total, _ in pools),
        tuple(frauds / count for count, _, frauds in pools),
    )


def _blocks(z: np.ndarray, payments_min: int) -> list[tuple[int, int]]:
    """[first, last) of sorted z: at least `payments_min` long, equal values never apart. What is
    left over at the end joins the last."""
    starts = [0]
    while starts[-1] + 2 * payments_min <= len(z):
        border = starts[-1] + payments_min
        border = int(np.searchsorted(z, z[border - 1], side="right"))
        if len(z) - border < payments_min:
            break
        starts.append(border)
    return list(zip(starts, [*starts[1:], len(z)]))


def _climb(x: np.ndarray, y: np.ndarray, start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The longest of step, step/2, ... that does not lower the likelihood."""

    def loss(parameters: np.ndarray) -> float:
        z = x @ parameters
        return float((np.logaddexp(0.0, z) - y * z).sum())

    at_start = loss(start)
    for _ in range(30):
        if loss(start + step) <= at_start:
            return start + step
        step = step / 2
    return start
