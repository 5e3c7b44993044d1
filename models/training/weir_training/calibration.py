"""Platt calibration: p = 1 / (1 + exp(-(slope * logit + intercept))).

Fitted on a period after the training period: there the network is less sure of itself than on what
it has learned from, and the weights of the training loss have moved its intercept on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STEPS_MAX = 100
# Likelihood per payment that the last step may still gain. Near the optimum a gain drowns in the
# rounding of the sum, so a search that insisted on seeing it would never end.
_GAIN_MIN = 1e-12


class CalibrationError(Exception):
    """The period cannot carry a calibration; the message says why."""


@dataclass(frozen=True)
class Platt:
    slope: float
    intercept: float

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """float64, in the form that neither overflows nor loses a small probability."""
        z = self.slope * logit.astype(np.float64) + self.intercept
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
        p = Platt(*parameters).probability(logit)
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
