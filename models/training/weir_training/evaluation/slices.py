"""Groups of payments for per-slice tables: who is served well, and who is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_training.evaluation.scores import Scores
from weir_training.payments import UNLABELLED

_MERCHANT_ROWS = 8  # as many of a merchant's labels as a model may read
_AMOUNT_BANDS = (10, 25, 50, 100, 200, 500)
_HISTORY_BANDS = (1, 5, 20, 50, 100)
_WEEKDAYS = np.array(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), object)


@dataclass(frozen=True)
class Slicing:
    """`group` [N] is a code into `names`, for every payment of the data, not of one fold only."""

    title: str
    names: list[str]
    group: np.ndarray


def standard_slicings(scores: Scores) -> list[Slicing]:
    """From all verdicts there are: what came before a fold is history too."""
    return [
        _banded("amount", scores.amount, _AMOUNT_BANDS),
        Slicing("weekday", list(_WEEKDAYS), (scores.day + 3) % 7),  # day 0 was a Thursday
        _banded("user's earlier payments", earlier_payments(scores), _HISTORY_BANDS),
        Slicing(
            "merchant's labels so far",
            ["none", "genuine only", f"a fraud, not in the last {_MERCHANT_ROWS}", "a recent fraud"],
            merchant_past(scores),
        ),
    ]


def day_slicing(scores: Scores, index: np.ndarray) -> Slicing:
    days, _ = np.unique(scores.day[index], return_counts=True)
    names = [str(np.datetime64(int(day), "D")) for day in days]
    return Slicing("day", names, np.searchsorted(days, scores.day).clip(0, len(days) - 1))


def outside_slicing(title: str, values: np.ndarray) -> Slicing:
    names, group = np.unique(values.astype(str), return_inverse=True)
    return Slicing(title, list(names), group)


def _banded(title: str, values: np.ndarray, bands: tuple[int, ...]) -> Slicing:
    names = [f"below {bands[0]}"]
    names += [f"{low} to {high}" for low, high in zip(bands, bands[1:])]
    names.append(f"{bands[-1]} and more")
    return Slicing(title, names, np.searchsorted(bands, values, "right"))


def earlier_payments(scores: Scores) -> np.ndarray:
    """How many payments of the same user stand before each."""
    by_user = np.argsort(scores.user, kind="stable")
    user = scores.user[by_user]
    earlier = np.empty(len(user), np.int64)
    earlier[by_user] = np.arange(len(user)) - np.searchsorted(user, user, "left")
    return earlier


def merchant_past(scores: Scores) -> np.ndarray:
    """What was known of the merchant at each payment: 0 no label, 1 genuine labels only, 2 a fraud
    but none among its newest labelled payments, 3 a fraud among those.
    """
    past = np.zeros(len(scores), np.int64)
    by_merchant = np.argsort(scores.merchant, kind="stable")
    borders = np.flatnonzero(np.diff(scores.merchant[by_merchant])) + 1
    for rows in np.split(by_merchant, borders):
        # Labels come in the order of their payments here or nearly so: sort by when they are known.
        labelled = rows[scores.is_fraud[rows] != UNLABELLED]
        labelled = labelled[np.argsort(scores.label_time_ms[labelled], kind="stable")]
        frauds = np.concatenate(([0], np.cumsum(scores.is_fraud[labelled] > 0)))
        known = np.searchsorted(
            scores.label_time_ms[labelled], scores.event_time_ms[rows], "right"
        )
        recent = frauds[known] - frauds[np.maximum(known - _MERCHANT_ROWS, 0)]
        past[rows] = np.select([known == 0, frauds[known] == 0, recent == 0], [0, 1, 2], 3)
    return past
