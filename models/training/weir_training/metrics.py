"""How well scores separate and how honest probabilities are. Exact definitions, ties included."""

from __future__ import annotations

import numpy as np


def _groups_of_equal_score(
    score: np.ndarray, is_fraud: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Frauds and payments at or above each distinct score, from the highest score down."""
    order = np.argsort(-score, kind="stable")
    last_of_group = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    frauds = np.cumsum(is_fraud[order].astype(np.float64))[last_of_group]
    return frauds, (last_of_group + 1).astype(np.float64)


def average_precision(score: np.ndarray, is_fraud: np.ndarray) -> float:
    """Step-wise area under precision over recall: no interpolation; equal scores are one step."""
    frauds, flagged = _groups_of_equal_score(score, is_fraud)
    gained = np.diff(frauds, prepend=0.0)
    return float((gained * frauds / flagged).sum() / frauds[-1])


def roc_auc(score: np.ndarray, is_fraud: np.ndarray) -> float:
    """Chance that a fraud scores above a genuine payment; a tie counts one half."""
    frauds, flagged = _groups_of_equal_score(score, is_fraud)
    hits = np.r_[0.0, frauds]
    alarms = np.r_[0.0, flagged - frauds]
    return float(np.trapz(hits, alarms) / (hits[-1] * alarms[-1]))


def log_loss(probability: np.ndarray, is_fraud: np.ndarray) -> float:
    """Mean negative log likelihood, in nats."""
    said = np.where(is_fraud > 0, probability, 1.0 - probability)
    return float(-np.log(np.maximum(said, 1e-300)).mean())


def precision_recall(
    score: np.ndarray, is_fraud: np.ndarray, points: int = 200
) -> list[list[float]]:
    """[recall, precision] at so many thresholds, evenly spread over recall."""
    frauds, flagged = _groups_of_equal_score(score, is_fraud)
    recall, precision = frauds / frauds[-1], frauds / flagged
    at = np.unique(np.searchsorted(recall, np.linspace(recall[0], 1, points)))
    return [[float(recall[i]), float(precision[i])] for i in at]
