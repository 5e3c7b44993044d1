"""Whether a probability means what it says: calibration error and the table behind it."""

from __future__ import annotations

import numpy as np

WIDTH_BINS = 15
MASS_BINS = 20


def width_bin(p: np.ndarray) -> np.ndarray:
    """Bins of equal width over [0, 1], as the literature's ECE has them."""
    return np.minimum((p * WIDTH_BINS).astype(np.int64), WIDTH_BINS - 1)


def mass_bin(p: np.ndarray) -> np.ndarray:
    """Bins of equally many payments: where almost all are genuine, equal widths would put them
    into one bin and hide what is inside. Equal probabilities share a bin.
    """
    edges = np.quantile(p, np.arange(1, MASS_BINS) / MASS_BINS)
    return np.searchsorted(np.unique(edges), p, "left")


def calibration_error(p: np.ndarray, is_fraud: np.ndarray, bins: np.ndarray) -> float:
    """Mean over payments of |share of frauds - mean probability| of the payment's bin."""
    gap = np.bincount(bins, weights=is_fraud - p)
    return float(np.abs(gap).sum() / len(p))


def reliability(p: np.ndarray, is_fraud: np.ndarray, bins: np.ndarray) -> list[dict[str, float]]:
    """One line per bin that has payments, from low to high."""
    count = np.bincount(bins)
    there = np.flatnonzero(count)
    said = np.bincount(bins, weights=p)[there] / count[there]
    came = np.bincount(bins, weights=is_fraud)[there] / count[there]
    # Wilson's interval: where no fraud came, its upper end still says how little that proves.
    n, z = count[there], 1.96
    middle = (came + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(came * (1 - came) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return [
        {
            "payments": int(n_),
            "mean_probability": float(s),
            "fraud_share": float(c),
            "low": float(max(m - h, 0.0)),
            "high": float(min(m + h, 1.0)),
        }
        for n_, s, c, m, h in zip(n, said, came, middle, half)
    ]
